"""``img2img train stylize`` on small pictures, with tiny networks, and what becomes of the models."""

import json
import math
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scenes import load, save, scene
from torch import Tensor
from toy import assert_same
from typer.testing import CliRunner, Result

from img2img import weights
from img2img.cli import app
from img2img.data.pictures import PictureSet
from img2img.errors import ConfigError, DataError, Img2ImgError, ModelError
from img2img.losses.style import ROOT_EPSILON, gram
from img2img.networks import Stylizer
from img2img.networks.features import vgg16_weights
from img2img.networks.stylizer import LAST, SMALLEST_SPREAD
from img2img.tasks.stylize import objective as objective_module
from img2img.tasks.stylize.config import BODY, PRESETS, LossConfig, StylizeConfig
from img2img.tasks.stylize.objective import StylizeObjective
from img2img.tasks.stylize.train import make_objective, train_stylizer, with_body_of
from img2img.training import checkpoint
from img2img.training.adversary import AdversaryConfig

SETTINGS = (
    "data.size=32",
    "data.style_size=40",
    "data.validation_side=64",
    "network.width=4",
    "network.blocks=1",
    "style_dim=8",
    "training.log_every=1",
)
TINY = ["--batch", "2", "--workers", "0", "--device", "cpu", "--set", "training.schedule=constant"]
TINY += [part for setting in SETTINGS for part in ("--set", setting)]
JUDGE = ["--set", "adversary.weight=0.1", "--set", "adversary.network.width=4", "--set", "adversary.network.layers=2"]
Trained = Callable[[str], tuple[Path, list[str]]]


def command(*arguments: Any) -> Result:
    """What ``img2img train stylize ARGUMENTS`` gives; errors of ours are raised."""
    done = CliRunner().invoke(app, ["train", "stylize", *map(str, arguments)])
    if isinstance(done.exception, Img2ImgError):
        raise done.exception
    return done


@pytest.fixture(scope="module", autouse=True)
def _few_styles_are_looked_at() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(objective_module, "ADAPTED", 12)
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with photographs in ``contents`` and paintings in ``styles``."""
    root = tmp_path_factory.mktemp("data")
    for number in range(4):
        save(root / "contents" / f"{number}.png", scene(number, 80, 90))
    for number in range(3):
        save(root / "styles" / f"{number}.png", scene(20 + number, 100, 70))
    return root


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Gives (the run's folder, the command without --run) of a preset, four images long."""

    @cache
    def train(preset: str) -> tuple[Path, list[str]]:
        run = tmp_path_factory.mktemp(preset) / "run"
        source = ["--styles", str(data / "styles")] if preset == "any" else ["--style", str(data / "styles" / "0.png")]
        options = ["--content", str(data / "contents"), *source, *TINY, "--images", "4"]
        done = command(*options, "--run", run)
        assert done.exit_code == 0, (done.output, done.exception)
        return run, options

    return train


def config(preset: str = "any", **changes: Any) -> StylizeConfig:
    given = PRESETS[preset]
    network = {**BODY, "width": 4, "blocks": 1}
    data = given.data.model_copy(update={"size": 32, "contents_per_style": 1, "validation_side": 64})
    return given.model_copy(update={"network": network, "style_dim": 8, "data": data, **changes})


def batch(count: int = 2) -> dict[str, Tensor]:
    def pictures(first: int) -> Tensor:
        return torch.stack([torch.from_numpy(scene(first + number, 32, 32)).permute(2, 0, 1) / 255 for number in range(count)])

    return {"content": pictures(0), "style": pictures(20)}


def stylizer(run: Path) -> Stylizer:
    network = weights.load_model(run).network
    assert isinstance(network, Stylizer)
    return network


def same_state(one: torch.nn.Module, two: torch.nn.Module) -> bool:
    theirs = two.state_dict()
    return one.state_dict().keys() == theirs.keys() and all(torch.equal(value, theirs[key]) for key, value in one.state_dict().items())


# What a run gives.


@pytest.mark.parametrize("preset", PRESETS)
def test_a_run_leaves_a_model_that_stylises(preset: str, trained: Trained, data: Path, tmp_path: Path) -> None:
    run, _ = trained(preset)
    model, network = weights.load_model(run), stylizer(run)
    assert (model.info.task, model.info.recipe["preset"], model.info.keeps_grey) == ("stylize", preset, False)
    assert (model.info.style_dim, network.styles) == ((8, 0) if preset == "any" else (0, 1))
    assert (model.info.multiple, model.info.halo) == (network.multiple, network.halo) == (4, network.body.halo)
    figures = model.info.figures
    assert figures["loss"] == pytest.approx(figures["content"] + figures["style"])
    assert "content | style | made" in (run / "metrics.jsonl").read_text()
    keys = {key for line in (run / "metrics.jsonl").read_text().splitlines() for key in json.loads(line)}
    assert {"generator/content", "generator/style", "generator/total_variation", "validation/loss"} <= keys
    assert not any(key.startswith("discriminator/") for key in keys)
    made = network(batch()["content"], network.encode_style(batch()["style"]) if preset == "any" else None)
    assert made.shape == (2, 3, 32, 32)
    photo = save(tmp_path / "photo.png", scene(9, 62, 75))
    painting = ["--style", data / "styles" / "0.png"] if preset == "any" else []
    done = CliRunner().invoke(app, [*map(str, ["stylize", photo, *painting, "-m", run, "--device", "cpu", "-o", tmp_path / "made.png"])])
    assert done.exit_code == 0, (done.output, done.exception)
    assert load(tmp_path / "made.png").shape == (62, 75, 3)
    assert not np.array_equal(load(tmp_path / "made.png"), load(photo))


def test_only_what_few_paintings_can_teach_is_learnt(trained: Trained) -> None:
    """The encoder's convolutions stay VGG's; its mapping and the body move."""
    network, start = stylizer(trained("any")[0] / "latest.safetensors"), make_objective(config(), "new", None, Path("."))
    vgg = vgg16_weights()
    for key, value in network.encoder.convolutions.state_dict().items():
        assert torch.equal(value, vgg[key].float() * (255 if key == "conv1_1.weight" else 1)), key
    assert network.encoder.centre.any()
    assert network.encoder.spread.min() >= SMALLEST_SPREAD
    assert not same_state(network.encoder.mapping, start.stylizer.encoder.mapping)
    assert not same_state(network.body, start.stylizer.body)


def test_a_short_run_learns_its_style(data: Path) -> None:
    torch.manual_seed(0)
    objective = StylizeObjective(config("single"), "short", styles=1)
    optimizer = torch.optim.Adam(objective.stylizer.parameters(), lr=5e-3)
    found, given = [], batch(1)
    for _ in range(25):
        total = torch.stack([*objective.generator_losses(given, objective.generate(given)).values()]).sum()
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        found.append(total.item())
    assert min(found[-5:]) < 0.7 * found[0]


@pytest.mark.parametrize("preset", PRESETS)
def test_a_run_in_two_parts_equals_one_in_one(preset: str, trained: Trained, tmp_path: Path) -> None:
    run, options = trained(preset)
    command(*options[:-1], 2, "--run", tmp_path / "parts")
    command(*options, "--run", tmp_path / "parts")
    whole, parts = (checkpoint.load(folder) for folder in (run, tmp_path / "parts"))
    assert whole is not None
    assert parts is not None
    for key, value in whole["objective"]["generators"].items():
        assert torch.equal(value, parts["objective"]["generators"][key]), key
    assert same_state(stylizer(run / "latest.safetensors"), stylizer(tmp_path / "parts" / "latest.safetensors"))


def test_a_killed_run_goes_on_as_if_nothing_had_been(trained: Trained, tmp_path: Path) -> None:
    options = [*trained("single")[1][:-1], "12", *JUDGE, "--set", "training.checkpoint_minutes=1e-9"]
    script = Path(__file__).parents[1] / "helpers" / "killed_command.py"
    killed = ["train", "stylize", *options, "--run", str(tmp_path / "killed")]
    assert subprocess.run([sys.executable, str(script), "6", *killed], capture_output=True, check=False).returncode == -9
    seen = checkpoint.load(tmp_path / "killed")
    assert seen is not None
    assert 0 < seen["images_seen"] < 12
    for run in ("killed", "whole"):
        assert command(*options, "--run", tmp_path / run).exit_code == 0
    assert_same(tmp_path / "killed", tmp_path / "whole")


def test_a_discriminator_learns_beside_it_in_a_folder_named_after_the_style(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = command(*trained("single")[1], *JUDGE)
    assert done.exit_code == 0, (done.output, done.exception)
    run = tmp_path / "runs" / "stylize-0"
    keys = {key for line in (run / "metrics.jsonl").read_text().splitlines() for key in json.loads(line)}
    assert {"generator/adversarial", "discriminator/adversarial"} <= keys
    saved = checkpoint.load(run)
    assert saved is not None
    torch.manual_seed(0)
    adversary = AdversaryConfig(weight=0.1, network={**AdversaryConfig().network, "width": 4, "layers": 2})
    start = make_objective(config("single", adversary=adversary), "new", None, Path("no-folder")).discriminators.state_dict()
    moved = [key for key, value in saved["objective"]["discriminators"].items() if not torch.equal(value, start[key])]
    assert any("weight" in key for key in moved)


def test_the_discriminator_takes_paintings_for_real() -> None:
    """One that calls bright pictures real has no loss where paintings are bright and what is made is not."""
    objective = StylizeObjective(config(adversary=AdversaryConfig(weight=0.1)), "x", styles=0)

    class Bright(torch.nn.Module):
        def forward(self, x: Tensor) -> list[Tensor]:
            return [10 * (x.mean((1, 2, 3), keepdim=True) - 0.5)]

    objective.discriminators["stylize"] = Bright()
    dark, bright = torch.full((2, 3, 32, 32), 0.1), torch.full((2, 3, 32, 32), 0.9)
    right = objective.discriminator_losses({"content": dark, "style": bright}, {"made": dark})
    wrong = objective.discriminator_losses({"content": bright, "style": dark}, {"made": bright})
    assert float(right["adversarial"]) == 0
    assert float(wrong["adversarial"]) > 1


def test_of_many_paintings_some_are_held_out(data: Path, tmp_path: Path) -> None:
    for number in range(12):
        save(tmp_path / "styles" / f"{number:02}.png", scene(number, 64, 64))
    tiny = config(training=PRESETS["any"].training.model_copy(update={"images": 2, "batch": 2, "workers": 0, "device": "cpu"}))

    def counts(run: Path, **given: Path) -> tuple[int, int, int]:
        train_stylizer(data / "contents", tmp_path / "styles", run, tiny, preset="any", **given)
        record = json.loads((run / "config.json").read_text())
        return record["data"]["pictures"], record["data"]["validation"], record["styles"]["pictures"]

    assert counts(tmp_path / "tenth") == (3, 1, 10)
    assert (tmp_path / "tenth" / "cache" / "validation-styles.pixels").stat().st_size == 2 * 64 * 64 * 3
    given = counts(tmp_path / "given", validation=data / "styles", validation_styles=data / "styles")
    assert given == (4, 3, 12)


# The losses.


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
    assert torch.allclose(
        images["made"], objective.stylizer(given["content"], objective.stylizer.encode_style(given["style"][shared])), atol=1e-5
    )
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
    stripes[..., ::2] = 0.5  # neighbours to the right differ by 0.5, those below do not
    objective, given, style = objective_and_style(loss=LossConfig(total_variation=0.2))
    images = {"made": stripes} | {f"gram_{layer}": value for layer, value in style.items()}
    assert float(objective.generator_losses(given, images)["total_variation"]) == pytest.approx(0.2 * 0.25)
    without, *_ = objective_and_style(loss=LossConfig(total_variation=0, phase=0))
    assert set(without.generator_losses(given, images)) == {"content", "style"}


def test_a_grid_of_the_period_of_the_network_costs_and_other_texture_does_not() -> None:
    objective, given, style = objective_and_style(loss=LossConfig(phase=3.0))
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


def test_the_objective_and_the_encoder_find_the_same_code() -> None:
    objective, given, _ = objective_and_style()
    code, _ = objective.style_of(given["style"])
    assert code is not None
    assert torch.allclose(code, objective.stylizer.encode_style(given["style"]), atol=1e-5)
    single = StylizeObjective(config("single"), "x", styles=1)
    assert single.style_of(given["style"])[0] is None


def test_the_encoder_is_adapted_to_the_styles_of_the_first_samples() -> None:
    objective, samples = StylizeObjective(config(), "x", styles=0), [batch(12)["style"][number] for number in range(12)]
    objective.adapt([{"style": style} for style in samples])  # type: ignore[arg-type]
    encoder = objective.stylizer.encoder
    found = encoder.statistics(objective.features(torch.stack(samples), LAST))
    assert torch.allclose(encoder.centre, found.mean(0), atol=1e-3)
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
    found = objective.validate(given)
    assert found["loss"] == pytest.approx(found["content"] + found["style"])
    assert found["style"] > found["content"] > 0


@pytest.mark.parametrize("styles", [0, 1])
def test_an_exported_model_makes_the_same_picture(styles: int, tmp_path: Path) -> None:
    objective, given = StylizeObjective(config(), "exported", styles).eval(), batch()
    objective.export(tmp_path / "exported.safetensors", {"preset": "any", "validation": {"loss": 0.5}})
    model = weights.load_model(tmp_path / "exported.safetensors")
    network = model.network
    assert isinstance(network, Stylizer)
    with torch.no_grad():
        expected = objective.generate(given)["made"]
        found = network(given["content"], None if styles else network.encode_style(given["style"]))
    assert torch.allclose(found, expected, atol=1e-5)
    assert (model.info.name, model.info.figures, model.info.recipe) == ("exported", {"loss": 0.5}, {"preset": "any"})


def test_a_preview_has_columns_of_one_size() -> None:
    objective, given, _ = objective_and_style()
    columns = objective.preview({"content": given["content"], "style": torch.rand(2, 3, 24, 40)})
    assert list(columns) == ["content", "style", "made"]
    assert {tuple(column.shape) for column in columns.values()} == {(2, 3, 24, 24)}


# Starting from another model.


def test_a_single_style_starts_from_a_model_of_any(trained: Trained, data: Path, tmp_path: Path) -> None:
    run, _ = trained("any")
    painting = data / "styles" / "1.png"
    other = with_body_of(
        str(run), config("single", network=BODY, style_dim=3, data=config().data.model_copy(update={"validation_side": 256}))
    )
    assert (other.network["width"], other.style_dim) == (4, 8), "the form is that of the model"
    started, given = make_objective(other, "started", str(run), painting).stylizer, stylizer(run)
    assert (started.styles, given.styles) == (1, 0)
    assert same_state(started.body, given.body)
    pixels = torch.from_numpy(scene(21, 100, 70)).permute(2, 0, 1)[None] / 255
    assert torch.allclose(started.code, given.encode_style(pixels), atol=1e-5)
    command(*trained("single")[1], "--init", run, "--learning-rate", 1e-12, "--run", tmp_path / "run")
    assert torch.allclose(
        stylizer(tmp_path / "run").body(pixels[..., :32, :32], started.code), given.body(pixels[..., :32, :32], started.code)
    )
    assert json.loads((tmp_path / "run" / "config.json").read_text())["init"] == str(run)


def test_a_large_style_is_shrunk_before_its_code_is_found(trained: Trained, tmp_path: Path) -> None:
    run, _ = trained("any")
    large = scene(3, 200, 300).repeat(2, 0).repeat(2, 1)
    found = make_objective(config(), "x", str(run), save(tmp_path / "large.png", large)).stylizer.code
    pictures = PictureSet([save(tmp_path / "small.png", scene(3, 200, 300))], tmp_path / "c.pixels")
    small, whole = (stylizer(run).encode_style(x[None]) for x in (pictures.crop(0, 50, 50, 64, 96), pictures.crop(0, 0, 0, 200, 300)))
    again = make_objective(config(), "x", str(run), tmp_path / "small.png").stylizer.code
    nearest = min(float((found - other).abs().max()) for other in (small, whole))
    assert float((found - again).abs().max()) < nearest


@pytest.mark.parametrize("preset", PRESETS)
def test_a_model_is_continued_as_it_is(preset: str, trained: Trained, data: Path) -> None:
    run, _ = trained(preset)
    source = data / "styles" if preset == "any" else data / "styles" / "2.png"
    assert same_state(make_objective(config(), "again", str(run), source).stylizer, stylizer(run))


def test_a_model_of_one_style_is_no_start_for_any(trained: Trained, data: Path) -> None:
    with pytest.raises(ConfigError, match="has one style of its own; a network for any style starts from one for any style"):
        make_objective(config(), "x", str(trained("single")[0]), data / "styles")


@pytest.mark.parametrize(("name", "message"), [("translate-restore", "is a model for translate"), ("no-such-model", "no model 'no-such")])
def test_only_stylizers_are_a_start(name: str, message: str, trained: Trained, tmp_path: Path) -> None:
    with pytest.raises((ConfigError, ModelError), match=message):
        command(*trained("any")[1], "--init", name, "--run", tmp_path / "run")


# What cannot be.


def test_dry_run_tells_the_cost_and_writes_nothing(trained: Trained, tmp_path: Path) -> None:
    done = command(*trained("any")[1], "--size", 64, "--run", tmp_path / "run", "--dry-run")
    assert done.exit_code == 0
    assert "size: 64" in done.stdout
    assert "one step: " in done.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "data.size=34"], "data.size=34 is no multiple of 4"),
        (["--size", "16"], "data.size = 16"),
        (["--size", "96"], "pictures are smaller than the patch of 96 px"),
        ([*JUDGE, "--set", "adversary.network.layers=6"], "data.size=32 is too small for the discriminator"),
        (["--set", "loss.style_layers={}"], "style_layers"),
        (["--set", "loss.style_layers={relu9_1: 1.0}"], "vgg16 has no layer 'relu9_1'"),
        (["--set", "loss.content_layer=relu5_1"], "vgg16 has no layer 'relu5_1'"),
        (["--set", "loss.styles=1"], "did you mean 'loss.style'"),
        (["--set", "network={name: munit, width: 4}"], "network 'munit' takes no"),
        (["--set", "network.norm=instance"], "goes with norm"),
        (["--set", "training.growing.levels=1"], "cannot grow"),
        (["--preset", "all"], "unknown preset 'all'; known are any, single"),
        (["--content", "nowhere"], "'nowhere' is not a folder"),
        (["--val-styles", "nowhere"], "'nowhere' is not a folder"),
    ],
)
def test_wrong_settings_are_refused_by_name(arguments: list[str], message: str, trained: Trained, tmp_path: Path) -> None:
    with pytest.raises(Img2ImgError, match=message):
        command(*trained("any")[1], "--run", tmp_path / "run", *arguments)


def test_pictures_that_are_missing_or_too_few_are_refused(data: Path, trained: Trained, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "one").mkdir()
    shutil.copy(data / "contents" / "0.png", tmp_path / "one")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    options = trained("any")[1]
    with pytest.raises(DataError, match="no pictures to train on"):
        command(*options, "--styles", tmp_path / "empty", "--run", tmp_path / "run")
    with pytest.raises(DataError, match=r"one picture is too few: .* add more or give --val DIR"):
        command(*options, "--content", tmp_path / "one", "--run", tmp_path / "run")
    with pytest.raises(DataError, match=r"there is no .*; styles are a folder of pictures, or one picture"):
        train_stylizer(data / "contents", tmp_path / "nothing", tmp_path / "run", config(), preset="any")
    with pytest.raises(DataError, match=r"cannot be read: .*broken.png"):
        command(*trained("single")[1], "--style", tmp_path / "broken.png", "--run", tmp_path / "run")


def test_one_painting_in_a_folder_is_enough(data: Path, trained: Trained, tmp_path: Path) -> None:
    (tmp_path / "styles").mkdir()
    shutil.copy(data / "styles" / "0.png", tmp_path / "styles")
    done = command(*trained("any")[1], "--styles", tmp_path / "styles", "--images", 2, "--run", tmp_path / "run")
    assert done.exit_code == 0
    assert math.isfinite(weights.load_model(tmp_path / "run").info.figures["loss"])


@pytest.mark.parametrize(
    ("styles", "style", "message"),
    [
        (None, None, "give either --styles FOLDER, for any style, or --style PICTURE"),
        ("styles", "styles/0.png", "give either --styles FOLDER, for any style, or --style PICTURE"),
        ("styles/0.png", None, "is no folder; --style trains on one picture"),
        (None, "styles", "is no file; --styles trains on a folder"),
    ],
)
def test_styles_are_a_folder_or_one_picture(styles: str | None, style: str | None, message: str, data: Path) -> None:
    given = [part for name, value in (("--styles", styles), ("--style", style)) if value for part in (name, data / value)]
    done = command("--content", data / "contents", *given)
    assert done.exit_code == 2
    assert message in " ".join(done.stderr.replace("│", " ").split())
