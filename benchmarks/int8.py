"""An upscaler in int8 and bf16 against its fp32: PSNR-Y and LPIPS on folders of pictures, and seconds for a megapixel, in one process.

Needs the extras onnx and openvino. The figures are those of ``img2img evaluate upscale``. For the times PyTorch and the exports take
turns, so that a slow minute of the machine hits all alike.
"""

import argparse
import math
import statistics
import sys
import tempfile
from functools import partial
from itertools import product
from pathlib import Path
from time import perf_counter

import torch
from torch import Tensor

from img2img.evaluation.paired import evaluate
from img2img.evaluation.pairs import find_pairs, load_pair
from img2img.export.int8 import Int8
from img2img.export.write import ENDINGS, export
from img2img.inference.runtime import Runtime
from img2img.models import Model, load_model
from img2img.tasks.upscale.options import UpscaleOptions
from img2img.tasks.upscale.pipeline import UpscalePipeline

INSTRUCTIONS = ("avx2", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_int8", "amx_bf16")
KINDS = ("torch", "torch bf16", "onnx", "onnx int8", "openvino", "openvino int8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--calibrate", type=Path, help="folder of pictures that set the ranges; by default those in the model's file")
    parser.add_argument("--hr", type=Path, nargs="+", required=True, help="folders of ground truth")
    parser.add_argument("--degrade", choices=("bicubic", "photo", "heavy"), default="bicubic")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=int, help="the first so many pictures of each folder")
    parser.add_argument("--size", type=int, default=160, help="side of the input that is timed, in pixels")
    parser.add_argument("--turns", type=int, default=9, help="the median of so many; one more warms up")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pipelines = {kind: UpscalePipeline(model, Runtime("cpu")) for kind, model in made(arguments, Path(folder)).items()}
    pipelines["torch bf16"] = UpscalePipeline(load_model(arguments.model), Runtime("cpu", "bf16"))
    scale = pipelines["torch"].model.info.scale
    print("| pictures | model | PSNR-Y | LPIPS |\n|---|---|---|---|")  # noqa: T201
    for hr in arguments.hr:
        pairs = find_pairs(hr, limit=arguments.limit)
        load = partial(load_pair, scale=scale, degradation=arguments.degrade, seed=arguments.seed)
        runs = {
            kind: partial(pipelines[kind].run, options=UpscaleOptions.of(float(scale)))
            for kind in KINDS
            if kind == "torch" or kind.endswith(("int8", "bf16"))
        }
        for kind, figures in evaluate(pairs, load, runs, scale=scale).means().items():
            if kind in runs:
                print(f"| {hr} ({len(pairs)}) | {kind} | {figures.psnr_y:.3f} | {figures.lpips:.4f} |", flush=True)  # noqa: T201
    print(f"{torch.get_num_threads()} threads, {arguments.size} px input; {instructions()}")  # noqa: T201
    print("| model | s/MPx | PyTorch's time / its |\n|---|---|---|")  # noqa: T201
    for row in timed(pipelines, arguments.size, arguments.turns):
        print(f"| {row} |")  # noqa: T201


def made(arguments: argparse.Namespace, folder: Path) -> dict[str, Model]:
    """The models by ``KINDS``: the exports are written to ``folder`` and read."""
    models = {"torch": load_model(arguments.model)}
    for format, int8 in product(("onnx", "openvino"), (False, True)):
        kind = f"{format} int8" if int8 else format
        target = folder / f"{kind.replace(' ', '-')}{ENDINGS[format]}"  # type: ignore[index]
        done = export(load_model(arguments.model), target, int8=Int8(arguments.calibrate, math.inf) if int8 else None)
        size = sum(file.stat().st_size for file in done.files) / 1e6
        largest = max(each.largest for each in done.differences)
        print(f"{kind}: {size:.1f} MB, {largest:.1e} from PyTorch" + (f", loses {done.loss}" if done.loss else ""), file=sys.stderr)  # noqa: T201
        models[kind] = load_model(target)
    return models


def timed(pipelines: dict[str, UpscalePipeline], size: int, turns: int) -> list[str]:
    """A row for each: seconds for a megapixel of input, and the median of the ratios within a turn."""
    x = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    seconds: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for _ in range(turns + 1):
        for kind in KINDS:
            seconds[kind].append(once(pipelines[kind], x))
    rows = []
    for kind in KINDS:
        times, theirs = seconds[kind][1:], seconds["torch"][1:]
        ratio = statistics.median(before / after for before, after in zip(theirs, times, strict=True))
        rows.append(f"{kind} | {statistics.median(times) / (size**2 / 1e6):.2f} | {ratio:.2f}")
    return rows


def once(pipeline: UpscalePipeline, x: Tensor) -> float:
    """Seconds of one pass, tiling included."""
    start = perf_counter()
    pipeline.run(x, UpscaleOptions())
    return perf_counter() - start


def instructions() -> str:
    """The processor's instructions for 8 bits and bfloat16, as Linux names them."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    flags = next((set(line.split()) for line in lines if line.startswith("flags")), set())
    return "instructions: " + (", ".join(name for name in INSTRUCTIONS if name in flags) or "not known")


if __name__ == "__main__":
    main()
