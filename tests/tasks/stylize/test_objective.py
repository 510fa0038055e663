"""The losses of a stylizer."""

from pathlib import Path
from typing import Any

import pytest
import torch
from stylize_training import batch, config
from torch import Tensor

from img2img.losses.style import ROOT_EPSILON, gram
from img2img.models import load_model
from img2img.networks import Stylizer
from img2img.networks.stylizer import LAST, SMALLEST_SPREAD
from img2img.tasks.stylize.config import LossConfig
from img2img.tasks.stylize.objective import NOISE, StylizeObjective, as_encoded
from img2img.training.adversary import AdversaryConfig


def objective_and_style(**changes: Any) -> tuple[StylizeObjective, dict[str, Tensor], dict[str, Tensor]]:
    """An objective, a batch, and the Gram matrices of its styles."""
    objective = StylizeObjective(config(**changes), "x", styles=0)
    return objective, batch(), objective.style_of(batch()["style"])[1]


def test_what_equals_the_content_or_the_style_costs_nothing() -> None:
    objective, given, style = objective_and_style()
    as_content = objective.distances(given["content"], given["content"], style)
    as_style = objective.distances(given["style"], given["content"], style)
    least = ROOT_EPSILON**0.5  # what the root adds where nothing differs
    assert float(as_content["content"]) < 1e-10 < 1e-3 < float(as_style["content"])
    assert float(as_style["style"]) == pytest.approx(least, rel=0.1)
    assert float(as_content["style"]) > 0.1


def test_distances_by_hand_with_the_weights_of_the_configuration() -> None:
    loss = LossConfig(content=0.3, content_layer="relu2_2", style=2.0, style_layers={"relu1_1": 0.25, "relu2_2": 0.5})
    objective, given, style = objective_and_style(loss=loss)
    made = given["content"].flip(0) * 0.7
    found = objective.distances(made, given["content"], style)
    seen, content, painting = (objective.features(x) for x in (made, given["content"], given["style"]))

    def relative(x: Tensor, y: Tensor) -> Tensor:
        """For each picture the distance of ``x`` from ``y``, in units of the length of ``y``."""
        return (x - y).flatten(1).norm(dim=1) / y.flatten(1).norm(dim=1)

    assert set(style) == {"relu1_1", "relu2_2"}
    assert float(found["content"]) == pytest.approx(0.3 * float(relative(seen["relu2_2"], content["relu2_2"]).square().mean()), rel=1e-4)
    expected = sum(
        weight * float(relative(gram(seen[layer]), gram(painting[layer])).mean()) for layer, weight in (("relu1_1", 0.25), ("relu2_2", 0.5))
    )
    assert float(found["style"]) == pytest.approx(2 * expected, rel=1e-3)


def test_contents_share_a_style() -> None:
    data = config().data.model_copy(update={"contents_per_style": 2})
    objective, given = StylizeObjective(config(data=data), "x", styles=0).eval(), batch(5)
    images = objective.generate(given)
    shared = [0, 0, 2, 2, 4]
    codes = objective.stylizer.encode_style(as_encoded(given["style"][shared]))
    assert torch.allclose(images["made"], objective.stylizer(given["content"], codes), atol=1e-5)
    grams = objective.style_of(given["style"])[1]
    assert all(torch.allclose(images[f"gram_{layer}"], value[shared], rtol=1e-3) for layer, value in grams.items())


@pytest.mark.parametrize("adversary", [{"mode": "wgan-gp"}, {"mode": "relativistic"}, {"feature_matching": 1.0}, {"pool": 4}])
def test_styles_may_be_larger_than_what_is_made(adversary: dict[str, Any]) -> None:
    objective = StylizeObjective(config(adversary=AdversaryConfig(weight=0.1, **adversary)), "x", styles=0)
    given = {"content": batch()["content"], "style": torch.rand(2, 3, 44, 44)}
    images = objective.generate(given)
    found = {**objective.discriminator_losses(given, images), **objective.generator_losses(given, images)}
    assert all(bool(value.isfinite()) for value in found.values())


def test_total_variation_is_that_of_what_is_made() -> None:
    stripes = torch.zeros(2, 3, 32, 32)
    stripes[..., ::2] = 0.5  # neighbors to the right differ by 0.5, those below do not
    objective, given, style = objective_and_style(loss=LossConfig(total_variation=0.2, stability=0))
    images = {"made": stripes} | {f"gram_{layer}": value for layer, value in style.items()}
    assert float(objective.generator_losses(given, images)["total_variation"]) == pytest.approx(0.2 * 0.25)
    without, *_ = objective_and_style(loss=LossConfig(total_variation=0, phase=0, stability=0))
    assert set(without.generator_losses(given, images)) == {"content", "style"}


def test_a_grid_of_the_period_of_the_network_costs_and_other_texture_does_not() -> None:
    objective, given, style = objective_and_style(loss=LossConfig(phase=3.0, stability=0))
    period = objective.stylizer.multiple
    grid, other = torch.zeros(2, 3, 32, 32), torch.zeros(2, 3, 32, 32)
    grid[..., ::period] = 0.4
    other[..., :: period - 1] = 0.4
    found = []
    for pattern in (grid, other):
        images = {"made": given["content"] + pattern} | {f"gram_{layer}": value for layer, value in style.items()}
        found.append(float(objective.generator_losses(given, images)["phase"]))
    # One column in ``period`` is 0.4 above the content: off their mean by 0.4 (1 - 1/p), the others by 0.4 / p.
    assert found[0] == pytest.approx(3 * 0.4 * 2 * (1 - 1 / period) / period, rel=1e-4)
    assert found[1] < 0.3 * found[0]


def test_what_noise_changes_costs() -> None:
    objective, given, style = objective_and_style(loss=LossConfig(stability=0.1))
    grams = {f"gram_{layer}": value for layer, value in style.items()}
    steady = objective.generator_losses(given, {"made": given["content"], "disturbed": given["content"], **grams})
    moved = objective.generator_losses(given, {"made": given["content"], "disturbed": given["content"] - 3 * NOISE, **grams})
    assert float(steady["stability"]) == 0
    assert float(moved["stability"]) == pytest.approx(0.1 * 9, rel=1e-3)
    images = objective.generate(given)
    changed = (images["disturbed"] - images["made"]).detach().square().mean()
    assert 0 < float(changed) < 10
    without, *_ = objective_and_style(loss=LossConfig(stability=0))
    assert "disturbed" not in without.generate(given)


def test_a_code_is_that_of_the_style_at_half_its_size() -> None:
    objective, given, _ = objective_and_style()
    code, _ = objective.style_of(given["style"])
    assert code is not None
    twice = given["style"].repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    assert torch.allclose(objective.style_of(twice)[0], objective.stylizer.encode_style(given["style"]), atol=1e-5)  # type: ignore[arg-type]
    assert not torch.allclose(code, objective.stylizer.encode_style(given["style"]), atol=1e-3)
    single = StylizeObjective(config("single"), "x", styles=1)
    assert single.style_of(given["style"])[0] is None


def test_the_encoder_is_adapted_to_the_styles_of_the_first_samples() -> None:
    objective, samples = StylizeObjective(config(), "x", styles=0), [batch(12)["style"][number] for number in range(12)]
    objective.adapt([{"style": style} for style in samples])  # type: ignore[arg-type]
    encoder = objective.stylizer.encoder
    found = encoder.statistics(objective.features(as_encoded(torch.stack(samples)), LAST))
    assert torch.allclose(encoder.center, found.mean(0), atol=1e-3)
    assert torch.allclose(encoder.spread, found.std(0, correction=0).clamp(min=SMALLEST_SPREAD), atol=1e-3)


def test_gradients_reach_the_mapping_and_the_body_and_nothing_frozen() -> None:
    objective, given, _ = objective_and_style()
    torch.stack([*objective.generator_losses(given, objective.generate(given)).values()]).sum().backward()
    network = objective.stylizer
    for part in (network.body, network.encoder.mapping):
        assert all(parameter.grad is not None and bool(parameter.grad.any()) for parameter in part.parameters() if parameter.dim() > 1)
    assert all(parameter.grad is None for part in (network.encoder.convolutions, objective.features) for parameter in part.parameters())


def test_the_figures_of_a_validation_add_up() -> None:
    objective, given, _ = objective_and_style()
    found = objective.validate(given, objective.infer(given))
    assert found["loss"] == pytest.approx(found["content"] + found["style"])
    assert found["style"] > found["content"] > 0


@pytest.mark.parametrize("styles", [0, 1])
def test_an_exported_model_makes_the_same_picture(styles: int, tmp_path: Path) -> None:
    objective, given = StylizeObjective(config(), "exported", styles).eval(), batch()
    objective.export(tmp_path / "exported.safetensors", {"preset": "any", "validation": {"loss": 0.5}})
    model = load_model(tmp_path / "exported.safetensors")
    network = model.network
    assert isinstance(network, Stylizer)
    with torch.no_grad():
        expected = objective.generate(given)["made"]
        found = network(given["content"], None if styles else network.encode_style(as_encoded(given["style"])))
    assert torch.allclose(found, expected, atol=1e-5)
    assert (model.info.name, model.info.figures, model.info.recipe) == ("exported", {"loss": 0.5}, {"preset": "any"})


def test_a_preview_has_columns_of_one_size() -> None:
    objective, given, _ = objective_and_style()
    given["style"] = torch.rand(2, 3, 24, 40)
    columns = objective.preview(given, objective.infer(given))
    assert list(columns) == ["content", "style", "made"]
    assert {tuple(column.shape) for column in columns.values()} == {(2, 3, 24, 24)}
