"""Generators that are told the class of a picture: from folders, by name or in turn."""

from pathlib import Path

import numpy as np
import pytest
import torch
from cli_errors import invoke
from PIL import Image
from scenes import save, scene
from tiny_generate import assert_resumes, train

import img2img
from img2img.data.pictures import PictureSet
from img2img.errors import ConfigError, DataError, ModelError
from img2img.inference.runtime import Runtime
from img2img.models import load_model, read_info, save_model
from img2img.tasks.generate.config import PRESETS
from img2img.tasks.generate.data import MiddleSquares, Squares
from img2img.tasks.generate.options import GenerateOptions
from img2img.tasks.generate.pipeline import GeneratePipeline
from img2img.tasks.generate.train import make_objective

NETWORKS = ["dcgan", "style", "fastgan"]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four pictures of tulips, some of them deeper, and two of roses."""
    made = tmp_path_factory.mktemp("classes")
    for number, name in enumerate(("tulip/a", "tulip/b", "tulip/red/c", "tulip/red/d", "rose/a", "rose/b")):
        save(made / f"{name}.png", scene(number, 72, 66 + number))
    return made


@pytest.fixture(scope="session")
def run(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("runs") / "two"
    train(folder, made, "style", 8, "--classes")
    return made


def apart(model: Path | str) -> GeneratePipeline:
    """A pipeline whose classes look different, as after training: these networks have seen a few pictures."""
    pipeline = GeneratePipeline.open(model, Runtime("cpu"))
    for module in pipeline.model.network.modules():
        if isinstance(module, torch.nn.Embedding):
            module.weight.data = torch.tensor([[30.0], [-30.0]]).expand_as(module.weight).clone()
    return pipeline


def test_a_class_is_asked_for_by_name_or_they_come_in_turn(run: Path) -> None:
    pipeline = apart(run)
    assert pipeline.classes == ("rose", "tulip")

    def made(**options: object) -> torch.Tensor:
        return pipeline.sample(GenerateOptions.of(**options)).pixels

    for seed in range(3):
        rose, tulip = made(seed=seed, class_name="rose"), made(seed=seed, class_name="tulip")
        assert not torch.equal(rose, tulip)
        assert torch.equal(made(seed=seed), (rose, tulip)[seed % 2])
    mixed, own = (made(seed=0, class_name="tulip", **more) for more in ({"mix": "5:coarse"}, {}))
    assert not torch.equal(mixed, own)


@pytest.mark.parametrize("preset", NETWORKS)
def test_files_are_named_and_made_again_by_their_seeds(folder: Path, tmp_path: Path, preset: str) -> None:
    train(folder, tmp_path / "run", preset, 4, "--classes")
    invoke("generate", "-m", tmp_path / "run", "-n", 2, "--class", "tulip", "-o", tmp_path / "a")
    invoke("generate", "-m", tmp_path / "run", "-n", 1, "--seed", 1, "-o", tmp_path / "b")
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["run-000000.png", "run-000001.png"]
    assert (tmp_path / "a" / "run-000001.png").read_bytes() == (tmp_path / "b" / "run-000001.png").read_bytes()  # 1 is a tulip's turn
    image = img2img.generate(tmp_path / "run", seed=0, class_name="tulip")
    np.testing.assert_array_equal(np.asarray(image), np.asarray(Image.open(tmp_path / "a" / "run-000000.png")))


def test_the_record_of_a_run(run: Path) -> None:
    info = read_info(run / "best.safetensors")
    assert info.classes == ("rose", "tulip")
    assert info.network["classes"] == 2
    assert info.recipe["data"]["classes"] == {"rose": 2, "tulip": 4}


@pytest.mark.parametrize("preset", NETWORKS)
def test_a_resumed_run_has_the_weights_of_one_that_was_not_stopped(folder: Path, tmp_path: Path, preset: str) -> None:
    assert_resumes(folder, tmp_path, preset, "--classes")


@pytest.mark.parametrize(
    ("mode", "more"),
    [("wgan-gp", ()), ("relativistic", ("--set", "adversary.feature_matching=1")), ("nonsaturating", ("--set", "adversary.r2=1"))],
)
def test_other_losses_are_told_the_classes(folder: Path, tmp_path: Path, mode: str, more: tuple[str, ...]) -> None:
    train(folder, tmp_path / "run", "dcgan", 4, "--classes", "--gan-mode", mode, "--set", "adversary.network.norm=none", *more)
    assert read_info(tmp_path / "run" / "latest.safetensors").classes == ("rose", "tulip")


def test_both_networks_learn_the_classes() -> None:
    config = PRESETS["dcgan"]
    adversary = config.adversary.model_copy(update={"network": {**config.adversary.network, "width": 4, "layers": 2}, "augment": ()})
    network = {"name": "dcgan", "latent": 4, "width": 4, "size": 16}
    objective = make_objective(config.model_copy(update={"network": network, "adversary": adversary}), "two", classes=("a", "b", "c"))
    z, other = torch.randn(2, 2, 4, 1, 1)
    batch = {"real": torch.rand(2, 3, 16, 16), "z": z, "other": other, "label": torch.tensor([2, 0])}
    images = objective.generate(batch)
    objective.discriminator_losses(batch, images)["adversarial"].backward()
    objective.generator_losses(batch, images)["adversarial"].backward()
    for networks in (objective.generators, objective.discriminators):
        (learned,) = (module.weight.grad for module in networks.modules() if isinstance(module, torch.nn.Embedding))
        assert [bool(row.any()) for row in learned] == [True, False, True]


def test_samples_have_the_class_of_their_picture(tmp_path: Path) -> None:
    paths = [save(tmp_path / f"{n}.png", np.full((8, 8, 3), 60 * n, np.uint8)) for n in range(4)]
    pictures, labels = PictureSet(paths, tmp_path / "cache.pixels"), (0, 1, 1, 0)
    level = {0: 0, 1: 1, 2: 1, 3: 0}
    samples = [Squares(pictures, 8, 4, 1, flip=True, labels=labels)[number] for number in range(20)]
    checks = MiddleSquares(pictures, 8, 4, 4, labels)
    for sample in (*samples, *(checks[number] for number in range(4))):
        assert int(sample["label"]) == level[round(float(sample["real"].mean()) * 255 / 60)]
        assert sample["label"].dtype == torch.int64
    assert "label" not in MiddleSquares(pictures, 8, 4, 4)[0]


def test_a_class_that_is_not_there(run: Path, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="class 'daisy' is unknown to model 'two': it makes rose, tulip"):
        invoke("generate", "-m", run, "--class", "daisy", "-o", tmp_path / "none")
    assert not (tmp_path / "none").exists()
    with pytest.raises(ConfigError, match="class 'daisy' is unknown"):
        img2img.generate(run, class_name="daisy")
    train(folder, tmp_path / "plain", "dcgan", 2)
    with pytest.raises(ConfigError, match="it was trained without classes"):
        invoke("generate", "-m", tmp_path / "plain", "--class", "rose", "-o", tmp_path / "none")


def test_a_file_whose_classes_are_not_those_of_its_network(run: Path, tmp_path: Path) -> None:
    model = load_model(str(run))
    save_model(tmp_path / "bad.safetensors", model.network, model.info.model_copy(update={"classes": ("rose",)}))
    with pytest.raises(ModelError, match="names 1 classes, but its network has 2"):
        img2img.generate(tmp_path / "bad.safetensors")


def test_folders_that_are_no_classes(folder: Path, tmp_path: Path) -> None:
    save(tmp_path / "one" / "rose" / "a.png", scene(0, 72, 72))
    save(tmp_path / "one" / "rose" / "b.png", scene(1, 72, 72))
    with pytest.raises(DataError, match="one class folder only, 'rose'"):
        train(tmp_path / "one", tmp_path / "run", "dcgan", 2, "--classes")
    with pytest.raises(DataError, match="no class folder"):
        train(folder / "rose", tmp_path / "run", "dcgan", 2, "--classes")
    save(tmp_path / "one" / "tulip" / "a.png", scene(2, 72, 72))
    save(tmp_path / "one" / "other.png", scene(3, 72, 72))
    with pytest.raises(DataError, match=r"pictures in none of the class folders rose, tulip: '.*other.png'; move"):
        train(tmp_path / "one", tmp_path / "run", "dcgan", 2, "--classes")
    with pytest.raises(ConfigError, match="pool keeps pictures without their classes"):
        train(folder, tmp_path / "run", "dcgan", 2, "--classes", "--set", "adversary.pool=5")
    assert not list((tmp_path / "run").glob("*.safetensors"))


def test_the_evaluation_takes_the_classes_in_turn(run: Path, folder: Path) -> None:
    said = invoke("evaluate", "generate", "--data", folder, "-m", run, "-n", 4).stdout
    assert "4 samples, 6 pictures" in said
