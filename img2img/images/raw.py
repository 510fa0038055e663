"""Cameras' RAW files through rawpy (extra ``formats``): developed with the camera's white balance into 16 bits of sRGB."""

import io
import os
import struct
import threading
from typing import Any, BinaryIO

from PIL import Image, ImageCms, TiffImagePlugin

from img2img.errors import PictureError
from img2img.images.extras import package
from img2img.images.frames import to_frame
from img2img.images.orientation import clean_exif
from img2img.images.picture import BitDepth, Metadata, Picture
from img2img.images.vips import is_tiff

NOTE = "a camera's RAW file, developed with defaults: the camera's white balance, no change of brightness, 16 bits of sRGB"
_MAGIC = (
    b"FUJIFILMCCD-RAW",
    b"IIU\x00",  # Panasonic
    b"IIRO",  # Olympus
    b"IIRS",
    b"FOVb",  # Sigma
    b"\x00MRM",  # Minolta
    b"II*\x00\x10\x00\x00\x00CR",  # Canon; a TIFF, of whose pages the first is a small copy
    b"II\x1a\x00\x00\x00HEAPCCDR",  # Canon, before
)
_DNG_VERSION = 50706
_MOSAICS = (32803, 34892)  # PhotometricInterpretation of a color filter array, and of linear RAW
_OF_CAMERAS = (32767, 32769, 32770, 34713, 65535)  # compressions of Sony, Epson, Samsung, Nikon and Pentax
_KEPT = (270, 271, 272, 306, 315, 33432)  # description, make, model, time, artist, copyright
_MAKER_NOTE = 37500  # speaks of the RAW file's own bytes
_SRGB_CURVE = (2.4, 12.92)  # IEC 61966-2-1
_OPCODES = (51008, 51009, 51022)  # tags: what a DNG wants done before, on and after the linear values (DNG 1.7, chapter 7)
_CURVES = {7, 8}  # opcodes: a table, and a polynomial, through which all values go
_importing = threading.Lock()


def is_raw(head: bytes) -> bool:
    """Whether a file that begins with ``head`` is a camera's RAW file of a kind that is no TIFF for other readers."""
    return head.startswith(_MAGIC) or head[4:12] == b"ftypcrx "


def is_raw_tiff(pages: list[dict[str, Any]]) -> bool:
    """Whether a TIFF of ``pages`` (of ``vips.tiff_pages``) is a camera's RAW file: a DNG, a mosaic, or small copies and no picture."""
    if not pages:
        return True
    tags = pages[0]["tags"]
    return _DNG_VERSION in tags or tags.get(262) in _MOSAICS or tags.get(259) in _OF_CAMERAS


class Raw:
    """A RAW file's header: the size, upright, that it will be developed to; ``sizes`` are all that this takes memory for."""

    format, mode = "RAW", "RGB"
    bit_depth: BitDepth = 16

    def __init__(self, file: BinaryIO, name: str) -> None:
        self.library = _rawpy(name)
        self.name, self.file = name, file
        file.seek(0)
        self.data = file.read()
        self.directories = _directories(file) if is_tiff(self.data[:16]) else []
        self.opened = self.library.imread(io.BytesIO(self.data))
        sizes = self.opened.sizes
        self.width, self.height = sizes.width, sizes.height
        if sizes.pixel_aspect < 1:
            self.height = round(self.height / max(sizes.pixel_aspect, 1e-3))
        else:
            self.width = round(self.width * min(sizes.pixel_aspect, 1e3))
        if sizes.flip in (5, 6):
            self.width, self.height = self.height, self.width
        self.sizes = [(self.width, self.height), (sizes.raw_width, sizes.raw_height)]

    def picture(self) -> Picture:
        """The picture, upright, without a stretch of its brightness: pictures of one series stay alike.

        What LibRaw would make wrong in silence is refused: a mosaic that ends early, and values that are coded by a curve in the file.
        """
        pictures = [tags for tags in self.directories if tags.get(262) in _MOSAICS]
        opcodes = {number for tags in pictures for tag in _OPCODES for number in _opcodes(tags.get(tag))}
        if opcodes & _CURVES:
            raise PictureError(
                f"{self.name} is a lossy DNG, whose values are coded by a curve that LibRaw does not apply: develop it first"
            )
        for tags in pictures:
            parts = zip(_numbers(tags, 273, 324), _numbers(tags, 279, 325), strict=True)
            if any(start + count > len(self.data) for start, count in parts):
                raise PictureError(f"{self.name} is a camera's RAW file that is cut short")
        with self.opened:
            values = self.opened.postprocess(
                use_camera_wb=True,
                no_auto_bright=True,
                output_bps=16,
                output_color=self.library.ColorSpace.sRGB,
                gamma=_SRGB_CURVE,
            )
        metadata = Metadata(
            icc=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
            exif=self._exif(),
            size=(values.shape[1], values.shape[0]),
        )
        notes = (NOTE, "what this DNG says of the lens (shading, distortion) was not applied") if opcodes else (NOTE,)
        return Picture((to_frame(values, 1),), 16, "RAW", metadata, notes=notes)

    def _exif(self) -> bytes | None:
        """What the first directory says of the photograph, where the file is built as a TIFF; nothing of how its pixels are laid out."""
        if not self.directories:
            return None
        first, exif = self.directories[0], Image.Exif()
        for tag in _KEPT:
            if tag in first:
                exif[tag] = first[tag]
        for tag in (34665, 34853):  # the EXIF and GPS directories
            if tag in first:
                inner = _directory(self.file, first[tag], tag)
                exif[tag] = {key: value for key, value in dict(inner).items() if key != _MAKER_NOTE}
        return clean_exif(exif.tobytes())[0] if len(exif) else None


def _directory(file: BinaryIO, place: int | None = None, group: int | None = None) -> TiffImagePlugin.ImageFileDirectory_v2:
    """The directory at ``place`` in a TIFF; the first by default."""
    file.seek(0)
    header = file.read(16)
    directory = TiffImagePlugin.ImageFileDirectory_v2(header if b"+" in header[2:4] else header[:8], group=group)
    file.seek(directory.next if place is None else place)
    directory.load(file)
    return directory


def _directories(file: BinaryIO) -> list[TiffImagePlugin.ImageFileDirectory_v2]:
    """The first directory of a TIFF, and those inside it."""
    first = _directory(file)
    inside = first.get(330, ())
    return [first, *(_directory(file, place) for place in (inside if isinstance(inside, tuple) else (inside,))[:16])]


def _numbers(tags: TiffImagePlugin.ImageFileDirectory_v2, *names: int) -> tuple[int, ...]:
    """The numbers under the first of ``names`` that there is."""
    found = next((tags[name] for name in names if name in tags), ())
    return found if isinstance(found, tuple) else (found,)


def _opcodes(data: Any) -> list[int]:
    """The numbers of the opcodes in a list of a DNG's (DNG 1.7, chapter 7); as far as it can be read."""
    found: list[int] = []
    place = 4
    while isinstance(data, bytes) and place + 16 <= len(data):
        number, _, _, size = struct.unpack_from(">4I", data, place)
        found.append(number)
        place += 16 + size
    return found


def _rawpy(name: str) -> Any:
    """rawpy, with one thread of OpenMP: a process that is forked after several have worked would wait for them for ever."""
    with _importing:
        before = os.environ.get("OMP_NUM_THREADS")
        os.environ["OMP_NUM_THREADS"] = "1"  # its own copy of OpenMP reads this once, when it is loaded
        try:
            return package("RAW", name)
        finally:
            if before is None:
                del os.environ["OMP_NUM_THREADS"]
            else:
                os.environ["OMP_NUM_THREADS"] = before
