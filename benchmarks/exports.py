"""Exported models beside PyTorch: the largest difference, the size of the file, and seconds for each megapixel, all in one run.

Needs the extras onnx, openvino and ncnn. A format that a model has no form in is left out, and its reason printed.
PyTorch and the exports of a model take turns, so that a slow minute of the machine hits all alike.
"""

import argparse
import statistics
import sys
import tempfile
from itertools import product
from pathlib import Path
from time import perf_counter

import torch
from torch import Tensor

from img2img.errors import ModelError
from img2img.export.proof import ON_CPU
from img2img.export.write import ENDINGS, Export, export
from img2img.inference.exported import ExportedNetwork
from img2img.inference.network import Network, TorchNetwork
from img2img.models import load_model
from img2img.models.exported import Exported
from img2img.networks.exportable import parts_of

MODELS = ("upscale-4x-photo", "upscale-2x-photo", "translate-restore", "translate-painting", "stylize-any", "inpaint-photo")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=MODELS, help=f"by default {', '.join(MODELS)}")
    parser.add_argument("--formats", nargs="+", default=list(ENDINGS), help="by default all")
    parser.add_argument("--size", type=int, default=512, help="side of the input in pixels")
    parser.add_argument("--turns", type=int, default=5, help="the median of so many counts; one more warms up")
    arguments = parser.parse_args()
    print(f"{torch.get_num_threads()} threads, {arguments.size} px input")  # noqa: T201
    print("| model | format | largest difference | MB | s/MPx | PyTorch's time / its |")  # noqa: T201
    print("|---|---|---|---|---|---|")  # noqa: T201
    for name in arguments.models:
        for row in measured(name, arguments.formats, arguments.size, arguments.turns):
            print(f"| {row} |", flush=True)  # noqa: T201


def measured(name: str, formats: list[str], size: int, turns: int) -> list[str]:
    """The rows of the model ``name``."""
    model = load_model(name)
    part = parts_of(model.network)[0]
    networks: dict[str, Network] = {}
    exports: dict[str, Export] = {}
    with tempfile.TemporaryDirectory() as folder:
        for format, half in product(formats, (False, True)):
            kind = f"{format} fp16" if half else format
            target = Path(folder) / f"{kind.replace(' ', '-')}{ENDINGS[format]}"  # type: ignore[index]
            try:
                exports[kind] = export(load_model(name), target, format, half=half)
            except ModelError as error:
                print(error, file=sys.stderr)  # noqa: T201
                continue
            made = load_model(target)
            networks[kind] = ExportedNetwork(made, ON_CPU) if isinstance(made.network, Exported) else TorchNetwork(made, ON_CPU)
        sizes = {kind: sum(file.stat().st_size for file in made.files) for kind, made in exports.items()}
    networks = {"PyTorch": TorchNetwork(model, ON_CPU, part.call), **networks}
    x = torch.rand(1, model.info.in_channels, size, size)
    if part.name == "body":
        x[:, -1:] = (x[:, -1:] > 0.5).float()
    given = {"style": torch.randn(1, part.style_dim)} if part.style_dim else {}
    seconds: dict[str, list[float]] = {kind: [] for kind in networks}
    for _ in range(turns + 1):
        for kind, network in networks.items():
            seconds[kind].append(timed(network, x, given))
    rows = []
    for kind in networks:
        times, theirs = seconds[kind][1:], seconds["PyTorch"][1:]
        rate = statistics.median(times) / (size**2 / 1e6)
        if kind == "PyTorch":
            rows.append(f"`{name}` | PyTorch | | | {rate:.2f} | ")
            continue
        largest = max(each.largest for each in exports[kind].differences)
        ratio = statistics.median(before / after for before, after in zip(theirs, times, strict=True))
        rows.append(f"`{name}` | {kind} | {largest:.1e} | {sizes[kind] / 1e6:.1f} | {rate:.2f} | {ratio:.2f}")
    return rows


def timed(network: Network, x: Tensor, given: dict[str, Tensor]) -> float:
    start = perf_counter()
    network(x, torch.float32, **given)
    return perf_counter() - start


if __name__ == "__main__":
    main()
