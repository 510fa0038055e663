"""Training throughput beside plain loops, in one run, by turns, with the same networks, losses and batches."""

import copy
import itertools
import multiprocessing
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from benchmarks.plain_loops import (
    Batch,
    PlainCycleGAN,
    PlainPairs,
    PlainPatches,
    PlainPix2Pix,
    PlainSRGAN,
    PlainSRResNet,
    PlainUnpaired,
)
from img2img import losses
from img2img.data.pairs import PairPatches, UnpairedPatches
from img2img.data.pictures import PictureSet, decode_half, decode_photo, find_pictures
from img2img.data.sampling import Positions
from img2img.data.transforms import AugmentConfig
from img2img.errors import Img2ImgError
from img2img.models import ImageSpec
from img2img.networks.features import VGGFeatures
from img2img.tasks.translate.config import PRESETS as TRANSLATE_PRESETS
from img2img.tasks.translate.datasets import Datasets
from img2img.tasks.translate.train import make_objective
from img2img.tasks.upscale.config import PRESETS
from img2img.tasks.upscale.data import UpscalePatches
from img2img.tasks.upscale.objective import UpscaleObjective
from img2img.training import AdversarialModule, Losses, TrainerConfig
from img2img.training.allocator import keep_freed_memory
from img2img.training.distributed import make_fabric
from img2img.training.ema import Ema
from img2img.training.step import make_optimizers, place, training_step

Step = Callable[[Batch], Mapping[str, Any]]

PATCH, SCALE, BATCH = 32, 4, 8
SIDE = 128
TRANSLATORS = {  # smaller than the presets', so that two cores take some seconds for a turn
    "pix2pix": {"name": "unet", "width": 32, "levels": 6, "dropout": 0.5},
    "cyclegan": {"name": "resnet", "width": 24, "blocks": 6, "downsamplings": 2, "norm": "instance"},
}
JUDGE = {"name": "patchgan", "width": 32, "norm": "instance"}
SAMPLES = "samples alone, decoded once or anew"


@dataclass(frozen=True)
class Race:
    """Images a second of both, and the median, smallest and largest ratio of the turns: above 1, ours is faster."""

    name: str
    ours: float
    plain: float
    ratio: float
    lowest: float
    highest: float


def races(data: Path | None, cache: Path, device: str, turns: int, steps: int) -> Iterator[Race]:
    """One race after the other: steps on ready batches and, with ``data``, steps with the loading of photographs.

    Each side has a process of its own, because an allocator's settings and a library's caches are a process's; they take turns of
    ``steps`` steps, so that a slow minute of the machine hits both alike. The first turn warms up and does not count.

    Args:
        data: folder of photographs.
        cache: folder for the decoded photographs of our side, which may be gigabytes; they are decoded before the clock starts.
    """
    for name in (*SETUPS, *(LOADING if data else ())):
        with _Entrant(name, "ours", data, cache, device) as ours, _Entrant(name, "plain", data, cache, device) as plain:
            times = [(ours.seconds(steps), plain.seconds(steps)) for _ in range(turns + 1)][1:]
        ratios = [plain_seconds / our_seconds for our_seconds, plain_seconds in times]
        our_speed, plain_speed = (steps * BATCH / median(column) for column in zip(*times, strict=True))
        yield Race(name, our_speed, plain_speed, median(ratios), min(ratios), max(ratios))


class _Entrant:
    """One side of a race, in a process of its own."""

    def __init__(self, name: str, side: str, data: Path | None, cache: Path, device: str) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, self.theirs = context.Pipe()
        self.process = context.Process(target=_take_turns, args=(self.theirs, name, side, data, cache, device))

    def __enter__(self) -> "_Entrant":
        self.process.start()
        self.theirs.close()  # the process has its own; while we hold one, its end would not be noticed
        return self

    def seconds(self, steps: int) -> float:
        """How long ``steps`` steps take. A process that ends closes its end of the pipe."""
        try:
            self.connection.send(steps)
            return float(self.connection.recv())
        except (EOFError, ConnectionError) as error:
            raise Img2ImgError("a process of the benchmark ended before its turn; what it said stands above") from error

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.join()


def _take_turns(connection: Connection, name: str, side: str, data: Path | None, cache: Path, device: str) -> None:
    torch.manual_seed(0)
    config = TrainerConfig(device=device, batch=BATCH)
    ours = side == "ours"
    step = (SETUPS | LOADING)[name](config)[0 if ours else 1]
    batches = _loaded(name, find_pictures(data), cache, ours=ours) if data and name in LOADING else _same(name)
    fabric_device = make_fabric(config).device
    if ours:
        keep_freed_memory(fabric_device)
    while True:
        steps = connection.recv()
        start = time.perf_counter()
        for batch in itertools.islice(batches, steps):
            step({key: value.to(fabric_device) for key, value in batch.items()})
        if fabric_device.type == "cuda":
            torch.cuda.synchronize()
        connection.send(time.perf_counter() - start)


def _same(name: str) -> Iterator[Batch]:
    if "pix2pix" in name or "CycleGAN" in name:
        return itertools.repeat({key: torch.rand(BATCH, 3, SIDE, SIDE) for key in "ab"})
    return itertools.repeat({"lr": torch.rand(BATCH, 3, PATCH, PATCH), "hr": torch.rand(BATCH, 3, PATCH * SCALE, PATCH * SCALE)})


def _loaded(name: str, paths: list[Path], cache: Path, *, ours: bool) -> Iterator[Batch]:
    workers = 0 if name == SAMPLES else 1  # what a worker prepares while the other side has its turn would count for nothing
    if ours or name == SAMPLES:
        return iter(DataLoader(_our_samples(name, paths, cache, ours=ours), BATCH, sampler=Positions(0, 10**6, BATCH), num_workers=workers))
    return iter(DataLoader(_plain_samples(name, paths), BATCH, num_workers=workers))


def _our_samples(name: str, paths: list[Path], cache: Path, *, ours: bool) -> Dataset[Batch]:
    """From pictures that are decoded once; for the plain side of ``SAMPLES`` the same from pictures that are decoded anew."""
    if "pix2pix" in name:
        left, right = (
            PictureSet(paths, cache / f"{half}.pixels", smallest=SIDE, decode=decode_half(decode_photo, half)) for half in ("left", "right")
        )
        return PairPatches(left, right, SIDE, AugmentConfig(), 0)
    if "CycleGAN" in name:
        pictures = PictureSet(paths, cache / "bench.pixels", smallest=SIDE)
        return UnpairedPatches(pictures, pictures, SIDE, AugmentConfig(), 0)
    kept = {"cache": cache / "bench.pixels"} if ours else {"cache": cache / "bench.none", "limit": 0}
    return UpscalePatches(PictureSet(paths, smallest=PATCH * SCALE, **kept), PATCH, SCALE, "bicubic", 0)


def _plain_samples(name: str, paths: list[Path]) -> Dataset[Batch]:
    if "pix2pix" in name:
        return PlainPairs(paths, SIDE)
    return PlainUnpaired(paths, SIDE) if "CycleGAN" in name else PlainPatches(paths, PATCH, SCALE)


def samples(config: TrainerConfig) -> tuple[Step, Step]:
    """(our step, the plain step) of nothing at all: what remains is the loading."""
    return (lambda batch: {}), (lambda batch: {})


def srgan(config: TrainerConfig) -> tuple[Step, Step]:
    """(our step, the plain step) of an SRGAN, started from the same weights."""
    preset = PRESETS["srgan"]
    objective = UpscaleObjective(preset, "bench")
    layers = preset.loss.perceptual_layers
    device = make_fabric(config).device
    plain = PlainSRGAN(
        copy.deepcopy(objective.generators["sr"]).to(device),
        copy.deepcopy(objective.discriminators["sr"]).to(device),
        losses.PerceptualLoss(VGGFeatures(tuple(layers)), layers).to(device),
        (preset.loss.pixel_weight, preset.loss.perceptual, preset.adversary.weight),
    )
    return _ours(objective, config), plain.step


def srresnet(config: TrainerConfig) -> tuple[Step, Step]:
    """(our step, the plain step) of the pixel loss alone, started from the same weights."""
    objective = UpscaleObjective(PRESETS["srresnet"], "bench")
    plain = PlainSRResNet(copy.deepcopy(objective.generators["sr"]).to(make_fabric(config).device))
    return _ours(objective, config), plain.step


def pix2pix(config: TrainerConfig) -> tuple[Step, Step]:
    """(our step, the plain step) of pix2pix, started from the same weights."""
    objective, config = _translator("pix2pix", config)
    device = make_fabric(config).device
    generator, judge = (copy.deepcopy(network).to(device) for network in (objective.generators["ab"], objective.discriminators["b"]))
    return _ours(objective, config), PlainPix2Pix(generator, judge, objective.config.loss.pixel_weight).step


def cyclegan(config: TrainerConfig) -> tuple[Step, Step]:
    """(our step, the plain step) of a CycleGAN, started from the same weights."""
    objective, config = _translator("cyclegan", config)
    device = make_fabric(config).device
    ab, ba = (copy.deepcopy(objective.generators[way]).to(device) for way in ("ab", "ba"))
    judge_a, judge_b = (copy.deepcopy(objective.discriminators[side]).to(device) for side in ("a", "b"))
    loss = objective.config.loss
    return _ours(objective, config), PlainCycleGAN((ab, ba), (judge_a, judge_b), loss.cycle, loss.identity).step


def _translator(preset: str, config: TrainerConfig) -> tuple[Any, TrainerConfig]:
    """(the objective of a preset with smaller networks, the preset's way to train it on the device and with the batch of ``config``)."""
    found = TRANSLATE_PRESETS[preset]
    adversary = found.adversary.model_copy(update={"network": JUDGE})
    found = found.model_copy(update={"network": TRANSLATORS[preset], "adversary": adversary})
    nothing: Any = range(2)  # nobody looks at samples or validates
    objective = make_objective(found, "bench", Datasets(nothing, nothing, ImageSpec(), ImageSpec(), (), "", {}))
    return objective, found.training.model_copy(update={"device": config.device, "batch": config.batch})


def _ours(objective: AdversarialModule, config: TrainerConfig) -> Step:
    fabric = make_fabric(config)
    place(objective, fabric)
    objective.train()
    optimizers = make_optimizers(objective, config, fabric)
    ema = Ema(objective.generators, config.ema)

    def step(batch: Batch) -> Losses:
        found = training_step(objective, [batch], optimizers, config, fabric)
        ema.update(objective.generators)
        return found.figures  # tensors: nobody waits for them

    return step


SETUPS: dict[str, Callable[[TrainerConfig], tuple[Step, Step]]] = {"SRGAN step": srgan, "pix2pix step": pix2pix, "CycleGAN step": cyclegan}
LOADING: dict[str, Callable[[TrainerConfig], tuple[Step, Step]]] = {
    "SRResNet with loading": srresnet,
    "SRGAN with loading": srgan,
    "pix2pix with loading": pix2pix,
    "CycleGAN with loading": cyclegan,
    SAMPLES: samples,
}
