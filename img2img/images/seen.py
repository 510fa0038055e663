"""Pictures as networks are to see them."""

from img2img.images.picture import Picture
from img2img.images.profiles import in_srgb
from img2img.images.used_bits import stretched


def as_seen(picture: Picture) -> Picture:
    """``picture`` in sRGB, with the bits that it uses over the full range; bands, labels and float values are as they are."""
    return in_srgb(stretched(picture))
