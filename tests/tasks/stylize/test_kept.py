"""``img2img stylize``: what of a picture stays."""

import copy
import io
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scenes import load, save, scene
from stylizing import HEIGHT, PROFILE, QUICK, SMALL, WIDTH, made, pixels, stylize

from img2img import images
from img2img.batch.write import WriteOptions
from img2img.images import Frame, Metadata, Picture
from img2img.inference.runtime import Runtime
from img2img.tasks.stylize.fast import STYLE_SIDE
from img2img.tasks.stylize.options import StylizeOptions
from img2img.tasks.stylize.pipeline import StylizePipeline
from img2img.tasks.stylize.style_images import style_image


@pytest.mark.parametrize("way", [[], QUICK])
def test_sixteen_bits_profile_and_alpha_stay(way: list[object], model: Path, tmp_path: Path, one: Path) -> None:
    values, alpha = (images.from_integers(scene(seed, HEIGHT, WIDTH, channels, deep=True)) for seed, channels in ((7, 3), (8, 1)))
    alpha[:, :9] = 0
    images.write(Picture((Frame(values, alpha),), 16, "TIFF", Metadata(icc=PROFILE, dpi=(300.0, 300.0))), tmp_path / "deep.tif")
    for alpha_option in (1, 0):
        (path,) = made(tmp_path / "deep.tif", "--style", one, "--alpha", alpha_option, *(way or ["-m", model]))
        after = images.read(path)
        assert path.name == "deep_stylized.tif"
        assert (after.bit_depth, after.metadata.icc, after.metadata.dpi) == (16, PROFILE, (300, 300))
        assert after.alpha is not None
        assert torch.equal(after.alpha, alpha)
        assert torch.equal(after.pixels, values) == (alpha_option == 0)
        assert bool((after.pixels * 65535 % 257 > 0.5).any())


def test_what_is_hidden_has_no_effect(model: Path, tmp_path: Path, one: Path) -> None:
    alpha = np.full((HEIGHT, WIDTH, 1), 255, np.uint8)
    alpha[:20] = 0
    results = []
    for level in (0, 255):
        values = scene(7, HEIGHT, WIDTH)
        values[:20] = level
        path = save(tmp_path / f"{level}.png", np.concatenate([values, alpha], axis=2))
        results.append(load(made(path, "--style", one, "-m", model)[0])[20:])
    assert np.array_equal(*results)


def test_gray_becomes_colors_without_the_profile_of_gray(model: Path, tmp_path: Path, one: Path) -> None:
    images.write(
        Picture((Frame(images.from_integers(scene(7, HEIGHT, WIDTH, 1))),), 8, "PNG", Metadata(icc=None, dpi=(300.0, 300.0))),
        tmp_path / "gray.png",
    )
    after = images.read(made(tmp_path / "gray.png", "--style", one, "-m", model)[0])
    assert (after.channels, after.metadata.icc) == (3, None)
    assert not torch.equal(after.pixels[0], after.pixels[1])


def test_tiles_give_what_the_whole_picture_gives(model: Path, one: Path) -> None:
    pipeline = StylizePipeline.open(model, Runtime("cpu", tile=0))
    least = 2 * (pipeline.model.info.halo or 0) + 16 * pipeline.model.info.multiple
    x = images.from_integers(scene(5, least + 90, least + 150))
    options = StylizeOptions.of(one, style_scale=SMALL)
    tiled, whole = (
        each.run(x[None], options)[0] for each in (StylizePipeline.open(model, Runtime("cpu", tile=least, statistics="exact")), pipeline)
    )
    style = style_image(one).with_shorter_side(round(STYLE_SIDE * SMALL)).pixels
    code = pipeline.model.network.encode_style(style[None])  # type: ignore[operator]
    padded = torch.nn.functional.pad(x[None], (0, -x.shape[2] % 4, 0, -x.shape[1] % 4), mode="replicate")
    exact = copy.deepcopy(pipeline.model.network).double()(padded.double(), code.double())[0, :, : x.shape[1], : x.shape[2]].float()
    torch.testing.assert_close(tiled, exact, atol=1e-5, rtol=0)
    torch.testing.assert_close(tiled, whole, atol=3e-5, rtol=0)  # a sum over all places in fp32 is less exact than one over tiles


@pytest.mark.parametrize("sweep", [1, 2])
def test_large_pictures_are_written_in_bands(sweep: int, model: Path, photo: Path, one: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = pixels(photo, "--style", one, "-m", model, "--sweep", sweep)
    streamed, stream = [], StylizePipeline.stream
    monkeypatch.setattr(StylizePipeline, "stream", lambda *given, **more: streamed.append(given) or stream(*given, **more))
    monkeypatch.setattr("img2img.batch.write.WriteOptions", partial(WriteOptions, streamed=100))
    assert np.array_equal(pixels(photo, "--style", one, "-m", model, "--sweep", sweep, "-o", photo.with_name("bands.png")), whole)
    assert len(streamed) == 1


@pytest.mark.parametrize("size", [(1, 1), (3, 70)])
def test_any_size_of_content(size: tuple[int, int], model: Path, tmp_path: Path, one: Path) -> None:
    assert pixels(save(tmp_path / "x.png", scene(1, 80, 80)[: size[0], : size[1]]), "--style", one, "-m", model).shape == (*size, 3)


def test_standard_input_to_standard_output(model: Path, photo: Path, one: Path) -> None:
    result = stylize("-", "--style", one, "-m", model, data=photo.read_bytes())
    assert result.exit_code == 0, result.output
    with Image.open(io.BytesIO(result.stdout_bytes)) as picture:
        assert picture.format == "PNG"
        assert np.array_equal(np.asarray(picture), pixels(photo, "--style", one, "-m", model))
    assert stylize("-", "--style", one.parent, "-m", model, "-o", photo.with_name("x.png"), data=photo.read_bytes()).exit_code == 0
