"""``img2img generate --pairs-with``: samples and what a translator makes of them, as data of ``train translate``."""

from pathlib import Path

import numpy as np
import pytest
from cli_errors import invoke
from PIL import Image
from random_translators import translator
from scenes import save, scene
from tiny_generate import train

import img2img
from img2img.data.layouts import find_layout
from img2img.errors import ConfigError, ModelError, PictureError
from img2img.images import read
from img2img.images.label import TRAINED, read_label
from img2img.models import ImageSpec, save_model


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generator of six pictures."""
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(6):
        save(folder / f"{number}.png", scene(number, 24, 24))
    made = tmp_path_factory.mktemp("runs") / "tiny"
    train(folder, made, "dcgan", 8)
    return made


def saved(path: Path, *sides: ImageSpec) -> Path:
    model = translator(*sides, info={"name": "other"}).pipeline.model
    save_model(path, model.network, model.info)
    return path


def test_pairs_are_samples_and_their_translations(run: Path, tmp_path: Path) -> None:
    model = saved(tmp_path / "m.safetensors")
    said = invoke("generate", "-m", run, "-n", 3, "--seed", 7, "--pairs-with", model, "-o", tmp_path / "pairs", "--sheet").stdout
    names = [f"tiny-00000{seed}.png" for seed in (7, 8, 9)]
    assert sorted(path.name for path in (tmp_path / "pairs" / "A").iterdir()) == names
    assert len(said.splitlines()) == 7
    sample = Image.open(tmp_path / "pairs" / "A" / names[1])
    np.testing.assert_array_equal(np.asarray(sample), np.asarray(img2img.generate(run, seed=8)))
    made = img2img.load(model)(sample)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "pairs" / "B" / names[1])), np.asarray(made))
    label = read_label(read(tmp_path / "pairs" / "B" / names[1]).metadata.xmp)
    assert label is not None
    assert label.source == TRAINED  # nothing of it was ever seen by a camera
    assert label.system == "img2img tiny; img2img other"
    found = find_layout(tmp_path / "pairs")
    assert found.name == "folders"


def test_label_maps_are_partners_too(run: Path, tmp_path: Path) -> None:
    labels = ImageSpec(channels=1, palette=((0, 0, 0), (255, 0, 0), (0, 0, 255)))
    model = saved(tmp_path / "m.safetensors", ImageSpec(), labels)
    invoke("generate", "-m", run, "-n", 1, "--pairs-with", model, "-o", tmp_path / "pairs")
    partner = Image.open(tmp_path / "pairs" / "B" / "tiny-000000.png")
    assert partner.mode == "P"
    assert partner.getpalette()[:9] == [0, 0, 0, 255, 0, 0, 0, 0, 255]  # type: ignore[index]


def test_models_that_make_no_pairs(run: Path, tmp_path: Path) -> None:
    words = ["generate", "-m", run, "-n", 2, "-o", tmp_path / "none", "--pairs-with"]
    with pytest.raises(ModelError, match="is for upscale, not for translate"):
        invoke(*words, "upscale-4x-photo")
    with pytest.raises(PictureError, match="takes 5 bands, the picture has 3"):
        invoke(*words, saved(tmp_path / "m.safetensors", ImageSpec(channels=5), ImageSpec()))
    assert not (tmp_path / "none").exists()


def test_no_file_is_replaced(run: Path, tmp_path: Path) -> None:
    model = saved(tmp_path / "m.safetensors")
    (tmp_path / "pairs" / "B").mkdir(parents=True)
    (tmp_path / "pairs" / "B" / "tiny-000001.png").write_text("mine")
    with pytest.raises(ConfigError, match=r"tiny-000001\.png' exists \(1 such\)"):
        invoke("generate", "-m", run, "-n", 2, "--pairs-with", model, "-o", tmp_path / "pairs")
    assert not (tmp_path / "pairs" / "A").exists()
