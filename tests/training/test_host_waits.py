"""How often a training step makes the host wait for the device: once.

The objective is on PyTorch's ``meta`` device, which has shapes and no values, so that whatever needs a value shows: it is counted here,
and answered by 1. So is every tensor that goes from the host to the device within a step.
"""

import sys
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import Any

import pytest
import stylize_training
import torch
from tiny_translate import DISCRIMINATOR, RESNET, Labeled, Unpaired, datasets, tiny
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.data import default_collate
from toy import Samples, Toy

from img2img.data.degrade_batch import draw_chain
from img2img.data.sampling import seeded_rng
from img2img.tasks.generate import config as generate_config
from img2img.tasks.generate.objective import GenerateObjective
from img2img.tasks.inpaint import config as inpaint_config
from img2img.tasks.inpaint.objective import InpaintObjective
from img2img.tasks.stylize.objective import StylizeObjective
from img2img.tasks.translate.train import make_objective
from img2img.tasks.upscale.config import LossConfig, UpscaleConfig
from img2img.tasks.upscale.data import degraded
from img2img.tasks.upscale.objective import UpscaleObjective
from img2img.training import Images, Losses, Objective, TrainerConfig
from img2img.training.adversary import AdversaryConfig
from img2img.training.distributed import make_fabric
from img2img.training.objective import Batch
from img2img.training.step import make_optimizers, training_step

Made = tuple[Objective, Batch]
CONFIG = TrainerConfig(device="cpu", batch=2)
aten = torch.ops.aten


class Waits(TorchDispatchMode):
    """Counts what goes between the host and the device ``meta`` while it is on, each with its name."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, call: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        source = args[0] if args and isinstance(args[0], Tensor) else None
        if call is aten._local_scalar_dense.default and source is not None and source.is_meta:
            self.names.append("value")
            return source.dtype == torch.bool or 1
        if call is aten._to_copy.default and source is not None and "device" in kwargs:
            here, there = source.device.type, torch.device(kwargs["device"]).type
            if here != there:
                self.names.append(f"{here} to {there}")
            if (here, there) == ("meta", "cpu"):
                return torch.ones(source.shape, dtype=kwargs.get("dtype") or source.dtype)
        return call(*args, **kwargs)


def together(samples: Any) -> Batch:
    items = [samples[number] for number in range(2)]
    return {key: torch.stack([item[key] for item in items]) for key in items[0]}


def toy(**adversary: Any) -> Made:
    return Toy(**adversary), together(Samples())


def translate(preset: str, network: dict[str, Any], judge: dict[str, Any] | None = None, **loss: float) -> Made:
    kind, classes = (Labeled, ("red", "green", "blue")) if preset == "multi-domain" else (Unpaired, ())
    config = tiny(preset, network, {**DISCRIMINATOR, **(judge or {})}, **loss)
    return make_objective(config, preset, datasets(kind, 2, classes)), together(kind())


def stylize(preset: str) -> Made:
    config = stylize_training.config(preset, adversary=AdversaryConfig(weight=0.1, network={"name": "patchgan", "width": 4}))
    return StylizeObjective(config, preset, styles=int(preset == "single")), stylize_training.batch()


def upscale() -> Made:
    loss = LossConfig(perceptual=0.2, perceptual_every=2, lpips=0.4, phase=8.0)
    adversary = AdversaryConfig(weight=0.1, network={"name": "patchgan", "width": 4, "layers": 1})
    config = UpscaleConfig(network={"name": "resnet", "width": 4, "blocks": 1}, loss=loss, adversary=adversary)
    return UpscaleObjective(config, "x"), {"lr": torch.rand(2, 3, 12, 12), "hr": torch.rand(2, 3, 48, 48)}


def inpaint() -> Made:
    config = inpaint_config.PRESETS["photo"]
    judge = {**config.adversary.network, "width": 4, "layers": 2}
    adversary = config.adversary.model_copy(update={"network": judge})
    config = config.model_copy(update={"network": {**config.network, "width": 4, "blocks": 1}, "adversary": adversary})
    mask = torch.zeros(2, 1, 48, 48)
    mask[..., 8:30, 10:40] = 1
    return InpaintObjective(config, "x"), {"image": torch.rand(2, 3, 48, 48), "mask": mask}


def generate(preset: str) -> Made:
    config = generate_config.PRESETS[preset]
    judge = {**config.adversary.network, "width": 4}
    adversary = config.adversary.model_copy(update={"network": judge, "augment": ("color", "translation", "cutout")})
    config = config.model_copy(update={"network": {**config.network, "latent": 8, "width": 4}, "adversary": adversary})
    objective = GenerateObjective(config, "x")
    return objective, {
        "real": torch.rand(2, 3, objective.size, objective.size),
        "z": torch.rand(2, 8, 1, 1),
        "other": torch.rand(2, 8, 1, 1),
    }


EVERYTHING: dict[str, Any] = {
    "augment": ["color", "translation", "cutout"],
    "instance_noise": 0.1,
    "feature_matching": 10.0,
    "label_smoothing": 0.1,
    "mode": "nonsaturating",
    "r2": 1,
}
PLAIN = {"name": "patchgan", "width": 4, "layers": 1, "norm": "none", "spectral_norm": False}
MUNIT = {"name": "munit", "width": 4, "blocks": 1, "downsamplings": 1, "style_dim": 2, "mlp_width": 4}
CASES: dict[str, Callable[[], Made]] = {
    "pixels": partial(toy, adversarial=False),
    "everything": partial(toy, **EVERYTHING),
    "relativistic": partial(toy, mode="relativistic"),
    "wgan-gp": partial(toy, mode="wgan-gp", network=PLAIN),
    "upscale": upscale,
    "stylize any": partial(stylize, "any"),
    "stylize single": partial(stylize, "single"),
    "pix2pix": partial(translate, "pix2pix", {"name": "unet", "width": 4, "levels": 3, "dropout": 0.5}),
    "restore": partial(translate, "restore", {**RESNET, "norm": "none"}),
    "cyclegan": partial(translate, "cyclegan", RESNET),
    "cut": partial(translate, "cut", RESNET, contrastive_identity=1.0),
    "unit": partial(translate, "unit", {"name": "unit", "width": 4, "blocks": 1, "shared": 1, "downsamplings": 1}, {"norm": "none"}),
    "munit": partial(translate, "munit", MUNIT, {"norm": "none"}, mode_seeking=1.0),
    "multi-domain": partial(translate, "multi-domain", {**RESNET, "norm": "adain"}, {"norm": "none", "spectral_norm": True}),
    "dcgan": partial(generate, "dcgan"),
    "style": partial(generate, "style"),
    "fastgan": partial(generate, "fastgan"),
}


def waits(made: Made, monkeypatch: pytest.MonkeyPatch, config: TrainerConfig = CONFIG) -> list[str]:
    """What two steps of ``made`` make the host wait for, the second of which has no lazy penalty."""
    objective, batch = made
    fabric = make_fabric(config)
    # What refuses this device, as nothing can be computed there:
    monkeypatch.setattr(sys.modules["torch.optim.optimizer"], "_get_fused_kernels_supported_devices", lambda: ["meta"])
    monkeypatch.setattr("lightning_fabric.fabric._has_meta_device_parameters_or_buffers", lambda module: False)
    autocast = torch.autocast
    monkeypatch.setattr(torch, "autocast", lambda device, **more: nullcontext() if device == "meta" else autocast(device, **more))
    objective.train().to("meta")
    optimizers = make_optimizers(objective, config, fabric)
    placed = {key: value.to("meta") for key, value in batch.items()}
    with Waits() as found:
        for objective.steps in (0, 1):
            training_step(objective, [placed], optimizers, config, fabric)
    return found.names


@pytest.mark.parametrize("case", CASES)
def test_a_step_waits_once(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert waits(CASES[case](), monkeypatch) == ["meta to cpu"] * 2


def test_a_step_of_inpainting_waits_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything else, when nothing keeps the device busy, for how many scales the holes have; then as all others."""
    assert waits(inpaint(), monkeypatch) == ["value", "meta to cpu"] * 2


def test_rmsprop_cannot_tell_by_itself_whether_to_step(monkeypatch: pytest.MonkeyPatch) -> None:
    assert waits(toy(mode="wgan", network=PLAIN, r1=0), monkeypatch) == ["meta to cpu"] * 2 * 2


def test_degrading_photographs_waits_for_nothing() -> None:
    drawn = [draw_chain(48, 48, 4, seeded_rng(number)) for number in range(2)]
    batch = {"crop": torch.zeros(2, 3, 48, 48, dtype=torch.uint8), "turn": torch.arange(2), **default_collate(drawn)}
    placed = {key: value.to("meta") for key, value in batch.items()}
    degraded(placed, 4)  # moves constants there, which stay
    with Waits() as found:
        assert degraded(placed, 4)["lr"].shape == (2, 3, 12, 12)
    assert not found.names


def test_what_waits_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    class Waiting(Toy):
        def generator_losses(self, batch: Batch, images: Images) -> Losses:
            found = super().generator_losses(batch, images)
            return {key: value * torch.rand(()).to(value.device) for key, value in found.items() if float(value.detach()) > 0}

    assert waits((Waiting(adversarial=False), together(Samples())), monkeypatch) == ["value", "cpu to meta", "meta to cpu"] * 2
