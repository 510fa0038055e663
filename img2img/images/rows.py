"""Writing row by row: pictures larger than memory."""

import tempfile
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
import pyvips

from img2img.errors import PictureError
from img2img.images.encode import encode, encode_vips, write_ppm_header, write_ppm_rows
from img2img.images.fit import Fit, fit, on_white, to_eight_bits
from img2img.images.picture import BitDepth, Metadata
from img2img.images.write import Target, check_quality, encoding, format_of

Values = np.ndarray[Any, Any]


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
) -> list[str]:
    """Write strips, top to bottom, to ``target`` as they come, and return notes as ``write`` does.

    PNG, JPEG, TIFF and PPM need memory for some strips only, and room on the disk for the raw pixels while they are written
    (beside the target); the encoders of the other formats want the whole picture, which is then gathered as integers.

    Args:
        channels: 1 or 3; with ``alpha`` the strips have one plane more, the last.
        rows: (h, width, channels [+ 1]) uint8 for ``bit_depth`` 8, uint16 for 16; any h; ``height`` rows together.

    Raises:
        PictureError: as ``write`` does, and for strips that do not add up to the size. What ``rows`` itself raises of the
            package's errors passes through; the target is not touched.
    """
    entry = format_of(target, format)
    check_quality(quality)
    plan = fit(
        entry, [(width, height)], channels=channels, alpha=alpha, bit_depth=bit_depth, metadata=metadata, strip_metadata=strip_metadata
    )
    strips = _checked(rows, width, height, channels + alpha, np.uint8 if bit_depth == 8 else np.uint16)
    fitted = (_fitted(strip, alpha, plan) for strip in strips)
    with encoding(target) as path:
        if entry.name == "PPM":
            with open(path, "wb") as file:
                for number, strip in enumerate(fitted):
                    if number == 0:
                        write_ppm_header(file, strip, height)
                    write_ppm_rows(file, strip)
        elif entry.name in ("PNG", "JPEG", "TIFF"):
            with tempfile.NamedTemporaryFile(prefix=".img2img-", suffix=".raw", dir=path.parent) as spool:
                _spool(fitted, spool)  # type: ignore[arg-type]
                bands, kind = channels + plan.alpha, "uchar" if plan.bit_depth == 8 else "ushort"
                image = pyvips.Image.rawload(spool.name, width, height, bands, format=kind, access="sequential")
                encode_vips(image, path, plan, quality, page_height=height)
        else:
            encode([np.concatenate(list(fitted))], [None], path, plan, quality)
    return plan.notes


def _spool(strips: Iterator[Values], spool: BinaryIO) -> None:
    for strip in strips:
        spool.write(np.ascontiguousarray(strip).data)
    spool.flush()


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
