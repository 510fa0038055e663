"""``img2img generate`` and its training, on our samples, with tiny networks."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cli_errors import invoke
from PIL import Image
from scenes import save, scene
from tiny_generate import assert_resumes, train

import img2img
from img2img.errors import ConfigError, DataError, ModelError
from img2img.inference.runtime import Runtime
from img2img.models import read_info
from img2img.tasks.generate.config import PRESETS
from img2img.tasks.generate.data import MiddleSquares, Squares, code, load_square
from img2img.tasks.generate.measure import measure
from img2img.tasks.generate.options import GenerateOptions
from img2img.tasks.generate.pipeline import GeneratePipeline, between
from img2img.tasks.generate.sheet import sheet_of
from img2img.tasks.generate.train import make_objective

Trained = Callable[[str], Path]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six pictures."""
    made = tmp_path_factory.mktemp("generate")
    for number in range(6):
        save(made / f"{number}.png", scene(number, 40, 24 + number))
    return made


@pytest.fixture(scope="session")
def trained(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """The run of a preset."""

    @cache
    def run(preset: str) -> Path:
        made = tmp_path_factory.mktemp("runs") / preset
        train(folder, made, preset, 8)
        return made

    return run


def pixels(path: Path) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(path))


@pytest.mark.parametrize("preset", ["dcgan", "style"])
def test_a_picture_depends_on_its_seed_alone(trained: Trained, tmp_path: Path, preset: str) -> None:
    said = invoke("generate", "-m", trained(preset), "-n", 4, "--seed", 7, "-o", tmp_path / "a").stdout.splitlines()
    assert [Path(line).name for line in said] == [f"{preset}-00000{seed}.png" for seed in (7, 8, 9)] + [f"{preset}-000010.png"]
    invoke("generate", "-m", trained(preset), "-n", 1, "--seed", 9, "-o", tmp_path / "b")
    assert (tmp_path / "a" / f"{preset}-000009.png").read_bytes() == (tmp_path / "b" / f"{preset}-000009.png").read_bytes()
    assert pixels(Path(said[0])).shape == (16, 16, 3)
    assert (pixels(Path(said[0])) != pixels(Path(said[1]))).any()
    image = img2img.generate(trained(preset), seed=9)
    np.testing.assert_array_equal(np.asarray(image), pixels(tmp_path / "b" / f"{preset}-000009.png"))


def test_a_walk_begins_and_ends_at_its_seeds(trained: Trained, tmp_path: Path) -> None:
    run = trained("dcgan")
    invoke("generate", "-m", run, "--from", 3, "--to", 5, "--steps", 3, "-o", tmp_path)
    invoke("generate", "-m", run, "-n", 3, "--seed", 3, "-o", tmp_path)
    walk = [pixels(tmp_path / f"dcgan-3-to-5-00{step}.png").astype(int) for step in range(3)]
    three, five = (pixels(tmp_path / f"dcgan-00000{seed}.png").astype(int) for seed in (3, 5))
    assert abs(walk[0] - three).max() <= 1
    assert abs(walk[2] - five).max() <= 1
    assert abs(walk[1] - three).mean() < abs(five - three).mean()


def test_codes_between_two_lie_on_the_great_circle() -> None:
    a, b = torch.tensor([1.0, 0.0])[:, None, None], torch.tensor([0.0, 1.0])[:, None, None]
    assert torch.allclose(between(a, b, 1 / 3).flatten(), torch.tensor([3**0.5 / 2, 0.5]), atol=1e-6)
    assert torch.equal(between(a, a, 0.5), a)


def test_styles_are_mixed_and_truncated(trained: Trained, tmp_path: Path) -> None:
    run = trained("style")
    invoke("generate", "-m", run, "-n", 2, "-o", tmp_path, "--mix", "5:fine")
    invoke("generate", "-m", run, "-n", 2, "-o", tmp_path, "--mix", "5:coarse")
    invoke("generate", "-m", run, "-n", 6, "-o", tmp_path)
    plain, own = pixels(tmp_path / "style-000000.png"), pixels(tmp_path / "style-000005.png")
    coarse, fine = (pixels(tmp_path / f"style-000000-mix5{layers}.png") for layers in ("coarse", "fine"))
    assert (coarse != plain).any()
    assert (coarse != own).any()
    np.testing.assert_array_equal(fine, plain)  # of 16 pixels there is nothing finer than the middle
    pipeline = GeneratePipeline.open(run, Runtime("cpu"))
    truncated = [pipeline.sample(GenerateOptions.of(seed=seed, truncation=0.0)).pixels for seed in range(2)]
    whole = [pipeline.sample(GenerateOptions.of(seed=seed)).pixels for seed in range(2)]
    assert (truncated[0] - truncated[1]).abs().mean() < (whole[0] - whole[1]).abs().mean()


def test_a_sheet_shows_all(trained: Trained, tmp_path: Path) -> None:
    invoke("generate", "-m", trained("dcgan"), "-n", 5, "-o", tmp_path, "--sheet")
    sheet = pixels(tmp_path / "sheet.png")
    assert sheet.shape == (2 * 16 + 2, 3 * 16 + 4, 3)
    np.testing.assert_array_equal(sheet[18:, 18:34], pixels(tmp_path / "dcgan-000004.png"))
    assert (sheet[18:, 36:] == 255).all()


def test_a_sheet_by_hand() -> None:
    made = sheet_of([torch.full((3, 1, 1), level) for level in (0.0, 0.5, 0.25)], columns=2).pixels[0]
    assert made.tolist() == [[0, 1, 1, 0.5], [1, 1, 1, 1], [1, 1, 1, 1], [0.25, 1, 1, 1]]


@pytest.mark.parametrize(
    ("words", "error", "said"),
    [
        (["--truncation", "0.5"], ConfigError, "truncation is for style generators, and model 'dcgan' has no styles"),
        (["--mix", "5:coarse"], ConfigError, "mix is for style generators"),
        (["--mix", "five"], ConfigError, "SEED:coarse, SEED:middle or SEED:fine, such as 12:coarse; got 'five'"),
        (["--from", "3"], ConfigError, "belong together"),
        (["--from", "3", "--to", "-1"], ConfigError, "to must be >= 0, got -1"),
        (["--seed", "-1"], ConfigError, "seed must be >= 0, got -1"),
        (["--truncation", "3"], ConfigError, "truncation must be <= 2, got 3"),
        (["--ext", "docx"], Exception, "docx"),
    ],
)
def test_what_is_refused(trained: Trained, tmp_path: Path, words: list[str], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        invoke("generate", "-m", trained("dcgan"), "-o", tmp_path / "none", *words)
    assert not (tmp_path / "none").exists()


def test_files_are_replaced_only_when_asked(trained: Trained, tmp_path: Path) -> None:
    invoke("generate", "-m", trained("dcgan"), "-n", 2, "-o", tmp_path)
    with pytest.raises(ConfigError, match=r"dcgan-000001.png' exists \(1 such\)"):
        invoke("generate", "-m", trained("dcgan"), "-n", 2, "--seed", 1, "-o", tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    invoke("generate", "-m", trained("dcgan"), "-n", 2, "--seed", 1, "-o", tmp_path, "--overwrite")
    assert len(list(tmp_path.iterdir())) == 3


def test_a_generator_takes_no_picture_and_others_make_none(trained: Trained) -> None:
    with pytest.raises(ConfigError, match="makes pictures from nothing"):
        img2img.load(trained("dcgan"))("samples/cat.jpg")
    with pytest.raises(ModelError, match="is for upscale, not for generate"):
        img2img.generate("upscale-4x-photo")


@pytest.mark.parametrize("preset", ["dcgan", "style"])
def test_a_resumed_run_gives_the_weights_of_one_that_was_not_stopped(folder: Path, tmp_path: Path, preset: str) -> None:
    assert_resumes(folder, tmp_path, preset)


def test_the_record_of_a_run(trained: Trained) -> None:
    info = read_info(trained("style") / "best.safetensors")
    assert (info.task, info.in_channels) == ("generate", 8)
    assert info.recipe["data"]["pictures"] == 6
    assert info.recipe["config"]["adversary"]["augment"] == ["color", "translation", "cutout"]  # six pictures are few
    assert {"vgg_kernel", "precision", "recall"} <= info.figures.keys()


def test_training_that_cannot_be(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nothing else teaches a generator"):
        train(folder, tmp_path / "run", "dcgan", 2, "--set", "adversary.weight=0")
    with pytest.raises(ConfigError, match="makes no pictures from noise; dcgan, style and fastgan do"):
        make_objective(PRESETS["dcgan"].model_copy(update={"network": {"name": "resnet", "width": 4}}), "it")
    with pytest.raises(DataError, match="24x40"):
        train(folder, tmp_path / "run", "dcgan", 2, "--size", 32)
    (tmp_path / "one").mkdir()
    save(tmp_path / "one" / "a.png", scene(0, 40, 40))
    with pytest.raises(DataError, match="learns from many pictures"):
        train(tmp_path / "one", tmp_path / "run", "dcgan", 2)


class Levels:
    """Two pictures of 6 x 4 and 4 x 4 pixels, whose levels say where they are."""

    class Entry:
        def __init__(self, height: int, width: int) -> None:
            self.height, self.width = height, width

    def __init__(self) -> None:
        self.entries = [self.Entry(6, 4), self.Entry(4, 4)]
        self.planes = [torch.arange(24.0).view(1, 6, 4).expand(3, -1, -1), 100 + torch.arange(16.0).view(1, 4, 4).expand(3, -1, -1)]

    def __len__(self) -> int:
        return 2

    def crop(self, index: int, top: int, left: int, height: int, width: int) -> torch.Tensor:
        return self.planes[index][:, top : top + height, left : left + width]


def test_samples_are_squares_of_their_pictures_and_codes() -> None:
    samples = Squares(Levels(), 4, 5, seed=1, flip=True)  # type: ignore[arg-type]
    assert torch.equal(samples[3]["real"], samples[3]["real"])
    assert torch.equal(samples[3]["z"], samples[3]["z"])
    assert samples[3]["z"].shape == (5, 1, 1)
    assert not torch.equal(samples[3]["z"], samples[3]["other"])
    tops, mirrored = set(), set()
    for position in range(60):
        real = samples[position]["real"][0]
        mirrored.add(bool(real[0, 0] > real[0, 1]))
        tops.add(float(real.min()))
    assert tops == {0, 4, 8, 100}  # three places in the first picture, one in the second
    assert mirrored == {True, False}
    checks = MiddleSquares(Levels(), 4, 5, 10)  # type: ignore[arg-type]
    assert len(checks) == 2
    assert float(checks[0]["real"].min()) == 4
    assert torch.equal(checks[1]["z"], code(1, 5))


def test_samples_that_are_copies_are_found(folder: Path) -> None:
    real = [load_square(path, 16) for path in sorted(folder.glob("*.png"))]
    torch.manual_seed(0)
    noise = [torch.rand(3, 16, 16) for _ in range(3)]
    figures, nearest = measure(real, [real[4].flip(-1), real[1], *noise])
    assert [each.copy for each in nearest] == [True, True, False, False, False]
    assert nearest[1].number == 1
    assert nearest[1].distance == pytest.approx(0, abs=0.1)
    assert figures["copies"] == pytest.approx(0.4)
    assert figures["sample_distance"] > figures["median_distance"]  # noise is nothing like a scene


def test_the_evaluation_says_and_shows_it(trained: Trained, folder: Path, tmp_path: Path) -> None:
    words = ["-n", 4, "--sheet", tmp_path / "near.png", "--json", tmp_path / "f.json"]
    said = invoke("evaluate", "generate", "--data", folder, "-m", trained("dcgan"), *words).stdout
    figures = json.loads((tmp_path / "f.json").read_text())["models"][str(trained("dcgan"))]
    assert f"recall: {figures['recall']:.4f}" in said
    assert {"vgg_kernel", "vgg_frechet", "precision", "recall", "copies", "sample_distance", "median_distance"} <= figures.keys()
    assert "fid" not in figures
    assert pixels(tmp_path / "near.png").shape == (2 * 16 + 2, 2 * 32 + 2, 3)
    save(tmp_path / "small" / "a.png", scene(0, 14, 14))
    with pytest.raises(DataError, match="has 14x14 pixels"):
        invoke("evaluate", "generate", "--data", tmp_path / "small", "-m", trained("dcgan"), "-n", 2)
