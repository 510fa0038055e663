"""Is a data folder fit to train on? Every picture is read once; what is wrong is found, not raised."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from img2img.data.check.facts import Examined, examine
from img2img.data.check.findings import KINDS, Finding, Kind, Report, Severity
from img2img.data.check.rules import Samples, apply_rules, described, scores
from img2img.data.splits import DataLayout, Split

__all__ = ["KINDS", "Finding", "Kind", "Report", "Severity", "check"]

SMALLEST = 32


def check(
    layout: DataLayout, smallest: int = SMALLEST, track: Callable[[list[Any]], Iterable[Any]] = iter, *, sharpness: bool = False
) -> Report:
    """What is wrong with the pictures of ``layout`` (as ``scan_layout`` gives it), kind by kind; a bad file never stops it.

    Args:
        smallest: the shorter side of a picture, or of each half of a pair, in pixels.
        sharpness: score how sharp each picture is; the blurred ones are findings.
        track: goes through a list and shows how far it is.
    """
    jobs = [(split.name, side, work) for split in layout.splits for side, work in _work(layout, split, sharpness)]
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:  # decoders let other threads run
        waiting = [(name, side, pool.submit(work)) for name, side, work in jobs]
        try:
            examined: Samples = [(name, side, future.result()) for name, side, future in track(waiting)]
        except BaseException:  # Ctrl-C: not after the other 10,000 pictures
            pool.shutdown(cancel_futures=True)
            raise
    findings = apply_rules(layout, examined, smallest)
    pictures = sum(1 + (one.b is not None) for _, _, one in examined) + sum(len(split.lonely) for split in layout.splits)
    return Report(str(layout.root), described(layout, examined), pictures, tuple(findings), scores(layout, examined))


def _work(layout: DataLayout, split: Split, sharp: bool) -> list[tuple[str, Callable[[], Examined]]]:
    """For each sample of a split: the side it is on (of unpaired sets) and what examines it."""
    if layout.kind == "unpaired":
        return [
            (side, partial(examine, path, sharp=sharp))
            for side, paths in zip(layout.sides, (split.a, split.b), strict=True)
            for path in paths
        ]
    if split.b:
        return [("", partial(examine, a, b, sharp=sharp, labels=True)) for a, b in zip(split.a, split.b, strict=True)]
    return [("", partial(examine, path, halves=layout.name == "side-by-side", sharp=sharp)) for path in split.a]
