"""Models measured against ground truth, picture by picture, and compared with the bicubic enlargement of their input."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from img2img.errors import DataError
from img2img.evaluation.figures import PairedFigures, mean, measure
from img2img.evaluation.pairs import Pair
from img2img.images.resize import resize
from img2img.metrics import quantized

BICUBIC = "bicubic"
WINDOW = 128
# (1, 3, h, w) in [0, 1] -> (1, 3, h * scale, w * scale) in [0, 1]
Method = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Crops:
    """The most telling region of one picture: of the input, of each method's result and of the ground truth; (3, h, w) in [0, 1]."""

    name: str
    input: Tensor
    results: dict[str, Tensor]
    truth: Tensor


@dataclass
class Evaluation:
    """What was found: figures by method and by picture, and time. Methods stand in the order given, the reference first."""

    figures: dict[str, dict[str, PairedFigures]]
    seconds: dict[str, float]
    megapixels: float = 0.0
    crops: list[Crops] = field(default_factory=list)

    def means(self) -> dict[str, PairedFigures]:
        """The mean figures of each method over all pictures."""
        return {method: mean(list(pictures.values())) for method, pictures in self.figures.items()}

    def speeds(self) -> dict[str, float]:
        """Seconds that each method takes for a megapixel of input."""
        return {method: seconds / self.megapixels for method, seconds in self.seconds.items()}

    def to_json(self) -> dict[str, object]:
        """Means, speeds and the figures of each picture, by method, as JSON holds them."""
        means, speeds = self.means(), self.speeds()
        return {
            method: {
                "mean": means[method].to_json(),
                "seconds_per_input_megapixel": round(speeds[method], 4),
                "pictures": {name: figures.to_json() for name, figures in pictures.items()},
            }
            for method, pictures in self.figures.items()
        }


def evaluate(
    pairs: Sequence[Pair],
    load: Callable[[Pair], tuple[Tensor, Tensor]],
    methods: Mapping[str, Method],
    *,
    scale: int,
    border: int | None = None,
    keep_crops: bool = False,
    reference: str = BICUBIC,
    track: Callable[[Sequence[Pair]], Iterable[Pair]] = iter,
) -> Evaluation:
    """The figures of every method on every pair. Results are rounded to 8 bits before they are measured, as a file would be.

    Args:
        load: a pair's input (3, h, w) and ground truth (3, h * scale, w * scale), on 8-bit levels in [0, 1].
        methods: by the name that they are reported under.
        border: pixels on each side that do not count; None: as many as ``scale``, as in the literature.
        keep_crops: keep each picture's most telling region, for the page.
        reference: what the input itself is called, brought to the size of the ground truth by the bicubic: "input" where sizes are equal.
        track: goes round ``pairs``, for a progress bar.

    Raises:
        DataError: no pairs, a method gives a picture of another size, or pictures are too small to measure.
    """
    if not pairs:
        raise DataError("there are no pictures to evaluate on")
    entrants: dict[str, Method] = {reference: lambda x: resize(x, scale=scale), **methods}
    found = Evaluation({name: {} for name in entrants}, dict.fromkeys(entrants, 0.0))
    for method in entrants.values():
        method(torch.full((1, 3, 16, 16), 0.5))  # what a first call costs more is not the method's speed
    for pair in track(pairs):
        x, truth = load(pair)
        results: dict[str, Tensor] = {}
        for name, method in entrants.items():
            start = time.perf_counter()
            result = method(x[None])[0]
            found.seconds[name] += time.perf_counter() - start
            check_size(name, pair, result, truth)
            results[name] = quantized(result)
            try:
                found.figures[name][pair.name] = measure(results[name], truth, scale if border is None else border)
            except DataError as error:
                raise DataError(f"{pair.name!r} cannot be measured: {error}") from error
        found.megapixels += x.shape[1] * x.shape[2] / 1e6
        if keep_crops:
            found.crops.append(_crops(pair.name, x, results, truth, scale, reference))
    return found


def check_size(method: str, pair: Pair, result: Tensor, expected: Tensor) -> None:
    """Raise DataError where ``result`` (3, H, W), which ``method`` made for ``pair``, is not as large as ``expected``."""
    if result.shape != expected.shape:
        sizes = f"{result.shape[2]} x {result.shape[1]} of {pair.name!r}, not {expected.shape[2]} x {expected.shape[1]}"
        raise DataError(f"{method!r} made {sizes}")


def telling_region(bicubic: Tensor, truth: Tensor, scale: int, window: int = WINDOW) -> tuple[int, int, int, int]:
    """Top, left, height and width, in low-resolution pixels, of the region where bicubic is furthest from the ground truth.

    That is where there is most to be won or invented, and it does not depend on the methods compared.

    Args:
        bicubic, truth: (3, H, W) in [0, 1].
        window: at most so many ground-truth pixels a side.
    """
    return heaviest_region(F.avg_pool2d((bicubic - truth).abs().mean(0)[None, None], scale), max(1, window // scale))


def heaviest_region(weight: Tensor, window: int) -> tuple[int, int, int, int]:
    """Top, left, height and width of the region of at most ``window`` pixels a side with the greatest sum of ``weight`` (1, 1, H, W)."""
    height, width = (min(window, side) for side in weight.shape[2:])
    sums = F.avg_pool2d(weight, (height, width), stride=1)[0, 0]
    top, left = divmod(int(sums.argmax()), sums.shape[1])
    return top, left, height, width


def _crops(name: str, x: Tensor, results: dict[str, Tensor], truth: Tensor, scale: int, reference: str) -> Crops:
    top, left, height, width = telling_region(results[reference], truth, scale)

    def cut(x: Tensor, by: int) -> Tensor:
        return x[:, top * by : (top + height) * by, left * by : (left + width) * by].clone()  # a view would keep the whole

    return Crops(name, cut(x, 1), {method: cut(result, scale) for method, result in results.items()}, cut(truth, scale))
