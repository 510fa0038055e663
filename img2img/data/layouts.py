"""Which layout a data folder has, found from its folders' names and its pictures, and the pictures of each split."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import get_args

from img2img import images
from img2img.data.alignment import find_shift
from img2img.data.splits import DataLayout, Kind, LayoutName, Split, spread
from img2img.errors import DataError, PictureError

SPLITS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
# What the two sides of pairs are called, as A and B: of low and high resolution, A is the low one, which models begin with.
SIDES = (("a", "b"), ("images", "labels"), ("input", "target"), ("source", "target"), ("lr", "hr"))
SAMPLE = 8  # pictures that are decoded to see whether they hold two halves
HALVES_AGREE = 0.3  # confidence of a shift of nearly nothing between two halves


def find_layout(root: str | Path, name: LayoutName | None = None) -> DataLayout:
    """The layout of the folder ``root``; looked for in this order, upper or lower case alike, unless ``name`` forces one:

    - ``unpaired``: trainA/ trainB/, testA/ testB/, valA/ valB/ (as CycleGAN), whose pictures have nothing to do with each other;
    - ``suffixed``: train_A/ train_B/, test_A/ test_B/ (as pix2pixHD), pairs by name; unpaired where fewer than half have a partner;
    - ``folders``: A/train/ B/train/, A/test/ B/test/ (as pix2pix before it joins them), or A/ B/ without splits, pairs by name;
    - ``nested``: train/A/ train/B/, test/A/ test/B/, pairs by name;
    - ``side-by-side``: train/, val/, test/ with pictures that hold A on the left and B on the right (as pix2pix);
    - ``flat``: single pictures in the folder and below it, or in train/, val/, test/.

    In place of A and B may stand images and labels, input and target, source and target, or lr and hr. Partners have the same path
    below their side's folder, whatever their suffix; one of lr may end in x2, x3, x4 or x8. A split with one side only is left out.

    Pictures count as side by side if all of a sample are exactly twice as wide as high; or if all have an even width, are wider
    than high, and the edges of their left halves lie where those of the right halves do. So pairs need not be square, and 16:9
    photographs are not taken for pairs. Panoramas of 2:1 are: for them, say ``flat``.

    Raises:
        DataError: no such folder, no pictures, a layout that is forced and not there, or pictures without a partner, with their names.
    """
    found = scan_layout(root, name)
    lonely = [path for split in found.splits for path in split.lonely]
    if lonely:
        advice = "; or give --layout unpaired" if found.name == "suffixed" else ""
        named = "; ".join(str(path.relative_to(found.root)) for path in lonely[:5])
        more = f"; and {len(lonely) - 5} more" if len(lonely) > 5 else ""
        raise DataError(
            f"{len(lonely)} pictures in {str(root)!r} have no partner of the same name on the other side: {named}{more}; "
            f"add the partners or take these away{advice}"
        )
    return found


def scan_layout(root: str | Path, name: LayoutName | None = None) -> DataLayout:
    """As ``find_layout``, but pictures without a partner are left in ``Split.lonely``, for a check to report.

    Raises:
        DataError: no such folder, no pictures, or a layout that is forced and not there.
    """
    root = Path(root)
    if not root.is_dir():
        raise DataError(f"{str(root)!r} is not a folder; a folder of pictures is wanted")
    folders = {path.name.lower(): path for path in sorted(root.iterdir(), reverse=True) if path.is_dir()}
    found = None
    for each in (name,) if name else get_args(LayoutName):
        found = found or _FINDERS[each](root, folders, name is not None)
    if found is None:
        raise DataError(f"{str(root)!r} is not laid out as {name!r}: {_WANTED[name or 'flat']}")
    return found


def _unpaired(root: Path, folders: Mapping[str, Path], forced: bool) -> DataLayout | None:
    sides = _suffixed_folders(folders, ("", "_") if forced else ("",))
    splits = [Split(name, tuple(pictures_in(a)), tuple(pictures_in(b))) for name, (a, b) in sides.items()]
    return _made(root, "unpaired", "unpaired", splits)


def _suffixed(root: Path, folders: Mapping[str, Path], forced: bool) -> DataLayout | None:
    sides = _suffixed_folders(folders, ("_", "") if forced else ("_",))
    splits = [_paired(name, a, b) for name, (a, b) in sides.items()]
    if not forced and sum(len(split.a) for split in splits) < sum(len(split.lonely) for split in splits) / 2:
        return _unpaired(root, folders, forced=True)
    return _made(root, "suffixed", "paired", splits)


def _suffixed_folders(folders: Mapping[str, Path], joints: Iterable[str]) -> dict[str, tuple[Path, Path]]:
    for joint in joints:
        both = {text: (f"{text}{joint}a", f"{text}{joint}b") for text in SPLITS}
        found = {SPLITS[text]: (folders[a], folders[b]) for text, (a, b) in both.items() if a in folders and b in folders}
        if "train" in found:
            return found
    return {}


def _folders(root: Path, folders: Mapping[str, Path], forced: bool) -> DataLayout | None:
    for a, b in SIDES:
        if a in folders and b in folders:
            inner_a, inner_b = _splits_in(folders[a]), _splits_in(folders[b])
            both = {name: (inner_a[name], inner_b[name]) for name in inner_a if name in inner_b} or {"train": (folders[a], folders[b])}
            splits = [_paired(name, *pair) for name, pair in both.items()]
            return _made(root, "folders", "paired", splits, (folders[a].name, folders[b].name))
    return None


def _nested(root: Path, folders: Mapping[str, Path], forced: bool) -> DataLayout | None:
    inner = {name: _inside(path) for name, path in _splits_in(root).items()}
    for a, b in SIDES:
        if a in inner.get("train", {}) and b in inner["train"]:
            splits = [_paired(name, found[a], found[b]) for name, found in inner.items() if a in found and b in found]
            return _made(root, "nested", "paired", splits, (inner["train"][a].name, inner["train"][b].name))
    return None


def _side_by_side(root: Path, folders: Mapping[str, Path], forced: bool) -> DataLayout | None:
    splits = [Split(name, tuple(pictures_in(path))) for name, path in _splits_in(root).items()]
    if not forced and not (splits and splits[0].name == "train" and _hold_halves(splits[0].a)):
        return None
    if forced and not splits:
        splits = [Split("train", tuple(pictures_in(root)))]
    return _made(root, "side-by-side", "paired", splits)


def _flat(root: Path, folders: Mapping[str, Path], forced: bool) -> DataLayout:
    inner = _splits_in(root)
    if "train" in inner and len(inner) == len(folders) and not any(path.is_file() for path in pictures_in(root, recursive=False)):
        splits = [Split(name, tuple(pictures_in(path))) for name, path in inner.items()]
    else:
        splits = [Split("train", tuple(pictures_in(root)))]
    found = _made(root, "flat", "single", splits)
    if found is None:
        raise DataError(f"{str(root)!r} holds no picture")
    return found


_FINDERS = {
    "unpaired": _unpaired,
    "suffixed": _suffixed,
    "folders": _folders,
    "nested": _nested,
    "side-by-side": _side_by_side,
    "flat": _flat,
}
_WANTED = {
    "unpaired": "trainA/ and trainB/ (or train_A/ and train_B/) with pictures are wanted",
    "suffixed": "train_A/ and train_B/ (or trainA/ and trainB/) with pictures of the same names are wanted",
    "folders": "A/train/ and B/train/, or A/ and B/, with pictures of the same names are wanted",
    "nested": "train/A/ and train/B/ with pictures of the same names are wanted",
    "side-by-side": "pictures with A on the left and B on the right, in train/, are wanted",
    "flat": "pictures are wanted",
}


def _made(root: Path, name: LayoutName, kind: Kind, splits: Iterable[Split], sides: tuple[str, str] = ("A", "B")) -> DataLayout | None:
    """The layout, if there is a picture to train on; splits without pictures are left out."""
    kept = tuple(split for split in splits if split.a or split.b or split.lonely)
    return DataLayout(root, name, kind, kept, sides) if kept else None


def _splits_in(folder: Path) -> dict[str, Path]:
    """The split folders in ``folder`` by their plain names, train first."""
    inside = _inside(folder)
    found = {name: inside[text] for text, name in reversed(SPLITS.items()) if text in inside}
    return {name: found[name] for name in SPLITS.values() if name in found}


def _inside(folder: Path) -> dict[str, Path]:
    return {path.name.lower(): path for path in sorted(folder.iterdir(), reverse=True) if path.is_dir()}


def pictures_in(folder: Path, *, recursive: bool = True) -> list[Path]:
    """The pictures in ``folder`` and, if ``recursive``, below it, sorted; [] where there are none. DataError: it cannot be entered."""
    try:
        sources = images.collect([folder], recursive=recursive, tolerant=True)
    except PictureError:
        return []  # whoever needs pictures says so
    for source in sources:
        if source.error:
            raise DataError(str(source.error))
    return [source.path for source in sources]


def _paired(name: str, a: Path, b: Path) -> Split:
    """Files of the same path below ``a`` and ``b``, suffixes apart; of two that differ in their suffix only, the second is lonely."""
    lonely: list[Path] = []
    sides: list[dict[str, Path]] = []
    for folder in (a, b):
        files: dict[str, Path] = {}
        for path in pictures_in(folder):
            files.setdefault(_key(path, folder), path)
        lonely += [path for path in pictures_in(folder) if files[_key(path, folder)] != path]
        sides.append(files)
    if a.name.lower() == "lr" or a.parent.name.lower() == "lr":
        sides[0] = {key if key in sides[1] else _without_scale(key): path for key, path in sides[0].items()}
    keys = [key for key in sides[0] if key in sides[1]]
    lonely += [path for one, other in (sides, reversed(sides)) for key, path in one.items() if key not in other]
    return Split(name, tuple(sides[0][key] for key in keys), tuple(sides[1][key] for key in keys), tuple(lonely))


def _key(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder).with_suffix(""))


def _without_scale(key: str) -> str:
    return key[:-2] if key[-2:] in ("x2", "x3", "x4", "x8") else key


def _hold_halves(paths: Sequence[Path]) -> bool:
    """Whether pictures hold two halves of a pair, as ``find_layout`` says; files that cannot be read do not count."""
    sizes, agreeing = [], []
    for path in spread(paths, SAMPLE):
        try:
            probe = images.probe(path)
            sizes.append((probe.width, probe.height))
            if probe.width % 2 or probe.width <= probe.height:
                return False
            if probe.width != 2 * probe.height:
                agreeing.append(_halves_agree(path))
        except PictureError:
            continue
    return bool(sizes) and (not agreeing or sum(agreeing) > len(agreeing) / 2)


def _halves_agree(path: Path) -> bool:
    pixels = images.read(path).pixels
    half = pixels.shape[2] // 2
    shift = find_shift(pixels[:, :, :half], pixels[:, :, half:])
    return shift is not None and shift.confidence > HALVES_AGREE and max(abs(shift.x), abs(shift.y)) <= max(2, half // 32)
