"""The formats that pictures are written in, and what each of them can hold."""

import os
from dataclasses import dataclass
from pathlib import Path

from img2img.errors import PictureError
from img2img.images.extras import INSTALL, installed


@dataclass(frozen=True)
class Format:
    """What one format can hold; ``limit`` is the longest side in pixels, ``name`` is Pillow's.

    ``exact``: whatever is read from such a file, changed in a part of its pixels, goes back into one with the others as they were.
    """

    name: str
    suffixes: tuple[str, ...]
    limit: int
    alpha: bool = False
    deep: bool = False  # 16 bits for each channel, or most of them
    bits: int = 16  # what is left of 16 bits
    frames: bool = False
    icc: bool = False
    exif: bool = False
    xmp: bool = False
    dpi: bool = False
    lossy: bool = False  # has a quality
    exact: bool = False


FORMATS = {
    entry.name: entry
    for entry in (
        Format(
            "PNG", (".png", ".apng"), 2**31 - 1, alpha=True, deep=True, frames=True, icc=True, exif=True, xmp=True, dpi=True, exact=True
        ),
        Format("JPEG", (".jpg", ".jpeg", ".jpe", ".jfif"), 65500, icc=True, exif=True, xmp=True, dpi=True, lossy=True),
        Format("WEBP", (".webp",), 16383, alpha=True, frames=True, icc=True, exif=True, xmp=True, lossy=True),
        Format(
            "TIFF", (".tif", ".tiff"), 2**31 - 1, alpha=True, deep=True, frames=True, icc=True, exif=True, xmp=True, dpi=True, exact=True
        ),
        Format("AVIF", (".avif",), 65536, alpha=True, frames=True, icc=True, exif=True, xmp=True, lossy=True),
        Format("HEIF", (".heic", ".heif", ".hif"), 16384, alpha=True, deep=True, bits=10, icc=True, exif=True, xmp=True, lossy=True),
        Format("JXL", (".jxl",), 2**18, alpha=True, deep=True, icc=True, exif=True, xmp=True, lossy=True),
        Format("GIF", (".gif",), 65535, alpha=True, frames=True),  # 256 colors
        Format("BMP", (".bmp",), 2**31 - 1, dpi=True, exact=True),
        Format("PPM", (".ppm", ".pgm", ".pnm"), 2**31 - 1, deep=True, exact=True),
        Format("JPEG2000", (".jp2",), 2**31 - 1, alpha=True),  # 16 bits are read, not written
        Format("QOI", (".qoi",), 2**31 - 1, alpha=True, exact=True),
        Format("TGA", (".tga",), 65535, alpha=True, exact=True),
        Format("ICO", (".ico",), 256, alpha=True, exact=True),
    )
}
XMP_KEYWORD = "XML:com.adobe.xmp"
COLOR_CHUNKS = {b"gAMA": 4, b"cHRM": 32, b"cICP": 4, b"mDCV": 24, b"cLLI": 8}  # of PNG, and how long each is
_BY_SUFFIX = {suffix: entry.name for entry in FORMATS.values() for suffix in entry.suffixes}
_RAW = """.3fr .arw .cr2 .cr3 .crw .dng .erf .iiq .kdc .mef .mos .mrw .nef .nrw .orf .pef .raf .rw2 .sr2 .srw .x3f"""
OF_EXTRA = {
    **{suffix: name for suffix, name in _BY_SUFFIX.items() if name in ("HEIF", "JXL")},
    **dict.fromkeys(_RAW.split(), "RAW"),
}  # suffixes of files that packages of the extra ``formats`` read
READABLE_SUFFIXES = frozenset(_BY_SUFFIX) | {".j2k", ".dib", ".pbm", ".mpo", ".dds", ".hdr"} | set(OF_EXTRA)
READABLE_SUFFIXES -= {suffix for suffix, name in OF_EXTRA.items() if not installed(name)}
WRITABLE = {name: entry for name, entry in FORMATS.items() if installed(name)}


def check_format(path_or_ext: str | os.PathLike[str]) -> str:
    """Pillow's name of the format that a file name ("out/a.jpg"), suffix (".jpg", "jpg") or format name ("JPEG") asks for.

    Raises:
        PictureError: nothing that can be written goes by that name, and the message lists what does; or its package is not installed.
    """
    text = os.fspath(path_or_ext)
    suffix = Path(text).suffix or "." + Path(text).name.lstrip(".")
    name = _BY_SUFFIX.get(suffix.lower()) or (text.upper() if text.upper() in FORMATS else None)
    if name is None:
        raise PictureError(f"{text!r} names no format that can be written; known: {' '.join(sorted(_BY_SUFFIX))}")
    if name not in WRITABLE:
        raise PictureError(f"{text!r} is {name}, which an optional package writes: {INSTALL}")
    return name
