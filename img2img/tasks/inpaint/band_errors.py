"""How far filled bands are from the ground truth, band by band, compared with what needs no training."""

import logging
import math
from typing import Any

import torch
from torch import Tensor

from img2img.errors import ConfigError
from img2img.tasks.inpaint.band_data import CHECKED_GAPS
from img2img.tasks.inpaint.baselines import InpaintMethod, fill_each, load_baseline, nearest

logger = logging.getLogger(__name__)

OURS = ""  # among the methods; the others are called by their names


def classical() -> dict[str, InpaintMethod]:
    """The methods that bands are compared with: ``nearest``, and ``biharmonic`` where the extra ``baselines`` is installed."""
    methods: dict[str, InpaintMethod] = {"nearest": nearest}
    try:
        methods["biharmonic"] = load_baseline("biharmonic")
    except ConfigError as error:
        logger.info("bands are compared with nearest filling alone: %s", error)
    return methods


class BandErrors:
    """Squared errors of a validation's pictures, by method and band, and their root means. Classical methods fill each picture once."""

    def __init__(self) -> None:
        self._methods: dict[str, InpaintMethod] | None = None
        self._known: dict[tuple[int, int], dict[str, Tensor]] = {}

    def row(self, filled: Tensor, truth: Tensor, mask: Tensor, kind: int, index: int) -> dict[str, Any]:
        """What ``summary`` needs of one picture.

        Args:
            filled, truth, mask: (C, H, W); values over the range of the set, 1 = hole.
            kind: index into ``CHECKED_GAPS``. index: of the picture in the set.
        """
        truth, mask = truth.float().cpu(), mask.cpu()
        key = (index, truth.shape[-1])
        if key not in self._known:
            self._methods = classical() if self._methods is None else self._methods
            given = torch.where(mask > 0, 0.5, truth)
            self._known[key] = {name: _squares(fill_each(method, given, mask), truth, mask) for name, method in self._methods.items()}
        squares = {OURS: _squares(filled.float().cpu(), truth, mask), **self._known[key]}
        return {"kind": CHECKED_GAPS[kind], "squares": squares, "count": mask.double().sum((1, 2))}


def summary(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Root mean squared errors in the holes of all pictures, as shares of a band's range: rmse, rmse_nearest, ... over the bands' mean.

    Also rmse_scanlines and rmse_clouds, of the holes of one kind, and rmse_band_1, rmse_band_1_nearest, ... of one band.
    """
    figures: dict[str, float] = {}
    for method in rows[0]["squares"]:
        ending = f"_{method}" if method else ""
        bands = _roots(rows, method)
        figures[f"rmse{ending}"] = _mean(bands)
        for kind in CHECKED_GAPS:
            if of_kind := [row for row in rows if row["kind"] == kind]:
                figures[f"rmse_{kind}{ending}"] = _mean(_roots(of_kind, method))
        figures |= {f"rmse_band_{number}{ending}": value for number, value in enumerate(bands, 1) if math.isfinite(value)}
    return figures


def _squares(made: Tensor, truth: Tensor, mask: Tensor) -> Tensor:
    return ((made - truth).double().square() * mask).sum((1, 2))


def _roots(rows: list[dict[str, Any]], method: str) -> list[float]:
    """Of each band; NaN where it has no hole."""
    total, count = (sum(part) for part in zip(*((row["squares"][method], row["count"]) for row in rows), strict=True))
    return (total / count).sqrt().tolist()  # type: ignore[no-any-return]


def _mean(values: list[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    return sum(known) / len(known)
