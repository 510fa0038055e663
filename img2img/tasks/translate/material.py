"""What a translator is trained on: the samples, the validation, and what both sides' pictures are."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch.utils.data import Dataset

from img2img import images, networks
from img2img.data.layouts import find_layout
from img2img.data.normalise import Normalisation, measure
from img2img.data.pairs import PairCrops, PairPatches, SingleCrops, SinglePatches, UnpairedCrops, UnpairedPatches
from img2img.data.pictures import (
    Decoder,
    PictureSet,
    decode_bands,
    decode_half,
    decode_labels,
    decode_photo,
    decode_shrunk,
    find_pictures,
    to_tensor,
)
from img2img.data.restoration import RestorationCrops, RestorationPatches
from img2img.data.splits import DataLayout, Split, hold_out, spread
from img2img.errors import DataError
from img2img.images import Palette
from img2img.tasks.translate.config import TranslateConfig
from img2img.training.objective import Batch
from img2img.weights import Side

PALETTE_FILE = "PALETTE.tsv"
PROBED = 256  # files of a side whose headers are read to tell what they are
HOW_PAIRS_LIE = "A/ and B/, train_A/ and train_B/, or A|B side by side in train/"


@dataclass(frozen=True)
class Material:
    """Samples {"a", "b"} (or {"b"} of colorize; "label" and "target" of multi-domain), a validation set of the same kind, what they hold.

    Attributes:
        a, b: what the two sides' pictures are, after ``direction`` was applied: A is what goes in.
        classes: the domains of multi-domain, in the order of their labels; else empty.
        described: the data in one line.
        record: what the run's report and the model file say of the data.
    """

    samples: Dataset[Batch]
    checks: Dataset[Batch]
    a: Side
    b: Side
    classes: tuple[str, ...]
    described: str
    record: dict[str, Any]


def prepare(data: Path, config: TranslateConfig, cache: Path, *, validation: Path | None = None, most: int | None = None) -> Material:
    """The material in the folder ``data`` for the method of ``config``, decoded into ``cache``.

    Args:
        validation: a folder like ``data`` whose training split is validated on; by default the data's val or test split, or a tenth.
        most: so many pictures at most, for a rehearsal.

    Raises:
        DataError: no pictures, another layout than the method needs, pictures that cannot be read or that are too small.
    """
    match config.method:
        case "restore" | "colorize":
            return _photographs(data, config, cache, validation, most)
        case "paired":
            return _pairs(data, config, cache, validation, most)
        case _:
            return _two_sets(data, config, cache, validation, most)


def multiple_of(config: TranslateConfig) -> int:
    """What the sides of pictures must be multiples of for the network of ``config``."""
    with torch.device("meta"):
        return int(getattr(networks.build(config.network), "multiple", 1))


def _photographs(data: Path, config: TranslateConfig, cache: Path, validation: Path | None, most: int | None) -> Material:
    decode = _shrinking(decode_photo, config)
    paths, held_out = hold_out(find_pictures(data), find_pictures(validation) if validation else [])
    pictures = PictureSet(paths[:most], cache / "train.pixels", smallest=config.data.size, decode=decode)
    checks = PictureSet(held_out[:most], cache / "validation.pixels", smallest=32, decode=decode)
    seed, size, side, multiple = config.training.seed, config.data.size, config.data.validation_side, multiple_of(config)
    samples: Dataset[Batch]
    tested: Dataset[Batch]
    if config.method == "restore":
        samples = RestorationPatches(pictures, size, config.data.damage, seed)
        tested = RestorationCrops(checks, side, multiple, config.data.damage, seed)
    else:
        samples, tested = SinglePatches(pictures, size, config.data.augment, seed), SingleCrops(checks, side, 8)
    a = Side(channels=1 if config.method == "colorize" else 3)
    described = f"{len(pictures)} photographs; {len(checks)} held out"
    return Material(samples, tested, a, Side(), (), described, _record(pictures, checks))


def _pairs(data: Path, config: TranslateConfig, cache: Path, validation: Path | None, most: int | None) -> Material:
    layout = find_layout(data, config.data.layout)
    if layout.kind != "paired":
        raise DataError(
            f"{str(data)!r} holds {layout.describe()}, no pairs; {HOW_PAIRS_LIE} are wanted, or the presets cyclegan, cut, unit, munit"
        )
    train, checks = _splits(layout, config, validation)
    train, checks = _first(train, most), _first(checks, most)
    palette = _palette(data, layout, train, config)
    sides: dict[str, tuple[PictureSet, PictureSet]] = {}
    for name in ("a", "b"):
        labels = palette if name == ("b" if config.direction == "a2b" else "a") else None
        decode = _shrinking(_decoder(layout, train, name, labels), config, labels=labels is not None)
        one, other = (_files(layout, split, name) for split in (train, checks))
        sides[name] = (
            PictureSet(one, cache / f"train.{name}.pixels", smallest=config.data.size, decode=decode),
            PictureSet(other, cache / f"validation.{name}.pixels", decode=decode),
        )
    if config.direction == "b2a":
        sides = {"a": sides["b"], "b": sides["a"]}
    ranges = _range(sides["a"][0]), _range(sides["b"][0])
    a, b = (_side(sides[name][0], which) for name, which in zip(("a", "b"), ranges, strict=True))
    b = b.model_copy(update={"palette": palette})
    samples = PairPatches(
        sides["a"][0], sides["b"][0], config.data.size, config.data.augment, config.training.seed, labels=bool(palette), ranges=ranges
    )
    tested = PairCrops(sides["a"][1], sides["b"][1], config.data.validation_side, multiple_of(config), labels=bool(palette), ranges=ranges)
    kinds = f"; B is a label map of {len(palette)} levels" if palette else ""
    return Material(samples, tested, a, b, (), layout.describe() + kinds, _record(sides["a"][0], sides["a"][1], layout))


def _two_sets(data: Path, config: TranslateConfig, cache: Path, validation: Path | None, most: int | None) -> Material:
    layout = find_layout(data, config.data.layout)
    if layout.kind == "single":
        raise DataError(f"{str(data)!r} holds {layout.describe()}; two sets are wanted: trainA/ and trainB/")
    train, checks = _splits(layout, config, validation)
    sides: list[tuple[PictureSet, PictureSet]] = []
    for name in ("a", "b") if config.direction == "a2b" else ("b", "a"):
        decode = _shrinking(_decoder(layout, train, name, None), config)
        one, other = (_files(layout, split, name)[:most] for split in (train, checks))
        sides.append(
            (
                PictureSet(one, cache / f"train.{name}.pixels", smallest=config.data.size, decode=decode),
                PictureSet(other, cache / f"validation.{name}.pixels", decode=decode),
            )
        )
    (a, check_a), (b, check_b) = sides
    ranges = _range(a), _range(b)
    samples = UnpairedPatches(a, b, config.data.size, config.data.augment, config.training.seed, ranges=ranges)
    tested = UnpairedCrops(check_a, check_b, config.data.validation_side, multiple_of(config), ranges=ranges)
    return Material(samples, tested, _side(a, ranges[0]), _side(b, ranges[1]), (), layout.describe(), _record(a, check_a, layout))


def _splits(layout: DataLayout, config: TranslateConfig, validation: Path | None) -> tuple[Split, Split]:
    """(what is trained on, what is validated on): of a folder for validation, of the val or test split, or every tenth."""
    train = layout.split("train")
    if validation is not None:
        other = find_layout(validation, config.data.layout)
        if other.name != layout.name:
            raise DataError(f"--val {str(validation)!r} is laid out as {other.name!r}, --data as {layout.name!r}; both must be alike")
        return train, other.splits[0]
    for split in layout.splits:
        if split.name in ("val", "test"):
            return train, split
    if layout.kind == "paired" and train.b:
        kept, held_out = hold_out(list(zip(train.a, train.b, strict=True)))
        (kept_a, kept_b), (held_a, held_b) = zip(*kept, strict=True), zip(*held_out, strict=True)
        return Split("train", kept_a, kept_b), Split("val", held_a, held_b)
    parts = [hold_out(side) if side else ([], []) for side in (train.a, train.b)]
    return Split("train", *(tuple(part[0]) for part in parts)), Split("val", *(tuple(part[1]) for part in parts))


def _first(split: Split, most: int | None) -> Split:
    return replace(split, a=split.a[:most], b=split.b[:most])


def _files(layout: DataLayout, split: Split, side: str) -> list[Path]:
    return list(split.a if side == "a" or layout.name == "side-by-side" else split.b)


def _decoder(layout: DataLayout, split: Split, side: Literal["a", "b"] | str, labels: Palette | None) -> Decoder:
    """How the files of one side are read: as labels, as bands where they are not photographs, as grey, or as photographs."""
    if labels is not None:
        decode = decode_labels(labels)
    else:
        found = [images.probe(path) for path in spread(_files(layout, split, side), PROBED)]
        plain = all(probe.bands <= 4 and probe.bit_depth == 8 for probe in found)
        grey = all(probe.mode in ("1", "L", "I;16", "LA") for probe in found)
        decode = decode_photo if plain and not grey else decode_bands
    if layout.name == "side-by-side":
        return decode_half(decode, "left" if side == "a" else "right")
    return decode


def _shrinking(decode: Decoder, config: TranslateConfig, *, labels: bool = False) -> Decoder:
    return decode_shrunk(decode, config.data.load, labels=labels) if config.data.load else decode


def _palette(data: Path, layout: DataLayout, train: Split, config: TranslateConfig) -> Palette:
    """The palette of the side that is learnt to be made, where it is a label map; else ()."""
    side = "b" if config.direction == "a2b" else "a"
    files = _files(layout, train, side)
    file = data / PALETTE_FILE
    if config.data.labels == "no" or layout.name == "side-by-side":
        return ()
    grey = {images.probe(path).mode for path in spread(files, PROBED)} <= {"1", "L"}
    palettes = {images.probe(path).mode for path in spread(files, PROBED)} == {"P"}
    if config.data.labels == "auto" and not palettes and not (file.is_file() and grey):
        return ()
    if file.is_file():
        return read_palette(file)
    return images.read_labels(files[0]).palette if grey or palettes else images.collect_palette(files)


def read_palette(file: Path) -> Palette:
    """The colours in a table of tab-separated values with the columns index, r, g and b, in the order of the index.

    Raises:
        DataError: other columns, or indices that are not 0, 1, 2, ...
    """
    try:
        with open(file, newline="", encoding="utf-8") as lines:
            rows = {int(row["index"]): (int(row["r"]), int(row["g"]), int(row["b"])) for row in csv.DictReader(lines, delimiter="\t")}
        return tuple(rows[index] for index in range(len(rows)))
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{str(file)!r} is not a palette: a table of tab-separated values with the columns index (0, 1, ...), r, g, b"
        ) from error


def _range(pictures: PictureSet) -> Normalisation:
    """What brings the pictures of a side to [0, 1]: nothing to do for integers; the range of float bands is measured over all of them."""
    if pictures.entries[0].dtype != "float32":
        return Normalisation()
    return measure((to_tensor(pictures.pixels(index)) for index in range(len(pictures))), "normalise")


def _side(pictures: PictureSet, normalisation: Normalisation) -> Side:
    return Side(channels=pictures.channels, offset=normalisation.offset, scale=normalisation.scale)


def _record(pictures: PictureSet, checks: Sequence[Any] | PictureSet, layout: DataLayout | None = None) -> dict[str, Any]:
    record: dict[str, Any] = {"pictures": len(pictures), "fingerprint": pictures.fingerprint(), "validation": len(checks)}
    return record if layout is None else {"layout": layout.describe(), **record}
