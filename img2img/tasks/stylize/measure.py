"""Stylists on contents x styles: how far each result is from its style and its content, and how vivid it is."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from img2img.errors import ConfigError, DataError
from img2img.evaluation.figures import StyleFigures, mean
from img2img.evaluation.pairs import Pair
from img2img.images.resize import resize
from img2img.metrics import quantized
from img2img.metrics.lpips import SMALLEST
from img2img.tasks.stylize.methods import Stylist
from img2img.tasks.stylize.style_loss import FeatureExtractor, measure_style

CONTENT = "content"  # the method that leaves the content as it is: how far from a style one is without doing anything
CELL = 200  # pixels of the longer side of a picture that is kept for a sheet


@dataclass(frozen=True)
class Cells:
    """Small pictures, (3, h, w) uint8: the contents and the styles by name, and the results by method, content and style."""

    contents: dict[str, Tensor] = field(default_factory=dict)
    styles: dict[str, Tensor] = field(default_factory=dict)
    results: dict[tuple[str, str, str], Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class StylizeEvaluation:
    """What was found: figures by method, content and style, the method ``CONTENT`` first; and small pictures if they were wanted."""

    figures: dict[str, dict[str, dict[str, StyleFigures]]]
    cells: Cells

    def means(self) -> dict[str, StyleFigures]:
        """The mean figures of each method over all pairs of a content and a style."""
        return {
            method: mean([figures for styles in contents.values() for figures in styles.values()])
            for method, contents in self.figures.items()
        }

    def to_json(self) -> dict[str, object]:
        """Means and the figures of each content and style, by method, as JSON holds them."""
        means = self.means()
        return {
            method: {
                "mean": means[method].to_json(),
                "pictures": {
                    content: {style: figures.to_json() for style, figures in styles.items()} for content, styles in contents.items()
                },
            }
            for method, contents in self.figures.items()
        }


def evaluate_stylize(
    contents: Sequence[Pair],
    styles: Sequence[Pair],
    load: Callable[[Pair], Tensor],
    methods: Mapping[str, Stylist],
    *,
    size: int = 512,
    keep_cells: bool = False,
    track: Callable[[Sequence[Pair]], Iterable[Pair]] = iter,
) -> StylizeEvaluation:
    """The figures of every method on every content with every style, and those of the contents themselves.

    A content is resized to ``size`` pixels on its longer side. So is the style that a result is compared with: strokes then count at
    the size that they have in a painting as large as the result. A method is given the style as its file is, to look at as it likes.
    Results are rounded to 8 bits before they are measured, as a file would be.

    Args:
        load: a picture (3, H, W), on 8-bit levels in [0, 1].
        methods: by the name that they are reported under.
        keep_cells: keep small pictures for the sheet.
        track: goes round ``contents``, for a progress bar.

    Raises:
        ConfigError: a method is called ``CONTENT``. DataError: no contents or styles, pictures too narrow to be measured, or a method that
            gives a picture of another size.
    """
    if CONTENT in methods:
        raise ConfigError(f"{CONTENT!r} is what the contents themselves are called in the figures; give the model another name")
    if not contents or not styles:
        raise DataError("there is nothing to evaluate on: at least one content and one style are needed")
    eyes, found = FeatureExtractor(), StylizeEvaluation({method: {} for method in (CONTENT, *methods)}, Cells())
    paintings = {pair.name: load(pair) for pair in styles}
    targets = {name: _at_longer_side(name, painting, size) for name, painting in paintings.items()}
    style_seen = {name: eyes.look(target) for name, target in targets.items()}
    for method in methods.values():
        method(torch.full((3, 64, 64), 0.5), torch.full((3, 64, 64), 0.5))  # what a first call costs more is not the method's speed
    for pair in track(contents):
        content = _at_longer_side(pair.name, load(pair), size)
        content_seen = eyes.look(content)
        for each in found.figures.values():
            each[pair.name] = {}
        for style, target in targets.items():
            given = content_seen, style_seen[style]
            found.figures[CONTENT][pair.name][style] = measure_style(content, target, content_seen, *given, seconds=0)
            for name, method in methods.items():
                start = time.perf_counter()
                result = method(content, paintings[style])
                seconds = time.perf_counter() - start
                if result.shape != content.shape:
                    sizes = f"{result.shape[2]} x {result.shape[1]} of {pair.name!r}, not {content.shape[2]} x {content.shape[1]}"
                    raise DataError(f"{name!r} made {sizes}")
                result = quantized(result)
                found.figures[name][pair.name][style] = measure_style(result, target, eyes.look(result), *given, seconds=seconds)
                if keep_cells:
                    found.cells.results[name, pair.name, style] = _cell(result)
        if keep_cells:
            found.cells.contents[pair.name] = _cell(content)
    if keep_cells:
        found.cells.styles.update({name: _cell(target) for name, target in targets.items()})
    return found


def _at_longer_side(name: str, picture: Tensor, size: int) -> Tensor:
    factor = size / max(picture.shape[1:])
    height, width = (round(side * factor) for side in picture.shape[1:])
    if min(height, width) < SMALLEST:
        raise DataError(f"{name!r} is {width} x {height} at a longer side of {size}; at least {SMALLEST} x {SMALLEST} can be measured")
    return quantized(resize(picture, size=(height, width)))


def _cell(picture: Tensor) -> Tensor:
    factor = min(1.0, CELL / max(picture.shape[1:]))
    height, width = (max(1, round(side * factor)) for side in picture.shape[1:])
    return (quantized(resize(picture, size=(height, width))) * 255).round().byte()
