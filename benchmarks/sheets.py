"""A sheet by which a weight is judged by eye: the same twelve crops for all, with another weight and the truth beside.

    python benchmarks/sheets.py upscale-4x-photo --against realesrgan-x4plus --pictures ../shared -o sheet.png
    python benchmarks/sheets.py runs/any/latest.safetensors --old stylize-any -o sheet.png

``--pictures`` holds ``bench/CBSD68/HR``, ``bench/Set5/HR`` and ``bench/Set14/HR``; a stylizer paints the pictures of ``samples/``.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import lpips
import numpy as np
import torch
import typer
from PIL import Image, ImageDraw, ImageFont
from sheet_rows import ROOT, ROWS, SIDE, damages, example
from torch import Tensor

import img2img
from img2img.api import LoadedModel
from img2img.errors import ConfigError, Img2ImgError
from img2img.evaluation.figures import Column, Figures, mean
from img2img.evaluation.pairs import Pair, load_truth
from img2img.evaluation.table import print_table, progress
from img2img.files import shipped_styles
from img2img.images import quantize
from img2img.images.resize import resize
from img2img.losses.perceptual import PerceptualLoss
from img2img.metrics import lpips_alex, quantized
from img2img.networks.features import VGGFeatures
from img2img.tasks.stylize.measure import STYLE_COLUMNS, measure_style
from img2img.tasks.stylize.methods import load_method
from img2img.tasks.stylize.style_loss import FeatureExtractor

ZOOM, GAP, LABEL = 2, 6, 18  # on the sheet: of a picture's pixels; pixels between pictures, and of a caption's height
OLD, NEW, AGAINST = "old", "new", "against"
LAYERS = dict.fromkeys(("relu1_2", "relu2_2", "relu3_3", "relu4_3"), 1.0)  # of VGG16; upscalers were not trained on the last
PAIRS = (  # content, style
    ("cat.jpg", "night-cafe"),
    ("cat.jpg", "church-auvers"),
    ("astronaut.jpg", "pere-tanguy"),
    ("astronaut.jpg", "cafe-terrace"),
    ("bee.jpg", "harvest"),
    ("bee.jpg", "vestibule"),
    ("temple.jpg", "road-tarascon"),
    ("temple.jpg", "langlois-bridge"),
    ("coffee.png", "cafe-terrace"),
    ("coffee.png", "harvest"),
    ("photographer.png", "church-auvers"),
    ("photographer.png", "night-cafe"),
)
Distance = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Distances(Figures):
    """How far a result is from the truth, as AlexNet and as VGG16 see it; lower is better."""

    alex: float
    vgg: float


@dataclass(frozen=True)
class Strip:
    """A row of the sheet: pictures (3, h, w) in [0, 1] by their captions, and the figures of each method."""

    name: str
    cells: dict[str, Tensor]
    figures: Mapping[str, Figures]


def lpips_vgg() -> Distance:
    """LPIPS 0.1 on torchvision's VGG16. Its heads do not fit the VGG16 that is shipped, Oxford's, which has other channels."""
    network = lpips.LPIPS(net="vgg", pnet_rand=True, verbose=False).eval()
    features = VGGFeatures(("relu5_3",), "vgg16-torchvision")
    pairs = ([part for part in x.modules() if isinstance(part, torch.nn.Conv2d)] for x in (network.net, features))
    for convolution, trained in zip(*pairs, strict=True):
        convolution.load_state_dict(trained.state_dict())
    return partial(network, normalize=True)


def compared(models: dict[str, LoadedModel[Any]], pictures: Path, vgg: Distance) -> Iterator[Strip]:
    """The rows of upscalers, translators and fillers of holes; what is given is made for the model called ``NEW``."""
    info = models[NEW].info
    for row in progress(ROWS):
        made = example(row, row.truth(pictures), info)
        cells, figures = {f"{row.name}: {damages(info)[row.about] or 'clean'}": made.shown}, {}
        for name, model in models.items():
            result = model(made.given, float(info.scale)) if info.task == "upscale" else model(made.given)
            result = quantized(result).expand(-1, 3, -1, -1)
            distances = Distances(float(lpips_alex(result, made.truth[None])), float(vgg(result, made.truth[None])))
            cells[f"{name}, {distances.alex:.4f}, {distances.vgg:.4f}"], figures[name] = result[0], distances
        yield Strip(row.name, {**cells, "truth": made.truth}, figures)


def painted(names: dict[str, str]) -> Iterator[Strip]:
    """The rows of stylizers: the pairs of ``PAIRS``. Whole pictures are painted and measured, and the middle of them is shown."""
    methods, extract = {name: load_method(model) for name, model in names.items()}, FeatureExtractor()
    for file, title in progress(PAIRS):
        content, style = load_truth(Pair(ROOT / "samples" / file, None)), load_truth(Pair(shipped_styles()[title], None))
        target = quantized(resize(style, scale=max(content.shape[1:]) / max(style.shape[1:])))
        given = extract(content), extract(target)
        row = f"{Path(file).stem} as {title}"
        cells, figures = {row: middle(content), "style": middle(target)}, {}
        for name, paint in methods.items():
            result = quantized(paint(content, style))
            figures[name] = measure_style(result, target, extract(result), *given, seconds=0)
            cells[f"{name}, {figures[name].style_alex:.4f}, {figures[name].content_alex:.4f}"] = middle(result)
        yield Strip(row, cells, figures)


def middle(x: Tensor) -> Tensor:
    """The middle square of ``SIDE`` pixels of ``x`` (3, H, W)."""
    top, left = ((side - SIDE) // 2 for side in x.shape[1:])
    return x[:, top : top + SIDE, left : left + SIDE]


def draw(strips: Sequence[Strip]) -> Image.Image:
    """The sheet: a row of each of ``strips``, every picture as large as the others, by nearest neighbor, its caption above."""
    side = ZOOM * SIDE
    width = GAP + (side + GAP) * max(len(strip.cells) for strip in strips)
    sheet = Image.new("RGB", (width, GAP + (side + LABEL + GAP) * len(strips)), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(LABEL - 4)
    for number, strip in enumerate(strips):
        top = GAP + number * (side + LABEL + GAP)
        for column, (caption, picture) in enumerate(strip.cells.items()):
            left = GAP + column * (side + GAP)
            pen.text((left, top), caption, fill="black", font=font)
            cell = Image.fromarray(np.asarray(quantize(picture, 8)))
            sheet.paste(cell.resize((side, side), Image.Resampling.NEAREST), (left, top + LABEL))
    return sheet


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    model: Annotated[str, typer.Argument(help="The weight to judge: a model's name, file or run folder.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The sheet, a PNG file.")],
    old: Annotated[str | None, typer.Option(help="The weight that it shall replace.")] = None,
    against: Annotated[str | None, typer.Option(help="Another model for the same.")] = None,
    pictures: Annotated[Path, typer.Option(help="Folder that holds bench/CBSD68/HR, bench/Set5/HR and bench/Set14/HR.")] = Path("."),
    lpips_on_vgg: Annotated[
        bool, typer.Option("--lpips-vgg", help="LPIPS on VGG16, which torchvision fetches, in place of the distance of its features.")
    ] = False,
) -> None:
    """Draw the sheet of a weight, and print how far each picture on it is from the truth."""
    names = {name: value for name, value in ((OLD, old), (NEW, model), (AGAINST, against)) if value is not None}
    columns: Sequence[Column] = STYLE_COLUMNS[:4]
    try:
        models = {name: img2img.load(value) for name, value in names.items()}
        task = models[NEW].info.task
        if any(other.info.task != task for other in models.values()) or task == "generate":
            tasks = ", ".join(f"{names[name]} {other.info.task}" for name, other in models.items())
            raise ConfigError(f"a sheet compares models of one task that are given a picture: {tasks}")
        if task == "stylize":
            strips = list(painted(names))
        else:
            vgg = lpips_vgg() if lpips_on_vgg else PerceptualLoss(VGGFeatures(tuple(LAYERS)), LAYERS)
            heading = "LPIPS, VGG16" if lpips_on_vgg else "features, VGG16"
            columns = Column("alex", "LPIPS, AlexNet", 4, False), Column("vgg", heading, 4, False)
            with torch.inference_mode():
                strips = list(compared(models, pictures, vgg))
    except Img2ImgError as error:
        raise SystemExit(str(error)) from error
    draw(strips).save(output, "PNG")
    groups: dict[str, Mapping[str, Figures]] = {strip.name: strip.figures for strip in strips}
    groups["mean"] = {name: mean([strip.figures[name] for strip in strips]) for name in names}
    print_table(", ".join(f"{name} {value}" for name, value in names.items()), columns, groups, group_heading="row")


if __name__ == "__main__":
    app()
