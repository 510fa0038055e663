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
from torch import nn
from torch.utils.data import DataLoader

from img2img import losses, networks
from img2img.data.pictures import PictureSet, find_pictures
from img2img.data.sampling import Positions
from img2img.data.upscale import UpscalePatches
from img2img.errors import Img2ImgError
from img2img.evaluation.plain_loops import Batch, PlainCycleGAN, PlainPatches, PlainSRGAN, PlainSRResNet
from img2img.networks.features import VGGFeatures
from img2img.tasks.upscale.train import PRESETS, UpscaleObjective
from img2img.training import Game, Images, Losses, TrainerConfig
from img2img.training.adversary import Adversary, AdversaryConfig
from img2img.training.allocator import keep_freed_memory
from img2img.training.ema import Ema
from img2img.training.processes import make_fabric
from img2img.training.step import make_optimizers, place, training_step

Step = Callable[[Batch], Mapping[str, Any]]

PATCH, SCALE, BATCH = 32, 4, 8
SIDE = 128
CYCLE, IDENTITY = 10.0, 5.0
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


class CycleGame(Game):
    """CycleGAN on the project's trainer: what the benchmark trains. A generator's passes on a and b are one pass on both."""

    def __init__(self, generators: tuple[nn.Module, nn.Module], judges: tuple[nn.Module, nn.Module]) -> None:
        super().__init__()
        self.generators = nn.ModuleDict({"ab": generators[0], "ba": generators[1]})
        self.discriminators = nn.ModuleDict()
        config = AdversaryConfig(weight=1.0, mode="lsgan", pool=50)
        self.adversaries = {name: Adversary(config, self, name, judge) for name, judge in zip("ab", judges, strict=True)}

    def generate(self, batch: Batch) -> Images:
        a, b = batch["a"], batch["b"]
        both = torch.cat([a, b])
        fake_b, idt_b = self.generators["ab"](both).chunk(2)
        idt_a, fake_a = self.generators["ba"](both).chunk(2)
        return {
            "fake_b": fake_b, "fake_a": fake_a, "idt_a": idt_a, "idt_b": idt_b,
            "rec_a": self.generators["ba"](fake_b), "rec_b": self.generators["ab"](fake_a),
        }  # fmt: skip

    def discriminator_losses(self, batch: Batch, images: Images) -> Losses:
        return {
            key: value
            for name, adversary in self.adversaries.items()
            for key, value in adversary.discriminator_losses(batch[name], images[f"fake_{name}"]).items()
        }

    def generator_losses(self, batch: Batch, images: Images) -> Losses:
        result: Losses = {}
        for name, adversary in self.adversaries.items():
            result |= adversary.generator_losses(batch[name], images[f"fake_{name}"])
            result[f"cycle_{name}"] = CYCLE * losses.l1(images[f"rec_{name}"], batch[name])
            result[f"identity_{name}"] = IDENTITY * losses.l1(images[f"idt_{name}"], batch[name])
        return result


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
    if name == "CycleGAN step":
        return itertools.repeat({key: torch.rand(BATCH, 3, SIDE, SIDE) for key in "ab"})
    return itertools.repeat({"lr": torch.rand(BATCH, 3, PATCH, PATCH), "hr": torch.rand(BATCH, 3, PATCH * SCALE, PATCH * SCALE)})


def _loaded(name: str, paths: list[Path], cache: Path, *, ours: bool) -> Iterator[Batch]:
    if not ours and name != SAMPLES:
        return iter(DataLoader(PlainPatches(paths, PATCH, SCALE), BATCH, num_workers=1))
    if ours:
        pictures = PictureSet(paths, cache / "bench.pixels", smallest=PATCH * SCALE)
    else:
        pictures = PictureSet(paths, cache / "bench.none", smallest=PATCH * SCALE, limit=0)
    workers = 0 if name == SAMPLES else 1  # what a worker prepares while the other side has its turn would count for nothing
    return iter(
        DataLoader(UpscalePatches(pictures, PATCH, SCALE, "bicubic", 0), BATCH, sampler=Positions(0, 10**6, BATCH), num_workers=workers)
    )


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


def cyclegan(config: TrainerConfig) -> tuple[Step, Step]:
    """(our step, the plain step) of a CycleGAN, started from the same weights."""
    spec = {"name": "resnet", "width": 24, "blocks": 6, "downsamplings": 2, "norm": "instance"}
    judge = {"name": "patchgan", "width": 32, "norm": "instance"}
    generators, judges = (networks.build(spec), networks.build(spec)), (networks.build(judge), networks.build(judge))
    device = make_fabric(config).device
    first, second = (tuple(copy.deepcopy(network).to(device) for network in pair) for pair in (generators, judges))
    plain = PlainCycleGAN((first[0], first[1]), (second[0], second[1]), CYCLE, IDENTITY)
    return _ours(CycleGame(generators, judges), config), plain.step


def _ours(objective: Game, config: TrainerConfig) -> Step:
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


SETUPS: dict[str, Callable[[TrainerConfig], tuple[Step, Step]]] = {"SRGAN step": srgan, "CycleGAN step": cyclegan}
LOADING: dict[str, Callable[[TrainerConfig], tuple[Step, Step]]] = {
    "SRResNet with loading": srresnet,
    "SRGAN with loading": srgan,
    SAMPLES: samples,
}
