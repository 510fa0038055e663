"""The preset for few pictures: its discriminator decodes real pictures as it judges them."""

from pathlib import Path

import pytest
import torch
from cli_errors import invoke
from scenes import save, scene
from tiny_generate import assert_resumes, train
from toy import Toy

import img2img
from img2img.errors import ConfigError, ModelError
from img2img.models import read_info
from img2img.tasks.generate.config import PRESETS
from img2img.tasks.generate.objective import GenerateObjective


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six pictures of 64 pixels and more."""
    made = tmp_path_factory.mktemp("larger")
    for number in range(6):
        save(made / f"{number}.png", scene(number, 72, 66 + number))
    return made


@pytest.fixture(scope="session")
def run(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("runs") / "few"
    train(folder, made, "fastgan", 8)
    return made


def objective(**adversary: object) -> GenerateObjective:
    preset = PRESETS["fastgan"]
    torch.manual_seed(0)
    return GenerateObjective(
        preset.model_copy(
            update={
                "network": {"name": "fastgan", "latent": 8, "width": 4},
                "adversary": preset.adversary.model_copy(
                    update={"network": {**preset.adversary.network, "width": 4}, "augment": (), **adversary}
                ),
            }
        ),
        "few",
    )


def test_pictures_come_back_by_their_seeds(run: Path, tmp_path: Path) -> None:
    invoke("generate", "-m", run, "-n", 2, "--seed", 7, "-o", tmp_path / "a")
    invoke("generate", "-m", run, "-n", 1, "--seed", 8, "-o", tmp_path / "b")
    made = (tmp_path / "a" / "few-000008.png").read_bytes()
    assert made == (tmp_path / "b" / "few-000008.png").read_bytes()
    assert made != (tmp_path / "a" / "few-000007.png").read_bytes()
    assert img2img.generate(run, seed=8).size == (64, 64)


def test_a_resumed_run_has_the_weights_of_one_that_was_not_stopped(folder: Path, tmp_path: Path) -> None:
    assert_resumes(folder, tmp_path, "fastgan")


def test_a_dry_run_keeps_nothing(folder: Path, tmp_path: Path) -> None:
    train(folder, tmp_path / "none", "fastgan", 8, "--dry-run")
    assert not (tmp_path / "none").exists()


def test_the_record_has_both_losses_of_the_discriminator(run: Path) -> None:
    assert read_info(run / "best.safetensors").network["name"] == "fastgan"
    assert '"discriminator/reconstruction"' in (run / "metrics.jsonl").read_text()


def test_reconstruction_teaches_encoder_and_decoders_by_real_pictures_alone() -> None:
    torch.manual_seed(0)
    z, other = torch.randn(2, 2, 8, 1, 1)
    batch, images = {"real": torch.rand(2, 3, 64, 64), "z": z, "other": other}, {"fake": torch.rand(2, 3, 64, 64)}
    found = []
    for weight, fake in ((1.0, images), (2.0, images), (2.0, {"fake": torch.zeros(2, 3, 64, 64)})):
        made = objective(reconstruction=weight)
        torch.manual_seed(1)
        losses = made.discriminator_losses(batch, fake)
        found.append(float(losses["reconstruction"].detach()))
        network = made.discriminators["z"]
        losses["reconstruction"].backward()
        named = dict(network.named_parameters())
        assert {name for name, each in named.items() if each.grad is None} <= {
            name
            for name in named
            if name.startswith(("last", "logits"))  # behind what is decoded
        }
        assert all(bool(each.grad.any()) for name, each in named.items() if name.startswith(("whole", "part.")) and each.grad is not None)
        assert "reconstruction" not in made.generator_losses(batch, made.generate(batch))
    assert found[0] > 0.1
    assert found[1:] == pytest.approx([2 * found[0]] * 2)
    assert set(objective(reconstruction=0.0).discriminator_losses(batch, images)) == {"adversarial"}


def test_a_discriminator_that_decodes_nothing_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'patchgan' decodes nothing: set it to 0"):
        Toy(reconstruction=1.0)
    with pytest.raises(ModelError, match="power of two from 64 to 512, got 32"):
        train(folder, tmp_path / "run", "fastgan", 2, "--size", 32)
