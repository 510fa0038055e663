"""Stylizing methods on contents x styles: how far each result is from its style and its content, and how vivid it is."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from img2img.errors import ConfigError, DataError
from img2img.evaluation.figures import Column, Figures, mean
from img2img.evaluation.paired import check_size
from img2img.evaluation.pairs import Pair
from img2img.images import to_levels
from img2img.images.resize import resize
from img2img.metrics import quantized, rgb_to_y
from img2img.metrics.lpips import SMALLEST
from img2img.tasks.stylize.methods import StylizeMethod
from img2img.tasks.stylize.style_loss import FeatureExtractor, Features, content_loss, style_loss

CONTENT = "content"  # the method that leaves the content as it is: how far from a style one is without doing anything
CELL = 200  # pixels of the longer side of a picture that is kept for a sheet
LEVEL = 1 / 255  # a style's chroma or contrast of less than a level of 8 bits counts as one, as nothing can be divided by


@dataclass(frozen=True)
class StyleFigures(Figures):
    """How far a stylized picture is from its style and its content, as VGG16 and AlexNet see it (``style_loss``), and how vivid it is.

    Losses: 0 for the style picture, and for the content, itself; lower is better. ``chroma`` and ``contrast``: those of the result
    over those of the style; below 1 it is paler. Seconds taken.
    """

    style_vgg: float
    content_vgg: float
    style_alex: float
    content_alex: float
    chroma: float
    contrast: float
    seconds: float


STYLE_COLUMNS = (
    Column("style_vgg", "style, VGG16", 4, False),
    Column("content_vgg", "content, VGG16", 4, False),
    Column("style_alex", "style, AlexNet", 4, False),
    Column("content_alex", "content, AlexNet", 4, False),
    Column("chroma", "chroma / style's", 2, None),
    Column("contrast", "contrast / style's", 2, None),
    Column("seconds", "seconds", 3, False),
)


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


def measure_stylize(
    contents: Sequence[Pair],
    styles: Sequence[Pair],
    load: Callable[[Pair], Tensor],
    methods: Mapping[str, StylizeMethod],
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
    extract, found = FeatureExtractor(), StylizeEvaluation({method: {} for method in (CONTENT, *methods)}, Cells())
    paintings = {pair.name: load(pair) for pair in styles}
    targets = {name: _at_longer_side(name, painting, size) for name, painting in paintings.items()}
    style_features = {name: extract(target) for name, target in targets.items()}
    for method in methods.values():
        method(torch.full((3, 64, 64), 0.5), torch.full((3, 64, 64), 0.5))  # what a first call costs more is not the method's speed
    for pair in track(contents):
        content = _at_longer_side(pair.name, load(pair), size)
        content_features = extract(content)
        for each in found.figures.values():
            each[pair.name] = {}
        for style, target in targets.items():
            given = content_features, style_features[style]
            found.figures[CONTENT][pair.name][style] = measure_style(content, target, content_features, *given, seconds=0)
            for name, method in methods.items():
                start = time.perf_counter()
                result = method(content, paintings[style])
                seconds = time.perf_counter() - start
                check_size(name, pair, result, content)
                result = quantized(result)
                found.figures[name][pair.name][style] = measure_style(result, target, extract(result), *given, seconds=seconds)
                if keep_cells:
                    found.cells.results[name, pair.name, style] = _cell(result)
        if keep_cells:
            found.cells.contents[pair.name] = _cell(content)
    if keep_cells:
        found.cells.styles.update({name: _cell(target) for name, target in targets.items()})
    return found


def measure_style(
    result: Tensor,
    style: Tensor,
    features: Mapping[str, Features],
    content_features: Mapping[str, Features],
    style_features: Mapping[str, Features],
    seconds: float,
) -> StyleFigures:
    """The figures of ``result`` (3, H, W) against ``style`` (3, h, w), both in [0, 1].

    ``features``, ``content_features`` and ``style_features`` are what ``FeatureExtractor`` gives of it, its content and its style.

    Chroma is the mean of the highest minus the lowest channel, contrast the standard deviation of the luminance.
    """
    return StyleFigures(
        style_vgg=style_loss(features["vgg"], style_features["vgg"]),
        content_vgg=content_loss(features["vgg"], content_features["vgg"]),
        style_alex=style_loss(features["alex"], style_features["alex"]),
        content_alex=content_loss(features["alex"], content_features["alex"]),
        chroma=_chroma(result) / max(_chroma(style), LEVEL),
        contrast=_contrast(result) / max(_contrast(style), LEVEL),
        seconds=seconds,
    )


def _chroma(x: Tensor) -> float:
    return float((x.amax(0) - x.amin(0)).mean())


def _contrast(x: Tensor) -> float:
    return float(rgb_to_y(x).std())


def _at_longer_side(name: str, picture: Tensor, size: int) -> Tensor:
    factor = size / max(picture.shape[1:])
    height, width = (round(side * factor) for side in picture.shape[1:])
    if min(height, width) < SMALLEST:
        raise DataError(f"{name!r} is {width} x {height} at a longer side of {size}; at least {SMALLEST} x {SMALLEST} can be measured")
    return quantized(resize(picture, size=(height, width)))


def _cell(picture: Tensor) -> Tensor:
    factor = min(1.0, CELL / max(picture.shape[1:]))
    height, width = (max(1, round(side * factor)) for side in picture.shape[1:])
    return to_levels(resize(picture, size=(height, width))).byte()
