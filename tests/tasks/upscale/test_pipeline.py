import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

import img2img
from img2img import images
from img2img.api import LoadedModel, load
from img2img.errors import ConfigError, ModelError
from img2img.images import Frame, Metadata, Picture
from img2img.inference.runtime import Runtime
from img2img.models import Model, ModelInfo, save_model
from img2img.tasks.upscale.options import UpscaleOptions
from img2img.tasks.upscale.pipeline import UpscalePipeline

Tiny = Callable[..., UpscalePipeline]
TinyModel = Callable[..., LoadedModel[UpscaleOptions]]
OWN = UpscaleOptions()  # the model's own scale


def picture(height: int = 12, width: int = 17, channels: int = 3, alpha: Tensor | None = None, depth: int = 8) -> Picture:
    torch.manual_seed(0)
    return Picture((Frame(torch.rand(channels, height, width), alpha),), depth)  # type: ignore[arg-type]


@pytest.mark.parametrize("scale", [1, 1.5, 2, 2.34, 4, 7, 8])
@pytest.mark.parametrize("native", [1, 2, 3, 4])
def test_any_scale_from_any_model(tiny: Tiny, native: int, scale: float) -> None:
    out = tiny(native, blocks=0).run(torch.rand(1, 3, 9, 14), UpscaleOptions.of(scale))
    assert out.shape == (1, 3, int(9 * scale + 0.5), int(14 * scale + 0.5))
    assert out.dtype == torch.float32
    assert 0 <= out.min() <= out.max() <= 1


def test_own_scale_is_the_network_itself(tiny: Tiny) -> None:
    pipeline, x = tiny(2, blocks=2), torch.rand(2, 3, 30, 41)
    assert (pipeline.run(x, OWN) - pipeline.model.network(x).clamp(0, 1)).abs().max() <= 1e-6


@pytest.mark.parametrize("scale", [2, 3, 3.7])
def test_tiles_change_nothing_at_any_scale(tiny: Tiny, scale: float) -> None:
    x, options = torch.rand(1, 4, 60, 50), UpscaleOptions.of(scale)
    assert (tiny(2, tile=28).run(x, options) - tiny(2, tile=0).run(x, options)).abs().max() <= 1e-5


@pytest.mark.parametrize("depth", [8, 16])
def test_rows_are_the_rounded_picture(tiny: Tiny, depth: int) -> None:
    source = picture(70, 40, alpha=torch.rand(1, 70, 40), depth=depth)
    stream = tiny(2, tile=28).stream(source, OWN)
    rows = list(stream.rows)
    whole = tiny(2, tile=0)(source, OWN).picture
    expected = np.concatenate([images.quantize(plane, depth) for plane in (whole.pixels, whole.frames[0].alpha)], 2)
    assert len(rows) > 2
    assert np.abs(np.concatenate(rows).astype(int) - expected).max() <= 1
    assert rows[0].dtype == expected.dtype == (np.uint8 if depth == 8 else np.uint16)
    assert (stream.height, stream.width) == (whole.height, whole.width) == (140, 80)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("wanted", [1, 3])
def test_gray_stays_gray_and_colors_colors(tiny: Tiny, channels: int, wanted: int) -> None:
    out = tiny(2, channels=wanted)(picture(channels=channels), OWN).picture
    assert out.channels == channels
    assert (out.height, out.width) == (24, 34)


def test_gray_is_what_the_network_gives_for_three_equal_channels(tiny: Tiny) -> None:
    pipeline, x = tiny(2), torch.rand(1, 1, 8, 8)
    assert torch.allclose(
        pipeline.run(x, OWN), pipeline.model.network(x.expand(-1, 3, -1, -1)).mean(1, keepdim=True).clamp(0, 1), atol=1e-6
    )


def test_opaque_and_transparent_stay_exactly_so(tiny: Tiny) -> None:
    alpha = torch.zeros(1, 20, 20)
    alpha[:, :, 8:] = 1
    out = tiny(2)(picture(20, 20, alpha=alpha), OWN).picture.frames[0].alpha
    assert out is not None
    assert (out[:, :, :14] == 0).all()
    assert (out[:, :, 18:] == 1).all()
    opaque = tiny(2)(picture(20, 20, alpha=torch.ones(1, 20, 20)), OWN).picture.frames[0].alpha
    assert torch.equal(opaque, torch.ones(1, 40, 40))


def test_hidden_colors_do_not_bleed(tiny: Tiny) -> None:
    """The same visible picture over another hidden color gives the same visible picture."""
    alpha = torch.zeros(1, 20, 20)
    alpha[:, :, 8:] = 1
    black, white = picture(20, 20, alpha=alpha), picture(20, 20, alpha=alpha)
    black.pixels[:, :, :8], white.pixels[:, :, :8] = 0, 1
    pipeline = tiny(2, blocks=2)
    assert torch.equal(pipeline(black, OWN).picture.pixels, pipeline(white, OWN).picture.pixels)


def test_frames_depth_and_metadata_stay(tiny: Tiny) -> None:
    frames = tuple(Frame(torch.rand(3, 5, 6), None, duration) for duration in (20.0, 70.0))
    source = Picture(frames, 16, "PNG", Metadata(icc=b"x", dpi=(300, 300), loop=0))
    out = tiny(2)(source, OWN).picture
    assert [frame.duration for frame in out.frames] == [20, 70]
    assert (out.bit_depth, out.format, out.metadata) == (16, "PNG", source.metadata)


def test_each_kind_comes_back(tiny_model: TinyModel, tmp_path: Path) -> None:
    model = tiny_model(2)
    array = np.random.default_rng(0).integers(0, 256, (6, 7, 3), np.uint8)
    expected = model(array)
    assert expected.dtype == np.uint8
    assert expected.shape == (12, 14, 3)
    assert model(array[:, :, 0]).shape == (12, 14)
    image = Image.fromarray(array)
    image.info["dpi"] = (300, 300)
    assert np.array_equal(np.asarray(model(image)), expected)
    assert model(image).info["dpi"] == (300, 300)
    image.save(tmp_path / "a.png")
    assert np.array_equal(np.asarray(model(tmp_path / "a.png")), expected)
    assert np.array_equal(np.asarray(model(str(tmp_path / "a.png"))), expected)
    tensor = torch.from_numpy(array).permute(2, 0, 1).double() / 255
    assert model(tensor).dtype == torch.float64
    assert np.array_equal(images.quantize(model(tensor), 8), expected)
    assert model(tensor[None]).shape == (1, 3, 12, 14)
    model(tensor).add_(1)  # an ordinary tensor, not one of inference mode


@pytest.mark.parametrize(
    ("mode", "expected"), [("L", "L"), ("1", "L"), ("LA", "LA"), ("RGBA", "RGBA"), ("P", "RGB"), ("CMYK", "RGB"), ("I;16", "I;16")]
)
def test_pillow_modes(tiny_model: TinyModel, mode: str, expected: str) -> None:
    out = tiny_model(2)(Image.new(mode, (5, 4)))
    assert (out.mode, out.size) == (expected, (10, 8))


@pytest.mark.parametrize(
    "wrong",
    [
        3,
        np.zeros((4, 4, 3)),
        np.zeros((4, 4, 5), np.uint8),
        torch.zeros(3, 4, 4, dtype=torch.uint8),
        torch.full((3, 4, 4), 200.0),
        torch.full((3, 4, 4), torch.nan),
    ],
)
def test_what_is_no_picture_is_refused(tiny_model: TinyModel, wrong: object) -> None:
    with pytest.raises(ConfigError, match="expected"):
        tiny_model(2)(wrong)


def test_refused_options(tiny: Tiny) -> None:
    with pytest.raises(ConfigError, match=r"scale must be <= 8, got 8\.5"):
        UpscaleOptions.of(8.5)
    with pytest.raises(ConfigError, match=r"scale must be >= 1, got 0\.5"):
        UpscaleOptions.of(scale=0.5)
    with pytest.raises(ConfigError, match="at least 24"):
        tiny(2, tile=23)
    with pytest.raises(ConfigError, match="unknown precision"):
        tiny(2, dtype="fp64")
    with pytest.raises(ConfigError, match=r"not available|unknown device"):
        UpscalePipeline(tiny(2).model, Runtime(device="cuda:77"))


class Fragile(nn.Module):
    """Infinite in half precision from some brightness on, as a network whose values leave float16's range."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 3, 1, bias=False)
        self.convolution.weight.data.fill_(factor)

    def forward(self, x: Tensor) -> Tensor:
        return self.convolution(x) / 3e5


def fragile(factor: float, dtype: str) -> UpscalePipeline:
    model = Model(Fragile(factor).eval(), ModelInfo(name="fragile", task="upscale", halo=0))
    return UpscalePipeline(model, Runtime(device="cpu", dtype=dtype))


def test_a_tile_that_is_not_finite_is_computed_again(caplog: pytest.LogCaptureFixture) -> None:
    x, pipeline = torch.full((1, 3, 8, 8), 0.5), fragile(6e4, "fp16")
    assert pipeline.network(x, torch.float16).isinf().all()
    with caplog.at_level(logging.WARNING):
        out = pipeline.run(x, OWN)
    assert "is not finite in torch.float16: computed again in fp32" in caplog.text
    assert torch.allclose(out, torch.full_like(out, 0.3), atol=1e-5)


def test_what_is_not_finite_in_fp32_either_is_an_error() -> None:
    with pytest.raises(ModelError, match="not finite"):
        fragile(float("inf"), "fp16").run(torch.ones(1, 3, 8, 8), OWN)


def test_half_precision_is_near(tiny: Tiny) -> None:
    x = torch.rand(1, 3, 16, 16)
    out = tiny(2, dtype="bf16").run(x, OWN)
    assert 0 < (out - tiny(2).run(x, OWN)).abs().max() < 0.02


def test_memory_that_ran_out_is_remembered(tiny: Tiny, caplog: pytest.LogCaptureFixture) -> None:
    pipeline = tiny(2)
    inner = pipeline.model.network.forward

    def forward(x: Tensor) -> Tensor:
        if x.shape[-2] * x.shape[-1] > 1200:
            raise torch.OutOfMemoryError("too large")
        return inner(x)

    pipeline.model.network.forward = forward  # type: ignore[method-assign]
    with caplog.at_level(logging.WARNING):
        first = pipeline.run(torch.ones(1, 3, 50, 50), OWN)
        told = len(caplog.records)
        second = pipeline.run(torch.ones(1, 3, 50, 50), OWN)
    assert told == len(caplog.records) > 0
    assert torch.allclose(first, second, atol=1e-5)


def test_load_and_the_short_way(tiny: Tiny, tiny_model: TinyModel, tmp_path: Path) -> None:
    model, pipeline = tiny_model(2), tiny(2)
    save_model(tmp_path / "m.safetensors", pipeline.model.network, pipeline.model.info)
    array = np.full((4, 5, 3), 100, np.uint8)
    again = load(tmp_path / "m.safetensors", device="cpu")
    assert np.array_equal(again(array), model(array))
    assert np.array_equal(img2img.upscale(array, model=str(tmp_path / "m.safetensors"), scale=2), model(array))
    assert img2img.load is load
    assert again.pipeline.identity == pipeline.identity != tiny(2, dtype="bf16").identity
    with pytest.raises(AttributeError, match="nothing"):
        _ = img2img.nothing


@pytest.mark.parametrize("channels", [1, 3])
def test_twelve_bits_in_a_file_of_sixteen_are_seen_over_the_full_range(tiny: Tiny, channels: int) -> None:
    full = picture(30, 20, channels, alpha=torch.rand(1, 30, 20), depth=16)
    levels = (full.pixels / full.pixels.max() * 4095).round()
    twelve, whole = (full.with_frames([Frame(levels / most, full.alpha)]) for most in (65535, 4095))
    made, expected = tiny(2)(twelve, OWN), tiny(2)(whole, OWN).picture
    assert torch.allclose(made.picture.pixels * 65535 / 4095, expected.pixels, atol=1e-5)
    assert torch.equal(made.picture.alpha, expected.alpha)
    assert made.notes[0].startswith("12 of its 16 bits are used")
    stream = tiny(2).stream(twelve, OWN)
    assert stream.notes == made.notes
    rows = np.concatenate(list(stream.rows))[:, :, :channels]
    assert np.abs(rows.astype(int) - images.quantize(made.picture.pixels, 16)).max() <= 1
    as_is = tiny(2)(twelve, UpscaleOptions.of(bits=16))
    assert as_is.notes == ()
    assert torch.equal(as_is.picture.pixels, tiny(2).run(twelve.pixels[None], OWN)[0])


def test_dark_photographs_are_seen_as_they_are(tiny: Tiny) -> None:
    dark = picture(depth=16)
    dark = dark.with_frames([Frame((dark.pixels * 0.2 * 65535).round() / 65535)])
    made = tiny(2)(dark, OWN)
    assert made.notes == ()
    assert torch.equal(made.picture.pixels, tiny(2).run(dark.pixels[None], OWN)[0])
