import signal
from collections.abc import Callable, Iterator

import pytest
import torch

from img2img.api import LoadedModel
from img2img.inference.runtime import Runtime
from img2img.models import Model, ModelInfo
from img2img.networks import ResNetGenerator
from img2img.tasks.upscale import UPSCALE
from img2img.tasks.upscale.options import UpscaleOptions
from img2img.tasks.upscale.pipeline import UpscalePipeline


@pytest.fixture
def tiny() -> Callable[..., UpscalePipeline]:
    """Makes the pipeline of a random network."""

    def make(
        scale: int = 2, blocks: int = 1, channels: int = 3, tile: int | None = None, dtype: str = "auto", ensemble: bool = False
    ) -> UpscalePipeline:
        torch.manual_seed(scale)
        spec = {"in_channels": channels, "out_channels": channels, "width": 8, "blocks": blocks, "scale": scale}
        network = ResNetGenerator(**spec).eval().requires_grad_(False)
        info = ModelInfo(
            name="tiny", task="upscale", scale=scale, in_channels=channels, halo=network.halo, network={"name": "resnet", **spec}
        )
        return UpscalePipeline(Model(network, info), Runtime(device="cpu", tile=tile, dtype=dtype, ensemble=ensemble))

    return make


@pytest.fixture
def tiny_model(tiny: Callable[..., UpscalePipeline]) -> Callable[..., LoadedModel[UpscaleOptions]]:
    """Makes a random network as Python programs call it: with arrays, ``PIL.Image``, paths and tensors. Arguments as of ``tiny``."""
    return lambda *args, **options: LoadedModel(UPSCALE, tiny(*args, **options))


@pytest.fixture
def default_signals() -> Iterator[None]:
    """Ctrl-C and termination as in a terminal, here and in child processes, whatever this process came with.

    What a shell starts in the background ignores SIGINT, and so does everything that it starts.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
