"""What a step that is not finite leaves behind: nothing."""

import pytest
import torch
from torch import Tensor
from toy import Samples, Toy

from img2img.training import Images, Losses, TrainerConfig
from img2img.training.distributed import make_fabric
from img2img.training.objective import Batch
from img2img.training.step import Step, make_optimizers, training_step


class Broken(Toy):
    """Its losses of one network are not finite, if so told; without norms, whose statistics each pass moves."""

    broken = ""

    def __init__(self, optimizer: str = "auto") -> None:
        network = {"name": "patchgan", "width": 4, "layers": 1, "norm": "none", "spectral_norm": False}
        super().__init__(norm="none", network=network)
        config = TrainerConfig(device="cpu", optimizer=optimizer, learning_rate=0.01, discriminator_learning_rate=0.01)
        self.told, self.fabric = config, make_fabric(config)
        self.made = make_optimizers(self, config, self.fabric)
        self.batch = {key: torch.stack([Samples()[number][key] for number in range(2)]) for key in ("lr", "hr")}

    def discriminator_losses(self, batch: Batch, images: Images) -> Losses:
        return self._spoilt("discriminator", super().discriminator_losses(batch, images))

    def generator_losses(self, batch: Batch, images: Images) -> Losses:
        return self._spoilt("generator", super().generator_losses(batch, images))

    def _spoilt(self, network: str, found: Losses) -> Losses:
        return {key: value * torch.nan for key, value in found.items()} if self.broken == network else found

    def step(self) -> Step:
        torch.manual_seed(self.steps)
        found = training_step(self, [self.batch], self.made, self.told, self.fabric)
        self.steps += 1
        return found

    def weights(self, network: str) -> list[Tensor]:
        return [p.detach().clone() for p in getattr(self, f"{network}s").parameters()]

    def counts(self, network: str) -> set[float]:
        return {float(state["step"]) for state in self.made[network].state_dict()["state"].values()}


def same(one: list[Tensor], two: list[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


@pytest.mark.parametrize("optimizer", ["auto", "rmsprop"])
def test_nothing_moves_where_the_discriminators_gradient_is_not_finite(optimizer: str) -> None:
    objective = Broken(optimizer)
    assert objective.step().taken
    before = {network: (objective.weights(network), objective.counts(network)) for network in ("generator", "discriminator")}
    kept = list(objective.pools["sr"].kept)
    objective.broken = "discriminator"
    found = objective.step()
    assert (found.finite, found.taken) == (False, False)
    for network, (weights, counts) in before.items():
        assert same(objective.weights(network), weights)
        assert objective.counts(network) == counts == {1.0}
    assert len(kept) == 2  # and the pictures of the step did not stay, of which one may not be finite
    assert all(one is two for one, two in zip(objective.pools["sr"].kept, kept, strict=True))
    objective.broken = ""
    assert objective.step().taken
    assert not same(objective.weights("generator"), before["generator"][0])
    assert objective.counts("generator") == objective.counts("discriminator") == {2.0}
    assert len(objective.pools["sr"].kept) == 3


def test_the_discriminators_step_stays_where_the_generators_gradient_is_not_finite() -> None:
    objective = Broken()
    generator, discriminator = objective.weights("generator"), objective.weights("discriminator")
    objective.broken = "generator"
    found = objective.step()
    assert (found.finite, found.taken) == (False, False)
    assert same(objective.weights("generator"), generator)
    assert not same(objective.weights("discriminator"), discriminator)
    assert torch.isnan(found.figures["generator/gradient"])
    assert torch.isfinite(found.figures["discriminator/gradient"])
