"""Which losses an upscaler is trained by, when, and what judges its checkpoints."""

import pytest
import torch

from img2img.tasks.upscale.config import LossConfig, UpscaleConfig
from img2img.tasks.upscale.objective import UpscaleObjective


def objective(**weights: float) -> UpscaleObjective:
    torch.manual_seed(0)
    config = UpscaleConfig(network={"name": "resnet", "width": 4, "blocks": 1}, loss=LossConfig.model_validate(weights))
    return UpscaleObjective(config, "tiny")


def losses_at(task: UpscaleObjective, steps: int) -> dict[str, float]:
    task.steps = steps
    rng = torch.Generator().manual_seed(1)
    batch = {"lr": torch.rand(1, 3, 12, 12, generator=rng), "hr": torch.rand(1, 3, 48, 48, generator=rng)}
    torch.manual_seed(2)  # of the shift
    return {name: float(value.detach()) for name, value in task.generator_losses(batch, task.generate(batch)).items()}


def test_lpips_weighs_what_it_says_and_reaches_the_generator() -> None:
    task = objective(pixel_weight=0, lpips=0.4)
    assert losses_at(task, 1)["lpips"] == pytest.approx(4 * losses_at(objective(lpips=0.1), 1)["lpips"])
    batch = {"lr": torch.rand(1, 3, 12, 12), "hr": torch.rand(1, 3, 48, 48)}
    task.generator_losses(batch, task.generate(batch))["lpips"].backward()
    assert all(parameter.grad is not None for parameter in task.generators.parameters())


def test_a_perceptual_loss_of_every_third_step_counts_three_times() -> None:
    always, rare = objective(perceptual=0.2), objective(perceptual=0.2, perceptual_every=3)
    assert losses_at(rare, 6)["perceptual"] == pytest.approx(3 * losses_at(always, 6)["perceptual"])
    assert "perceptual" not in losses_at(rare, 7)
    assert "perceptual" in losses_at(always, 7)


@pytest.mark.parametrize(("weights", "metric"), [({}, "psnr_y"), ({"perceptual": 0.1}, "lpips"), ({"lpips": 0.1}, "lpips")])
def test_what_judges_the_checkpoints(weights: dict[str, float], metric: str) -> None:
    task = objective(**weights)
    assert (task.metric, task.higher_is_better) == (metric, metric == "psnr_y")
    batch = {"lr": torch.rand(1, 3, 12, 12), "hr": torch.rand(1, 3, 48, 48)}
    figures = task.validate(batch, task.infer(batch))
    assert figures.keys() == {"psnr_y", "psnr_rgb", metric}
