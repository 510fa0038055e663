"""What browsers can show of any picture: 8 bits, sRGB, PNG."""

import io
from pathlib import Path

from PIL import Image, ImageCms

from img2img import images
from img2img.images.resize import resize

LARGEST = 4096


def preview(path: Path, size: int, max_pixels: int) -> bytes:
    """The first frame of the picture at ``path`` as an 8-bit sRGB PNG of at most ``size`` pixels a side; errors as ``images.read``."""
    picture = images.read(path, max_pixels=max_pixels)
    longest = max(picture.height, picture.width)
    sides = max(picture.height * size // longest, 1), max(picture.width * size // longest, 1)
    pixels, alpha = (
        None if planes is None else resize(planes, size=sides).clamp(0, 1) if longest > size else planes
        for planes in (picture.pixels, picture.alpha)
    )
    assert pixels is not None
    levels = images.quantize(pixels, 8)
    shown = _in_srgb(Image.fromarray(levels if levels.shape[2] == 3 else levels[:, :, 0]), picture.metadata.icc)
    if alpha is not None:
        shown.putalpha(Image.fromarray(images.quantize(alpha, 8)[:, :, 0]))
    shown.info.clear()  # its profile
    file = io.BytesIO()
    shown.save(file, "PNG", compress_level=1)
    return file.getvalue()


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """``image`` with its colors in sRGB; a profile that is damaged, or of other colors, is left out of account."""
    if profile is None:
        return image
    try:
        converted = ImageCms.profileToProfile(image, io.BytesIO(profile), ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image
    return converted or image
