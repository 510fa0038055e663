"""What is missing of a raster: the no-data value that its file names, values that are no numbers, and what a mask band hides."""

import numpy as np
import torch
from torch import Tensor

from img2img.images.picture import Frame, Picture, to_levels

NO_DATA = 42113  # GDAL_NODATA: the value of missing samples, as text


def no_data_value(picture: Picture) -> float | None:
    """The no-data value that the GeoTIFF of ``picture`` names, as its file holds it; None: none, or a text that is no number."""
    text = dict(picture.metadata.geo).get(NO_DATA)
    try:
        return None if text is None else float(str(text).strip(" \0"))
    except ValueError:
        return None


def missing(picture: Picture, frame: Frame | None = None) -> Tensor:
    """Which samples of the first frame of ``picture``, or of ``frame``, are missing: (C, H, W) bool.

    Each band by itself: those equal to the no-data value (in the precision of float32, of float values), and those that are not finite;
    and in all bands what alpha, the mask band, hides altogether.
    """
    frame = picture.frames[0] if frame is None else frame
    found = is_no_data(frame.pixels, picture) | ~frame.pixels.isfinite()
    return found if frame.alpha is None else found | (frame.alpha == 0)


def is_no_data(pixels: Tensor, picture: Picture) -> Tensor:
    """Which of ``pixels``, as ``picture`` holds them, are equal to its no-data value as its file would hold them; bool, as ``pixels``."""
    value = no_data_value(picture)
    if value is None or not np.isfinite(value):
        return torch.zeros_like(pixels, dtype=torch.bool)
    if picture.stored:
        return pixels.round() == value
    if picture.bit_depth == 32:
        with np.errstate(over="ignore"):
            return pixels == float(np.float32(value))
    return to_levels(pixels, 2**picture.bit_depth - 1) == value
