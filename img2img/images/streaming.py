"""Writing row by row: pictures larger than memory."""

import contextlib
import os
import struct
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, BinaryIO

import numpy as np
import pyvips

from img2img.errors import PictureError
from img2img.images.encode import encode, encode_vips, write_ppm_header, write_ppm_rows
from img2img.images.format_fit import Fit, fit, on_white, to_eight_bits
from img2img.images.label import Label
from img2img.images.picture import BitDepth, Metadata
from img2img.images.write import Target, check_quality, encoding, format_of

Values = np.ndarray[Any, Any]
_KINDS: dict[BitDepth, type] = {8: np.uint8, 16: np.uint16, 32: np.float32}


def write_rows(
    target: Target,
    *,
    width: int,
    height: int,
    channels: int,
    alpha: bool,
    bit_depth: BitDepth,
    metadata: Metadata,
    rows: Iterator[Values],
    format: str | None = None,
    quality: int | None = None,
    strip_metadata: bool = False,
    label: Label | None = None,
) -> list[str]:
    """Write strips, top to bottom, to ``target`` as they come, and return notes as ``write`` does.

    PNG, JPEG, TIFF and PPM need memory for some strips only; the encoders of the other formats want the whole picture, which
    is then gathered as integers, and so are bands and float values, which go into TIFF alone.

    Args:
        channels: 1, 3, or a number of bands; with ``alpha`` the strips have one plane more, the last.
        rows: (h, width, channels [+ 1]) uint8 for ``bit_depth`` 8, uint16 for 16, float32 for 32; any h; ``height`` rows together.

    Raises:
        PictureError: as ``write`` does, and for strips that do not add up to the size. What ``rows`` itself raises of the
            package's errors passes through; the target is not touched.
    """
    entry = format_of(target, format)
    check_quality(quality)
    shape: dict[str, Any] = {"channels": channels, "alpha": alpha, "bit_depth": bit_depth}
    plan = fit(entry, [(width, height)], **shape, metadata=metadata, strip_metadata=strip_metadata, label=label)
    strips = _checked(rows, width, height, channels + alpha, _KINDS[bit_depth])
    fitted = (_fitted(strip, alpha, plan) for strip in strips)
    with encoding(target) as file:
        if entry.name == "PPM":
            for number, strip in enumerate(fitted):
                if number == 0:
                    write_ppm_header(file, strip, height)
                write_ppm_rows(file, strip)
        elif entry.name in ("PNG", "JPEG", "TIFF") and not plan.banded:
            _stream(fitted, file, plan, quality, (height, width, channels + plan.alpha))
        else:
            encode([np.concatenate(list(fitted))], [None], file, plan, quality)
    return plan.notes


def _stream(strips: Iterator[Values], file: BinaryIO, plan: Fit, quality: int | None, shape: tuple[int, int, int]) -> None:
    """Encode with libvips in another thread what comes through a pipe, so that encoding goes on while the next strip is computed."""
    reader, writer = os.pipe()
    with ThreadPoolExecutor(1) as pool:
        encoded = pool.submit(_encode_from, reader, file, plan, quality)
        # The pipe breaks when the encoder fails (the disk is full); what it raised comes out of result().
        with contextlib.suppress(BrokenPipeError), open(writer, "wb") as pipe:
            _write_stored_png(pipe, strips, shape, plan.bit_depth)
        encoded.result()


def _encode_from(reader: int, file: BinaryIO, plan: Fit, quality: int | None) -> None:
    try:
        source = pyvips.SourceCustom()
        source.on_read(lambda size: os.read(reader, size))
        image = pyvips.Image.pngload_source(source, access="sequential", fail_on="error", unlimited=True)
        encode_vips(image, file, plan, quality, page_height=image.height)
    finally:
        os.close(reader)  # or the writer would wait for ever


def _write_stored_png(pipe: BinaryIO, strips: Iterator[Values], shape: tuple[int, int, int], bit_depth: BitDepth) -> None:
    """Strips as a PNG without compression: the one uncompressed form that libvips reads from a pipe (a raw file it would map whole)."""
    height, width, bands = shape

    def chunk(kind: bytes, body: bytes) -> None:
        pipe.write(struct.pack(">I", len(body)) + kind)
        pipe.write(body)
        pipe.write(struct.pack(">I", zlib.crc32(body, zlib.crc32(kind))))

    pipe.write(b"\x89PNG\r\n\x1a\n")
    chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bit_depth, {1: 0, 2: 4, 3: 2, 4: 6}[bands], 0, 0, 0))
    stored = zlib.compressobj(0)
    step = max(1, 2**24 // (width * bands))
    for strip in strips:
        for top in range(0, len(strip), step):
            rows = strip[top : top + step]
            samples = np.ascontiguousarray(rows, ">u2" if bit_depth == 16 else np.uint8).view(np.uint8).reshape(len(rows), -1)
            chunk(b"IDAT", stored.compress(np.pad(samples, ((0, 0), (1, 0))).tobytes()))  # each row begins with its filter: 0, none
    chunk(b"IDAT", stored.flush())
    chunk(b"IEND", b"")


def _checked(rows: Iterator[Values], width: int, height: int, planes: int, kind: type) -> Iterator[Values]:
    """The strips, if they are of the size and type promised."""
    done = 0
    for strip in rows:
        done += strip.shape[0]
        if strip.shape[1:] != (width, planes) or strip.dtype != kind or done > height:
            raise PictureError(
                f"a strip of {strip.shape} {strip.dtype} does not belong to {height} rows of {width}x{planes} {kind.__name__}"
            )
        yield strip
    if done != height:
        raise PictureError(f"{done} rows came of the {height} promised")


def _fitted(strip: Values, alpha: bool, plan: Fit) -> Values:
    if alpha and not plan.alpha:
        strip = on_white(strip)
    return to_eight_bits(strip) if plan.bit_depth == 8 else strip
