"""The objectives of UNIT and MUNIT: their terms by hand, resuming, and the model file, with tiny networks."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from toy import Samples, Stopping, assert_same, run

from img2img.data.sampling import seeded_rng
from img2img.models import ImageSpec, load_model
from img2img.tasks.translate.config import PRESETS
from img2img.tasks.translate.datasets import Datasets
from img2img.tasks.translate.train import make_objective
from img2img.tasks.translate.unit import divergence
from img2img.training import checkpoint
from img2img.training.objective import Batch

TINY: dict[str, dict[str, Any]] = {
    "unit": {"name": "unit", "width": 4, "blocks": 1, "shared": 1, "downsamplings": 1},
    "munit": {"name": "munit", "width": 4, "blocks": 1, "downsamplings": 1, "style_dim": 2, "mlp_width": 4},
}
DISCRIMINATOR = {"name": "patchgan", "width": 4, "layers": 1, "norm": "none"}


class Sides(Samples):
    """Gray pictures A and color pictures B, unpaired."""

    def __getitem__(self, index: int) -> Batch:
        rng = seeded_rng(7, index)
        return {"a": torch.rand(1, 16, 16, generator=rng), "b": torch.rand(3, 16, 16, generator=rng)}


def datasets(a: int = 1, b: int = 3) -> Datasets:
    return Datasets(Sides(), Sides(2), ImageSpec(channels=a), ImageSpec(channels=b), (), "noise", {})


def objective(method: str, *, channels: tuple[int, int] = (1, 3), **loss: float) -> Any:
    preset = PRESETS[method]
    adversary = preset.adversary.model_copy(update={"network": DISCRIMINATOR, "weight": 1.0})
    settings = {"network": TINY[method], "adversary": adversary, "loss": preset.loss.model_copy(update=loss)}
    return make_objective(preset.model_copy(update=settings), "tiny", datasets(*channels))


def gray(objective: Any) -> None:
    """Make every picture that comes out 0.5: the last convolution gives 0, and its sigmoid 0.5."""
    for module in objective.exported.modules():
        if isinstance(module, nn.Conv2d) and module.kernel_size == (7, 7) and module.out_channels in (1, 3):
            nn.init.zeros_(module.weight)
            assert module.bias is not None
            nn.init.zeros_(module.bias)


def batch(a: float, b: float) -> Batch:
    return {"a": torch.full((2, 1, 16, 16), a), "b": torch.full((2, 3, 16, 16), b)}


def test_divergence_by_hand() -> None:
    assert float(divergence(torch.full((2, 3, 4, 4), 2.0))) == 2
    assert float(divergence(torch.tensor([[0.0, 1.0], [-3.0, 0.0]]))) == 10 / 8
    mean, drawn = torch.tensor(1.5), torch.distributions.Normal
    expected = torch.distributions.kl_divergence(drawn(mean, 1.0), drawn(0.0, 1.0))
    assert torch.allclose(divergence(mean), expected)


def test_unit_terms_by_hand() -> None:
    task = objective("unit", identity=10.0, cycle=7.0, kl=0.5)
    gray(task)
    given = batch(0.9, 0.7)
    images = task.generate(given)
    for side, distance in (("a", 0.4), ("b", 0.2)):
        images[f"mean_{side}"] = torch.full_like(images[f"mean_{side}"], 2.0)
        images[f"mean_fake_{side}"] = torch.full_like(images[f"mean_fake_{side}"], 1.0)
        found = {key: float(value.detach()) for key, value in task.generator_losses(given, images).items() if key.endswith(side)}
        found.pop(f"adversarial_{side}")
        expected = {"reconstruction": 10 * distance, "cycle": 7 * distance, "kl": 0.5 * 2 * 2, "kl_fake": 0.5 * 0.5}
        assert found == pytest.approx({f"{key}_{side}": value for key, value in expected.items()}, abs=1e-5)


def test_munit_terms_by_hand() -> None:
    task = objective("munit", identity=10.0, content=2.0, style=3.0, cycle=7.0, mode_seeking=4.0)
    gray(task)
    given = batch(0.9, 0.7)
    images = task.generate(given)
    for side, distance in (("a", 0.4), ("b", 0.2)):
        images[f"content_{side}_again"] = images[f"content_{side}"] + 0.25
        images[f"style_{side}_again"] = images[f"style_{side}"] - 0.5
        images[f"second_style_{side}"] = images[f"style_{side}"] + 0.3
        images[f"second_fake_{side}"] = images[f"fake_{side}"] - 0.1
        found = {key: float(value.detach()) for key, value in task.generator_losses(given, images).items() if key.endswith(side)}
        found.pop(f"adversarial_{side}")
        expected = {"reconstruction": 10 * distance, "content": 0.5, "style": 1.5, "cycle": 7 * distance, "mode_seeking": 4 * 3}
        assert found == pytest.approx({f"{key}_{side}": value for key, value in expected.items()}, rel=1e-3)


def test_munit_codes_are_those_of_the_pictures_that_were_made() -> None:
    task = objective("munit", mode_seeking=1.0).eval()
    given = batch(0.2, 0.6)
    images, network = task.generate(given), task.exported
    assert torch.equal(images["content_a_again"], network.encode_content(images["fake_b"], "b"))
    assert torch.equal(images["style_b_again"], network.encode_style(images["fake_b"], "b"))
    assert torch.allclose(images["fake_b"], network(given["a"], "a2b", images["style_b"]), atol=1e-6)
    assert torch.allclose(images["second_fake_a"], network(given["b"], "b2a", images["second_style_a"]), atol=1e-6)
    assert not torch.equal(images["style_b"], images["second_style_b"])
    assert "rec_a" not in images  # the preset has no explicit cycle


@pytest.mark.parametrize("method", ["unit", "munit"])
def test_a_weight_of_zero_leaves_a_term_out(method: str) -> None:
    nothing = dict.fromkeys(("identity", "cycle", "kl", "content", "style", "mode_seeking"), 0.0)
    task, given = objective(method, **nothing), batch(0.2, 0.6)
    assert set(task.generator_losses(given, task.generate(given))) == {"adversarial_a", "adversarial_b"}


@pytest.mark.parametrize("method", ["unit", "munit"])
def test_every_parameter_learns(method: str) -> None:
    task, given = objective(method), {key: value[None] for key, value in Sides()[0].items()}
    images = task.generate(given)
    torch.stack(list(task.generator_losses(given, images).values())).sum().backward()
    still = [name for name, parameter in task.generators.named_parameters() if parameter.grad is None]
    assert not still
    task.discriminators.zero_grad()
    found = task.discriminator_losses(given, images)
    assert set(found) == {"adversarial_a", "adversarial_b"}
    torch.stack(list(found.values())).sum().backward()
    assert all(bool(parameter.grad.any()) for parameter in task.discriminators.parameters() if parameter.ndim > 1)


@pytest.mark.parametrize(("method", "loss"), [("unit", {}), ("munit", {"cycle": 5.0, "mode_seeking": 1.0})])
def test_a_run_in_two_parts_equals_one_in_one(method: str, loss: dict[str, float], tmp_path: Path) -> None:
    for name, stops in (("whole", (None,)), ("parts", (8, None))):
        for images in stops:
            samples = Stopping(images, Sides()) if images else Sides()
            done = run(tmp_path / name, objective(method, **loss), plan=16, batch=2, samples=samples, validation=Sides(2))
            assert done.finished == (images is None)
    assert_same(tmp_path / "whole", tmp_path / "parts")
    state = checkpoint.load(tmp_path / "whole")
    assert state is not None
    assert state["images_seen"] == 16


def test_another_seed_of_torch_draws_other_styles_and_noise() -> None:
    for method in ("unit", "munit"):
        task, given = objective(method), batch(0.2, 0.6)
        made = []
        for seed in (1, 1, 2):
            torch.manual_seed(seed)
            made.append(task.generate(given)["fake_b"])
        assert torch.equal(made[0], made[1])
        assert not torch.equal(made[0], made[2])


@pytest.mark.parametrize("method", ["unit", "munit"])
def test_a_model_file_translates_as_the_objective_does(method: str, tmp_path: Path) -> None:
    task = objective(method, channels=(2, 5)).eval()
    task.export(tmp_path / "tiny.safetensors", {"preset": method})
    model = load_model(tmp_path / "tiny.safetensors")
    info = model.info
    assert (info.task, info.directions, info.halo, info.multiple) == ("translate", ("a2b", "b2a"), task.exported.halo, 2)
    assert (info.a.channels, info.b.channels, info.style_dim) == (2, 5, 2 if method == "munit" else 0)
    a, b = torch.rand(1, 2, 8, 8), torch.rand(1, 5, 8, 8)
    assert torch.equal(model.network(a, "a2b"), task.translate(a, "a2b"))
    assert torch.equal(model.network(b, "b2a"), task.translate(b, "b2a"))


@pytest.mark.parametrize(("method", "variants"), [("unit", 1), ("munit", 3)])
def test_previews_are_rgb_of_one_size_and_the_same_each_time(method: str, variants: int) -> None:
    task = objective(method).eval()
    given = {"a": torch.rand(1, 1, 16, 24), "b": torch.rand(1, 3, 20, 16)}
    with torch.no_grad():
        images = task.infer(given)
        columns, again = task.preview(given, images), task.preview(given, task.infer(given))
        sample = task.health_sample(given, images)
    more = [f", {number}" for number in range(2, variants + 1)]
    there, back = ([f"{way}{text}" for text in ("", *more)] for way in ("a as b", "b as a"))
    assert list(columns) == ["a", *there, "a again", "b", *back, "b again"]
    assert {tuple(column.shape) for column in columns.values()} == {(1, 3, 16, 16)}
    assert all(torch.equal(columns[key], again[key]) for key in columns)
    assert torch.equal(columns["a"], given["a"][..., :16].expand(-1, 3, -1, -1))
    if method == "munit":
        assert not torch.equal(columns["a as b"], columns["a as b, 2"])
    assert sample.ground_truth is None
    assert sample.output.shape == sample.input.shape == (1, 3, 16, 24)


@pytest.mark.parametrize("method", ["unit", "munit"])
def test_the_figure_is_the_mean_distance_of_both_ways(method: str) -> None:
    task = objective(method).eval()
    items = [{key: value[None] for key, value in Sides()[number].items()} for number in range(2)]
    with torch.no_grad():
        found = task.summary([task.validate(item, task.infer(item)) for item in items])
    assert task.metric in found
    assert found["vgg_kernel"] == pytest.approx((found["vgg_kernel_a2b"] + found["vgg_kernel_b2a"]) / 2)


def test_munit_goes_back_with_the_style_that_the_picture_had() -> None:
    task = objective("munit").eval()
    x: Tensor = torch.rand(1, 1, 16, 16)
    made = task.translate(x, "a2b")
    network = task.exported
    assert torch.equal(task.back(made, x, "a2b"), network(made, "b2a", network.encode_style(x, "a")))
