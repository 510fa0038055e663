"""The adversarial part of an objective: what its configuration refuses, and what each setting does."""

from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from toy import DISCRIMINATOR, Samples, Toy, run

from img2img.losses.adversarial import GAN_MODES, GanMode
from img2img.training import checkpoint as checkpoints
from img2img.training.adversary import Adversary, AdversaryConfig
from img2img.training.pool import ImagePool

CRITIC = {**DISCRIMINATOR, "norm": "none", "spectral_norm": False}


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"feature_matching": 10}, "feature_matching need a discriminator"),
        ({"r1": 1, "augment": ["color"]}, "r1, augment need a discriminator"),
        ({"weight": 1, "mode": "wgan", "network": {**CRITIC, "norm": "batch"}}, "batch norm in the critic"),
        ({"weight": 1, "mode": "wgan-gp", "network": {"name": "patchgan"}}, "batch norm in the critic"),  # PatchGAN's default
        ({"weight": 1, "mode": "wgan", "network": {**CRITIC, "spectral_norm": True}}, "spectral norm rescales"),
        ({"weight": 1, "mode": "hinge", "label_smoothing": 0.1}, "hinge does not have"),
    ],
)
def test_a_choice_that_contradicts_itself_is_refused_with_the_reason(settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        AdversaryConfig(**settings)


@pytest.mark.parametrize("mode", GAN_MODES)
def test_every_mode_trains(tmp_path: Path, mode: GanMode) -> None:
    objective = Toy(mode=mode, network=CRITIC, pool=0, r1=0, augment=[])
    before = {key: value.clone() for key, value in objective.named_parameters()}
    run(tmp_path, objective)
    after = dict(objective.named_parameters())
    assert all(bool(value.isfinite().all()) for value in after.values())
    moved = {key.partition(".")[0] for key, value in after.items() if not torch.equal(before[key], value)}
    assert moved == {"generators", "discriminators"}


def test_wgan_clips_its_critic_and_uses_rmsprop(tmp_path: Path) -> None:
    objective = Toy(mode="wgan", network=CRITIC, pool=0, r1=0, augment=[], weight_clip=0.02)
    run(tmp_path, objective)
    largest = max(float(parameter.detach().abs().max()) for parameter in objective.discriminators.parameters())
    assert largest == pytest.approx(0.02)
    state = checkpoints.load(tmp_path)
    assert "square_avg" in next(iter(state["optimizers"]["discriminator"]["state"].values()))  # type: ignore[index]


def test_a_hole_of_any_band_is_judged() -> None:
    objective = Toy(mode="wgan", pool=0, r1=0, augment=[], network={**CRITIC, "in_channels": 5})
    real, fake = torch.rand(1, 5, 16, 16), torch.rand(1, 5, 16, 16)
    real[:, 3:], fake[:, 3:] = 0, 0
    adversary = Adversary(objective.adversary.config, objective, "sr", objective.discriminators["sr"], masks=2)
    found = []
    for band in (0, 3, 4):  # band 0 is a picture's
        changed = real.clone(), fake.clone()
        for each in changed:
            each[:, band, 4:8, 4:8] = 1
        found.append([judged(*changed)["adversarial"].item() for judged in (adversary.discriminator_losses, adversary.generator_losses)])
    assert found[0] == [0, 0]
    assert all(found[1])
    assert all(found[2])


def test_penalties_come_lazily_and_weigh_for_the_steps_between(tmp_path: Path) -> None:
    objective = Toy(r1=1, r2=1, penalty_every=4, augment=[], pool=0)
    batch = {key: torch.stack([Samples()[i][key] for i in range(4)]) for key in ("lr", "hr")}
    images = {"sr": torch.rand(4, 3, 16, 16)}
    found = []
    for objective.steps in range(5):
        found.append(objective.discriminator_losses(batch, images).keys())
    assert [{"r1", "r2"} <= keys for keys in found] == [True, False, False, False, True]
    objective.steps = 0
    eager = Toy(r1=1, r2=1, penalty_every=1, augment=[], pool=0)
    eager.load_state_dict(objective.state_dict(), strict=False)
    lazy, once = (each.eval().discriminator_losses(batch, images)["r1"] for each in (objective, eager))  # no estimate moves
    assert lazy.item() == pytest.approx(4 * once.item(), rel=1e-4)


def test_instance_noise_falls_to_nothing_over_the_run() -> None:
    objective = Toy(instance_noise=0.4, augment=[], pool=0, r1=0)
    adversary = objective.adversary
    assert adversary is not None
    images = torch.full((8, 3, 32, 32), 0.5)
    spreads = []
    for objective.progress in (0.0, 0.5, 1.0):
        spreads.append(float(adversary._seen(images).std()))
    assert spreads == [pytest.approx(0.4, rel=0.05), pytest.approx(0.2, rel=0.05), 0.0]


def test_a_pool_shows_old_pictures_and_keeps_no_more_than_its_size() -> None:
    torch.manual_seed(0)
    pool = ImagePool(50)
    for number in range(25):
        shown = pool(torch.full((2, 1, 2, 2), float(number)))
        assert bool((shown == number).all())  # it fills up first
    old = 0
    for number in range(25, 225):
        old += int((pool(torch.full((2, 1, 2, 2), float(number))) != number).flatten(1).all(dim=1).sum())
    assert 150 < old < 250  # half of 400
    assert torch.equal(ImagePool(0)(shown), shown)


@pytest.mark.parametrize(("steps", "settings", "moved"), [(4, {}, False), (5, {}, True), (4, {"critic_steps": 2}, True)])
def test_a_wasserstein_critic_takes_five_steps_by_default(tmp_path: Path, steps: int, settings: dict[str, int], moved: bool) -> None:
    objective = Toy(mode="wgan-gp", network=CRITIC, pool=0, r1=0, augment=[], norm="none")
    before = {key: value.clone() for key, value in objective.generators.state_dict().items()}
    run(tmp_path, objective, plan=4 * steps, **settings)
    assert moved == any(not torch.equal(before[key], value) for key, value in objective.generators.state_dict().items())
