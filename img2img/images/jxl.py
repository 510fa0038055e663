"""JPEG XL through OpenImageIO (extra ``formats``): 8 and 16 bits, gray or RGB, with alpha; without loss where that is asked for."""

import contextlib
import re
import struct
import tempfile
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from img2img.errors import PictureError
from img2img.images.extras import package
from img2img.images.frames import to_frame, unmultiplied
from img2img.images.jxl_header import ALPHA, BLACK, CONTAINER, boxes, codestream, read_header
from img2img.images.orientation import EXIF_PREFIX, clean_exif, clean_xmp
from img2img.images.picture import BitDepth, Metadata, Picture

_QUALITY = 95
_ENOUGH = 64 * 1024**2  # bytes of EXIF or XMP: a few compressed bytes can promise any number
_PLAIN = re.compile(r"sRGB|(RGB_D65_SRG|Gra_D65)_(Per|Rel)_SRG")  # what libjxl calls the profiles that it makes up for sRGB
Values = np.ndarray[Any, Any]


class Jxl:
    """A JPEG XL's header: size, upright, mode and depth; ``sizes`` are all that decoding takes memory for."""

    format = "JXL"

    def __init__(self, file: BinaryIO, name: str) -> None:
        self.library = package("JXL", name)
        file.seek(0)
        self.name, self.boxes = name, list(boxes(file.read()))
        self.stream = codestream(self.boxes)
        self.header = read_header(self.stream)
        self.width, self.height = self.header.width, self.header.height
        if self.header.orientation in (5, 6, 7, 8):
            self.width, self.height = self.height, self.width
        self.sizes = [(self.width, self.height * max(len(self.header.extra), 1))]  # a further channel counts as a picture
        self.bit_depth: BitDepth = 8 if self.header.bits <= 8 and not self.header.floating else 16
        self.mode = ("L" if self.header.gray else "RGB") + "A" * (ALPHA in self.header.extra)
        self.notes = []
        if others := sum(kind != ALPHA for kind in self.header.extra):
            self.notes.append(f"left out of this JPEG XL: {others} channel{'s' * (others > 1)} besides colors and alpha")
        if self.header.floating:
            self.notes.append("a JPEG XL of floating-point values: read with 16 bits; what is brighter than white was cut off")

    def picture(self) -> Picture:
        """The picture. Its own orientation is applied by the decoder; EXIF's repeats it and does not count (ISO/IEC 18181-2, 9.4)."""
        if self.header.animated:
            raise PictureError(f"{self.name} is an animated JPEG XL, whose frames cannot be read: convert it to an animated PNG or WebP")
        if BLACK in self.header.extra:
            raise PictureError(f"{self.name} is a JPEG XL of inks (CMYK), which cannot be read: convert it to RGB")
        values, icc = self._decoded()
        if values.shape[:2] != (self.height, self.width):
            raise PictureError(f"{self.name} says {self.width}x{self.height} pixels and holds {values.shape[1]}x{values.shape[0]}")
        if self.header.premultiplied and values.shape[2] in (2, 4):
            values = unmultiplied(values)
        exif, xmp = self._box(b"Exif"), self._box(b"xml ")
        if exif:  # behind the number of bytes that it begins after
            exif = EXIF_PREFIX + exif[4 + int.from_bytes(exif[:4], "big") :].removeprefix(EXIF_PREFIX)
        metadata = Metadata(
            icc=_profile(icc),
            exif=clean_exif(exif)[0] if exif else None,
            xmp=clean_xmp(xmp) if xmp else None,
            size=(self.width, self.height),
            lossless=not self.header.xyb and all(kind != b"jbrd" for kind, _ in self.boxes),  # jbrd: a JPEG, packed tighter
        )
        return Picture((to_frame(values, 1),), self.bit_depth, "JXL", metadata, notes=tuple(self.notes))

    def _decoded(self) -> tuple[Values, Any]:
        """The pixels as (H, W, C) integers, with alpha last, and the profile."""
        library = self.library
        wish = library.ImageSpec()
        wish.attribute("oiio:UnassociatedAlpha", 1)  # as it is stored
        with tempfile.TemporaryDirectory(prefix="img2img-") as folder:
            path = Path(folder, "a.jxl")
            # Without boxes, which a decoder would unpack to any size. Of a file of less bytes OpenImageIO cannot tell what it is.
            path.write_bytes(self.stream.ljust(256, b"\0"))
            opened = library.ImageInput.open(str(path), wish)
            if opened is None:
                raise ValueError(library.geterror())
            values = opened.read_image(library.UINT8 if self.bit_depth == 8 else library.UINT16)
            if values is None:
                raise ValueError(opened.geterror())
            values = values.reshape(values.shape[0], values.shape[1], -1)
            return values[:, :, : len(self.mode)], opened.spec().getattribute("ICCProfile")

    def _box(self, kind: bytes) -> bytes | None:
        """The body of the first box of ``kind``, plain or compressed by Brotli."""
        for found, body in self.boxes:
            if found == kind:
                return body
            if found == b"brob" and body[:4] == kind:
                import brotli  # comes with the extra

                decompressor = brotli.Decompressor()
                with contextlib.suppress(brotli.error):
                    plain: bytes = decompressor.process(body[4:], output_buffer_limit=_ENOUGH)
                    if decompressor.is_finished() and len(plain) <= _ENOUGH:
                        return plain
                what = {b"Exif": "EXIF", b"xml ": "XMP"}[kind]
                self.notes.append(f"the {what} of this JPEG XL is damaged, or larger than {_ENOUGH // 1024**2} MiB: dropped")
        return None


def _profile(icc: Any) -> bytes | None:
    """The ICC profile, unless libjxl made it up to say sRGB."""
    if icc is None:
        return None
    data = bytes(icc)
    return None if data[4:8] == b"jxl " and _PLAIN.search(data.decode("utf-16-be", "ignore")) else data


def encode_jxl(values: Values, file: BinaryIO, metadata: Metadata, quality: int | None) -> None:
    """Write (H, W, 1 to 4) uint8 or uint16 to ``file`` as JPEG XL, gray with alpha as RGBA. A quality of 100 is without loss."""
    library = package("JXL", "the output")
    lossless = quality == 100 or (quality is None and metadata.lossless)
    if values.shape[2] == 2:  # which the writer does not know
        values = values[:, :, [0, 0, 0, 1]]
    height, width, planes = values.shape
    spec = library.ImageSpec(width, height, planes, library.UINT8 if values.dtype == np.uint8 else library.UINT16)
    spec.attribute("oiio:UnassociatedAlpha", 1)
    spec.attribute("jpegxl:distance", 0.0 if lossless else _distance(_QUALITY if quality is None else quality))
    if metadata.icc:
        kind = library.TypeDesc(library.UINT8, library.SCALAR, library.NOSEMANTICS, len(metadata.icc))
        spec.attribute("ICCProfile", kind, np.frombuffer(metadata.icc, np.uint8))
    with tempfile.TemporaryDirectory(prefix="img2img-") as folder:
        path = Path(folder, "a.jxl")
        output = library.ImageOutput.create(str(path))
        if not (output.open(str(path), spec) and output.write_image(np.ascontiguousarray(values)) and output.close()):
            path.with_name("b").write_bytes(bytes(2**20))  # raises what the disk lacks, which OpenImageIO does not tell
            raise PictureError(f"the output cannot be written as JPEG XL: {output.geterror()}")
        parts = list(boxes(path.read_bytes()))
    exif = bytes(4) + metadata.exif.removeprefix(EXIF_PREFIX) if metadata.exif else None
    level = dict(parts).get(b"jxll")
    kept = [(kind, body) for kind, body in ((b"jxll", level), (b"Exif", exif), (b"xml ", metadata.xmp)) if body]
    if not kept:
        file.write(codestream(parts))
        return
    file.write(CONTAINER + _box(b"ftyp", b"jxl \0\0\0\0jxl "))
    for kind, body in (*kept, (b"jxlc", codestream(parts))):
        file.write(_box(kind, body))


def _box(kind: bytes, body: bytes) -> bytes:
    if len(body) + 8 < 2**32:
        return struct.pack(">I4s", len(body) + 8, kind) + body
    return struct.pack(">I4sQ", 1, kind, len(body) + 16) + body


def _distance(quality: int) -> float:
    """libjxl's distance from the original for a quality of JPEG's scale, as its own tools count (``JxlEncoderDistanceFromQuality``)."""
    if quality >= 30:
        return 0.1 + (100 - quality) * 0.09
    return 53 / 3000 * quality**2 - 23 / 20 * quality + 25
