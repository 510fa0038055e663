"""What a translator is trained on: samples, a validation set, and the specs of both sides' pictures."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch.utils.data import Dataset

from img2img.data.classes import ClassFolders
from img2img.data.held_out_list import hold_out_for_good
from img2img.data.pairs import LabelSide, PairCrops, PairPatches, SingleCrops, SinglePatches, UnpairedCrops, UnpairedPatches
from img2img.data.pictures import PictureSet, decode_labels, decode_photo
from img2img.data.sources import Sources, find_class_folders, find_layouts, find_pictures, listed, sources_record
from img2img.data.splits import DataLayout
from img2img.errors import DataError, option
from img2img.models import ImageSpec
from img2img.tasks.translate.config import TranslateConfig
from img2img.tasks.translate.domain_data import DomainCrops, DomainPatches
from img2img.tasks.translate.image_specs import decoder_of, image_spec, photograph_decoder, range_of, shrinking
from img2img.tasks.translate.label_maps import LabelMaps, find_labels
from img2img.tasks.translate.restoration import RestorationCrops, RestorationPatches, fitting
from img2img.tasks.translate.sides import LEAST_OF_KIND, check_counts, files_of, first_of, training_and_validation
from img2img.tasks.translate.size_limits import SizeLimits, find_size_limits
from img2img.training.objective import Batch
from img2img.training.setup import data_record, photographs

PAIR_LAYOUTS = "A/ and B/, train_A/ and train_B/, or A|B side by side in train/"


@dataclass(frozen=True)
class Datasets:
    """Samples {"a", "b"} (of colorize {"b"}; of multi-domain {"a", "label", "target"}), a validation set like them, and what they hold.

    Attributes:
        a, b: the specs of input and output pictures, after ``direction`` was applied.
        classes: the domains of multi-domain, in the order of their labels; else empty.
        described: the data in one line.
        record: what the run's report and the model file say of the data.
        pictures: how many are trained on; of two sets the smaller one's.
    """

    samples: Dataset[Batch]
    validation: Dataset[Batch]
    a: ImageSpec
    b: ImageSpec
    classes: tuple[str, ...]
    described: str
    record: dict[str, Any]
    pictures: int = 0


def prepare(data: Sources, config: TranslateConfig, cache: Path, *, validation: Path | None = None, most: int | None = None) -> Datasets:
    """The datasets that the method of ``config`` makes of the folders ``data``, decoded into ``cache``.

    Args:
        validation: a folder like ``data`` whose training split is validated on; by default the data's val or test split, or a tenth.
        most: use so many pictures at most, in a dry run.

    Raises:
        DataError: no pictures, another layout than the method needs, pictures that cannot be read or that are too small.
        ConfigError: samples of sides that the networks cannot take.
    """
    limits = find_size_limits(config)
    match config.method:
        case "restore" | "colorize":
            return _photographs(data, config, limits, cache, validation, most)
        case "paired":
            return _pairs(data, config, limits, cache, validation, most)
        case "multi-domain":
            return _domains(data, config, limits, cache, validation, most)
        case _:
            return _two_sets(data, config, limits, cache, validation, most)


def _photographs(
    data: Sources, config: TranslateConfig, limits: SizeLimits, cache: Path, validation: Path | None, most: int | None
) -> Datasets:
    restore = config.method == "restore"
    decode = shrinking(photograph_decoder(find_pictures(data)) if restore else decode_photo, config)
    sizes = {"smallest": config.data.size, "smallest_validation": limits.least_checked}
    pictures, checks = photographs(data, validation, cache, **sizes, decode=decode, by=config.data.validation_by, most=most)
    seed, size, side, multiple = config.training.seed, config.data.size, config.data.validation_side, limits.multiple
    samples: Dataset[Batch]
    crops: Dataset[Batch]
    if restore:
        damage, used = fitting(config.data.damage, pictures), range_of(pictures, config)
        samples = RestorationPatches(pictures, size, damage, seed, used)
        crops = RestorationCrops(checks, side, multiple, damage, seed, used)
        a = b = image_spec(pictures, used)
    else:
        samples, crops = SinglePatches(pictures, size, config.data.augment, seed), SingleCrops(checks, side, multiple)
        a, b = ImageSpec(channels=1), ImageSpec()
    described = f"{len(pictures)} photographs; {len(checks)} held out"
    return Datasets(samples, crops, a, b, (), described, data_record(data, pictures, checks), len(pictures))


def _pairs(data: Sources, config: TranslateConfig, limits: SizeLimits, cache: Path, validation: Path | None, most: int | None) -> Datasets:
    layout = find_layouts(data, config.data.layout)
    if layout.kind != "paired":
        raise DataError(
            f"{_named(data)} holds {layout.describe()}, not pairs: lay them out as {PAIR_LAYOUTS}, "
            "or use a preset for unpaired data: cyclegan, cut, unit, munit"
        )
    train, checks = training_and_validation(layout, config, validation, cache.parent)
    train, checks = first_of(train, most), first_of(checks, most)
    sets: dict[str, tuple[PictureSet, PictureSet]] = {}
    maps: dict[str, LabelMaps | None] = {}
    for name, other in (("a", "b"), ("b", "a")):
        side = name if config.direction == "a2b" else other
        files, checked_files = (files_of(layout, split, side) for split in (train, checks))
        maps[name] = found = None if layout.name == "side-by-side" else find_labels(data, files + checked_files, config, name)
        decode = decode_labels(found.palette, found.void) if found else decoder_of(layout, files, side)
        decode = shrinking(decode, config, labels=found is not None)
        sets[name] = (
            PictureSet(files, cache / f"train.{side}.pixels", smallest=config.data.size, decode=decode),
            PictureSet(checked_files, cache / f"validation.{side}.pixels", smallest=limits.least_checked, decode=decode),
        )
    labels: LabelSide = "a" if maps["a"] else "b" if maps["b"] else None
    if all(maps.values()):
        raise DataError(f"both sides of {_named(data)} are label maps, and only one can be; --set data.labels=never reads them as pictures")
    ranges = range_of(sets["a"][0], config), range_of(sets["b"][0], config)
    a, b = (
        image_spec(sets[name][0], which).model_copy(update={"palette": found.palette, "void": found.void} if (found := maps[name]) else {})
        for name, which in zip(("a", "b"), ranges, strict=True)
    )
    seed, size, multiple = config.training.seed, config.data.size, limits.multiple
    samples = PairPatches(sets["a"][0], sets["b"][0], size, config.data.augment, seed, labels=labels, ranges=ranges)
    crops = PairCrops(sets["a"][1], sets["b"][1], config.data.validation_side, multiple, labels=labels, ranges=ranges)
    kinds = f"; {labels.upper()} is {maps[labels]}" if labels else ""
    return Datasets(samples, crops, a, b, (), layout.describe() + kinds, _record(data, sets["a"], sets["b"], layout), len(sets["a"][0]))


def _two_sets(
    data: Sources, config: TranslateConfig, limits: SizeLimits, cache: Path, validation: Path | None, most: int | None
) -> Datasets:
    layout = find_layouts(data, config.data.layout)
    if layout.kind == "single":
        raise DataError(f"{_named(data)} holds {layout.describe()}; this preset needs two sets of pictures: trainA/ and trainB/")
    train, checks = training_and_validation(layout, config, validation, cache.parent)
    sets: list[tuple[PictureSet, PictureSet]] = []
    for name in ("a", "b") if config.direction == "a2b" else ("b", "a"):
        one, other = (files_of(layout, split, name)[:most] for split in (train, checks))
        check_counts(layout, name, len(one), len(other))
        decode = shrinking(decoder_of(layout, files_of(layout, train, name), name), config)
        sets.append(
            (
                PictureSet(one, cache / f"train.{name}.pixels", smallest=config.data.size, decode=decode),
                PictureSet(other, cache / f"validation.{name}.pixels", smallest=limits.least_checked, decode=decode),
            )
        )
    (a, check_a), (b, check_b) = sets
    ranges = range_of(a, config), range_of(b, config)
    samples = UnpairedPatches(a, b, config.data.size, config.data.augment, config.training.seed, ranges=ranges)
    crops = UnpairedCrops(check_a, check_b, config.data.validation_side, limits.multiple, ranges=ranges)
    record, count = _record(data, sets[0], sets[1], layout), min(len(a), len(b))
    return Datasets(samples, crops, image_spec(a, ranges[0]), image_spec(b, ranges[1]), (), layout.describe(), record, count)


def _named(data: Sources) -> str:
    return ", ".join(repr(str(each)) for each in listed(data))


def _domains(
    data: Sources, config: TranslateConfig, limits: SizeLimits, cache: Path, validation: Path | None, most: int | None
) -> Datasets:
    found, settings = find_class_folders(data), config.data
    checked = _checked(found, find_class_folders(validation) if validation else None)
    pictures: list[PictureSet] = []
    checks: list[PictureSet] = []
    for number, (name, paths) in enumerate(zip(found.classes, found.splits["train"], strict=True)):
        try:
            given = checked[number] if checked else ()
            kept, held_out = hold_out_for_good(
                paths, cache.parent, validation=given, least=LEAST_OF_KIND, by=settings.validation_by, name=name
            )
        except DataError as error:
            raise DataError(f"class {name!r}: {error}") from error
        decode = shrinking(decode_photo, config)
        pictures.append(PictureSet(kept[:most], cache / f"train-{number}.pixels", smallest=settings.size, decode=decode))
        checks.append(PictureSet(held_out[:most], cache / f"validation-{number}.pixels", smallest=limits.least_checked, decode=decode))
    return Datasets(
        DomainPatches(pictures, settings.size, settings.augment, config.training.seed),
        DomainCrops(checks, settings.validation_side, limits.multiple),
        ImageSpec(),
        ImageSpec(),
        found.classes,
        f"{found.describe()}; {sum(map(len, checks))} held out",
        {
            "classes": {name: len(each) for name, each in zip(found.classes, pictures, strict=True)},
            "fingerprint": [each.fingerprint() for each in pictures],
            "validation": sum(map(len, checks)),
            "sources": sources_record(data, [entry.path for each in pictures for entry in each.entries]),
            "validation_fingerprint": [each.fingerprint() for each in checks],
        },
        sum(map(len, pictures)),
    )


def _checked(found: ClassFolders, validation: ClassFolders | None) -> tuple[tuple[Path, ...], ...]:
    """The validation pictures of each class; () where training pictures are to be held out."""
    if validation and validation.classes != found.classes:
        raise DataError(f"{option('val')} has the classes {', '.join(validation.classes)}; the data have {', '.join(found.classes)}")
    checked = validation.splits["train"] if validation else found.splits.get("val") or found.splits.get("test") or ()
    for name, paths in zip(found.classes, checked, strict=False):
        if len(paths) < LEAST_OF_KIND:
            raise DataError(f"class {name!r} has {len(paths)} picture to validate on, and {LEAST_OF_KIND} are needed: add more")
    return checked


def _record(data: Sources, a: tuple[PictureSet, PictureSet], b: tuple[PictureSet, PictureSet], layout: DataLayout) -> dict[str, Any]:
    """Of the pictures of both sides, to train on and to validate on."""
    of_b = {f"{key}_b": value for key, value in data_record(data, *b).items() if "fingerprint" in key}
    return {"layout": layout.describe(), **data_record(data, *a), **of_b}
