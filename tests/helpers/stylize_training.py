"""``img2img train stylize`` with tiny networks on small pictures."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from cli_errors import raise_error
from scenes import scene
from torch import Tensor
from typer.testing import CliRunner, Result

from img2img.cli import app
from img2img.models import load_model
from img2img.networks import Stylizer
from img2img.tasks.stylize.config import BODY, PRESETS, StylizeConfig

SETTINGS = (
    "data.size=32",
    "data.style_size=40",
    "data.validation_side=64",
    "network.width=4",
    "network.blocks=1",
    "style_dim=8",
    "training.log_every=1",
)
TINY = ["--batch", "2", "--workers", "0", "--device", "cpu", "--set", "training.schedule=constant"]
TINY += [part for setting in SETTINGS for part in ("--set", setting)]
DISCRIMINATOR = ["--set", "adversary.weight=0.1", "--set", "adversary.network.width=4", "--set", "adversary.network.layers=2"]
Trained = Callable[[str], tuple[Path, list[str]]]


def command(*arguments: Any) -> Result:
    """What ``img2img train stylize ARGUMENTS`` gives; errors of ours are raised."""
    done = CliRunner().invoke(app, ["train", "stylize", *map(str, arguments)])
    raise_error(done)
    return done


def config(preset: str = "any", **changes: Any) -> StylizeConfig:
    given = PRESETS[preset]
    network = {**BODY, "width": 4, "blocks": 1}
    data = given.data.model_copy(update={"size": 32, "contents_per_style": 1, "validation_side": 64})
    return given.model_copy(update={"network": network, "style_dim": 8, "data": data, **changes})


def batch(count: int = 2) -> dict[str, Tensor]:
    def pictures(first: int) -> Tensor:
        return torch.stack([torch.from_numpy(scene(first + number, 32, 32)).permute(2, 0, 1) / 255 for number in range(count)])

    return {"content": pictures(0), "style": pictures(20)}


def stylizer_of(run: Path) -> Stylizer:
    network = load_model(run).network
    assert isinstance(network, Stylizer)
    return network


def same_state(one: torch.nn.Module, two: torch.nn.Module) -> bool:
    theirs = two.state_dict()
    return one.state_dict().keys() == theirs.keys() and all(torch.equal(value, theirs[key]) for key, value in one.state_dict().items())
