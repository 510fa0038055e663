"""The mean over flips and turns."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor
from typer.testing import CliRunner

from img2img.cli import app
from img2img.inference.ensemble import self_ensemble
from img2img.models import save_model
from img2img.tasks.upscale.options import UpscaleOptions
from img2img.tasks.upscale.pipeline import UpscalePipeline

Tiny = Callable[..., UpscalePipeline]
OWN = UpscaleOptions()  # the model's own scale
SAMPLES = Path(__file__).parents[2] / "samples"


def test_a_network_that_knows_no_direction_is_unchanged() -> None:
    x = torch.rand(2, 3, 4, 7)

    def doubled(y: Tensor) -> Tensor:
        return y.repeat_interleave(2, -1).repeat_interleave(2, -2)

    assert torch.allclose(self_ensemble(doubled, x), doubled(x), atol=1e-6)
    assert torch.allclose(self_ensemble(torch.sqrt, x), x.sqrt(), atol=1e-6)


def test_the_mean_by_hand() -> None:
    """A network that takes each pixel's right neighbor: the eight results are twice those of each of the four neighbors."""
    x = torch.rand(1, 1, 5, 6)

    def right(y: Tensor) -> Tensor:
        return y.roll(-1, -1)

    neighbors = [x.roll(shift, axis) for axis in (-1, -2) for shift in (1, -1)]
    assert torch.allclose(self_ensemble(right, x), torch.stack(neighbors).mean(0), atol=1e-6)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_flipped_or_turned_picture_gives_the_flipped_or_turned_result(tiny: Tiny, channels: int) -> None:
    pipeline, x = tiny(2, blocks=2, ensemble=True), torch.rand(1, channels, 10, 14)
    out = pipeline.run(x, OWN)
    assert torch.allclose(pipeline.run(x.flip(-1), OWN), out.flip(-1), atol=1e-6)
    assert torch.allclose(pipeline.run(torch.rot90(x, 1, (-2, -1)), OWN), torch.rot90(out, 1, (-2, -1)), atol=1e-6)
    assert not torch.allclose(tiny(2, blocks=2).run(x.flip(-1), OWN), tiny(2, blocks=2).run(x, OWN).flip(-1), atol=1e-4)


def test_tiles_change_nothing(tiny: Tiny) -> None:
    x = torch.rand(1, 3, 60, 50)
    assert (tiny(2, tile=28, ensemble=True).run(x, OWN) - tiny(2, tile=0, ensemble=True).run(x, OWN)).abs().max() <= 1e-5


def test_the_command_does_a_picture_anew_for_another_way(tiny: Tiny, tmp_path: Path) -> None:
    model = tiny(2, blocks=1).model
    save_model(tmp_path / "tiny.safetensors", model.network, model.info)
    command = ["upscale", str(SAMPLES / "photographer.png"), "-m", str(tmp_path / "tiny.safetensors"), "-o", str(tmp_path / "out.png")]
    found = []
    for options in ([], ["--ensemble"]):
        assert CliRunner().invoke(app, [*command, *options, "--device", "cpu"]).exit_code == 0
        found.append((tmp_path / "out.png").read_bytes())
    assert found[0] != found[1]
