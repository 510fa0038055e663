"""Objectives with a known truth, on made-up pictures: terms and figures by hand, label maps on either side, colors, model files."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from tiny_translate import DISCRIMINATOR, Unpaired
from torch import Tensor

from img2img.images.color import gray_of, lab_to_rgb, rgb_to_lab
from img2img.inference.runtime import Runtime
from img2img.metrics import lpips_alex
from img2img.models import ImageSpec, load_model
from img2img.networks.colorizer import bins, nearest_bin, nearest_bins
from img2img.tasks.translate.colorize import rarity
from img2img.tasks.translate.config import PRESETS
from img2img.tasks.translate.datasets import Datasets
from img2img.tasks.translate.objective import as_planes, planes, shown
from img2img.tasks.translate.options import TranslateOptions
from img2img.tasks.translate.paired import PairedObjective, confusion, mean_iou
from img2img.tasks.translate.pipeline import TranslatePipeline
from img2img.tasks.translate.train import make_objective
from img2img.training.objective import Batch

PALETTE = ((0, 0, 0), (200, 0, 0), (0, 0, 200))
UNET = {"name": "unet", "width": 4, "levels": 2}
LABELS = ImageSpec(palette=PALETTE)


def paired(a: ImageSpec = ImageSpec(), b: ImageSpec = ImageSpec(), *, judge: float = 1.0, **loss: Any) -> PairedObjective:  # noqa: B008 (frozen)
    preset = PRESETS["pix2pix"]
    adversary = preset.adversary.model_copy(update={"network": DISCRIMINATOR, "weight": judge})
    config = preset.model_copy(update={"network": UNET, "adversary": adversary, "loss": preset.loss.model_copy(update=loss)})
    made = make_objective(config, "tiny", Datasets(Unpaired(), Unpaired(2), a, b, (), "made up", {}))
    assert isinstance(made, PairedObjective)
    return made


def batch(a: ImageSpec = ImageSpec(), b: ImageSpec = ImageSpec(), side: int = 16) -> Batch:  # noqa: B008
    def of(which: ImageSpec) -> Tensor:
        return torch.randint(0, 3, (2, side, side)) if which.palette else torch.rand(2, which.channels, side, side)

    torch.manual_seed(3)
    return {"a": of(a), "b": of(b)}


def test_the_distance_by_hand() -> None:
    for pixel, expected in (("l1", 0.2), ("mse", 0.04)):
        task = paired(judge=0.0, pixel=pixel, pixel_weight=10.0)
        images = {"fake_b": torch.full((1, 3, 16, 16), 0.5)}
        found = task.generator_losses({"a": torch.zeros(1, 3, 16, 16), "b": torch.full((1, 3, 16, 16), 0.7)}, images)
        assert found.keys() == {"pixel"}
        assert float(found["pixel"]) == pytest.approx(10 * expected, rel=1e-4)
        assert not task.discriminator_losses(batch(), images)
        assert task.metric == "psnr"


def test_the_discriminator_sees_a_beside_b() -> None:
    task, data = paired(ImageSpec(channels=2), ImageSpec()), batch(ImageSpec(channels=2))
    images = task.generate(data)
    assert task.metric == "lpips"
    real, fake = task._discriminator_inputs(data, images)
    assert torch.equal(real, torch.cat([data["a"], data["b"]], dim=1))
    assert torch.equal(fake[:, :2], data["a"])
    found = task.generator_losses(data, images)
    assert found.keys() == {"pixel", "adversarial"}
    found["adversarial"].backward()
    assert all(parameter.grad is not None for parameter in task.generators.parameters())
    assert task.discriminator_losses(data, images).keys() == {"adversarial"}


def test_label_maps_are_learnt_by_cross_entropy() -> None:
    task, data = paired(b=LABELS, judge=0.0, cross_entropy=2.0), batch(b=LABELS)
    assert (task.metric, task.higher_is_better) == ("iou", True)
    images = {"logits": torch.zeros(2, 3, 16, 16), "fake_b": torch.full((2, 3, 16, 16), 1 / 3)}
    assert float(task.generator_losses(data, images)["cross_entropy"]) == pytest.approx(2 * torch.log(torch.tensor(3.0)).item())
    right = {"logits": 50 * as_planes(data["b"], LABELS)}
    assert float(task.generator_losses(data, {**right, "fake_b": right["logits"]})["cross_entropy"]) < 1e-4
    made = task.generate(data)
    assert torch.allclose(made["fake_b"].sum(1), torch.ones(2, 16, 16), atol=1e-5)
    judged = paired(b=LABELS)
    assert judged._discriminator_inputs(data, made)[0].shape == (2, 6, 16, 16)


def test_void_pixels_count_nowhere() -> None:
    """Whatever the network says where the ground truth is void, losses and figures are those of the other pixels alone."""
    spec = LABELS.model_copy(update={"void": 255})
    task, data = paired(b=spec, cross_entropy=2.0), batch(b=spec)
    data["b"][:, :, :4] = 255
    logits = torch.randn(2, 3, 16, 16)
    changed = torch.where(data["b"][:, None] == 255, torch.randn(2, 3, 16, 16), logits)
    made, other = ({"logits": x, "fake_b": x.softmax(1)} for x in (logits, changed))
    loss, again = (task.generator_losses(data, images)["cross_entropy"] for images in (made, other))
    known = logits[..., 4:], data["b"][:, :, 4:]
    assert float(loss) == pytest.approx(2 * float(torch.nn.functional.cross_entropy(*known)), rel=1e-5)
    assert float(again) == pytest.approx(float(loss), rel=1e-6)
    real, fake = task._discriminator_inputs(data, made)
    assert not real[:, 3:, :, :4].any()
    assert not fake[:, 3:, :, :4].any()
    counts = task.validate(data, made)["confusion"]
    assert int(counts.sum()) == 2 * 16 * 12
    assert torch.equal(counts, task.validate(data, other)["confusion"])
    shown_truth = task.preview(data, made)["ground truth"]
    assert not shown_truth[..., :4].any()
    assert shown_truth[..., 4:].any()


def test_figures_of_label_maps_by_hand() -> None:
    found, truth = torch.tensor([[[0, 0, 1, 1]]]), torch.tensor([[[0, 1, 1, 1]]])
    counts = confusion(found, truth, 3)
    assert counts.tolist() == [[1, 0, 0], [1, 2, 0], [0, 0, 0]]
    assert mean_iou(counts) == pytest.approx((1 / 2 + 2 / 3) / 2)  # class 2 is nowhere
    task = paired(b=LABELS, judge=0.0)
    rows = [{"confusion": counts}, {"confusion": confusion(torch.full_like(truth, 2), truth, 3)}]
    assert task.summary(rows) == pytest.approx({"iou": (1 / 3 + 2 / 6 + 0) / 3, "accuracy": 3 / 8})


@pytest.mark.parametrize(
    ("a", "b"), [(LABELS, ImageSpec()), (ImageSpec(), LABELS), (ImageSpec(channels=5), ImageSpec(channels=1)), (ImageSpec(), ImageSpec())]
)
def test_every_kind_of_side_is_validated_shown_and_exported(tmp_path: Path, a: ImageSpec, b: ImageSpec) -> None:
    task, data = paired(a, b).eval(), batch(a, b, 32)
    with torch.no_grad():
        first = {key: value[:1] for key, value in data.items()}
        figures = task.summary([task.validate(first, task.infer(first))])
        columns = task.preview(data, task.infer(data))
    assert task.metric in figures
    assert {key: value.shape for key, value in columns.items()} == dict.fromkeys(("input", "ours", "ground truth"), (2, 3, 32, 32))
    task.export(tmp_path / "m.safetensors", {"validation": figures})
    model = load_model(tmp_path / "m.safetensors")
    assert (model.info.a, model.info.b, model.info.keeps_gray, model.info.figures) == (a, b, False, figures)
    pipeline = TranslatePipeline(model, Runtime("cpu"))
    given = as_planes(data["a"], a)
    made = pipeline.run(given, TranslateOptions())
    with torch.no_grad():
        expected = task.generate(data)["fake_b"]
    assert torch.allclose(made, expected.argmax(1, keepdim=True) / 255 if b.palette else expected.clamp(0, 1), atol=1e-5)


def test_sides_as_planes_and_as_pictures() -> None:
    assert (planes(LABELS), planes(ImageSpec(channels=7))) == (3, 7)
    levels = torch.tensor([[[0, 2]]])
    assert as_planes(levels, LABELS)[0, :, 0].tolist() == [[1, 0], [0, 0], [0, 1]]
    assert torch.allclose(shown(levels, LABELS)[0, :, 0] * 255, torch.tensor([[0.0, 0.0], [0.0, 0.0], [0.0, 200.0]]))
    bands = torch.rand(1, 5, 2, 2) + 0.5
    assert torch.equal(shown(bands, ImageSpec(channels=5)), bands[:, :3].clamp(0, 1))
    assert torch.equal(shown(bands[:, :2], ImageSpec(channels=2)), bands[:, :1].clamp(0, 1).expand(-1, 3, -1, -1))


def test_rare_colors_count_more() -> None:
    pictures = torch.zeros(1, 3, 20, 20)
    pictures[:] = 0.5
    pictures[..., :2, :4] = torch.tensor([1.0, 0.0, 0.0])[:, None, None]
    gray, red = (int(nearest_bin(rgb_to_lab(torch.tensor(color)[None, :, None, None])[:, 1:])) for color in ([0.5] * 3, [1.0, 0, 0]))
    even, weighted = rarity(pictures, 1.0), rarity(pictures, 0.5)
    assert torch.allclose(even, torch.ones(len(bins())), atol=1e-4)
    assert weighted[red] > 5 * weighted[gray]
    # The smoothed share of a color, by hand: each color's 0.98 and 0.02 spread over the grid by a Gaussian of one step.
    near = torch.exp(-torch.cdist(bins(), bins()).square() / 200)
    near = near / near.sum(0)
    share = 0.98 * near[:, gray] + 0.02 * near[:, red]
    raw = 1 / (0.5 * share + 0.5 / len(bins()))
    assert torch.allclose(weighted, raw / (raw * share).sum(), rtol=1e-3)
    assert float((weighted * share).sum()) == pytest.approx(1, abs=1e-3)


class Photographs(Unpaired):
    def __getitem__(self, index: int) -> Batch:
        return {"b": super().__getitem__(index)["b"]}


def colorizing(**loss: float) -> Any:
    preset = PRESETS["colorize"]
    changes = {"network": {"name": "colorizer", "width": 4, "work": 32}, "loss": preset.loss.model_copy(update=loss)}
    sets = Datasets(Photographs(), Photographs(2), ImageSpec(channels=1), ImageSpec(), (), "made up", {})
    return make_objective(preset.model_copy(update=changes), "c", sets)


def test_a_colorizer_is_judged_by_the_colors_it_chooses() -> None:
    task = colorizing(lpips=2)
    true, other = (int(nearest_bin(torch.tensor(ab).view(1, 2, 1, 1))) for ab in ((20.0, 30.0), (-20.0, 10.0)))
    lightness = 40 + 20 * torch.rand(1, 1, 64, 64)
    photograph, wrong = (lab_to_rgb(torch.cat([lightness, bins()[n].view(1, 2, 1, 1).expand(1, 2, 64, 64)], 1)) for n in (true, other))

    def lpips_of(chosen: int) -> float:
        logits = torch.zeros(1, len(bins()), 32, 32)
        logits[:, chosen] = 1e4
        return float(task.generator_losses({"b": photograph}, {"logits": logits})["lpips"])

    assert lpips_of(true) == pytest.approx(0, abs=1e-5)
    assert lpips_of(other) == pytest.approx(2 * float(lpips_alex(wrong, photograph)), rel=1e-4)
    logits = torch.zeros(1, len(bins()), 32, 32, requires_grad=True)
    found = []
    for _ in range(5):
        loss = task.generator_losses({"b": photograph}, {"logits": logits})["lpips"]
        found.append(float(loss.detach()))
        (gradient,) = torch.autograd.grad(loss, logits)
        logits = (logits - 0.1 * gradient / gradient.abs().max()).detach().requires_grad_()
    assert found == sorted(found, reverse=True)


def test_a_colorizer_is_trained_on_the_nearest_bins_and_exported(tmp_path: Path) -> None:
    task = colorizing()
    data = {"b": torch.stack([Photographs(side=32)[number]["b"] for number in range(2)])}
    images = task.generate(data)
    assert images["logits"].shape == (2, len(bins()), 16, 16)
    numbers, weights = nearest_bins(torch.nn.functional.avg_pool2d(rgb_to_lab(data["b"])[:, 1:], 2))
    target = torch.zeros(2, len(bins()), 16, 16).scatter(1, numbers, weights)
    entropy = -(weights * weights.log()).sum(1)
    rare = task.rarity[numbers[:, 0]]
    least = float((rare * entropy).sum() / rare.sum())  # no logits give less than the targets' own entropy
    perfect = {"logits": (target + 1e-12).log()}
    assert float(task.generator_losses(data, perfect)["cross_entropy"]) == pytest.approx(least, rel=1e-4)
    loss = task.generator_losses(data, images)["cross_entropy"]
    loss.backward()
    assert all((parameter.grad is None) == name.startswith("encoder") for name, parameter in task.network.named_parameters())
    first = {"b": data["b"][:1]}
    figures = task.eval().validate(first, task.infer(first))
    assert figures.keys() == {"lpips", "psnr"}
    task.export(tmp_path / "m.safetensors", {"validation": figures})
    model = load_model(tmp_path / "m.safetensors")
    assert (model.info.a.channels, model.info.in_channels, model.info.halo) == (1, 1, None)
    with torch.no_grad():
        assert torch.allclose(model.network(gray_of(data["b"])), task.infer(data)["fake_b"], atol=1e-5)
    with safe_open(tmp_path / "m.safetensors", framework="pt") as file:
        assert not any(key.startswith("encoder") for key in file.keys())  # noqa: SIM118 (no dict)
