"""From what is known of the pictures to what is wrong with them."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from img2img.data.check.duplicates import Fingerprints
from img2img.data.check.facts import Examined, Facts, Unreadable
from img2img.data.check.findings import KINDS, Finding
from img2img.data.held_out import sequence_of
from img2img.data.pictures import MOST_LABELS, PALETTE_FILE
from img2img.data.sharpness import suggested_threshold
from img2img.data.splits import DataLayout

Samples = list[tuple[str, str, Examined]]  # split, side (of unpaired sets), sample

CONFIDENT = 0.4  # aligned photographs and label maps gave no false alarm here, and 44 of 46 shifted ones were found
FEWEST_FRAMES = 5
FRAMES_ALIKE = 0.8  # difference as a share of contrast: neighboring frames of videos had 0.3 to 0.6 here, unlike photographs 1.3 and more
NOTABLE = 2  # pixels; one comes from resizing alone
_RGB_LIKE = frozenset({"1", "L", "LA", "La", "I", "I;16", "I;16B", "RGB", "RGBA", "RGBX", "RGBa", "P", "PA", "YCbCr"})


def apply_rules(layout: DataLayout, samples: Samples, smallest: int) -> list[Finding]:
    """Every finding about ``samples`` of ``layout``, kind by kind."""
    found = [
        *(_finding(layout, "unmatched", [path], f"in {split.name}") for split in layout.splits for path in split.lonely),
        *(finding for _, _, sample in samples for finding in _of_sample(layout, sample, smallest)),
        *(finding for side in _sides(samples).values() for finding in _of_side(layout, side)),
        *_scales(layout, samples),
        *_copies(layout, samples),
        *_sequences(layout, samples),
        *_blurred(layout, samples),
    ]
    order = list(KINDS)
    return sorted(found, key=lambda finding: order.index(finding.kind.name))


def scores(layout: DataLayout, samples: Samples) -> dict[str, float]:
    """The sharpness of each file by its path below the folder, blurred first; {} if it was not asked for."""
    found = {
        facts.path.relative_to(layout.root).as_posix(): facts.sharpness
        for _, _, sample in samples
        for facts in _files(sample)
        if facts.sharpness is not None
    }
    return dict(sorted(found.items(), key=lambda item: (item[1], item[0])))


def _finding(layout: DataLayout, kind: str, paths: Sequence[Path], detail: str) -> Finding:
    return Finding(KINDS[kind], tuple(path.relative_to(layout.root).as_posix() for path in paths), detail)


def _files(sample: Examined) -> list[Facts]:
    return [side for side in (sample.a, sample.b) if isinstance(side, Facts)]


def _sides(samples: Samples) -> dict[str, list[Facts]]:
    """The files of each side of the set, all splits together: they are to be of one kind."""
    sides: dict[str, list[Facts]] = {}
    for _, name, sample in samples:
        for number, facts in enumerate((sample.a, sample.b)):
            if isinstance(facts, Facts):
                sides.setdefault(f"{name}{number}", []).append(facts)
    return sides


def _of_sample(layout: DataLayout, sample: Examined, smallest: int) -> Iterator[Finding]:
    for side in (sample.a, sample.b):
        if isinstance(side, Unreadable):
            yield _finding(layout, "unreadable", [side.path], side.why)
    for facts in _files(sample):
        if min(facts.height, facts.width) < smallest:
            yield _finding(layout, "small", [facts.path], f"{facts.width}x{facts.height}; at least {smallest} px are wanted")
    a, b = sample.a, sample.b
    if sample.odd and isinstance(a, Facts):
        yield _finding(layout, "size", [a.path], f"{a.width} px wide, which two halves cannot be")
    if isinstance(a, Facts) and isinstance(b, Facts) and _scale(a, b) is None:
        yield _finding(layout, "size", [a.path, b.path], f"{a.width}x{a.height} and {b.width}x{b.height}")
    elif sample.shift and sample.shift.confidence >= CONFIDENT and max(abs(sample.shift.x), abs(sample.shift.y)) >= NOTABLE:
        shift = sample.shift
        where = f"{layout.sides[1]} is moved {_pixels(shift.x, 'right', 'left')} and {_pixels(shift.y, 'down', 'up')}"
        yield _finding(layout, "misaligned", [f.path for f in _files(sample)], f"{where}, confidence {shift.confidence:.2f}")


def _pixels(count: int, ahead: str, behind: str) -> str:
    return f"{abs(count)} px {ahead if count >= 0 else behind}"


def _scale(a: Facts, b: Facts) -> int | None:
    """How many times larger ``b`` is, a whole number; None where it is not. Only high-resolution sides may be larger."""
    scale = max(1, round(b.height / a.height))
    return scale if (a.height * scale, a.width * scale) == (b.height, b.width) else None


def _scales(layout: DataLayout, samples: Samples) -> Iterator[Finding]:
    """Pairs whose scale is another than most have."""
    pairs = [(s.a, s.b, _scale(s.a, s.b)) for _, _, s in samples if isinstance(s.a, Facts) and isinstance(s.b, Facts)]
    known = Counter(scale for _, _, scale in pairs if scale)
    # Low and high resolution may have any scale; of all other pairs the halves are of one size.
    usual = known.most_common(1)[0][0] if known and layout.sides[0].lower() == "lr" else 1
    for a, b, scale in pairs:
        if scale and scale != usual:
            detail = f"{a.width}x{a.height} and {b.width}x{b.height}, a scale of {scale} where {usual} is wanted"
            yield _finding(layout, "size", [a.path, b.path], detail)


def _of_side(layout: DataLayout, side: Sequence[Facts]) -> Iterator[Finding]:
    """What makes a file differ from most of its side, and what no file should have."""
    yield from _minority(layout, side, "channels", lambda facts: facts.channels, lambda n: {1: "gray", 3: "RGB"}.get(n, f"{n} bands"))
    yield from _minority(layout, side, "depth", lambda facts: facts.bit_depth, lambda n: "float" if n == 32 else f"{n} bits")
    if layout.kind == "single" and not all(map(_is_bands, side)):  # alone they train what restores, among photographs nothing
        for facts in filter(_is_bands, side):
            yield _finding(layout, "unreadable", [facts.path], f"{_bands_of(facts)} among photographs")
    mostly_color = sum(facts.channels == 3 and not facts.gray for facts in side) > len(side) / 2
    palettes = [facts.path for facts in side if facts.mode in ("P", "PA")]
    if palettes and not classes_of(layout, side):
        yield _finding(layout, "palette", palettes, f"{len(palettes)} of the {len(side)} pictures on this side")
    for facts in side:
        if facts.alpha:
            yield _finding(layout, "alpha", [facts.path], facts.mode)
        if facts.gray and mostly_color:
            yield _finding(layout, "gray", [facts.path], "three equal planes")
        if facts.profile:
            yield _finding(layout, "profile", [facts.path], facts.profile)
        if facts.mode not in _RGB_LIKE:
            yield _finding(layout, "mode", [facts.path], facts.mode)


def classes_of(layout: DataLayout, side: Sequence[Facts]) -> int:
    """How many labels a file has at most on a side of pairs that training reads as label maps; 0 where it reads them as pictures."""
    table = (layout.root / PALETTE_FILE).is_file()
    modes = {facts.mode for facts in side}
    told = modes == {"P"} or (table and modes <= {"1", "L"} and all(facts.bit_depth == 8 for facts in side))
    return most_labels(layout, side) if told else 0


def most_labels(layout: DataLayout, side: Sequence[Facts]) -> int:
    """How many labels a file has at most on a side of pairs that could be label maps; 0 where some have too many, or could not."""
    found = [facts.labels or MOST_LABELS + 1 for facts in side]
    return max(found) if layout.kind == "paired" and layout.name != "side-by-side" and found and max(found) <= MOST_LABELS else 0


def described(layout: DataLayout, samples: Samples) -> str:
    """The layout in one line, with what training reads its sides as where that is not plain."""
    words = [layout.describe()]
    for side, facts in _sides(samples).items():
        name = layout.sides[int(side[-1])] if layout.kind == "paired" else side[:-1] or "the folder"
        if classes := classes_of(layout, facts):
            words.append(f"{name} is a side of label maps, of up to {classes} labels each")
        elif (levels := most_labels(layout, facts)) > 2 and side[-1] == "1":
            words.append(f"{name} is gray of up to {levels} levels: intensities, or classes by train translate --target labels")
        elif facts and all(map(_is_bands, facts)):
            use = ", which train translate --preset restore takes" if layout.kind == "single" else ""
            words.append(f"{name} holds {_bands_of(facts[0])}{use}")
        elif layout.kind == "single" and (deep := sum(each.bit_depth > 8 for each in facts)):
            words.append(f"{deep} of {len(facts)} have more than 8 bits, all of which only train translate --preset restore takes")
    return "; ".join(words)


def _is_bands(facts: Facts) -> bool:
    return facts.channels not in (1, 3) or facts.bit_depth == 32


def _bands_of(facts: Facts) -> str:
    return f"{facts.channels} band{'s' * (facts.channels > 1)} of {facts.bit_depth} bits"


def _minority(
    layout: DataLayout, side: Sequence[Facts], kind: str, value: Callable[[Facts], int], name: Callable[[int], str]
) -> Iterator[Finding]:
    usual = Counter(map(value, side)).most_common(1)[0][0]
    for facts in side:
        if value(facts) != usual:
            yield _finding(layout, kind, [facts.path], f"{name(value(facts))}, where most are {name(usual)}")


def _copies(layout: DataLayout, samples: Samples) -> Iterator[Finding]:
    """Duplicates within splits, and leaks from train into the others, and from val into test."""
    whole = [(split, side, sample) for split, side, sample in samples if len(_files(sample)) == (2 if sample.b else 1)]
    by_split: dict[str, list[Any]] = {}
    for split, side, sample in whole:
        by_split.setdefault(split, []).append((side, _files(sample)))
    prints = {
        split: Fingerprints([[one for facts in files for one in facts.prints] for _, files in found]) for split, found in by_split.items()
    }
    for split, found in by_split.items():
        for group in prints[split].groups():
            sides = {found[number][0] for number in group}
            detail = f"{len(group)} in {split}" + (f", on both sides, {' and '.join(sorted(sides))}" if len(sides) > 1 else "")
            yield _finding(layout, "duplicate", [found[number][1][0].path for number in group], detail)
    names = list(by_split)
    for later, name in enumerate(names):
        for earlier in names[:later]:
            for number, other in prints[name].nearest(prints[earlier]):
                paths = [by_split[earlier][other][1][0].path, by_split[name][number][1][0].path]
                yield _finding(layout, "leak", paths, f"in {earlier} and in {name}")


def _sequences(layout: DataLayout, samples: Samples) -> Iterator[Finding]:
    """Numbered names alike in all else whose pictures change little from one to the next, where some would be held out at random."""
    if len(layout.splits) > 1:
        return  # validation is told apart already
    sequences: dict[Any, list[tuple[int, Facts]]] = {}
    for _, _, sample in samples:
        if isinstance(sample.a, Facts):
            key, number = sequence_of(sample.a.path)
            sequences.setdefault(key, []).append((number, sample.a))
    for frames in sequences.values():
        ordered = [facts for _, facts in sorted(frames, key=lambda frame: frame[0])]
        changes = [facts.prints[0].difference(other.prints[0]) for facts, other in pairwise(ordered)]
        if len(ordered) >= FEWEST_FRAMES and median(changes) < FRAMES_ALIKE:
            yield _finding(layout, "sequence", [facts.path for facts in ordered], f"{len(ordered)} frames")


def _blurred(layout: DataLayout, samples: Samples) -> Iterator[Finding]:
    found = scores(layout, samples)
    least = suggested_threshold(list(found.values())) if found else 0.0
    for name, score in found.items():
        if score < least:
            yield Finding(KINDS["blurred"], (name,), f"sharpness {score:.3f}; below {least:.3f} it stands out")
