"""The Python API: any model by its name, on the kinds of picture that programs hold."""

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import img2img
from img2img import api, images
from img2img.models import ModelInfo, catalog, save_model
from img2img.networks import build

SAMPLES = Path(__file__).parents[1] / "samples"
OPTIONS: dict[str, dict[str, Any]] = {"inpaint": {"boxes": [(20, 30, 40, 30)]}, "stylize": {"style": "harvest"}}


def crop(name: str, height: int = 180, width: int = 200) -> images.Picture:
    picture = images.read(SAMPLES / name)
    return picture.with_frames([images.Frame(picture.pixels[:, :height, :width])])


def tiny(path: Path, scale: int = 2, width: int = 4) -> str:
    torch.manual_seed(width)
    spec = {"name": "resnet", "width": width, "blocks": 1, "scale": scale}
    network = build(spec)
    save_model(path, network, ModelInfo(name="tiny", task="upscale", scale=scale, halo=network.halo, network=spec))
    return str(path)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(catalog()))
@pytest.mark.parametrize("tiled", [False, True], ids=["whole", "tiled"])
def test_two_threads_on_one_model_give_what_they_give_one_after_the_other(name: str, tiled: bool) -> None:
    info = next(info for info in img2img.list_models() if info.name == name)
    tile = max(176, 2 * info.halo + 16 * info.multiple) if info.halo is not None else 0
    model = img2img.load(name, device="cpu", tile=tile if tiled else None)
    pictures, options = [crop(photo, width=max(200, tile + 24)) for photo in ("cat.jpg", "temple.jpg")], OPTIONS.get(info.task, {})
    expected = [model(picture, **options).pixels for picture in pictures]
    made: list[Any] = [None] * 2

    def work(number: int) -> None:
        made[number] = model(pictures[number], **options).pixels

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [value is not None and torch.equal(value, expected[number]) for number, value in enumerate(made)] == [True] * 2
    if info.task != "upscale":
        assert not torch.equal(expected[0], pictures[0].pixels.expand_as(expected[0])), "it does something"


def test_dir_shows_the_api() -> None:
    names = {"Img2ImgError", "LoadedModel", "Picture", "Runtime", "__version__", "list_models", "load"}
    assert set(dir(img2img)) == names | {"generate", "inpaint", "stylize", "translate", "upscale"}
    assert all(getattr(img2img, name) is not None for name in dir(img2img))
    with pytest.raises(AttributeError, match="no attribute 'enlarge'"):
        _ = img2img.enlarge


@pytest.mark.slow
def test_any_module_can_be_the_first_import() -> None:
    for module in ("img2img.models", "img2img.api", "img2img.networks.stylizer", "img2img.tasks.translate.pipeline"):
        done = subprocess.run([sys.executable, "-c", f"import {module}"], capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")


def test_what_goes_in_comes_out(tmp_path: Path) -> None:
    model = img2img.load(tiny(tmp_path / "m.safetensors"), device="cpu")
    pixels = np.random.default_rng(0).integers(0, 256, (10, 12, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "p.png")
    large = model(pixels)
    assert large.shape == (20, 24, 3)
    from_path = model(tmp_path / "p.png")
    assert isinstance(from_path, Image.Image)
    assert (np.asarray(from_path) == large).all()
    assert (np.asarray(model(Image.fromarray(pixels))) == large).all()
    tensor = model(torch.from_numpy(pixels).permute(2, 0, 1) / 255)
    assert tensor.shape == (3, 20, 24)
    assert (images.quantize(tensor, 8) == large).all()
    assert isinstance(model(images.read(tmp_path / "p.png")), img2img.Picture)
    assert model(pixels, 3.0).shape == model(pixels, scale=3.0).shape == (30, 36, 3)


def test_options_are_checked_in_the_words_of_python(tmp_path: Path) -> None:
    model = img2img.load("inpaint-photo", device="cpu")
    pixels = np.zeros((40, 40, 3), np.uint8)
    for options, message in (
        ({"dilate": -1}, "dilate must be >= 0, got -1"),
        ({"dilat": 1}, "unknown option 'dilat' (did you mean 'dilate'?)"),
        ({}, "nothing says where to fill: give mask, boxes, mask_color, scratches or outpaint"),
        ({"boxes": [(1, 2, 3)]}, "boxes '1,2,3' is no box"),
    ):
        with pytest.raises(img2img.Img2ImgError) as caught:
            model(pixels, **options)
        assert str(caught.value).startswith(message)
    with pytest.raises(img2img.Img2ImgError, match="scale must be <= 8, got 9"):
        img2img.upscale(pixels, 9)


def test_the_functions_keep_recent_models_open_until_their_file_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    real = api.load_model

    def counting(name: Any) -> Any:
        opened.append(name)
        return real(name)

    monkeypatch.setattr("img2img.inference.pipeline.load_model", counting)
    model, pixels = tiny(tmp_path / "m.safetensors"), np.full((6, 6, 3), 90, np.uint8)
    first = img2img.upscale(pixels, model=model, device="cpu")
    assert (img2img.upscale(pixels, model=model, device="cpu") == first).all()
    assert len(opened) == 1
    tiny(tmp_path / "m.safetensors", width=8)
    assert (img2img.upscale(pixels, model=model, device="cpu") != first).any(), "another model lies there now"
    assert len(opened) == 2
    api.forget_models()
    img2img.upscale(pixels, model=model, device="cpu")
    assert len(opened) == 3


def test_several_results_are_a_list() -> None:
    model = img2img.load("stylize-any", device="cpu")
    content = crop("cat.jpg", 48, 48)
    with pytest.raises(img2img.Img2ImgError, match="8 results of each picture: call all"):
        model(content, style=str(SAMPLES / "styles"))
    made = model.all(content, style=str(SAMPLES / "styles"))
    assert len(made) == 8
    assert torch.equal(made[0].pixels, model(content, style="cafe-terrace").pixels)


def test_list_models_says_what_each_is_for() -> None:
    assert {info.task for info in img2img.list_models()} == {"upscale", "inpaint", "stylize", "translate"}
    assert [info.name for info in img2img.list_models("inpaint")] == ["inpaint-photo"]


def test_a_task_that_this_version_does_not_know(tmp_path: Path) -> None:
    spec = {"name": "resnet", "width": 2, "blocks": 0}
    save_model(tmp_path / "m.safetensors", build(spec), ModelInfo(name="m", task="animate", network=spec))
    with pytest.raises(img2img.Img2ImgError, match="'m' is for 'animate', a task that this version does not know"):
        img2img.load(tmp_path / "m.safetensors")
