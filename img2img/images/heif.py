"""HEIC and HEIF through pillow-heif (extra ``formats``): 8 bits as they are, 10 and 12 as 16; written with 8 or 10."""

import io
from typing import Any, BinaryIO

import numpy as np

from img2img.errors import PictureError
from img2img.images.extras import package
from img2img.images.frames import to_frame, unmultiplied
from img2img.images.gain_maps import without_gain_map
from img2img.images.hevc import coded_sizes
from img2img.images.orientation import EXIF_PREFIX, clean_exif, clean_xmp
from img2img.images.picture import BitDepth, Metadata, Picture

_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1")
_QUALITY = 90
_SRGB = (1, 13, 6, 1)  # primaries, transfer, matrix, full range (H.273)
_IDENTITY = 0  # the matrix of red, green and blue as they are: who writes it compresses without loss
_PLAIN = {(1, 1), (1, 6), (1, 13), (1, 2), (2, 2), (2, 13), (5, 6), (6, 6)}  # (primaries, transfer) that are sRGB's, close to it, or unsaid
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
Values = np.ndarray[Any, Any]


def is_heif(head: bytes) -> bool:
    """Whether a file that begins with ``head`` is HEIC or HEIF, and not AVIF, which may begin with a brand of HEIF's."""
    if head[4:8] != b"ftyp" or head[8:12] not in _BRANDS:
        return False
    brands = head[16 : int.from_bytes(head[:4], "big")]
    return not any(brands[i : i + 4] in (b"avif", b"avis") for i in range(0, len(brands), 4))


class Heif:
    """A HEIF's header: the primary picture's size, upright, mode and depth; ``sizes`` are all that decoding takes memory for."""

    format = "HEIF"

    def __init__(self, file: BinaryIO, name: str) -> None:
        library = package("HEIF", name)
        file.seek(0)
        data = file.read()
        self.name, self.sizes = name, coded_sizes(data)
        self.file = library.HeifFile(data, convert_hdr_to_8bit=False, hdr_to_16bit=False)
        self.image = self.file[self.file.primary_index]
        self.info = self.image.info
        self.width, self.height = self.image.size
        self.sizes.append(self.image.size)
        colors = self.image.mode.partition(";")[0]
        gray = colors in ("L", "I") or "chroma" not in self.info  # gray with alpha comes as RGBA
        alpha = colors[-1] in "Aa"
        self.mode = ("LA" if alpha else "L") if gray else "RGBA" if alpha else "RGB"
        self.premultiplied = colors[-1] == "a"
        self.bit_depth: BitDepth = 8 if self.info["bit_depth"] <= 8 else 16

    def picture(self) -> Picture:
        """The primary picture. The file's own turning (``irot``, ``imir``) is applied; EXIF's repeats it and does not count
        (ISO/IEC 23000-22, 7.3.9).
        """
        values = np.asarray(self.image)
        if self.image.size != (self.width, self.height):
            raise PictureError(f"{self.name} says {self.width}x{self.height} pixels and holds {self.image.size[0]}x{self.image.size[1]}")
        values = values.reshape(self.height, self.width, -1)
        if self.mode[0] == "L" and values.shape[2] > 2:
            values = values[:, :, [0, 3]]
        if self.bit_depth == 16:
            values = _stretched(values, int(self.info["bit_depth"]))
        if self.premultiplied:
            values = unmultiplied(values)
        exif, xmp, nclx = self.info.get("exif"), self.info.get("xmp"), self.info.get("nclx_profile")
        metadata = Metadata(
            icc=self.info.get("icc_profile") or None,
            exif=clean_exif(EXIF_PREFIX + exif.removeprefix(EXIF_PREFIX))[0] if exif else None,
            xmp=clean_xmp(without_gain_map(xmp.rstrip(b"\0"))) if xmp else None,
            size=(self.width, self.height),
            lossless=bool(nclx) and nclx["matrix_coefficients"] == _IDENTITY and self.mode[0] != "L",
        )
        return Picture((to_frame(values, 1),), self.bit_depth, "HEIF", metadata, notes=self._notes())

    def _notes(self) -> tuple[str, ...]:
        others = len(self.file) - 1
        left_out = [f"{others} other picture{'s' * (others > 1)}"] if others else []
        kinds = list(self.info.get("aux", {}))
        if any("gainmap" in kind.lower() for kind in kinds):
            left_out.append("a gain map, which makes bright parts brighter on displays that can")
        if self.info.get("depth_images"):
            left_out.append("a map of depths")
        if more := sum("gainmap" not in kind.lower() for kind in kinds):
            left_out.append(f"{more} map{'s' * (more > 1)} of other things")
        notes = [f"left out of this HEIF: {', '.join(left_out)}"] if left_out else []
        nclx = self.info.get("nclx_profile")
        if nclx and not self.info.get("icc_profile"):
            numbers = int(nclx["color_primaries"]), int(nclx["transfer_characteristics"])
            if numbers not in _PLAIN:
                said = f"primaries {numbers[0]} and transfer {numbers[1]} of ITU-T H.273"
                notes.append(f"the colors of this HEIF are named by numbers ({said}), which were not applied: they may look different")
        return tuple(notes)


def _stretched(values: Values, bits: int) -> Values:
    """``bits`` as 16: 0 stays 0, and the highest value becomes 65535."""
    most = (1 << bits) - 1
    return ((np.minimum(values, most).astype(np.uint32) * 65535 + most // 2) // most).astype(np.uint16)


def encode_heif(values: Values, file: BinaryIO, metadata: Metadata, quality: int | None) -> None:
    """Write (H, W, 1 to 4) uint8, or uint16 as 10 bits, to ``file`` as HEIC, 4:4:4. A quality of 100 is without loss."""
    library = package("HEIF", "the output")
    height, width, planes = values.shape
    mode = _MODES[planes]
    if values.dtype == np.uint16:
        values, mode = ((values.astype(np.uint32) * 1023 + 32767) // 65535).astype(np.uint16), mode + ";10"
    lossless = quality == 100 or (quality is None and metadata.lossless)
    primaries, transfer, matrix, full = _SRGB
    encoded = library.from_bytes(mode, (width, height), np.ascontiguousarray(values).tobytes())
    stream = io.BytesIO()
    encoded.save(
        stream,
        quality=-1 if lossless else _QUALITY if quality is None else quality,
        chroma=444,
        enc_params={"preset": "medium"},  # half the time of libheif's own choice, for files of the same size
        color_primaries=2 if metadata.icc else primaries,  # 2: as the profile says
        transfer_characteristics=2 if metadata.icc else transfer,
        matrix_coefficients=_IDENTITY if lossless else matrix,
        full_range_flag=full,
        icc_profile=metadata.icc,
        exif=metadata.exif,
        xmp=metadata.xmp,
    )
    file.write(stream.getbuffer())
