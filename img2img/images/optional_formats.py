"""What is read by packages of the extra ``formats``: HEIC, JPEG XL and cameras' RAW files, told by their content."""

from collections.abc import Callable
from typing import BinaryIO, Protocol

from img2img.images.extras import reading
from img2img.images.heif import Heif, is_heif
from img2img.images.jxl import Jxl
from img2img.images.jxl_header import is_jxl
from img2img.images.picture import BitDepth, Picture
from img2img.images.raw import Raw, is_raw


class Opened(Protocol):
    """A file whose header was read, and no pixel.

    Attributes:
        mode: Pillow's, of what the pixels become: "L", "LA", "RGB" or "RGBA".
        sizes: (width, height) of all that decoding takes memory for.
    """

    format: str
    width: int
    height: int
    mode: str
    bit_depth: BitDepth
    sizes: list[tuple[int, int]]

    def picture(self) -> Picture:
        """The picture, decoded; raises whatever its package does."""


def opened(file: BinaryIO, head: bytes, name: str, *, raw: bool = False) -> Opened | None:
    """The ``file`` that begins with ``head``, its header read, if a package of the extra is for it; else None.

    Args:
        raw: it is known to be a camera's RAW file.

    Raises:
        PictureError: the package is missing, or cannot read the file.
    """
    format = "RAW" if raw or is_raw(head) else "HEIF" if is_heif(head) else "JXL" if is_jxl(head) else None
    if format is None:
        return None
    with reading(format, name):
        kinds: dict[str, Callable[[BinaryIO, str], Opened]] = {"RAW": Raw, "HEIF": Heif, "JXL": Jxl}
        return kinds[format](file, name)


def decoded(found: Opened, name: str) -> Picture:
    """The picture of ``found``. PictureError for a file that its package cannot read."""
    with reading(found.format, name):
        return found.picture()
