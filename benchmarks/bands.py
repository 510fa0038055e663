"""Bands with holes, filled by a model that was trained on one side of a scene, measured on the other, beside what needs no training.

Needs the extra baselines. Tried with Landsat 7 (``L7_ETMs.tif`` of R's package stars, Apache-2.0; Debian and Ubuntu: r-cran-stars).
"""

import argparse
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from img2img import images
from img2img.data.masks import Kind, apart, draw_mask
from img2img.data.sampling import seeded_rng
from img2img.images import Frame, Picture
from img2img.inference.runtime import Runtime
from img2img.models import ImageSpec
from img2img.tasks.inpaint.bands import fill_bands, normalization
from img2img.tasks.inpaint.baselines import fill_each, load_baseline, nearest
from img2img.tasks.inpaint.pipeline import InpaintPipeline

TILE = 87  # pixels a side of the training tiles
KINDS: tuple[Kind, ...] = ("scanlines", "clouds")
Method = Callable[[Tensor, Tensor], Tensor]  # (C, H, W) as stored, and its holes (C, H, W) bool -> the same, filled


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scene", type=Path, help="a TIFF of bands, nothing of it missing")
    parser.add_argument("--work", type=Path, default=Path("bands-benchmark"), help="folder of the tiles and the run")
    parser.add_argument("--images", type=int, default=12_000, help="to train with")
    parser.add_argument("--init", default="inpaint-photo", help="the model that training starts from; 'none': from nothing")
    parser.add_argument("--seeds", type=int, default=8, help="holes of each kind to measure with")
    arguments = parser.parse_args()
    picture = images.read(arguments.scene, bands=True)
    pixels = picture.pixels * (1 if picture.bit_depth == 32 else 2**picture.bit_depth - 1)
    measured = (picture.width // TILE - 1) * TILE  # what lies right of here is measured, and no training sees it
    cut(picture, arguments.work / "tiles", measured)
    run = arguments.work / f"run-{arguments.init}-{arguments.images}"
    train(arguments.work, run, arguments.images, arguments.init)
    methods = {
        "nearest": of_baseline(nearest),
        "biharmonic": of_baseline(load_baseline("biharmonic")),
        "`inpaint-photo`": of_model(InpaintPipeline.open("inpaint-photo", Runtime("cpu")), None, picture.bit_depth),
        "trained": of_run(run, picture.bit_depth),
    }
    truth = pixels[:, :, measured:]
    table = [["holes", "method", *(f"band {band}" for band in range(1, len(truth) + 1))], ["---"] * (2 + len(truth))]
    for title, single in (("in all bands", False), ("in single bands", True)):
        for name, errors in measure(truth, methods, arguments.seeds, single=single).items():
            table.append([title, name, *(f"{error:.2f}" for error in errors)])
    heading = f"RMSE in the holes of the last {truth.shape[2]} columns of {arguments.scene.name}, in the units of the file:\n\n"
    sys.stdout.write(heading + "".join(f"| {' | '.join(line)} |\n" for line in table))


def cut(picture: Picture, folder: Path, measured: int) -> None:
    """Tiles of ``TILE`` pixels of what lies left of the column ``measured``."""
    folder.mkdir(parents=True, exist_ok=True)
    for top in range(0, picture.height - TILE + 1, TILE):
        for left in range(0, measured, TILE):
            tile = picture.pixels[:, top : top + TILE, left : left + TILE]
            images.write(Picture((Frame(tile),), picture.bit_depth, "TIFF"), folder / f"{top:05d}-{left:05d}.tif")


def train(work: Path, run: Path, count: int, init: str) -> None:
    command = [sys.executable, "-m", "img2img", "train", "inpaint", "--preset", "bands", "--device", "cpu", "--workers", "0"]
    command += ["--data", str(work / "tiles"), "--images", str(count), "--run", str(run)]
    subprocess.run(command + ([] if init == "none" else ["--init", init]), check=True, stdout=sys.stderr)


def measure(truth: Tensor, methods: dict[str, Method], seeds: int, *, single: bool) -> dict[str, list[float]]:
    """By method, the root mean squared error of each band over the holes of all kinds and seeds."""
    squares = {name: torch.zeros(len(truth), dtype=torch.float64) for name in methods}
    count = torch.zeros(len(truth), dtype=torch.float64)
    for kind in KINDS:
        for seed in range(seeds):
            rng = seeded_rng(7, KINDS.index(kind), seed)
            draw = lambda kind=kind, rng=rng: draw_mask(kind, *truth.shape[1:], rng)  # noqa: E731
            hole = (apart(draw, len(truth), rng) if single else draw().repeat(len(truth), 1, 1)) > 0
            count += hole.sum((1, 2))
            for name, method in methods.items():
                made = method(torch.where(hole, torch.nan, truth), hole)
                squares[name] += ((made - truth).double().square() * hole).sum((1, 2))
    return {name: (total / count).sqrt().tolist() for name, total in squares.items()}


def of_baseline(fill: Callable[[Tensor], Tensor]) -> Method:
    def method(pixels: Tensor, hole: Tensor) -> Tensor:
        used = normalization([values[~there] for values, there in zip(pixels, hole, strict=True)])
        return used.undo(fill_each(fill, torch.where(hole, 0.5, used.apply(torch.where(hole, 0, pixels))), hole.float()))

    return method


def of_model(pipeline: InpaintPipeline, spec: ImageSpec | None, bit_depth: int) -> Method:
    unit = 1 if bit_depth == 32 else 2**bit_depth - 1
    return lambda pixels, hole: fill_bands(pixels / unit, hole, pipeline.fill, spec) * unit


def of_run(run: Path, bit_depth: int) -> Method:
    pipeline = InpaintPipeline.open(run, Runtime("cpu"))
    return of_model(pipeline, pipeline.model.info.a, bit_depth)


if __name__ == "__main__":
    main()
