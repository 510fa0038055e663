"""Translators on pictures of every kind: channels, depths, ranges, palettes, conditions, bands, tiles."""

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms
from random_translators import RANDOM, RESNET, _same_values_in_any_order, picture, read, translator  # noqa: F401 (a fixture)
from torch import Tensor, nn

from img2img import images
from img2img.api import LoadedModel
from img2img.batch import run as batch
from img2img.batch.jobs import Naming, plan
from img2img.batch.outcome import Outcome
from img2img.batch.stdin import run_on_stream
from img2img.batch.write import WriteOptions
from img2img.errors import ConfigError, ModelError, PictureError
from img2img.images import Frame, Metadata, Picture, quantize
from img2img.images.color import gray_of
from img2img.inference.pipeline import Stream
from img2img.inference.runtime import Runtime
from img2img.models import ImageSpec, Model, ModelInfo, save_model
from img2img.tasks.translate import TRANSLATE
from img2img.tasks.translate.options import TranslateOptions
from img2img.tasks.translate.pipeline import TranslatePipeline, sides

PALETTE = ((0, 0, 0), (200, 10, 10), (10, 200, 10), (10, 10, 200), (90, 90, 90))
ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def test_rgb_is_what_the_network_gives() -> None:
    given, tiny = picture(), translator()
    made = tiny(given)
    expected = tiny.pipeline.model.network(given.pixels[None])[0].clamp(0, 1)
    assert torch.allclose(made.pixels, expected, atol=1e-6)
    assert (made.channels, made.bit_depth, made.format, made.palette) == (3, 8, "PNG", None)


@pytest.mark.parametrize("depth", [8, 16])
def test_gray_becomes_rgb_unless_the_model_keeps_it(depth: Any) -> None:
    given, tiny = picture(1, depth=depth), translator()
    made = tiny(given)
    assert (made.channels, made.bit_depth) == (3, depth)
    assert torch.allclose(made.pixels, tiny.pipeline.model.network(given.pixels.expand(1, 3, -1, -1))[0].clamp(0, 1), atol=1e-6)
    kept = translator(info={"keeps_gray": True})(given)
    assert (kept.channels, kept.bit_depth) == (1, depth)
    assert torch.allclose(kept.pixels, tiny.pipeline.model.network(given.pixels.expand(1, 3, -1, -1)).mean(1).clamp(0, 1), atol=1e-6)
    assert translator(info={"keeps_gray": True})(picture()).channels == 3


def test_rgb_for_a_model_of_gray_is_taken_by_its_lightness() -> None:
    tiny = translator(ImageSpec(channels=1))
    given = picture()
    made = tiny(given)
    assert made.channels == 3
    assert torch.allclose(made.pixels, tiny.pipeline.model.network(gray_of(given.pixels[None]))[0].clamp(0, 1), atol=1e-6)
    gray = picture(1)
    assert torch.allclose(tiny(gray).pixels, tiny(Picture((Frame(gray.pixels.expand(3, -1, -1)),))).pixels, atol=1e-4)


@pytest.mark.parametrize(("a", "b"), [(5, 3), (5, 1), (3, 7), (13, 5)])
@pytest.mark.parametrize("depth", [8, 16])
def test_bands(a: int, b: int, depth: Any) -> None:
    tiny, given = translator(ImageSpec(channels=a), ImageSpec(channels=b)), picture(a, depth=depth)
    made = tiny(given)
    assert (made.channels, made.bit_depth) == (b, depth)
    assert torch.allclose(made.pixels, tiny.pipeline.model.network(given.pixels[None])[0].clamp(0, 1), atol=1e-6)


def test_bands_of_free_range_are_brought_to_the_networks_and_back(tmp_path: Path) -> None:
    a = ImageSpec(channels=2, offset=(-50.0, -50.0), scale=(200.0, 200.0))
    b = ImageSpec(channels=4, offset=(0.0, 10.0, 20.0, 30.0), scale=(1.0, 2.0, 4.0, 1000.0))
    tiny, given = translator(a, b), picture(2, depth=32)
    made = tiny(given)
    inside = tiny.pipeline.model.network((given.pixels[None] + 50) / 200)[0].clamp(0, 1)
    assert made.bit_depth == 32
    scale, offset = torch.tensor(b.scale)[:, None, None], torch.tensor(b.offset)[:, None, None]
    assert torch.allclose(made.pixels, inside * scale + offset, atol=1e-3)
    images.write(given, tmp_path / "given.tif")
    assert torch.equal(tiny(read(tiny, tmp_path / "given.tif")).pixels, made.pixels)
    assert translator(a, ImageSpec())(given).bit_depth == 16  # integers of as many levels as there are
    assert translator(ImageSpec(), b)(picture()).bit_depth == 32


def test_a_label_map_is_made_of_the_likeliest_labels() -> None:
    tiny = translator(ImageSpec(), ImageSpec(palette=PALETTE))
    given = picture(depth=16, alpha=True, metadata=Metadata(icc=ICC))
    assert given.alpha is not None
    given = given.with_frames([Frame(given.pixels, given.alpha.clamp(min=1 / 255))])  # what is hidden would be filled before
    made = tiny(given)
    assert (made.palette, made.channels, made.bit_depth, made.alpha, made.metadata.icc) == (PALETTE, 1, 8, None, None)
    expected = tiny.pipeline.model.network(given.pixels[None])[0].argmax(0)
    assert torch.equal(torch.from_numpy(quantize(made.pixels, 8)[:, :, 0]).long(), expected)
    assert len(expected.unique()) > 1
    ensemble = translator(ImageSpec(), ImageSpec(palette=PALETTE), ensemble=True)(given)
    assert set(quantize(ensemble.pixels, 8).flatten().tolist()) <= set(range(5))


def test_a_label_map_goes_in_as_one_plane_for_each_label(tmp_path: Path) -> None:
    levels = RANDOM.integers(0, 5, (12, 17)).astype(np.uint8)
    images.write(images.Labels(levels, PALETTE).picture(), tmp_path / "palette.png")
    Image.fromarray(np.array(PALETTE, np.uint8)[levels]).save(tmp_path / "colors.png")
    Image.fromarray(levels).save(tmp_path / "gray.png")
    tiny = translator(ImageSpec(palette=PALETTE), ImageSpec())
    hot = torch.from_numpy(np.eye(5, dtype=np.float32)[levels]).permute(2, 0, 1)[None]
    expected = tiny.pipeline.model.network(hot)[0].clamp(0, 1)
    for name in ("palette", "colors", "gray"):
        made = tiny(read(tiny, tmp_path / f"{name}.png"))
        assert torch.allclose(made.pixels, expected, atol=1e-6)
        assert made.palette is None
    assert np.array_equal(np.asarray(tiny(tmp_path / "palette.png")), quantize(expected, 8))
    with pytest.raises(PictureError, match="takes label maps with its own palette of 5 colors"):
        tiny(images.read(tmp_path / "palette.png"))


def test_every_kind_of_input_comes_back_as_its_kind(tmp_path: Path) -> None:
    tiny, given = translator(), picture()
    images.write(given, tmp_path / "a.png")
    expected = quantize(tiny(given).pixels, 8)
    assert np.array_equal(np.asarray(tiny(tmp_path / "a.png")), expected)
    assert np.array_equal(np.asarray(tiny(str(tmp_path / "a.png"))), expected)
    assert np.array_equal(np.asarray(tiny(Image.open(tmp_path / "a.png"))), expected)
    assert np.array_equal(tiny(quantize(given.pixels, 8)), expected)
    assert torch.equal(tiny(given.pixels), tiny(given).pixels)
    labels = translator(ImageSpec(), ImageSpec(palette=PALETTE))(tmp_path / "a.png")
    assert labels.mode == "P"
    assert tuple(labels.getpalette()[3:6]) == PALETTE[1]


def test_what_pillow_cannot_hold_is_refused(tmp_path: Path) -> None:
    images.write(picture(5), tmp_path / "a.tif")
    with pytest.raises(ConfigError, match="5 bands of 8 bits"):
        translator(ImageSpec(channels=5), ImageSpec(channels=5))(tmp_path / "a.tif")
    assert translator(ImageSpec(channels=5))(tmp_path / "a.tif").mode == "RGB"


@pytest.mark.parametrize(("a", "given", "message"), [
    (ImageSpec(), picture(5), "takes 3 bands, the picture has 5"),
    (ImageSpec(channels=5), picture(3), "takes 5 bands, the picture has 3"),
    (ImageSpec(channels=5), picture(5, depth=32), r"trained on integers of 8 or 16 bits, the picture holds float values"),
    (ImageSpec(channels=5, offset=(0.0,) * 5, scale=(1.0,) * 5), picture(5), "trained on float values, the picture holds integers"),
    (ImageSpec(palette=PALETTE), picture(1), "takes label maps"),
])  # fmt: skip
def test_other_kinds_of_pictures_are_refused(a: ImageSpec, given: Picture, message: str) -> None:
    with pytest.raises(PictureError, match=message):
        translator(a)(given)
    with pytest.raises(PictureError, match=message):
        list(translator(a).pipeline.stream(given, TranslateOptions()).rows)


@pytest.mark.parametrize("channels", [2, 4])
def test_tensors_of_other_planes_are_refused(channels: int) -> None:
    with pytest.raises(ConfigError, match=f"takes 3 planes, and {channels} were given"):
        translator()(torch.rand(channels, 8, 8))


def test_alpha_and_metadata_stay_and_a_profile_of_gray_does_not() -> None:
    about = Metadata(icc=ICC, dpi=(300.0, 300.0))
    given = picture(alpha=True, metadata=about)
    made = translator()(given, label=False)
    assert made.alpha is not None
    assert given.alpha is not None
    assert torch.equal(made.alpha, given.alpha)
    assert made.metadata == about
    colored = translator()(picture(1, metadata=about), label=False)
    assert colored.metadata == Metadata(dpi=(300.0, 300.0))
    assert translator(info={"keeps_gray": True})(picture(1, metadata=about), label=False).metadata == about
    assert translator(ImageSpec(), ImageSpec(channels=5))(given).alpha is None


def test_every_frame_is_translated() -> None:
    frames = tuple(Frame(picture().pixels, duration=40.0) for _ in range(3))
    made = translator()(Picture(frames))
    assert [frame.duration for frame in made.frames] == [40.0] * 3
    assert all(torch.equal(frame.pixels, translator()(Picture((given,))).pixels) for frame, given in zip(made.frames, frames, strict=True))


TWO_WAY = {
    "name": "bidirectional",
    "ab": {**RESNET, "in_channels": 3, "out_channels": 5},
    "ba": {**RESNET, "in_channels": 5, "out_channels": 3},
}


def test_two_directions() -> None:
    tiny = translator(ImageSpec(), ImageSpec(channels=5), TWO_WAY, info={"directions": ("a2b", "b2a")})
    there, back = TranslateOptions(direction="a2b"), TranslateOptions(direction="b2a")
    assert [side.channels for side in (*sides(tiny.info, there), *sides(tiny.info, back))] == [3, 5, 5, 3]
    given = picture()
    made = tiny(given, "a2b")
    assert made.channels == 5
    assert torch.equal(tiny(given).pixels, made.pixels)
    again = tiny(made, "b2a")
    assert torch.allclose(again.pixels, tiny.pipeline.model.network(made.pixels[None], direction="b2a")[0].clamp(0, 1), atol=1e-6)
    with pytest.raises(PictureError, match="takes 5 bands"):
        tiny(given, "b2a")
    assert there.recorded() != back.recorded()


MUNIT = {"name": "munit", "width": 4, "blocks": 1, "downsamplings": 1, "style_dim": 3, "mlp_width": 4}
CLASSES = ("day", "dusk", "night")
LABELLED = {"name": "class-conditional", "classes": 3, "generator": {**RESNET, "downsamplings": 1, "norm": "adain"}}


def test_style_and_label_decide_the_result_and_its_record() -> None:
    munit = translator(ImageSpec(), ImageSpec(), MUNIT, info={"directions": ("a2b", "b2a"), "style_dim": 3})
    classed = translator(ImageSpec(), ImageSpec(), LABELLED, info={"classes": CLASSES})
    given = picture(height=16, width=20)
    for tiny, first, second in ((munit, {"seed": 1}, {"seed": 2}), (classed, {"to": "day"}, {"to": "night"})):
        assert not torch.allclose(tiny(given, **first).pixels, tiny(given, **second).pixels, atol=1e-3)
        assert TranslateOptions.of(**first).recorded() != TranslateOptions.of(**second).recorded()
        assert TranslateOptions.of(**first).recorded() == TranslateOptions.of(**first).recorded()
    label, style = torch.tensor([2]), torch.randn(1, 3, generator=torch.Generator().manual_seed(2))
    assert torch.allclose(
        classed(given, to="night").pixels, classed.pipeline.model.network(given.pixels[None], label)[0].clamp(0, 1), atol=1e-5
    )
    expected = munit.pipeline.model.network(given.pixels[None], "a2b", style)[0].clamp(0, 1)
    assert torch.allclose(munit(given, seed=2).pixels, expected, atol=1e-5)
    two = torch.cat([given.pixels[None]] * 2)
    assert torch.allclose(classed(two, to="night")[1], classed(given, to="night").pixels, atol=1e-5)  # one label for all of a batch


def test_the_identity_knows_what_the_sides_are() -> None:
    other = tuple(reversed(PALETTE))
    found = {
        translator(ImageSpec(), ImageSpec(palette=PALETTE)).pipeline.identity,
        translator(ImageSpec(), ImageSpec(palette=other)).pipeline.identity,
        translator(ImageSpec(), ImageSpec(channels=5)).pipeline.identity,
        translator(ImageSpec(), ImageSpec(channels=5, offset=(0.0,) * 5, scale=(2.0,) * 5)).pipeline.identity,
        translator().pipeline.identity,
        translator(info={"keeps_gray": True}).pipeline.identity,
    }
    assert len(found) == 6
    assert translator().pipeline.identity == translator().pipeline.identity


@pytest.mark.parametrize("norm", ["instance", "adain"])
def test_tiles_with_exact_statistics_and_a_condition_equal_the_whole(norm: str) -> None:
    generator = {**RESNET, "downsamplings": 1, "norm": norm}
    spec, info, options = (LABELLED, {"classes": CLASSES}, {"to": "dusk"}) if norm == "adain" else (generator, {}, {})
    whole = translator(ImageSpec(), ImageSpec(), spec, info=info, tile=0)
    least = 2 * int(whole.info.halo or 0) + 16 * whole.info.multiple
    tiled = translator(ImageSpec(), ImageSpec(), spec, info=info, tile=least, statistics="exact")
    given = picture(height=least + 25, width=2 * least + 7)
    dark = Picture((Frame(given.pixels * torch.linspace(0.1, 1, given.width)),))
    expected = whole(dark, **options)
    assert float((tiled(dark, **options).pixels - expected.pixels).abs().max()) < 1e-4
    sampled = translator(ImageSpec(), ImageSpec(), spec, info=info, tile=least)
    assert float((sampled(dark, **options).pixels - expected.pixels).abs().max()) > 1e-3
    assert tiled.pipeline.identity != sampled.pipeline.identity
    gray = Picture((Frame(dark.pixels[:1]),))
    assert float((tiled(gray, **options).pixels - whole(gray, **options).pixels).abs().max()) < 1e-4


def test_labels_in_tiles_equal_the_whole() -> None:
    spec = {**RESNET, "downsamplings": 1}
    whole = translator(ImageSpec(), ImageSpec(palette=PALETTE), spec, tile=0)
    given = picture(height=90, width=120)
    tiled = translator(ImageSpec(), ImageSpec(palette=PALETTE), spec, tile=2 * int(whole.info.halo or 0) + 32)
    assert torch.equal(tiled(given).pixels, whole(given).pixels)


@pytest.fixture
def streamed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The heights of all bands of results that go in bands."""
    heights: list[int] = []
    stream = TranslatePipeline.stream

    def counted(rows: Iterator[np.ndarray[Any, Any]]) -> Iterator[np.ndarray[Any, Any]]:
        for band in rows:
            heights.append(len(band))
            yield band

    def watched(self: TranslatePipeline, *given: Any, **options: Any) -> Stream:
        made = stream(self, *given, **options)
        return replace(made, rows=counted(made.rows))

    monkeypatch.setattr(TranslatePipeline, "stream", watched)
    return heights


def translated(
    tiny: LoadedModel[TranslateOptions],
    given: Picture,
    folder: Path,
    suffix: str = "png",
    ready_suffix: str | None = None,
    *,
    streamed_above: int = 10**6,
) -> Outcome:
    source = folder / f"in.{ready_suffix or suffix}"
    images.write(given, source)
    naming = Naming(str(folder / f"out.{suffix}"), None, lambda: "_translated", None)
    jobs = [replace(job, options=TranslateOptions()) for job in plan([str(source)], naming)]
    (outcome,) = batch.run(jobs, lambda: tiny.pipeline, WriteOptions(streamed=streamed_above))
    return outcome


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize(("channels", "keeps", "alpha"), [(3, False, True), (1, False, True), (1, True, True), (3, False, False)])
def test_large_pictures_go_in_bands(tmp_path: Path, streamed: list[int], depth: Any, channels: int, keeps: bool, alpha: bool) -> None:
    tiny = translator(info={"keeps_gray": keeps}, tile=2 * 4 + 16)
    given = picture(channels, 70, 40, depth, alpha=alpha)
    outcome = translated(tiny, given, tmp_path, streamed_above=50)
    assert outcome.error is None
    assert len(streamed) > 1
    assert sum(streamed) == 70
    made, expected = images.read(tmp_path / "out.png"), tiny(images.read(tmp_path / "in.png"))
    assert (made.channels, made.bit_depth) == (1 if keeps else 3, depth)
    assert np.array_equal(quantize(made.pixels, depth), quantize(expected.pixels, depth))
    assert (made.alpha is not None) == alpha
    if alpha:
        assert made.alpha is not None
        assert given.alpha is not None
        assert np.array_equal(quantize(made.alpha, 8), quantize(given.alpha, 8))


def test_float_bands_become_16_bits_in_bands_too(tmp_path: Path, streamed: list[int]) -> None:
    tiny = translator(ImageSpec(channels=2, offset=(-50.0,) * 2, scale=(200.0,) * 2), ImageSpec(), tile=24)
    given = picture(2, 70, 40, 32)
    assert translated(tiny, given, tmp_path, "tif", streamed_above=50).error is None
    assert streamed
    made = images.read(tmp_path / "out.tif")
    assert (made.channels, made.bit_depth) == (3, 16)
    assert np.array_equal(quantize(made.pixels, 16), quantize(tiny(given).pixels, 16))


@pytest.mark.parametrize(
    "b", [ImageSpec(palette=PALETTE), ImageSpec(channels=5), ImageSpec(channels=3, offset=(0.0,) * 3, scale=(5.0,) * 3)]
)
def test_labels_bands_and_floats_are_written_whole(tmp_path: Path, streamed: list[int], b: ImageSpec) -> None:
    tiny, given = translator(ImageSpec(), b), picture(height=30, width=40)
    suffix = "png" if b.palette else "tif"
    assert translated(tiny, given, tmp_path, suffix, streamed_above=50).error is None
    assert not streamed
    read = images.read_labels(tmp_path / "out.png").picture() if b.palette else images.read(tmp_path / "out.tif", bands=True)
    assert torch.allclose(read.pixels, tiny(given).pixels, atol=1 / 255)
    assert (read.palette, read.bit_depth) == (b.palette or None, 32 if b.scale else 8)


def test_a_format_that_cannot_hold_the_result_is_named(tmp_path: Path) -> None:
    outcome = translated(translator(ImageSpec(), ImageSpec(palette=PALETTE)), picture(), tmp_path, "jpg")
    assert outcome.status == "failed"
    assert "name the output .png" in str(outcome.error)


def test_label_maps_from_standard_input() -> None:
    levels = RANDOM.integers(0, 5, (12, 17)).astype(np.uint8)
    given, out = io.BytesIO(), io.BytesIO()
    images.write(images.Labels(levels, PALETTE).picture(), given)
    tiny = translator(ImageSpec(palette=PALETTE), ImageSpec())
    run_on_stream(io.BytesIO(given.getvalue()), out, None, tiny.pipeline, TranslateOptions(), WriteOptions(), None)
    hot = torch.from_numpy(np.eye(5, dtype=np.float32)[levels]).permute(2, 0, 1)[None]
    assert np.array_equal(quantize(images.read(out.getvalue()).pixels, 8), quantize(tiny.pipeline.model.network(hot)[0], 8))
    with pytest.raises(PictureError, match="standard input"):
        run_on_stream(io.BytesIO(b"no picture"), io.BytesIO(), None, tiny.pipeline, TranslateOptions(), WriteOptions(), None)


COLORIZER = {"name": "colorizer", "width": 8, "work": 32}


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("size", [(1, 1), (7, 5), (301, 403)])
def test_coloring_keeps_the_lightness_of_a_file(tmp_path: Path, depth: Any, size: tuple[int, int]) -> None:
    tiny = translator(ImageSpec(channels=1), ImageSpec(), COLORIZER)
    head: Any = tiny.pipeline.model.network.head
    head.weight.mul_(40)
    given = picture(1, *size, depth, metadata=Metadata(dpi=(300.0, 300.0)))
    assert translated(tiny, given, tmp_path).error is None
    made = images.read(tmp_path / "out.png")
    assert (made.channels, made.bit_depth, made.metadata.dpi) == (3, depth, pytest.approx((300, 300), abs=0.1))
    levels = 2**depth - 1
    difference = (gray_of(made.pixels[None])[0] - given.pixels) * levels
    assert float(difference.abs().max()) < 0.7, "each channel is rounded for itself"
    assert float(tiny(given).pixels.amax(0).sub(tiny(given).pixels.amin(0)).max()) > 0.01 or size == (1, 1)
    unrounded = (gray_of(tiny(given).pixels[None])[0] - given.pixels) * levels
    assert torch.equal((unrounded + given.pixels * levels).round(), (given.pixels * levels).round())


class Identity(nn.Module):
    """Any network that leaves pictures alone."""

    def forward(self, x: Tensor) -> Tensor:
        return x


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("depth", [8, 16])
def test_a_translator_that_changes_nothing_changes_nothing(channels: int, depth: Any) -> None:
    info = ModelInfo(name="same", task="translate", halo=0)
    tiny = LoadedModel(TRANSLATE, TranslatePipeline(Model(Identity(), info), Runtime("cpu")))
    given = picture(channels, depth=depth, alpha=True, metadata=Metadata(dpi=(72.0, 72.0)))
    made = tiny(given, label=False)
    assert given.alpha is not None
    visible = (given.alpha > 0).expand(channels, -1, -1)  # colors that nobody can see may become others
    assert torch.allclose(made.pixels[visible], given.pixels[visible], atol=1e-6)  # the mean of three equal numbers is rounded
    assert made.alpha is not None
    assert torch.equal(made.alpha, given.alpha)
    assert (made.bit_depth, made.metadata, made.channels) == (depth, given.metadata, channels)


def test_load_opens_a_translator_and_other_tasks_refuse_it(tmp_path: Path) -> None:
    import img2img

    tiny, given = translator(), picture()
    save_model(tmp_path / "tiny.safetensors", tiny.pipeline.model.network, tiny.info)
    assert torch.equal(img2img.load(tmp_path / "tiny.safetensors", device="cpu")(given).pixels, tiny(given).pixels)
    with pytest.raises(ModelError, match="model 'tiny' is for translate, not for upscale: use img2img translate"):
        img2img.upscale(given, model=tmp_path / "tiny.safetensors")
