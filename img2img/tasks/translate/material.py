"""What a translator is trained on: the samples, the validation, and what both sides' pictures are."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch.utils.data import Dataset

from img2img import networks
from img2img.data.classes import ClassFolders, find_classes
from img2img.data.domains import DomainCrops, DomainPatches
from img2img.data.pictures import PictureSet, find_pictures
from img2img.data.restoration import RestorationCrops, RestorationPatches
from img2img.data.splits import hold_out
from img2img.errors import DataError
from img2img.tasks.translate.config import TranslateConfig
from img2img.training.objective import Batch
from img2img.weights import Side

LEAST_OF_CLASS = 2  # validation pictures: a distance between sets needs two


@dataclass(frozen=True)
class Material:
    """Samples {"a", "b"} (and "label" and "target" of multi-domain), a validation set of the same kind, and what they hold.

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
    if config.method == "multi-domain":
        return _domains(data, config, cache, validation, most)
    return _restore(data, config, cache, validation, most)


def _restore(data: Path, config: TranslateConfig, cache: Path, validation: Path | None, most: int | None) -> Material:
    pictures, checks = _photographs(data, config, cache, validation, most)
    seed, size, damage = config.training.seed, config.data.size, config.data.damage
    multiple = int(getattr(networks.build(config.network), "multiple", 1))
    return Material(
        RestorationPatches(pictures, size, damage, seed),
        RestorationCrops(checks, config.data.validation_side, multiple, damage, seed),
        Side(),
        Side(),
        (),
        f"{len(pictures)} photographs; {len(checks)} held out",
        {"pictures": len(pictures), "fingerprint": pictures.fingerprint(), "validation": len(checks)},
    )


def _domains(data: Path, config: TranslateConfig, cache: Path, validation: Path | None, most: int | None) -> Material:
    found, side = find_classes(data), config.data
    watched = _watched(found, find_classes(validation) if validation else None)
    pictures: list[PictureSet] = []
    checks: list[PictureSet] = []
    for number, (name, paths) in enumerate(zip(found.classes, found.splits["train"], strict=True)):
        try:
            kept, held_out = hold_out(paths, watched[number] if watched else (), least=LEAST_OF_CLASS)
        except DataError as error:
            raise DataError(f"class {name!r}: {error}") from error
        pictures.append(PictureSet(kept[:most], cache / f"train-{number}.pixels", smallest=side.size))
        checks.append(PictureSet(held_out[:most], cache / f"validation-{number}.pixels", smallest=32))
    multiple = int(getattr(networks.build({**config.network, "style_dim": len(found.classes)}), "multiple", 1))
    return Material(
        DomainPatches(pictures, side.size, side.load, side.augment, config.training.seed),
        DomainCrops(checks, side.validation_side, side.load, multiple),
        Side(),
        Side(),
        found.classes,
        f"{found.describe()}; {sum(map(len, checks))} held out",
        {
            "classes": {name: len(each) for name, each in zip(found.classes, pictures, strict=True)},
            "fingerprint": [each.fingerprint() for each in pictures],
            "validation": sum(map(len, checks)),
        },
    )


def _watched(found: ClassFolders, validation: ClassFolders | None) -> tuple[tuple[Path, ...], ...]:
    """The validation pictures of each class; () where training pictures are to be held out."""
    if validation and validation.classes != found.classes:
        raise DataError(f"--val has the classes {', '.join(validation.classes)}; the data have {', '.join(found.classes)}")
    watched = validation.splits["train"] if validation else found.splits.get("val") or found.splits.get("test") or ()
    for name, paths in zip(found.classes, watched, strict=False):
        if len(paths) < LEAST_OF_CLASS:
            raise DataError(f"class {name!r} has {len(paths)} picture to validate on, and {LEAST_OF_CLASS} are needed: add some")
    return watched


def _photographs(
    data: Path, config: TranslateConfig, cache: Path, validation: Path | None, most: int | None
) -> tuple[PictureSet, PictureSet]:
    paths, held_out = hold_out(find_pictures(data), find_pictures(validation) if validation else [])
    pictures = PictureSet(paths[:most], cache / "train.pixels", smallest=config.data.size)
    return pictures, PictureSet(held_out[:most], cache / "validation.pixels", smallest=32)
