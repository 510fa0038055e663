"""Translators with random weights between any two kinds of pictures, and random pictures for them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from img2img import networks
from img2img.api import LoadedModel
from img2img.images import Frame, Picture, from_integers
from img2img.inference.runtime import Runtime
from img2img.models import ImageSpec, Model, ModelInfo
from img2img.tasks.translate import TRANSLATE
from img2img.tasks.translate.options import TranslateOptions
from img2img.tasks.translate.pipeline import TranslatePipeline

RGB = ImageSpec()
RANDOM = np.random.default_rng(5)
RESNET: dict[str, Any] = {"name": "resnet", "width": 4, "blocks": 1}


def planes(side: ImageSpec) -> int:
    return len(side.palette) or side.channels


def translator(
    a: ImageSpec = RGB,
    b: ImageSpec = RGB,
    spec: Mapping[str, Any] = RESNET,
    *,
    info: Mapping[str, Any] = {},
    **runtime: Any,
) -> LoadedModel[TranslateOptions]:
    """A random network from ``a`` to ``b``, whose outputs are not all alike."""
    torch.manual_seed(1)
    if spec["name"] == "resnet":
        spec = {**spec, "in_channels": planes(a), "out_channels": planes(b)}
    network: Any = networks.build(spec).eval().requires_grad_(False)
    known = {"name": "tiny", "task": "translate", "a": a, "b": b, "halo": network.halo, "multiple": network.multiple, "network": dict(spec)}
    model = Model(network, ModelInfo.model_validate({**known, "keeps_gray": False, **info}))
    return LoadedModel(TRANSLATE, TranslatePipeline(model, Runtime("cpu", **runtime)))


def read(tiny: LoadedModel[TranslateOptions], path: Path) -> Picture:
    return tiny.pipeline.read(path, TranslateOptions(), max_pixels=10**6)


def picture(channels: int = 3, height: int = 12, width: int = 17, depth: Any = 8, *, alpha: bool = False, **more: Any) -> Picture:
    """Random values on levels of ``depth``; float ones from -50 to 150."""
    kind = {8: np.uint8, 16: np.uint16}.get(depth)
    shape = (height, width, channels)
    values = RANDOM.integers(0, 2**depth, shape, kind) if kind else RANDOM.uniform(-50, 150, shape).astype(np.float32)
    opacity = torch.from_numpy(RANDOM.integers(0, 256, (1, height, width)).astype(np.float32)) / 255 if alpha else None
    return Picture((Frame(from_integers(values), opacity),), depth, **more)


@pytest.fixture(autouse=True)
def _same_values_in_any_order() -> None:
    """Each test of a module that imports this draws the same pictures, whatever ran before it."""
    RANDOM.bit_generator.state = np.random.default_rng(5).bit_generator.state
