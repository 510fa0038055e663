"""A toy objective on noise, trained in a moment by the real loop."""

import os
import signal
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.utils.data import Dataset

from img2img import losses, networks
from img2img.data.sampling import seeded_rng
from img2img.training import Images, Losses, Objective, TrainerConfig, TrainingResult, train
from img2img.training import checkpoint as checkpoints
from img2img.training.adversary import Adversary, AdversaryConfig
from img2img.training.distributed import make_fabric
from img2img.training.objective import Batch, HealthSample

TINY = {"name": "resnet", "width": 4, "blocks": 1, "scale": 2, "norm": "batch"}
DISCRIMINATOR = {"name": "patchgan", "width": 4, "layers": 1, "norm": "batch", "spectral_norm": True}


class Samples(Dataset[Batch]):
    def __init__(self, length: int = 0) -> None:
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Batch:
        hr = torch.rand(3, 16, 16, generator=seeded_rng(7, index))
        return {"lr": nn.functional.avg_pool2d(hr, 2), "hr": hr}


class Smooth(Samples):
    """Pictures of 32 px with edges and slopes, as photographs have: what the checks of pictures need."""

    def __getitem__(self, index: int) -> Batch:
        coarse = torch.rand(1, 3, 5, 5, generator=seeded_rng(7, index))
        hr = nn.functional.interpolate(coarse, (32, 32), mode="bicubic", align_corners=True)[0].clamp(0, 1)
        hr[:, :, 16:] = torch.where(coarse.mean() > 0.5, hr[:, :, 16:], 1 - hr[:, :, 16:])
        return {"lr": nn.functional.avg_pool2d(hr, 2), "hr": hr}


class Toy(Objective):
    """A generator with batch norm and noise, a discriminator with spectral norm, a pool: all that resuming can get wrong."""

    metric = "l1"
    higher_is_better = False

    def __init__(self, *, adversarial: bool = True, norm: str = "batch", noise: float = 0.01, **adversary: Any) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.noise = noise
        self.generators = nn.ModuleDict({"sr": networks.build({**TINY, "norm": norm})})
        self.discriminators = nn.ModuleDict()
        config = AdversaryConfig(
            **{"weight": 0.1, "network": DISCRIMINATOR, "pool": 3, "r1": 1, "penalty_every": 2, "augment": ["translation"], **adversary}
        )
        self.adversary = Adversary(config, self, "sr", networks.build(config.network)) if adversarial else None

    def generate(self, batch: Batch) -> Images:
        noise = torch.randn_like(batch["lr"])  # drawn from the global generator on purpose
        return {"sr": self.generators["sr"](batch["lr"] + self.noise * noise)}

    def discriminator_losses(self, batch: Batch, images: Images) -> Losses:
        return self.adversary.discriminator_losses(batch["hr"], images["sr"]) if self.adversary else {}

    def discriminators_stepped(self) -> None:
        if self.adversary:
            self.adversary.stepped()

    def generator_losses(self, batch: Batch, images: Images) -> Losses:
        result = {"pixel": losses.l1(images["sr"], batch["hr"])}
        if self.adversary:
            result |= self.adversary.generator_losses(batch["hr"], images["sr"])
        return result

    def infer(self, batch: Batch) -> Images:
        return {"sr": self.generators["sr"](batch["lr"])}

    def validate(self, batch: Batch, images: Images) -> dict[str, float]:
        return {"l1": float(losses.l1(images["sr"], batch["hr"]))}

    def preview(self, batch: Batch, images: Images) -> dict[str, Tensor]:
        return {"ours": images["sr"].clamp(0, 1), "ground truth": batch["hr"]}

    def health_sample(self, batch: Batch, images: Images) -> HealthSample:
        return HealthSample(images["sr"].clamp(0, 1), batch["hr"], batch["lr"])

    def export(self, path: Path, record: dict[str, Any]) -> None:
        save_file({"images_seen": torch.tensor(record["images_seen"])}, path)


def run(
    folder: Path,
    objective: Objective,
    images: int | None = None,
    *,
    plan: int = 48,
    samples: Any = None,
    validation: Any = None,
    **settings: Any,
) -> TrainingResult:
    """Train ``objective`` into ``folder`` by a plan of ``plan`` images; stop by a signal at ``images``, if given."""
    config = TrainerConfig(**{"images": plan, "batch": 4, "workers": 0, "device": "cpu", "validate_every": 16, **settings})
    if samples is None:
        samples = Stopping(images) if images and images < plan else Samples()
    watched = Samples(2) if validation is None else validation
    return train(objective, samples, watched, config, folder, fabric=make_fabric(config), record={"preset": "toy"})


class Stopping(Samples):
    """Sends this process the signal of Ctrl-C while the step that reaches ``images`` prepares its last sample."""

    def __init__(self, images: int, samples: Samples | None = None) -> None:
        super().__init__()
        self.images, self.samples = images, Samples() if samples is None else samples

    def __getitem__(self, index: int) -> Batch:
        if index == self.images - 1:
            os.kill(os.getpid(), signal.SIGINT)
        return self.samples[index]


def tensors(state: Any, prefix: str = "") -> dict[str, Any]:
    """Every leaf of nested dicts and lists by its path."""
    if isinstance(state, dict):
        items = state.items()
    elif isinstance(state, list | tuple):
        items = enumerate(state)
    else:
        return {prefix: state}
    return {key: value for name, child in items for key, value in tensors(child, f"{prefix}/{name}").items()}


def assert_same(first: Path, second: Path) -> None:
    """Two runs' checkpoints are equal, bit for bit, but for the running statistics of the alarms, which count from a resume."""
    a, b = ({k: v for k, v in tensors(checkpoints.load(path)).items() if not k.startswith("/health")} for path in (first, second))
    assert a.keys() == b.keys()
    for key in a:
        same = torch.equal(a[key], b[key]) if isinstance(a[key], Tensor) else a[key] == b[key]
        assert same, f"{key}: {a[key]} != {b[key]}"
