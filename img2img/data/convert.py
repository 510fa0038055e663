"""Pairs from one layout to another, without a loss."""

import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch

from img2img import images
from img2img.data.splits import DataLayout, Split
from img2img.errors import DataError
from img2img.files import atomic_path
from img2img.images import Frame, Picture
from img2img.images.profiles import in_srgb

TargetName = Literal["side-by-side", "folders"]


@dataclass(frozen=True)
class Converted:
    """How many pairs there are now, how many files were written for them, and how many were there already, identical."""

    pairs: int
    written: int
    kept: int


@dataclass(frozen=True)
class Piece:
    """One file to be: its path below the output folder, the files it comes from, and what makes its bytes of them."""

    target: Path
    sources: tuple[Path, ...]
    make: Callable[[], bytes]


def convert(layout: DataLayout, out: Path, to: TargetName, track: Callable[[list[Any]], Iterable[Any]] = iter) -> Converted:
    """Write the pairs of ``layout`` into the folder ``out``: as ``train/x.png`` that holds A|B, or as ``A/train/x`` and ``B/train/x``.

    Every pixel keeps its value. Files are copied byte by byte where pairs in two files stay in two files, or side by side stays
    side by side; joined and cut pictures are written as PNG, with 16 bits where they had 16, as JPEG would lose again. Of a gray
    and an RGB half, the gray one becomes three equal planes, and stays so when they are cut. A palette becomes its colors when
    a picture is joined or cut. Profile and metadata are those of A if both profiles are equal, and are left out if not.

    A kill leaves no half file; the same command again writes what is missing.

    Raises:
        DataError: not pairs; halves that differ in size, depth or transparency, or have several frames; two pictures of one name;
            ``out`` holds other files, or lies in the data folder.
        PictureError: a file cannot be read.
    """
    if layout.kind != "paired":
        raise DataError(f"{str(layout.root)!r} holds no pairs but {layout.describe()}; only pairs can be converted")
    if out.resolve().is_relative_to(layout.root.resolve()):
        raise DataError(f"{str(out)!r} lies in the data folder {str(layout.root)!r}; choose a folder outside it")
    pieces = [piece for split in layout.splits for piece in _pieces(layout, split, to)]
    _refuse_twins(pieces)
    if to == "side-by-side":
        _refuse_other_sizes(pieces)
    there = _files_in(out, pieces)
    missing = [piece for piece in pieces if piece.target not in there]
    for piece in pieces:
        if piece.target in there and (out / piece.target).read_bytes() != piece.make():
            raise DataError(f"{str(out / piece.target)!r} exists and is not what it would become; choose an empty folder")
    for piece in track(missing):
        with atomic_path(out / piece.target) as temporary:
            temporary.write_bytes(piece.make())
    return Converted(sum(len(split.a) for split in layout.splits), len(missing), len(pieces) - len(missing))


def _pieces(layout: DataLayout, split: Split, to: TargetName) -> Iterator[Piece]:
    joined = layout.name == "side-by-side"
    for number, a in enumerate(split.a):
        key = _key(layout, split, a)
        if to == "side-by-side":
            folder = Path(split.name)
            if joined:
                yield Piece(folder / f"{key}{a.suffix}", (a,), a.read_bytes)
            else:
                yield Piece(folder / f"{key}.png", (a, split.b[number]), partial(_join, a, split.b[number]))
        else:
            for side, name in enumerate(layout.sides):
                folder = Path(name, split.name)
                if joined:
                    yield Piece(folder / f"{key}.png", (a,), partial(_half, a, side))
                else:
                    source = (a, split.b[number])[side]
                    yield Piece(folder / f"{key}{source.suffix}", (source,), source.read_bytes)


def _key(layout: DataLayout, split: Split, path: Path) -> str:
    """The path of ``path`` below the folder of its split and side, without its suffix: what the files of a pair share."""
    parts = path.relative_to(layout.root).parts
    depth = {"side-by-side": 1, "suffixed": 1, "nested": 2, "folders": 2}[layout.name]
    if layout.name == "folders" and parts[1].lower() not in ("train", "val", "valid", "validation", "test"):
        depth = 1  # A/ and B/ without splits
    if layout.name == "side-by-side" and len(parts) == 1:
        depth = 0
    return Path(*parts[depth:]).with_suffix("").as_posix()


def _refuse_twins(pieces: list[Piece]) -> None:
    seen: dict[Path, Piece] = {}
    for piece in pieces:
        if seen.setdefault(piece.target, piece) is not piece:
            first, second = seen[piece.target].sources[0], piece.sources[0]
            raise DataError(f"{str(first)!r} and {str(second)!r} would both become {str(piece.target)!r}; rename one")


def _refuse_other_sizes(pieces: list[Piece]) -> None:
    """Refuse pairs whose halves differ in size before anything is written; a header tells it."""
    unequal = []
    for piece in pieces:
        sizes = [f"{probe.width}x{probe.height}" for probe in map(images.probe, piece.sources)]
        if len(set(sizes)) > 1:
            unequal.append(" and ".join(f"{str(path)!r} ({size})" for path, size in zip(piece.sources, sizes, strict=True)))
    if unequal:
        more = f"; and {len(unequal) - 5} more pairs" if len(unequal) > 5 else ""
        raise DataError(f"pairs side by side must have one size; these have two: {'; '.join(unequal[:5])}{more}")


def _files_in(out: Path, pieces: list[Piece]) -> set[Path]:
    """The files in ``out``, if it may be written to: all are among ``pieces``, apart from what a killed run left half written."""
    if out.exists() and not out.is_dir():
        raise DataError(f"{str(out)!r} is not a folder")
    there = {path.relative_to(out) for path in out.rglob("*") if not path.is_dir() and not path.name.startswith(".img2img-")}
    strangers = sorted(there - {piece.target for piece in pieces})
    if strangers:
        raise DataError(f"{str(out)!r} holds other files, such as {str(strangers[0])!r}; choose a new or empty folder")
    return there


def _join(a: Path, b: Path) -> bytes:
    """The PNG of A on the left and B on the right."""
    one, other = _still(a), _still(b)
    for what, left, right in (
        ("bit depth", f"{one.bit_depth}", f"{other.bit_depth}"),
        ("transparency", "none" if one.alpha is None else "some", "none" if other.alpha is None else "some"),
    ):
        if left != right:
            raise DataError(f"{str(a)!r} and {str(b)!r} differ in {what} ({left} and {right}); pairs side by side must have the same")
    if one.metadata.icc != other.metadata.icc:
        one, other = (replace(in_srgb(each), metadata=images.Metadata()) for each in (one, other))
    channels = max(one.channels, other.channels)
    pixels = torch.cat([each.pixels.expand(channels, -1, -1) for each in (one, other)], dim=2)
    alpha = torch.cat([one.alpha, other.alpha], dim=2) if one.alpha is not None and other.alpha is not None else None
    return _png(replace(one, frames=(Frame(pixels, alpha),)))


def _half(path: Path, side: int) -> bytes:
    """The PNG of the left (0) or right (1) half."""
    picture = _still(path)
    if picture.width % 2:
        raise DataError(f"{str(path)!r} is {picture.width} pixels wide, which two halves cannot be")
    half = picture.width // 2
    columns = slice(side * half, (side + 1) * half)
    alpha = picture.alpha[:, :, columns] if picture.alpha is not None else None
    return _png(replace(picture, frames=(Frame(picture.pixels[:, :, columns], alpha),)))


def _still(path: Path) -> Picture:
    picture = images.read(path)
    if len(picture.frames) > 1:
        raise DataError(f"{str(path)!r} has {len(picture.frames)} frames; pairs are made of single pictures")
    return picture


def _png(picture: Picture) -> bytes:
    stream = io.BytesIO()
    images.write(picture, stream, format="PNG")
    return stream.getvalue()
