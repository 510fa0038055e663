"""How results are written: whole, or in bands where they are too large to hold."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from img2img import images
from img2img.credentials.identity import Identity
from img2img.credentials.sign import ENDING, Making, has_credentials, sign
from img2img.images import Picture
from img2img.images.label import Label
from img2img.inference.pipeline import Pipeline, Stream
from img2img.inference.runtime import Result
from img2img.options import Options

AnyPipeline = Pipeline[Any]
Strip = np.ndarray[Any, Any]


@dataclass(frozen=True)
class WriteOptions:
    """How files are read and written.

    ``label``: whether files say that a model made them; ``credentials``: who signs that. ``overwrite`` allows replacing inputs and files
    that are not of our making; results of more than ``streamed`` pixels are written in bands as they are computed.
    """

    quality: int | None = None
    strip_metadata: bool = False
    label: bool = True
    credentials: Identity | None = None
    max_pixels: int = images.DEFAULT_MAX_PIXELS
    overwrite: bool = False
    streamed: int = 40_000_000


def label_of(pipeline: AnyPipeline, options: Options, made: Result | Stream, write: WriteOptions) -> Label | None:
    """What the file of a result says of how it was made; None where that is not wanted, or no network changed anything."""
    return pipeline.label_for(options) if write.label and made.touched else None


def signed(
    path: Path,
    format: str,
    source: Path | None,
    source_format: str,
    pipeline: AnyPipeline,
    options: Options,
    identity: Identity | None,
    *,
    touched: bool,
) -> list[str]:
    """Sign the finished file at ``path`` if there is an ``identity``; notes about what cannot be signed, or what is lost without.

    ``touched``: whether a network changed anything.

    Raises:
        Img2ImgError: it cannot be signed.
    """
    if identity is None:
        return [ENDING] if source is not None and has_credentials(source) else []
    about = {"model": pipeline.model.info.name, "model_sha256": pipeline.weights_hash, "options": options.stated()}
    note = sign(path, format, source, source_format, Making(pipeline.label_for(options) if touched else None, about), identity)
    return [note] if note else []


def one_ahead(bands: Iterator[Strip]) -> Iterator[Strip]:
    """``bands`` for a writer, one computed while the one before is encoded."""
    with ThreadPoolExecutor(1) as one:
        following = one.submit(next, bands, None)
        while (band := following.result()) is not None:
            following = one.submit(next, bands, None)
            yield band


def goes_in_bands(pipeline: AnyPipeline, picture: Picture, options: Options, size: tuple[int, int], write: WriteOptions) -> bool:
    """Whether the result of ``picture``, of ``size`` (width, height), is to be written in bands as it is computed."""
    outline = pipeline.outline(picture, options)
    plain = outline.channels in (1, 3) and outline.bit_depth != 32 and outline.palette is None
    return plain and len(picture.frames) == 1 and size[0] * size[1] > write.streamed


def write_bands(
    picture: Picture,
    target: Any,
    size: tuple[int, int],
    bands: Iterator[Strip],
    options: WriteOptions,
    format: str | None = None,
    label: Label | None = None,
) -> list[str]:
    """Write ``bands`` of ``size`` (width, height) with the depth and metadata of ``picture``; notes as ``images.write_rows``."""
    return images.write_rows(
        target,
        width=size[0],
        height=size[1],
        channels=picture.channels,
        alpha=picture.alpha is not None,
        bit_depth=picture.bit_depth,
        metadata=picture.metadata,
        rows=bands,
        format=format,
        quality=options.quality,
        strip_metadata=options.strip_metadata,
        label=label,
    )
