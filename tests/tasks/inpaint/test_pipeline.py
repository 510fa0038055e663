"""Inpainting pictures: nothing changes but the hole, and it does not matter how the work is divided."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from img2img import images, networks
from img2img.errors import ConfigError, PictureError
from img2img.images import Frame, Metadata, Picture
from img2img.inference.runtime import Runtime
from img2img.models import Model, ModelInfo
from img2img.networks import Inpainter
from img2img.networks.inpainter import enlarged
from img2img.tasks.inpaint import pipeline as inpainting
from img2img.tasks.inpaint.hole_boxes import hole_boxes
from img2img.tasks.inpaint.options import InpaintOptions
from img2img.tasks.inpaint.pipeline import InpaintPipeline

BODY = {"name": "resnet", "width": 8, "blocks": 2, "shuffle": 2}


def model(**body: object) -> Model:
    torch.manual_seed(0)
    network = networks.build({"name": "inpainter", "body": {**BODY, **body}}).eval().requires_grad_(False)
    assert isinstance(network, Inpainter)
    info = ModelInfo(name="tiny", task="inpaint", in_channels=4, halo=network.halo, multiple=network.multiple)
    return Model(network, info)


def inpainter(of: Model, tile: int | None = None) -> InpaintPipeline:
    return InpaintPipeline(of, Runtime(device="cpu", tile=tile))


def filled(of: Model, picture: Picture, weight: Tensor) -> Picture:
    """``picture`` with the hole ``weight`` (1, H, W) of each frame filled."""
    return inpainter(of)(picture, InpaintOptions.of(weight)).picture


def weight(height: int, width: int, *boxes: tuple[int, int, int, int], value: float = 1.0) -> Tensor:
    mask = torch.zeros(1, height, width)
    for top, bottom, left, right in boxes:
        mask[:, top:bottom, left:right] = value
    return mask


HOLES = weight(70, 90, (3, 9, 4, 60), (30, 66, 40, 80), (69, 70, 0, 5))


def random(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(3))


def test_squares_and_tiles_give_what_the_network_gives_at_once() -> None:
    tiny = model()
    x = torch.cat([random(3, 70, 90), HOLES])[None]
    whole = tiny.network(x).clamp(0, 1)
    assert torch.allclose(inpainter(tiny).fill(x), whole, atol=1e-6)
    for pipeline in (inpainter(tiny), inpainter(tiny, tile=64)):
        pipeline.block = 16
        assert torch.allclose(pipeline.fill(x), whole, atol=1e-6)


def test_a_tile_that_fitted_after_memory_ran_out_is_kept_for_the_next_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny, sizes = model(), list[int]()
    pipeline, x = inpainter(tiny), torch.cat([random(3, 130, 130), HOLES.new_zeros(1, 130, 130)])[None]
    x[:, 3, 2:128, 2:128] = 1
    real = type(pipeline.network).__call__

    def scarce(network: object, planes: Tensor, *given: object, **more: object) -> Tensor:
        sizes.append(max(planes.shape[-2:]))
        if max(planes.shape[-2:]) > 100:
            raise torch.OutOfMemoryError
        return real(network, planes, *given, **more)

    monkeypatch.setattr(type(pipeline.network), "__call__", scarce)
    first = pipeline.fill(x)
    assert max(sizes) > 100
    sizes.clear()
    assert torch.allclose(pipeline.fill(x), first, atol=1e-6)
    assert max(sizes) <= 100, "nothing runs out of memory again"


def test_the_work_is_done_around_the_hole_alone() -> None:
    tiny, fed = model(), list[int]()
    small = weight(400, 600, (200, 206, 300, 304))
    pipeline = inpainter(tiny)
    tiny.network.body.register_forward_pre_hook(lambda module, x: fed.append(x[0].shape[-2] * x[0].shape[-1]))  # type: ignore[union-attr, operator]
    pipeline.fill(torch.cat([random(3, 400, 600), small])[None])
    assert tiny.info.halo is not None
    assert 0 < sum(fed) < 4 * (2 * tiny.info.halo + 10) ** 2  # at three scales


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("channels", [1, 3])
def test_known_pixels_alpha_and_metadata_stay_to_the_bit(tmp_path: Path, depth: images.BitDepth, channels: int) -> None:
    top = 2**depth - 1
    pixels, alpha = ((random(count, 70, 90) * top).round() / top for count in (channels, 1))
    metadata = Metadata(exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0", dpi=(300.0, 300.0))
    images.write(Picture((Frame(pixels, alpha),), depth, "PNG", metadata), tmp_path / "in.png")
    before = images.read(tmp_path / "in.png")
    pipeline, options = inpainter(model()), InpaintOptions.of(HOLES)
    images.write(pipeline(pipeline.read(tmp_path / "in.png", options, max_pixels=10**6), options).picture, tmp_path / "out.png")
    after = images.read(tmp_path / "out.png")
    known = HOLES[0] == 0
    assert after.bit_depth == depth
    assert torch.equal(images_integers(after.pixels, depth)[:, known], images_integers(before.pixels, depth)[:, known])
    assert not torch.equal(after.pixels[:, ~known], before.pixels[:, ~known])
    assert after.alpha is not None
    assert before.alpha is not None
    assert torch.equal(after.alpha, before.alpha)
    assert after.metadata == before.metadata


def images_integers(pixels: Tensor, depth: images.BitDepth) -> Tensor:
    return torch.from_numpy(images.quantize(pixels, depth).astype("int64")).permute(2, 0, 1)


def test_soft_weights_blend() -> None:
    frame = Frame(random(3, 70, 90))
    hard, half = weight(70, 90, (20, 40, 20, 40)), weight(70, 90, (20, 40, 20, 40), value=0.25)
    full = filled(model(), Picture((frame,)), hard).pixels
    soft = filled(model(), Picture((frame,)), half).pixels
    inside = hard[0] > 0
    assert torch.allclose(soft[:, inside], 0.75 * frame.pixels[:, inside] + 0.25 * full[:, inside], atol=1e-6)
    assert torch.equal(soft[:, ~inside], frame.pixels[:, ~inside])


def test_nothing_to_fill_gives_the_same_picture() -> None:
    frame = Frame(random(3, 70, 90), random(1, 70, 90))
    result = inpainter(model())(Picture((frame,)), InpaintOptions.of(torch.zeros(1, 70, 90)))
    assert torch.equal(result.picture.pixels, frame.pixels)
    assert frame.alpha is not None
    assert result.picture.alpha is not None
    assert torch.equal(result.picture.alpha, frame.alpha)
    assert "nothing to fill" in result.notes[0]


def test_every_frame_is_filled_and_gray_stays_gray() -> None:
    picture = Picture((Frame(random(1, 70, 90), duration=40.0), Frame(1 - random(1, 70, 90), duration=60.0)))
    made = filled(model(), picture, HOLES)
    assert [frame.duration for frame in made.frames] == [40.0, 60.0]
    assert made.channels == 1
    assert not torch.equal(made.frames[0].pixels, made.frames[1].pixels)


def test_rows_are_those_of_the_picture() -> None:
    picture = Picture((Frame(random(3, 700, 40)),))
    pipeline, options = inpainter(model()), InpaintOptions.of(weight(700, 40, (500, 520, 10, 20)))
    stream = pipeline.stream(picture, options)
    rows = torch.cat([torch.from_numpy(band) for band in stream.rows])
    assert torch.equal(rows, torch.from_numpy(images.quantize(pipeline(picture, options).picture.pixels, 8)))
    assert rows.shape == (stream.height, stream.width, stream.outline.channels) == (700, 40, 3)


def test_a_network_that_sees_everything_works_in_squares_too() -> None:
    fourier = model(shuffle=1, downsamplings=1, block="fourier", head="linear")
    assert fourier.info.halo is None
    made = filled(fourier, Picture((Frame(random(3, 70, 90)),)), HOLES)
    assert torch.equal(made.pixels[:, HOLES[0] == 0], random(3, 70, 90)[:, HOLES[0] == 0])


class Alone(torch.nn.Module):
    """A network of another project: says in blue how large a picture it was given, and 1 in red."""

    def forward(self, x: Tensor) -> Tensor:
        made = torch.full_like(x[:, :3], 0.5)
        made[:, 0], made[:, 2] = 1.0, x.shape[-1] / 1000
        return torch.where(x[:, 3:] > 0, made, x[:, :3])


def test_large_holes_are_filled_at_a_smaller_scale_by_other_networks() -> None:
    holes = weight(200, 220, (50, 150, 50, 150), (5, 10, 180, 190))
    foreign = Model(Alone(), ModelInfo(name="alone", task="inpaint", in_channels=4, halo=None))
    x = torch.zeros(1, 4, 200, 220)
    x[:, 3:] = holes
    pipeline = inpainter(foreign)
    pipeline.largest_alone = 40
    made = pipeline.fill(x)[0]
    assert torch.allclose(made[0, 50:150, 50:150][30:-30, 30:-30], torch.ones(()), atol=1e-5)  # enlarged from where it was small enough
    assert float(made[2, 100, 100]) == pytest.approx(0.055, abs=1e-3)  # 220 / 4
    assert float(made[2, 7, 185]) > 0.1  # the small one at full size


def test_hole_boxes() -> None:
    mask = weight(40, 40, (3, 5, 30, 33), (10, 22, 14, 18))[0].numpy() > 0
    assert list(hole_boxes(mask, 16)) == [
        (10, 16, 14, 16),
        (3, 16, 16, 32),  # both, within one square
        (3, 5, 32, 33),
        (16, 22, 14, 16),
        (16, 22, 16, 18),
    ]


def test_bad_input() -> None:
    pipeline = inpainter(model())
    with pytest.raises(ConfigError, match="4 planes"):
        pipeline.run(random(1, 3, 32, 32), InpaintOptions())
    with pytest.raises(ConfigError, match="nothing is known"):
        pipeline.run(torch.ones(1, 4, 32, 32), InpaintOptions())
    with pytest.raises(PictureError, match="bands"):
        pipeline(Picture((Frame(random(5, 70, 90)),)), InpaintOptions.of(HOLES))


def test_guesses_are_those_of_the_network() -> None:
    for height, width in ((70, 90), (71, 89)):
        holes = weight(height, width, (0, 9, 4, 61), (33, height, 41, width))[None]
        picture, coarse = random(1, 3, height, width), random(1, 3, (height + 1) // 2, (width + 1) // 2)
        assert torch.equal(inpainting.guessed(coarse, picture, holes), enlarged(coarse, picture, holes))


@pytest.mark.parametrize("channels", [1, 3])
def test_twelve_bits_in_a_file_of_sixteen_are_filled_over_the_full_range(channels: int) -> None:
    tiny, levels = model(), (random(channels, 70, 90) * 4095).round()
    twelve, whole = (Picture((Frame(levels / most),), 16) for most in (65535, 4095))
    result = inpainter(tiny)(twelve, InpaintOptions.of(HOLES))
    assert result.notes[0].startswith("12 of its 16 bits are used")
    assert torch.allclose(result.picture.pixels * 65535 / 4095, filled(tiny, whole, HOLES).pixels, atol=1e-5)
    known = (HOLES == 0).expand(channels, -1, -1)
    assert torch.equal(result.picture.pixels[known], twelve.pixels[known])
