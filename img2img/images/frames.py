"""Decoded integers -> frames: every kind of pixel becomes gray or RGB, with alpha apart, upright."""

from typing import Any, cast

import numpy as np
from PIL import Image, ImageCms

from img2img.errors import PictureError
from img2img.images.inks import inks_to_srgb
from img2img.images.orientation import orient
from img2img.images.picture import Frame, from_integers

_TRANSPARENT = ("LA", "La", "PA", "RGBA", "RGBa")


def integers(image: Image.Image) -> np.ndarray[Any, Any]:
    """A decoded Pillow picture as (H, W, C) uint8, gray or RGB, with alpha where it has transparency."""
    if image.mode == "CMYK":
        return inks_to_srgb(np.asarray(image), image.info.get("icc_profile"))
    if image.mode == "LAB":
        image = _to_srgb(image)
    alpha = "A" if image.mode in _TRANSPARENT or "transparency" in image.info else ""
    if image.mode in ("1", "L", "LA", "La") or (image.mode in ("P", "PA") and _gray_palette(image)):
        image = image.convert("L" + alpha)
    elif image.mode == "I;16" or (image.mode == "I" and image.format == "PPM"):  # a PGM written in digits
        return np.asarray(image).astype(np.uint16)[:, :, None]
    elif image.mode in ("I", "F"):
        raise PictureError("samples of 32 bits cannot be read; convert the picture to 8 or 16 bits")
    else:
        image = image.convert("RGB" + alpha)
    values = np.asarray(image)
    return values.reshape(image.height, image.width, -1)


def _gray_palette(image: Image.Image) -> bool:
    """Whether the palette has only grays, and no profile that speaks of colors."""
    palette = np.frombuffer(image.palette.tobytes() if image.palette else b"", np.uint8)
    if image.palette is None or image.palette.mode[:3] != "RGB" or "icc_profile" in image.info:
        return False
    colors = palette.reshape(-1, len(image.palette.mode))
    return bool((colors[:, :1] == colors[:, 1:3]).all())


def _to_srgb(image: Image.Image) -> Image.Image:
    """Lab as RGB."""
    lab, srgb = (ImageCms.createProfile(name) for name in ("LAB", "sRGB"))
    return cast(Image.Image, ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB"))


def to_frame(values: np.ndarray[Any, Any], orientation: int, duration: float | None = None) -> Frame:
    """(H, W, C) uint8 or uint16 with 1 to 4 planes (gray, gray and alpha, RGB, RGBA) as an upright frame."""
    colors = 1 if values.shape[2] < 3 else 3
    alpha = orient(from_integers(values[:, :, colors : colors + 1]), orientation) if values.shape[2] > colors else None
    return Frame(orient(from_integers(values[:, :, :colors]), orientation), alpha, duration)


def unmultiplied(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """(H, W, 2 or 4) integers whose colors had alpha, the last plane, multiplied into them, without that; rounded half up."""
    most, alpha = int(np.iinfo(values.dtype).max), values[:, :, -1:].astype(np.uint64)
    colors = (values[:, :, :-1].astype(np.uint64) * most + alpha // 2) // np.maximum(alpha, 1)
    return np.concatenate([np.minimum(colors, most).astype(values.dtype), values[:, :, -1:]], axis=2)


def alike(frames: list[Frame]) -> tuple[Frame, ...]:
    """The frames with as many channels each, and all with alpha where one has it: an animation may begin gray or opaque."""
    channels = max(frame.pixels.shape[0] for frame in frames)
    alpha = any(frame.alpha is not None for frame in frames)
    return tuple(
        Frame(
            frame.pixels if frame.pixels.shape[0] == channels else frame.pixels.expand(channels, -1, -1).contiguous(),
            frame.pixels.new_ones(1, *frame.pixels.shape[1:]) if alpha and frame.alpha is None else frame.alpha,
            frame.duration,
        )
        for frame in frames
    )
