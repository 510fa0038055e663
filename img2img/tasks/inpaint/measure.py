"""Inpainting methods measured against ground truth: the same holes for every method, in classes from thin to thick."""

import time
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from img2img.data.masks import Kind, draw_mask
from img2img.data.sampling import seeded_rng
from img2img.errors import DataError
from img2img.evaluation.figures import Column, Figures, mean
from img2img.evaluation.paired import check_size, heaviest_region
from img2img.evaluation.pairs import Pair
from img2img.images import to_levels
from img2img.metrics import lpips_alex, masked_l1, masked_psnr, masked_ssim, quantized
from img2img.metrics.lpips import SMALLEST
from img2img.tasks.inpaint.baselines import InpaintMethod
from img2img.tasks.inpaint.data import CHECKED

EMPTY = 0.5  # what stands in a hole
WINDOW = 192  # wider than a thick hole, so that a crop shows what is around it


@dataclass(frozen=True)
class HoleFigures(Figures):
    """How far a filled hole is from the ground truth.

    L1 in levels of 8 bits, PSNR in dB and SSIM in the hole; LPIPS of the whole picture; seconds taken.
    """

    l1: float
    psnr: float
    ssim: float
    lpips: float
    seconds: float


HOLE_COLUMNS = (
    Column("l1", "L1 x 255", 2, False),
    Column("psnr", "PSNR", 2, True),
    Column("ssim", "SSIM", 4, True),
    Column("lpips", "LPIPS", 4, False),
    Column("seconds", "seconds", 3, False),
)


@dataclass(frozen=True)
class HoleCrops:
    """The region of a picture with most of the hole: emptied, as each method fills it, and the ground truth; (3, h, w) uint8."""

    name: str
    given: Tensor
    results: dict[str, Tensor]
    truth: Tensor


@dataclass
class InpaintEvaluation:
    """What was found: figures, and crops if they were wanted, by kind of hole; figures then by method and by picture."""

    figures: dict[Kind, dict[str, dict[str, HoleFigures]]]
    crops: dict[Kind, list[HoleCrops]] = field(default_factory=dict)

    def means(self, kind: Kind) -> dict[str, HoleFigures]:
        """The mean figures of each method over all pictures."""
        return {method: mean(list(pictures.values())) for method, pictures in self.figures[kind].items()}

    def to_json(self) -> dict[str, object]:
        """Means and the figures of each picture, by kind of hole and method, as JSON holds them."""
        return {
            kind: {
                method: {
                    "mean": self.means(kind)[method].to_json(),
                    "pictures": {name: figures.to_json() for name, figures in pictures.items()},
                }
                for method, pictures in methods.items()
            }
            for kind, methods in self.figures.items()
        }


def measure_inpaint(
    pairs: Sequence[Pair],
    load: Callable[[Pair], Tensor],
    methods: Mapping[str, InpaintMethod],
    *,
    kinds: Sequence[Kind] = CHECKED,
    seed: int = 0,
    keep_crops: bool = False,
    track: Callable[[Sequence[Pair]], Iterable[Pair]] = iter,
) -> InpaintEvaluation:
    """The figures of every method on every picture with a hole of every kind.

    What is known is taken from the ground truth, and results are rounded to 8 bits before they are measured, as a file would be.

    Args:
        load: a pair's ground truth (3, H, W), on 8-bit levels in [0, 1].
        methods: by the name that they are reported under.
        kinds: of ``CHECKED``. A hole depends on its kind, ``seed`` and the picture's name and size, whatever else is evaluated.
        keep_crops: keep the region of each picture with most of the hole, for the page.
        track: goes round ``pairs``, for a progress bar.

    Raises:
        DataError: no pairs, a method gives a picture of another size, or pictures are too small to measure.
    """
    if not pairs:
        raise DataError("there are no pictures to evaluate on")
    found = InpaintEvaluation({kind: {name: {} for name in methods} for kind in kinds}, {kind: [] for kind in kinds})
    for method in methods.values():
        method(_first_call())
    for pair in track(pairs):
        truth = load(pair)
        if min(truth.shape[1:]) < SMALLEST:
            raise DataError(f"{pair.name!r} is {truth.shape[2]} x {truth.shape[1]}; LPIPS needs at least {SMALLEST} x {SMALLEST}")
        for kind in kinds:
            mask = hole(pair.name, kind, truth, seed)
            given = torch.where(mask.bool(), EMPTY, truth)
            results: dict[str, Tensor] = {}
            for name, method in methods.items():
                start = time.perf_counter()
                fill = method(torch.cat([given, mask])[None])[0]
                seconds = time.perf_counter() - start
                check_size(name, pair, fill, truth)
                results[name] = torch.where(mask.bool(), quantized(fill), truth)
                found.figures[kind][name][pair.name] = measure_hole(results[name], truth, mask, seconds)
            if keep_crops:
                found.crops[kind].append(_crops(pair.name, mask, given, results, truth))
    return found


def measure_hole(result: Tensor, truth: Tensor, mask: Tensor, seconds: float) -> HoleFigures:
    """The figures of ``result``, both (3, H, W) on 8-bit levels in [0, 1], equal outside the hole of ``mask`` (1, H, W), 1 = hole."""
    return HoleFigures(
        l1=float(masked_l1(result, truth, mask)) * 255,
        psnr=float(masked_psnr(result, truth, mask)),
        ssim=float(masked_ssim(result, truth, mask)),
        lpips=float(lpips_alex(result[None], truth[None])),
        seconds=seconds,
    )


def hole(name: str, kind: Kind, truth: Tensor, seed: int) -> Tensor:
    """The mask (1, H, W), 1 = hole, that belongs to the picture called ``name``: the same in every evaluation with ``seed``."""
    rng = seeded_rng(seed, zlib.crc32(name.encode(errors="surrogateescape")), CHECKED.index(kind))
    height, width = truth.shape[1:]
    return draw_mask(kind, height, width, rng)


def _first_call() -> Tensor:
    """(1, 4, 64, 64): a gray picture with a hole, as what a first call costs more is not the method's speed."""
    x = torch.full((1, 4, 64, 64), EMPTY)
    x[:, 3] = 0
    x[:, 3, 24:40, 24:40] = 1
    return x


def _crops(name: str, mask: Tensor, given: Tensor, results: dict[str, Tensor], truth: Tensor) -> HoleCrops:
    top, left, height, width = heaviest_region(mask[None], WINDOW)

    def cut(x: Tensor) -> Tensor:
        return to_levels(x[:, top : top + height, left : left + width]).byte()  # a quarter of the memory

    return HoleCrops(name, cut(given), {method: cut(result) for method, result in results.items()}, cut(truth))
