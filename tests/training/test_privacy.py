"""Differential privacy: the accountant's values, the sensitivity of what a step takes from real pictures, and what is refused."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from opacus.accountants import RDPAccountant
from torch import Tensor, nn

from img2img import networks
from img2img.errors import ConfigError, TrainingError
from img2img.training.adversary import Adversary, AdversaryConfig
from img2img.training.objective import AdversarialModule
from img2img.training.privacy import FILE, Budget, Privacy, PrivacyConfig, begin, plan, spent
from img2img.training.private_adversary import PrivateAdversary

DISCRIMINATOR = {"name": "patchgan", "width": 4, "layers": 2, "norm": "instance"}
BUDGET = Budget(pictures=9000, epsilon=3.0, delta=1e-5, rate=0.01, steps=100, clip=1e9, noise_multiplier=0.0)


def test_a_gaussian_mechanism_by_hand() -> None:
    """Each of five releases with noise of 2 has a Renyi divergence of a / (2 * 2^2) at order a (Mironov 2017, arXiv 1702.07476,
    proposition 7); at delta it is an epsilon by Balle et al. 2020 (arXiv 1905.09982), theorem 21.
    """
    delta = 1e-5
    orders = [1 + x / 10 for x in range(1, 100)] + list(range(12, 64))
    epsilons = [5 * a / 8 + math.log((a - 1) / a) - (math.log(delta) + math.log(a)) / (a - 1) for a in orders]
    assert spent(2.0, 1.0, 5, delta) == pytest.approx(min(epsilons), rel=1e-6)
    assert spent(2.0, 1.0, 0, delta) == 0


def test_steps_add_up_as_in_opacus() -> None:
    accountant = RDPAccountant()
    for _ in range(7):
        accountant.step(noise_multiplier=0.9, sample_rate=0.02)
    assert spent(0.9, 0.02, 7, 1e-6) == pytest.approx(accountant.get_epsilon(1e-6), rel=1e-12)


def test_the_noise_is_the_least_that_keeps_the_budget() -> None:
    budget = plan(PrivacyConfig(epsilon=3), pictures=10_000, batch=100, images=50_000)
    assert (budget.rate, budget.steps, budget.delta) == (0.01, 500, 1e-5)
    assert 2.98 < budget.spent(500) <= 3
    assert budget.spent(250) < budget.spent(500)
    assert spent(budget.noise_multiplier * 0.98, 0.01, 500, 1e-5) > 3
    assert budget.card(250)["epsilon"] == pytest.approx(budget.spent(250), abs=1e-4)


def test_budgets_that_cannot_be() -> None:
    with pytest.raises(ConfigError, match=r"400 pictures are too few .* needs noise of \d+\.\d clipped gradients on a sum of 64"):
        plan(PrivacyConfig(epsilon=8), pictures=400, batch=64, images=100_000)
    assert plan(PrivacyConfig(epsilon=8, force=True), pictures=400, batch=64, images=100_000).noise_multiplier > 2
    with pytest.raises(ConfigError, match="more than the 10 pictures"):
        plan(PrivacyConfig(epsilon=8), pictures=10, batch=64, images=100_000)
    with pytest.raises(ConfigError, match="there would be no step"):
        plan(PrivacyConfig(epsilon=8), pictures=9000, batch=64, images=20)


def test_a_run_keeps_its_key_and_refuses_another_budget(tmp_path: Path) -> None:
    first = begin(tmp_path, BUDGET)
    assert begin(tmp_path, BUDGET) == first
    assert begin(tmp_path / "other", BUDGET).key != first.key
    with pytest.raises(TrainingError, match=r"another budget: steps 100, now 200\. Give the settings"):
        begin(tmp_path, replace(BUDGET, steps=200))
    (tmp_path / FILE).write_text("{}")
    with pytest.raises(TrainingError, match=r"privacy\.json', the budget and the key .* cannot be read"):
        begin(tmp_path, BUDGET)


class Bare(AdversarialModule):
    """Just a discriminator."""

    def __init__(self, make: Callable[["Bare", nn.Module], Adversary]) -> None:
        super().__init__()
        self.discriminators = nn.ModuleDict()
        torch.manual_seed(3)
        self.adversary = make(self, networks.build(DISCRIMINATOR))

    def generate(self, batch: Any) -> Any:
        raise NotImplementedError

    generator_losses = discriminator_losses = generate  # type: ignore[assignment]

    def gradient(self, real: Tensor, fake: Tensor, step: int = 0) -> Tensor:
        self.steps = step
        self.discriminators.zero_grad()
        torch.stack(list(self.adversary.discriminator_losses(real, fake).values())).sum().backward()
        return torch.cat([p.grad.flatten() for p in self.discriminators.parameters() if p.grad is not None])


CONFIG = AdversaryConfig(weight=1, mode="nonsaturating", network=DISCRIMINATOR, label_smoothing=0.1)


def private(budget: Budget, batch: int, key: int = 5) -> Bare:
    return Bare(lambda o, network: PrivateAdversary(CONFIG, o, "d", network, batch=batch, privacy=Privacy(budget, key)))


def test_without_noise_and_limit_it_is_the_usual_gradient() -> None:
    real, fake = torch.rand(70, 3, 16, 16), torch.rand(5, 3, 16, 16)
    usual = Bare(lambda o, network: Adversary(CONFIG, o, "d", network))
    ours = private(BUDGET, batch=70)
    torch.testing.assert_close(ours.gradient(real, fake), usual.gradient(real, fake), rtol=1e-4, atol=1e-6)
    values = [o.adversary.discriminator_losses(real, fake)["adversarial"] for o in (ours, usual)]
    torch.testing.assert_close(values[0], values[1])


def test_one_picture_moves_the_gradient_by_no_more_than_the_limit() -> None:
    real, fake = torch.rand(6, 3, 16, 16), torch.rand(2, 3, 16, 16)
    alone = [private(BUDGET, batch=1).gradient(real[i : i + 1], fake) - private(BUDGET, batch=1).gradient(real[:0], fake) for i in range(6)]
    limit = sorted(float(each.norm()) for each in alone)[2] * 1.0001  # three are within it, three beyond
    clipped = private(replace(BUDGET, clip=limit, noise_multiplier=0.7), batch=4)
    whole = clipped.gradient(real, fake)
    for i in range(6):
        moved = (whole - clipped.gradient(torch.cat([real[:i], real[i + 1 :]]), fake)).norm() * 4
        assert float(moved) == pytest.approx(min(limit, float(alone[i].norm())), rel=1e-3)


def test_a_picture_whose_gradient_is_not_finite_counts_as_none() -> None:
    real, fake = torch.rand(3, 3, 16, 16), torch.rand(2, 3, 16, 16)
    broken = torch.cat([real, torch.full((1, 3, 16, 16), math.nan)])
    ours = private(replace(BUDGET, clip=1.0), batch=4)
    torch.testing.assert_close(ours.gradient(broken, fake), ours.gradient(real, fake))


def test_the_noise_has_its_size_and_is_a_function_of_key_and_step() -> None:
    nothing, fake = torch.rand(0, 3, 16, 16), torch.rand(2, 3, 16, 16)
    budget = replace(BUDGET, clip=2.0, noise_multiplier=3.0)
    silent = private(replace(budget, noise_multiplier=0.0), batch=4).gradient(nothing, fake)
    noise = private(budget, batch=4).gradient(nothing, fake) - silent
    assert float(noise.std()) == pytest.approx(3.0 * 2.0 / 4, rel=0.1)
    assert abs(float(noise.mean())) < 0.1
    assert torch.equal(private(budget, batch=4).gradient(nothing, fake) - silent, noise)
    assert not torch.allclose(private(budget, batch=4, key=6).gradient(nothing, fake) - silent, noise)
    assert not torch.allclose(private(budget, batch=4).gradient(nothing, fake, step=1) - silent, noise)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"mode": "relativistic"}, "puts real pictures together with others"),
        ({"mode": "wgan-gp"}, "puts real pictures together with others"),
        ({"r1": 0.1}, "take a second gradient"),
        ({"feature_matching": 10}, "shows the generator"),
        ({"reconstruction": 1}, "a second loss at real pictures"),
        ({"network": {**DISCRIMINATOR, "norm": "batch"}}, r"batch norm mixes .*--set adversary\.network\.norm=none"),
        ({"network": {**DISCRIMINATOR, "spectral_norm": True}}, "spectral norm hides"),
    ],
)
def test_what_lets_more_of_a_picture_through_is_refused(settings: dict[str, Any], reason: str) -> None:
    config = AdversaryConfig(**{"weight": 1, "mode": "hinge", "network": DISCRIMINATOR, **settings})
    with pytest.raises(ConfigError, match=reason):
        Bare(lambda o, _: PrivateAdversary(config, o, "d", networks.build(config.network), batch=4, privacy=Privacy(BUDGET, 5)))
