"""The presets' proportions of losses against those of the papers and their code."""

import pytest
import torch

from img2img import losses
from img2img.tasks.translate.config import PRESETS


@pytest.mark.parametrize(
    ("preset", "scales", "others"),
    [
        ("cyclegan", 1, {"cycle": 10, "identity": 5}),
        ("cut", 1, {"contrastive": 0.5, "contrastive_identity": 0.5}),  # their mean
        ("unit", 3, {"identity": 10, "cycle": 10, "kl": 0.01}),
        ("munit", 3, {"identity": 10, "content": 1, "style": 1, "cycle": 0, "mode_seeking": 0}),
    ],
)
def test_least_squares_weigh_as_in_the_papers(preset: str, scales: int, others: dict[str, float]) -> None:
    """There the adversarial loss is the sum over the scales of mean (f - 1)^2, with a weight of 1."""
    config = PRESETS[preset]
    assert {key: getattr(config.loss, key) for key in others} == others
    assert config.adversary.network.get("scales", 1) == scales
    logits = [torch.full((1, 1, 2, 2), 3.0) for _ in range(scales)]  # (3 - 1)^2 = 4 at each place
    weighted = config.adversary.weight * losses.generator_loss(config.adversary.mode, logits, logits)
    assert weighted.item() == pytest.approx(4 * scales)
