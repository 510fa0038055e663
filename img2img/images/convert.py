"""The kinds of picture that Python programs hold, to ``Picture`` and back."""

import logging
import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import numpy as np
from PIL import Image
from torch import Tensor

from img2img import images
from img2img.errors import ConfigError
from img2img.images import Frame, Metadata, Picture
from img2img.images.frames import integers
from img2img.images.label import BROKEN, Label, put_label

log = logging.getLogger(__name__)

Back = Callable[[Picture], Any]
_KEPT = {"icc_profile": "icc", "exif": "exif", "xmp": "xmp", "dpi": "dpi"}  # Pillow's names, and those of the metadata


def to_picture(x: object, read: Callable[[Any], Picture] = images.read) -> tuple[Picture, Back]:
    """``x`` as a ``Picture``, and what turns a picture back into ``x``'s kind: path -> PIL.Image, PIL.Image, or array.

    Args:
        read: takes paths.

    Raises:
        PictureError: the file at a path cannot be read. ConfigError: a kind that is none of these, or an array of another shape.
    """
    if isinstance(x, str | os.PathLike):
        return read(x), to_pil
    if isinstance(x, Image.Image):
        info = {key: x.info.get(key) for key in _KEPT}
        if x.mode == "CMYK":
            info["icc_profile"] = None
        xmp = info["xmp"].encode() if isinstance(info["xmp"], str) else info["xmp"]
        picture = replace(_from_array(_pil_array(x)), metadata=Metadata(icc=info["icc_profile"], xmp=xmp))
        return picture, lambda out: _to_pil(out, {**info, "icc_profile": out.metadata.icc, "xmp": out.metadata.xmp})
    if isinstance(x, np.ndarray):
        flat = x.ndim == 2
        return _from_array(x), lambda out: _to_array(out)[:, :, 0] if flat else _to_array(out)
    raise ConfigError(f"expected a path, Picture, PIL.Image, uint8 array or float tensor, got {type(x).__name__}")


def check_tensor(x: Tensor) -> Tensor:
    """``x`` as (N, C, H, W). ConfigError unless it is float, (C, H, W) or (N, C, H, W) with 1 to 4 channels, and in about [0, 1]."""
    batch = x if x.dim() == 4 else x[None]
    if not x.is_floating_point() or batch.dim() != 4 or not 1 <= batch.shape[1] <= 4 or batch.numel() == 0:
        raise ConfigError(f"expected a float tensor (C, H, W) or (N, C, H, W) with 1 to 4 channels, got {x.dtype} {tuple(x.shape)}")
    low, high = float(batch.min()), float(batch.max())
    if not (low >= -1 and high <= 2):  # bicubic pictures overshoot a little; also false for NaN
        raise ConfigError(f"expected values in [0, 1], got {low:g} to {high:g}; divide 8-bit values by 255")
    return batch.clamp(0, 1)


def _from_array(x: np.ndarray[Any, Any]) -> Picture:
    values = x[:, :, None] if x.ndim == 2 else x
    if values.dtype not in (np.uint8, np.uint16) or values.ndim != 3 or not 1 <= values.shape[2] <= 4 or values.size == 0:
        raise ConfigError(f"expected a uint8 or uint16 array (H, W) or (H, W, C) with 1 to 4 channels, got {x.dtype} {x.shape}")
    planes = images.from_integers(values)
    colors = 1 if values.shape[2] < 3 else 3
    frame = Frame(planes[:colors], planes[colors:] if values.shape[2] > colors else None)
    return Picture((frame,), 8 if values.dtype == np.uint8 else 16)


def _to_array(picture: Picture) -> np.ndarray[Any, Any]:
    parts = [images.quantize(plane, picture.bit_depth) for plane in (picture.pixels, picture.alpha) if plane is not None]
    return np.concatenate(parts, axis=2)


def _pil_array(image: Image.Image) -> np.ndarray[Any, Any]:
    if image.mode.startswith("I;16"):
        return cast("np.ndarray[Any, Any]", np.asarray(image).astype(np.uint16))
    if image.mode == "CMYK":
        return integers(image)
    gray = image.mode in ("1", "L", "LA", "La")
    return np.asarray(image.convert(("L" if gray else "RGB") + ("A" if image.has_transparency_data else "")))


def to_pil(picture: Picture) -> Image.Image:
    """The first frame of ``picture``, with its profile, EXIF, XMP and resolution."""
    return _to_pil(picture, {key: getattr(picture.metadata, name) for key, name in _KEPT.items()})


def with_label(picture: Picture, label: Label) -> Picture:
    """``picture`` with ``label`` in its XMP. XMP that cannot be read is replaced, which the log says."""
    xmp, readable = put_label(picture.metadata.xmp, label)
    if not readable:
        log.warning("%s", BROKEN)
    return replace(picture, metadata=replace(picture.metadata, xmp=xmp))


def _to_pil(picture: Picture, info: dict[str, Any]) -> Image.Image:
    """Pillow holds 16 bits for gray without alpha alone; the rest becomes 8 bits. ConfigError for bands and float values."""
    if picture.channels not in (1, 3) or picture.bit_depth == 32:
        kind = f"{picture.channels} bands of {picture.bit_depth} bits"
        raise ConfigError(f"the result has {kind}, which no PIL.Image holds; give a Picture: images.read(path, bands=True)")
    deep = picture.bit_depth == 16 and picture.channels == 1 and picture.alpha is None
    values = _to_array(picture if deep else Picture(picture.frames[:1], 8))
    image = Image.fromarray(values[:, :, 0] if values.shape[2] == 1 else values)
    if picture.palette is not None:
        image.putpalette([level for color in picture.palette for level in color])
    image.info.update({key: value for key, value in info.items() if value})
    return image
