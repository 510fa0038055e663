"""Files <-> tensors: reading, writing, and what must survive in between."""

from img2img.images.collect import Source, collect, in_one_line
from img2img.images.formats import check_format
from img2img.images.labels import DEFAULT_PALETTE, LOSSLESS, VOID, Labels, collect_palette, read_labels, stored_labels
from img2img.images.picture import BitDepth, Frame, Metadata, Palette, Picture, from_integers, on_levels, quantize, to_integers, to_levels
from img2img.images.probe import DEFAULT_MAX_PIXELS, Probe, probe
from img2img.images.read import read
from img2img.images.streaming import write_rows
from img2img.images.write import write

__all__ = [
    "DEFAULT_MAX_PIXELS",
    "DEFAULT_PALETTE",
    "LOSSLESS",
    "VOID",
    "BitDepth",
    "Frame",
    "Labels",
    "Metadata",
    "Palette",
    "Picture",
    "Probe",
    "Source",
    "check_format",
    "collect",
    "collect_palette",
    "from_integers",
    "in_one_line",
    "on_levels",
    "probe",
    "quantize",
    "read",
    "read_labels",
    "stored_labels",
    "to_integers",
    "to_levels",
    "write",
    "write_rows",
]
