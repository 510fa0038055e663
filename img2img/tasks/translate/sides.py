"""Which files of two sides a translator is trained on, and which it is validated on."""

from dataclasses import replace
from pathlib import Path

from img2img.data.held_out import hold_out
from img2img.data.held_out_list import hold_out_for_good
from img2img.data.sources import find_layouts
from img2img.data.splits import DataLayout, HoldOutBy, Split
from img2img.errors import DataError, option
from img2img.tasks.translate.config import TranslateConfig

LEAST_OF_KIND = 2  # validation pictures where sets are compared: a distance between sets needs two


def check_counts(layout: DataLayout, side: str, pictures: int, checks: int) -> None:
    """Raise DataError for a side that has too few pictures to train or to validate on."""
    named = f"side {layout.sides['ab'.index(side)]} of {str(layout.root)!r}"
    if not pictures:
        raise DataError(f"{named} has no picture to train on: add some, or take a preset for single pictures, restore or colorize")
    if checks < LEAST_OF_KIND:
        raise DataError(
            f"{named} has {checks} picture{'s' * (checks != 1)} to validate on, and sets are compared of {LEAST_OF_KIND} at least: add more"
        )


def training_and_validation(layout: DataLayout, config: TranslateConfig, validation: Path | None, run: Path) -> tuple[Split, Split]:
    """(training split, validation split): the latter from the folder ``validation``, the val or test split, or every tenth item or group.

    ``run`` remembers those, so that they stay the same.
    """
    train, by = layout.split("train"), config.data.validation_by
    if validation is not None:
        other = find_layouts(validation, config.data.layout)
        if other.name != layout.name:
            raise DataError(
                f"{option('val')} {str(validation)!r} is laid out as {other.name!r}, {option('data')} as {layout.name!r}; "
                "both must have the same layout"
            )
        return _without(layout, train, other.splits[0], by), other.splits[0]
    for split in layout.splits:
        if split.name in ("val", "test"):
            return _without(layout, train, split, by), split
    if layout.kind == "paired" and train.b:
        kept, held_out = hold_out_for_good(list(zip(train.a, train.b, strict=True)), run, by=by, name="pairs")
        return _of_pairs("train", kept), _of_pairs("val", held_out)
    least = LEAST_OF_KIND if layout.kind == "unpaired" else 1
    parts = []
    for name, side in zip(layout.sides, (train.a, train.b), strict=True):
        try:
            parts.append(hold_out_for_good(side, run, least=least, by=by, name=name) if side else ([], []))
        except DataError as error:
            raise DataError(f"side {name} of {str(layout.root)!r}: {error}") from error
    return Split("train", *(tuple(part[0]) for part in parts)), Split("val", *(tuple(part[1]) for part in parts))


def _without(layout: DataLayout, train: Split, held_out: Split, by: HoldOutBy) -> Split:
    """``train`` without what is in ``held_out``; errors as ``hold_out``."""
    if layout.kind == "paired" and train.b:
        pairs, others = (list(zip(split.a, split.b, strict=True)) for split in (train, held_out))
        return _of_pairs("train", hold_out(pairs, others, by=by)[0])
    a, b = (tuple(hold_out(side, other, by=by)[0] if other else side) for side, other in ((train.a, held_out.a), (train.b, held_out.b)))
    return Split("train", a, b)


def _of_pairs(name: str, pairs: list[tuple[Path, Path]]) -> Split:
    a, b = zip(*pairs, strict=True)
    return Split(name, a, b)


def first_of(split: Split, most: int | None) -> Split:
    """``split`` with ``most`` pictures or pairs, the first ones; None: all."""
    return replace(split, a=split.a[:most], b=split.b[:most])


def files_of(layout: DataLayout, split: Split, side: str) -> list[Path]:
    """The files of ``split`` that hold side "a" or "b": side by side, both are in one file."""
    return list(split.a if side == "a" or layout.name == "side-by-side" else split.b)
