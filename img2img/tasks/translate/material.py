"""What a translator is trained on: the samples, the validation, and what both sides' pictures are."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
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
MOST_LABELS = 64
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
    sides: dict[str, tuple[PictureSet, PictureSet]] = {}
    palettes: dict[str, Palette] = {}
    for name, other in (("a", "b"), ("b", "a")):
        side = name if config.direction == "a2b" else other
        files, tested_files = (_files(layout, split, side) for split in (train, checks))
        palettes[name] = palette = () if layout.name == "side-by-side" else find_palette(data, files + tested_files, config, name)
        decode = decode_labels(palette) if palette else _decoder(layout, files, side)
        decode = _shrinking(decode, config, labels=bool(palette))
        sides[name] = (
            PictureSet(files, cache / f"train.{side}.pixels", smallest=config.data.size, decode=decode),
            PictureSet(tested_files, cache / f"validation.{side}.pixels", decode=decode),
        )
    labels = next((name for name, palette in palettes.items() if palette), None)
    if all(palettes.values()):
        raise DataError(f"both sides of {str(data)!r} are label maps, and one can be; --set data.labels=no takes them as pictures")
    ranges = _range(sides["a"][0]), _range(sides["b"][0])
    a, b = (
        _side(sides[name][0], which).model_copy(update={"palette": palettes[name]}) for name, which in zip(("a", "b"), ranges, strict=True)
    )
    seed, size, multiple = config.training.seed, config.data.size, multiple_of(config)
    samples = PairPatches(sides["a"][0], sides["b"][0], size, config.data.augment, seed, labels=labels, ranges=ranges)
    tested = PairCrops(sides["a"][1], sides["b"][1], config.data.validation_side, multiple, labels=labels, ranges=ranges)
    kinds = f"; {labels.upper()} is a label map of {len(palettes[labels])} levels" if labels else ""
    return Material(samples, tested, a, b, (), layout.describe() + kinds, _record(sides["a"][0], sides["a"][1], layout))


def _two_sets(data: Path, config: TranslateConfig, cache: Path, validation: Path | None, most: int | None) -> Material:
    layout = find_layout(data, config.data.layout)
    if layout.kind == "single":
        raise DataError(f"{str(data)!r} holds {layout.describe()}; two sets are wanted: trainA/ and trainB/")
    train, checks = _splits(layout, config, validation)
    sides: list[tuple[PictureSet, PictureSet]] = []
    for name in ("a", "b") if config.direction == "a2b" else ("b", "a"):
        decode = _shrinking(_decoder(layout, _files(layout, train, name), name), config)
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


def _decoder(layout: DataLayout, files: Sequence[Path], side: str) -> Decoder:
    """How the files of one side are read: as bands where they are grey or no photographs of 8 bits, or as photographs."""
    found = [images.probe(path) for path in spread(files, PROBED)]
    plain = all(probe.bands <= 4 and probe.bit_depth == 8 for probe in found)
    grey = all(probe.mode in ("1", "L", "LA") for probe in found)
    decode = decode_photo if plain and not grey else decode_bands
    if layout.name == "side-by-side":
        return decode_half(decode, "left" if side == "a" else "right")
    return decode


def _shrinking(decode: Decoder, config: TranslateConfig, *, labels: bool = False) -> Decoder:
    return decode_shrunk(decode, config.data.load, labels=labels) if config.data.load else decode


def find_palette(data: Path, files: Sequence[Path], config: TranslateConfig, side: str) -> Palette:
    """The palette of ``files`` where they are label maps; else ().

    They are if all have palettes with at most ``MOST_LABELS`` colours in use, or if all are grey and the folder has a ``PALETTE.tsv``;
    or, of side B, because the configuration says so.
    """
    modes = {images.probe(path).mode for path in spread(files, PROBED)}
    file = data / PALETTE_FILE
    told = config.data.labels == "yes" and side == "b"
    if config.data.labels == "no" or not (told or modes == {"P"} or (file.is_file() and modes <= {"1", "L"})):
        return ()
    if file.is_file():
        return read_palette(file)
    if not modes <= {"P", "1", "L"}:
        return images.collect_palette(files)
    palette = images.read_labels(files[0]).palette
    used = {int(level) for path in spread(files, PROBED) for level in np.unique(images.read_labels(path, palette).indices)}
    if len(used) > MOST_LABELS and not told:
        return ()
    return palette[: max(used) + 1]


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
