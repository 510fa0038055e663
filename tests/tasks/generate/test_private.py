"""``img2img train generate --dp-epsilon``: a whole run, what its model file tells, and what is refused."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from cli_errors import invoke
from safetensors.torch import load_file
from scenes import save, scene

from img2img.errors import ConfigError, TrainingError
from img2img.models import read_info
from img2img.tasks.generate.config import PRESETS
from img2img.tasks.generate.data import PoissonSquares
from img2img.tasks.generate.train import train_generator
from img2img.training.privacy import PrivacyConfig, spent

TINY = [
    *("--preset", "dcgan", "--size", "16", "--set", "network.width=4", "--set", "network.latent=8", "--set", "adversary.network.width=4"),
    *("--set", "adversary.network.layers=2", "--set", "adversary.network.norm=none", "--set", "data.checked=4", "--workers", "0"),
    *("--device", "cpu", "--set", "training.validate_every=8", "--set", "privacy.force=true", "--dp-epsilon", "20", "--batch", "2"),
]


def train(folder: Path, run: Path, *more: Any) -> None:
    invoke("train", "generate", "--data", folder, *TINY, "--run", run, "--images", 16, *more)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six pictures."""
    made = tmp_path_factory.mktemp("private")
    for number in range(6):
        save(made / f"{number}.png", scene(number, 24, 24))
    return made


@pytest.fixture(scope="module")
def trained(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has saved before each step."""
    run = tmp_path_factory.mktemp("runs") / "private"
    train(folder, run, "--set", "training.checkpoint_minutes=0.000001")
    return run


def test_the_model_file_tells_the_budget_and_nothing_of_the_pictures(trained: Path) -> None:
    info = read_info(trained / "latest.safetensors")
    card = info.recipe["privacy"]
    assert (card["pictures"], card["steps"], card["rate"], card["clip"]) == (6, 8, 1 / 3, 1.0)
    assert card["epsilon"] == pytest.approx(spent(card["noise_multiplier"], 1 / 3, 8, card["delta"]), abs=1e-4)
    assert card["epsilon"] <= 20
    assert "data" not in info.recipe
    assert info.figures == {}
    assert not (trained / "best.safetensors").exists()  # it would be chosen by figures of the pictures
    key = json.loads((trained / "privacy.json").read_text())["key"]
    assert str(key).encode() not in (trained / "latest.safetensors").read_bytes()


def test_a_resumed_run_ends_in_the_same_weights_and_budget(trained: Path, folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "private"
    shutil.copytree(trained, run)
    (run / "checkpoint-before.pt").replace(run / "checkpoint.pt")
    assert torch.load(run / "checkpoint.pt", weights_only=True)["steps"] == 7
    (run / "latest.safetensors").unlink()
    train(folder, run)
    whole, resumed = (load_file(each / "latest.safetensors") for each in (trained, run))
    assert all(torch.equal(whole[key], resumed[key]) for key in whole)
    assert read_info(run / "latest.safetensors").recipe["privacy"] == read_info(trained / "latest.safetensors").recipe["privacy"]


def test_a_run_does_not_go_beyond_its_budget(trained: Path, folder: Path) -> None:
    with pytest.raises(TrainingError, match="another budget: steps 8, now 16; noise_multiplier"):
        train(folder, trained, "--images", 32)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--set", "adversary.network.norm=batch"], "batch norm mixes the pictures"),
        (["--set", "adversary.r1=1"], "take a second gradient"),
        (["--classes"], "data.classes must be false"),
        (["--accumulate", "2"], "training.accumulate must be 1"),
        (["--precision", "bf16"], "training.precision must be fp32"),
        (["--on-plateau", "batch"], "training.on_plateau must be nothing"),
        (["--set", "privacy.force=false"], "6 pictures are too few for differential privacy"),
        (["--dp-epsilon", "0.01", "--dp-delta", "1e-9"], "no noise gives an epsilon"),
    ],
)
def test_what_is_refused(folder: Path, tmp_path: Path, words: list[str], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        train(folder, tmp_path / "run", *words)
    assert not (tmp_path / "run" / "checkpoint.pt").exists()


def test_a_discriminator_that_decodes_real_pictures_is_refused(folder: Path, tmp_path: Path) -> None:
    config = PRESETS["fastgan"].model_copy(update={"privacy": PrivacyConfig(epsilon=20, force=True)})
    with pytest.raises(ConfigError, match="fastgan-discriminator decodes real pictures, for which no noise is added"):
        train_generator(folder, tmp_path / "run", config, preset="fastgan")


@pytest.mark.parametrize(
    "words",
    [
        ["upscale", "--data", "photos"],
        ["inpaint", "--data", "photos"],
        ["stylize", "--data", "photos", "--styles", "paintings"],
        ["translate", "--data", "photos", "--preset", "restore"],
    ],
)
def test_tasks_whose_generator_sees_the_pixels_refuse_it(words: list[str]) -> None:
    with pytest.raises(ConfigError, match="trained on the pixels of the pictures themselves"):
        invoke("train", *words, "--dp-epsilon", 8)


class Plain:
    """A thousand pictures, each of one level."""

    class Entry:
        height = width = 4

    entries = [Entry()] * 1000

    def __len__(self) -> int:
        return 1000

    def crop(self, index: int, *_: int) -> torch.Tensor:
        return torch.full((3, 4, 4), float(index))


def test_each_picture_is_taken_by_itself() -> None:
    samples = PoissonSquares(Plain(), 4, 2, key=9, flip=True, batch=20, rate=0.02)  # type: ignore[arg-type]
    counts, times = [], torch.zeros(1000)
    for step in range(300):
        batch = samples.__getitems__(list(range(20 * step, 20 * step + 20)))
        taken = [int(each["real"][0, 0, 0]) for each in batch if each["drawn"]]
        assert len(set(taken)) == len(taken)
        assert len(batch) == max(20, len(taken))
        counts.append(len(taken))
        times[taken] += 1
    assert sum(counts) / 300 == pytest.approx(20, abs=1)  # its deviation is 4.4 / sqrt(300)
    assert 15 < torch.tensor(counts, dtype=torch.float).var() < 25  # 19.6, as of 1000 coins
    assert float(times.mean()) == pytest.approx(6, abs=0.3)
    assert float(times.var()) == pytest.approx(5.9, abs=1)  # a shuffled order would take all equally often
    again = samples.__getitems__(list(range(40, 60)))
    assert [int(each["real"][0, 0, 0]) for each in again if each["drawn"]] == [
        int(each["real"][0, 0, 0]) for each in samples.__getitems__(list(range(40, 60))) if each["drawn"]
    ]
