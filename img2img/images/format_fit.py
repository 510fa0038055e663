"""What a format can hold of a picture, decided before anything is written, and told in notes."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from img2img.errors import PictureError
from img2img.images.bands import MAX_BANDS
from img2img.images.formats import Format
from img2img.images.label import BROKEN, Label, put_label, read_label
from img2img.images.picture import BitDepth, Metadata, Palette
from img2img.images.sized import for_size
from img2img.images.xmp import without_padding

_OF_FORMATS = (
    ("text", "text", ("PNG",)),
    ("comment", "comment", ("JPEG", "GIF")),
    ("iptc", "IPTC", ("JPEG", "TIFF")),
    ("geo", "GeoTIFF", ("TIFF",)),
)  # fields of the metadata, what people call them, and the formats that hold them
_JPEG_SEGMENT = 65533 - 29  # what one segment holds besides the name of XMP; EXIF's is shorter


NO_LABEL = "cannot hold the label that says that a model made the picture"  # the end of a note


@dataclass(frozen=True)
class Fit:
    """How pictures go into a file: the depth, whether alpha is kept, how many frames, which metadata; ``notes`` says what is lost.

    ``banded``: a picture of bands, or of float values, for which TIFF is the format. ``palette``: that of a label picture.
    """

    format: Format
    bit_depth: BitDepth
    alpha: bool
    frames: int
    metadata: Metadata
    notes: list[str] = field(default_factory=list)
    banded: bool = False
    palette: Palette | None = None


def fit(
    entry: Format,
    sizes: Sequence[tuple[int, int]],
    *,
    channels: int,
    alpha: bool,
    bit_depth: BitDepth,
    metadata: Metadata,
    timed: bool = False,
    strip_metadata: bool = False,
    palette: Palette | None = None,
    label: Label | None = None,
) -> Fit:
    """How frames of ``sizes`` (width, height) are written as ``entry``; with ``label``, which says how they were made, in the XMP.

    Raises:
        PictureError: a side is longer than the format allows, or bands, float values or labels do not go into it.
    """
    notes: list[str] = []
    frames = len(sizes)
    banded = channels not in (1, 3) or bit_depth == 32
    if palette is not None:
        _check_labels(entry, channels, alpha, bit_depth, palette)
        metadata = replace(metadata, icc=None)  # the colors of labels are names
    elif banded:
        _check_bands(entry, channels, bit_depth)
    if frames > 1 and (banded or palette is not None):
        notes.append(f"a picture of {'bands' if banded else 'labels'} has one frame: only the first of {frames} was written")
        frames = 1
    elif frames > 1 and not entry.frames:
        notes.append(f"{entry.name} holds one frame: only the first of {frames} was written")
        frames = 1
    unequal = len(set(sizes[:frames])) > 1
    if unequal and entry.name != "TIFF":
        notes.append(f"the frames of a {entry.name} have one size: only the first of {frames} was written")
        frames, unequal = 1, False
    for width, height in sizes[:frames]:
        if not (1 <= width <= entry.limit and 1 <= height <= entry.limit):
            raise PictureError(
                f"{width}x{height} pixels do not go into {entry.name}, whose sides have 1 to {entry.limit}; choose PNG or TIFF"
            )
    if frames > 1 and timed and entry.name == "TIFF":
        notes.append("TIFF holds no timings: the frames became pages")
    if bit_depth == 16 and (not entry.deep or (frames > 1 and (entry.name == "PNG" or unequal))):
        which = "an animated PNG" if entry.name == "PNG" else "a TIFF with pages of several sizes" if unequal else entry.name
        notes.append(f"16 bits were reduced to the 8 bits of {which}")
        bit_depth = 8
    elif bit_depth == 16 and entry.bits < 16:
        notes.append(f"16 bits were reduced to the {entry.bits} bits of {entry.name}")
    if alpha and not entry.alpha:
        notes.append(f"{entry.name} holds no transparency: the picture was laid on white")
        alpha = False
    if alpha and channels == 1 and entry.name == "JXL":
        notes.append("gray with transparency was written as RGB")
    if entry.name == "GIF" and (channels == 3 or alpha):
        notes.append("GIF holds 256 colors" + (" and only full or no transparency" if alpha else ""))
    metadata = for_size(metadata, *sizes[0])
    if unequal and (metadata.geo or metadata.iptc):
        notes.append("a TIFF with pages of several sizes is written without IPTC and GeoTIFF: dropped")
        metadata = replace(metadata, iptc=None, geo=())
    before = metadata.xmp
    metadata = _fit_metadata(metadata, entry, channels, strip_metadata, notes)
    if label is not None:
        metadata = _labeled(metadata, before, label, entry, notes)
    return Fit(entry, bit_depth, alpha, frames, metadata, notes, banded, palette)


def _check_bands(entry: Format, channels: int, bit_depth: BitDepth) -> None:
    what = f"a picture of {channels} bands of {bit_depth} bits"
    if entry.name != "TIFF":
        raise PictureError(f"{what} does not go into {entry.name}; name the output .tif")
    if not 1 <= channels <= MAX_BANDS:
        raise PictureError(f"{what} cannot be written; 1 to {MAX_BANDS} bands can")


def _check_labels(entry: Format, channels: int, alpha: bool, bit_depth: BitDepth, palette: Palette) -> None:
    if entry.name != "PNG":
        raise PictureError(f"{entry.name} would not keep the palette of a label picture as it is; name the output .png")
    if channels != 1 or alpha or bit_depth != 8:
        kind = f"{channels} channels{' and alpha' if alpha else ''} of {bit_depth} bits"
        raise PictureError(f"a picture with a palette holds labels, in one channel of 8 bits without alpha, not {kind}")
    if not 1 <= len(palette) <= 256:
        raise PictureError(f"a palette has 1 to 256 colors, not {len(palette)}")


def _fit_metadata(metadata: Metadata, entry: Format, channels: int, strip: bool, notes: list[str]) -> Metadata:
    if strip:
        if metadata.icc and b"sRGB" not in metadata.icc and b"s\0R\0G\0B" not in metadata.icc:
            notes.append("the color profile was dropped with the metadata: colors may look different")
        return Metadata(loop=metadata.loop)
    lost = []
    if metadata.icc and not entry.icc:
        lost.append("color profile")
        metadata = replace(metadata, icc=None)
    if metadata.icc and metadata.icc[16:20] != {1: b"RGB " if entry.name == "WEBP" else b"GRAY", 3: b"RGB "}.get(channels):
        notes.append("the color profile is for another kind of pixels and was dropped")
        metadata = replace(metadata, icc=None)
    segment = _longest(entry)
    if metadata.exif and (not entry.exif or len(metadata.exif) > segment):
        lost.append("EXIF")
        metadata = replace(metadata, exif=None)
    if metadata.xmp and (not entry.xmp or len(metadata.xmp) > segment):
        lost.append("XMP")
        metadata = replace(metadata, xmp=None)
    if metadata.dpi and not entry.dpi:
        if max(metadata.dpi) > 97:  # 72 and 96 are what programs write that know nothing
            lost.append("resolution (dpi)")
        metadata = replace(metadata, dpi=None)
    for field_name, what, formats in _OF_FORMATS:
        value = getattr(metadata, field_name)
        if value and (entry.name not in formats or (entry.name == "JPEG" and len(value) > segment)):
            lost.append(what)
            metadata = replace(metadata, **{field_name: getattr(Metadata(), field_name)})
    if metadata.colors and entry.name != "PNG":
        names = ", ".join(name.decode() for name, _ in metadata.colors)
        notes.append(f"{entry.name} cannot hold how this PNG is displayed ({names}): colors may look different")
        metadata = replace(metadata, colors=())
    if metadata.private:
        notes.append(f"the TIFF tags {', '.join(map(str, metadata.private))} mean something to certain programs alone: dropped")
        metadata = replace(metadata, private=())
    if lost:
        notes.append(f"{entry.name} cannot hold this {', '.join(lost)}: dropped")
    return metadata


def _labeled(metadata: Metadata, before: bytes | None, label: Label, entry: Format, notes: list[str]) -> Metadata:
    """``metadata``, as it goes into the file, with ``label``; ``before`` is the XMP that the picture came with."""
    if not entry.xmp:
        notes.append(f"{entry.name} {NO_LABEL}")
        return metadata
    said = read_label(before)
    xmp, readable = put_label(metadata.xmp, label, said)
    if not readable:
        notes.append(BROKEN)
    if len(xmp) > _longest(entry):
        xmp = without_padding(xmp)
    if len(xmp) > _longest(entry):
        notes.append(f"{entry.name} cannot hold this XMP and the label: only the label was kept")
        xmp, _ = put_label(None, label, said)
    return replace(metadata, xmp=xmp)


def _longest(entry: Format) -> int:
    """The most bytes of EXIF or XMP that a file can hold."""
    return _JPEG_SEGMENT if entry.name == "JPEG" else 2**31


def to_eight_bits(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """uint16 as uint8, rounded half up (65535 / 255 = 257); uint8 as it is."""
    if values.dtype == np.uint8:
        return values
    return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)


def on_white(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """(H, W, C + 1) integers with alpha last, laid on white: (H, W, C) of the same type, rounded half up."""
    full = int(np.iinfo(values.dtype).max)
    laid = np.empty_like(values[:, :, :-1])
    for top in range(0, len(values), 256):  # a piece at a time: the wide integers need eight times the memory
        rows = values[top : top + 256].astype(np.uint64)
        mixed = rows[:, :, :-1] * rows[:, :, -1:] + full * (full - rows[:, :, -1:])
        laid[top : top + 256] = (2 * mixed + full) // (2 * full)
    return laid
