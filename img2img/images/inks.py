"""CMYK -> sRGB, in the same way from every format: by the picture's profile, or else by a general one."""

import io
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyvips
from PIL import ImageCms

Integers = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
_GENERAL = bytes(pyvips.Operation.call("profile_load", "cmyk"))  # "Chemical proof" by G. Gill, public domain: it comes with libvips
_VIPS = {"uint8": "uchar", "uint16": "ushort"}


def inks_to_srgb(inks: Integers, icc: bytes | None) -> Integers:
    """(H, W, 3) sRGB of ``inks``, (H, W, 4) uint8 or uint16, of the same type; alpha, a fifth plane, stays.

    By the perceptual intent of the profile ``icc``, or of libvips' general one where that is none of CMYK.
    """
    height, width = inks.shape[:2]
    image = pyvips.Image.new_from_memory(np.ascontiguousarray(inks[:, :, :4]).data, width, height, 4, _VIPS[inks.dtype.name])
    image = image.copy(interpretation="cmyk")
    image.set_type(pyvips.GValue.blob_type, "icc-profile-data", icc if icc and _name(icc) else _GENERAL)
    made: Integers = image.icc_transform("srgb", embedded=True, intent="perceptual", depth=8 * inks.itemsize).numpy()
    return np.concatenate([made.reshape(height, width, 3), inks[:, :, 4:]], axis=2)


def said_of_inks(icc: bytes | None) -> str:
    """What ``inks_to_srgb`` does, in words for people."""
    name = _name(icc) if icc else None
    if name:
        return f"CMYK became sRGB by its profile, {name!r}"
    why = "its own cannot be used" if icc else "it has none"
    return f"CMYK became sRGB by a general profile, libvips' {_name(_GENERAL)!r}, as {why}"


@lru_cache(maxsize=64)
def _name(icc: bytes) -> str | None:
    """The name of the profile ``icc``; None if it is damaged, or not of CMYK."""
    if icc[16:20] != b"CMYK":
        return None
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), "CMYK", "RGB")
        return ImageCms.getProfileDescription(profile).strip() or "without a name"
    except (ImageCms.PyCMSError, OSError):
        return None
