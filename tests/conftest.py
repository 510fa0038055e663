from collections.abc import Callable

import pytest
import torch

from img2img.inference import Pipeline
from img2img.models import Model, ModelInfo
from img2img.networks import ResNetGenerator


@pytest.fixture
def tiny() -> Callable[..., Pipeline]:
    """Makes the pipeline of a random network."""

    def make(
        scale: int = 2, blocks: int = 1, channels: int = 3, tile: int | None = None, dtype: str = "auto", ensemble: bool = False
    ) -> Pipeline:
        torch.manual_seed(scale)
        spec = {"in_channels": channels, "out_channels": channels, "width": 8, "blocks": blocks, "scale": scale}
        network = ResNetGenerator(**spec).eval().requires_grad_(False)
        info = ModelInfo(
            name="tiny", task="upscale", scale=scale, in_channels=channels, halo=network.halo, network={"name": "resnet", **spec}
        )
        return Pipeline(Model(network, info), device="cpu", tile=tile, dtype=dtype, ensemble=ensemble)

    return make
