"""Upscaling models against true pictures, with bicubic beside them."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from img2img.errors import DataError
from img2img.evaluation.figures import Figures, mean, measure
from img2img.evaluation.pairs import Pair
from img2img.images.resize import resize
from img2img.metrics import quantized

BICUBIC = "bicubic"
WINDOW = 128
# A model: (1, 3, h, w) in [0, 1] -> (1, 3, h * scale, w * scale).
Upscaler = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Crops:
    """One picture's most telling region, from the low-resolution picture, from each model's result and from the truth; (3, h, w)."""

    name: str
    lr: Tensor
    results: dict[str, Tensor]
    hr: Tensor


@dataclass
class Evaluation:
    """What was found: figures by model and by picture, and time. Models stand in the order given, the baseline first."""

    figures: dict[str, dict[str, Figures]]
    seconds: dict[str, float]
    megapixels: float = 0.0
    crops: list[Crops] = field(default_factory=list)

    def mean(self, model: str) -> Figures:
        """The mean figures of ``model`` over all pictures."""
        return mean(list(self.figures[model].values()))

    def speed(self, model: str) -> float:
        """Seconds that ``model`` takes for a megapixel of input."""
        return self.seconds[model] / self.megapixels

    def to_json(self) -> dict[str, object]:
        """Means, speeds and the figures of each picture, by model, as JSON holds them."""
        return {
            model: {
                "mean": self.mean(model).to_json(),
                "seconds_per_input_megapixel": round(self.speed(model), 4),
                "pictures": {name: figures.to_json() for name, figures in pictures.items()},
            }
            for model, pictures in self.figures.items()
        }


def evaluate(
    pairs: Sequence[Pair],
    load: Callable[[Pair], tuple[Tensor, Tensor]],
    models: dict[str, Upscaler],
    *,
    scale: int,
    border: int | None = None,
    keep_crops: bool = False,
    baseline: str = BICUBIC,
    track: Callable[[Sequence[Pair]], Iterable[Pair]] = iter,
) -> Evaluation:
    """The figures of every model on every pair. Results are rounded to 8 bits before they are measured, as a file would be.

    Args:
        load: a pair's low-resolution and true picture, as ``pairs.load_pair`` gives them.
        models: by the name that they are reported under.
        border: pixels on each side that do not count; None: as many as ``scale``, as in the literature.
        baseline: what the input itself is called, brought to the size of the truth by the bicubic: "input" where sizes are equal.
        keep_crops: keep each picture's most telling region, for the report.
        track: goes round ``pairs``, for a progress bar.

    Raises:
        DataError: no pairs, a model gives a picture of another size, or pictures are too small to measure.
    """
    if not pairs:
        raise DataError("there are no pictures to evaluate on")
    everyone: dict[str, Upscaler] = {baseline: lambda lr: resize(lr, scale=scale), **models}
    found = Evaluation({name: {} for name in everyone}, dict.fromkeys(everyone, 0.0))
    for model in everyone.values():
        model(torch.full((1, 3, 16, 16), 0.5))  # what a first call costs more is not the model's speed
    for pair in track(pairs):
        lr, hr = load(pair)
        results: dict[str, Tensor] = {}
        for name, model in everyone.items():
            start = time.perf_counter()
            result = model(lr[None])[0]
            found.seconds[name] += time.perf_counter() - start
            if result.shape != hr.shape:
                raise DataError(f"{name!r} made {result.shape[2]} x {result.shape[1]} of {pair.name!r}, not {hr.shape[2]} x {hr.shape[1]}")
            results[name] = quantized(result)
            try:
                found.figures[name][pair.name] = measure(results[name], hr, scale if border is None else border)
            except DataError as error:
                raise DataError(f"{pair.name!r} cannot be measured: {error}") from error
        found.megapixels += lr.shape[1] * lr.shape[2] / 1e6
        if keep_crops:
            found.crops.append(_crops(pair.name, lr, results, hr, scale, baseline))
    return found


def telling_region(bicubic: Tensor, hr: Tensor, scale: int, window: int = WINDOW) -> tuple[int, int, int, int]:
    """Top, left, height and width, in low-resolution pixels, of the region where bicubic is furthest from the truth.

    That is where there is most to be won or invented, and it does not depend on the models compared.

    Args:
        bicubic, hr: (3, H, W).
        window: at most so many true pixels on a side.
    """
    return heaviest_region(F.avg_pool2d((bicubic - hr).abs().mean(0)[None, None], scale), max(1, window // scale))


def heaviest_region(weight: Tensor, window: int) -> tuple[int, int, int, int]:
    """Top, left, height and width of the region of at most ``window`` pixels a side with the greatest sum of ``weight`` (1, 1, H, W)."""
    height, width = (min(window, side) for side in weight.shape[2:])
    sums = F.avg_pool2d(weight, (height, width), stride=1)[0, 0]
    top, left = divmod(int(sums.argmax()), sums.shape[1])
    return top, left, height, width


def _crops(name: str, lr: Tensor, results: dict[str, Tensor], hr: Tensor, scale: int, baseline: str) -> Crops:
    top, left, height, width = telling_region(results[baseline], hr, scale)

    def cut(x: Tensor, by: int) -> Tensor:
        return x[:, top * by : (top + height) * by, left * by : (left + width) * by].clone()  # a view would keep the whole

    return Crops(name, cut(lr, 1), {model: cut(result, scale) for model, result in results.items()}, cut(hr, scale))
