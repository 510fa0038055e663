"""``img2img stylize``: what may be wished for, and animations."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from scenes import load, save, scene
from stylizing import HEIGHT, QUICK, SMALL, WIDTH, made, masks, pixels, stylize

from img2img import images
from img2img.images import Frame, Picture
from img2img.inference.runtime import Runtime
from img2img.tasks.stylize.options import StylizeOptions
from img2img.tasks.stylize.pipeline import StylizePipeline
from img2img.tasks.stylize.smoothing import SIGMA, Smoother


def test_alpha_and_style_scale(model: Path, photo: Path, one: Path) -> None:
    assert np.array_equal(pixels(photo, "--style", one, "-m", model, "--alpha", 0), load(photo))
    full = pixels(photo, "--style", one, "-m", model).astype(float)
    half = pixels(photo, "--style", one, "-m", model, "--alpha", 0.5)
    assert np.abs(half - (full + load(photo)) / 2).max() <= 1
    assert not np.array_equal(pixels(photo, "--style", one, "-m", model, "--style-scale", 0.5), full)


def test_colors_are_kept(model: Path, photo: Path, one: Path) -> None:
    kept = pixels(photo, "--style", one, "-m", model, "--preserve-color", "luminance")
    changed = pixels(photo, "--style", one, "-m", model)
    matched = pixels(photo, "--style", one, "-m", model, "--preserve-color", "histogram")
    assert not np.array_equal(matched, changed)
    gray = save(photo.with_name("gray.png"), scene(7, HEIGHT, WIDTH, 1))
    made_of_gray = pixels(gray, "--style", one, "-m", model, "--preserve-color", "luminance")
    assert np.ptp(made_of_gray.astype(int), axis=2).max() <= 1
    assert np.ptp(changed.astype(int), axis=2).mean() != np.ptp(kept.astype(int), axis=2).mean()


@pytest.mark.parametrize("way", [[], QUICK])
def test_masks_keep_the_rest_to_the_bit_and_give_each_region_its_style(
    way: list[object], model: Path, photo: Path, one: Path, two: Path
) -> None:
    left, right = masks(photo.parent)
    way = way or ["-m", model]
    both = pixels(photo, "--style", one, "--style", two, "--mask", left, "--mask", right, *way)
    assert np.array_equal(both[:, 20:30], load(photo)[:, 20:30])
    assert not np.array_equal(both[:, :20], load(photo)[:, :20])
    assert not np.array_equal(both[:, 30:], load(photo)[:, 30:])
    shared = pixels(photo, "--style", one, "--style", two, "--mask", left, *way)
    assert np.array_equal(shared[:, 20:], load(photo)[:, 20:])
    assert not np.array_equal(shared[:, :20], both[:, :20])
    if "-m" in way:
        assert np.array_equal(both[:, :20], pixels(photo, "--style", one, *way)[:, :20])
        assert np.array_equal(both[:, 30:], pixels(photo, "--style", two, *way)[:, 30:])
    black = save(photo.with_name("black.png"), np.zeros((HEIGHT, WIDTH, 1), np.uint8))
    assert np.array_equal(pixels(photo, "--style", one, "--mask", black, *way), load(photo))


def test_a_changed_mask_makes_its_results_anew(model: Path, photo: Path, one: Path) -> None:
    left, right = masks(photo.parent)
    save(photo.parent / "masks" / "photo.png", load(left))

    def status() -> str:
        result = stylize(photo, "--style", one, "--mask", photo.parent / "masks", "-m", model, "--json")
        return str(json.loads(result.stdout)["status"])

    assert [status(), status()] == ["ok", "skipped"]
    save(photo.parent / "masks" / "photo.png", load(right)[:, :, :1])
    assert [status(), status()] == ["ok", "skipped"]


def test_sweeps(model: Path, photo: Path, one: Path, two: Path) -> None:
    strip = pixels(photo, "--style", one, "--style", two, "--sweep", 3, "-m", model)
    assert strip.shape == (HEIGHT, 3 * WIDTH, 3)
    assert np.array_equal(strip[:, :WIDTH], pixels(photo, "--style", one, "-m", model))
    assert np.array_equal(strip[:, WIDTH : 2 * WIDTH], pixels(photo, "--style", one, "--style", two, "-m", model))
    assert np.array_equal(strip[:, 2 * WIDTH :], pixels(photo, "--style", two, "-m", model))
    strip = pixels(photo, "--style", one, "--sweep", 2, "-m", model)
    assert np.array_equal(strip[:, :WIDTH], load(photo))
    assert np.array_equal(strip[:, WIDTH:], pixels(photo, "--style", one, "-m", model))


def frames(*stills: np.ndarray) -> Picture:
    return Picture(tuple(Frame(images.from_integers(still), duration=40.0) for still in stills))


def test_smooth_frames_flicker_less_and_what_moves_is_not_smeared(model: Path, one: Path) -> None:
    rng = np.random.default_rng(0)
    still = scene(7, 64, 64).astype(int)
    moved = still.copy()
    moved[20:40, 20:40] = 255 - moved[20:40, 20:40]
    noisy = [(each + rng.integers(-1, 2, each.shape)).clip(0, 255).astype(np.uint8) for each in (still, still, moved)]

    def film(smooth: float) -> list[torch.Tensor]:
        result = StylizePipeline.open(model, Runtime("cpu"))(frames(*noisy), StylizeOptions.of(one, smooth=smooth, style_scale=SMALL))
        return [frame.pixels for frame in result.picture.frames]

    rough, smooth = film(0.0), film(0.8)
    assert torch.equal(smooth[0], rough[0])
    assert (smooth[1] - smooth[0]).abs().mean() < 0.5 * (rough[1] - rough[0]).abs().mean()
    change = torch.from_numpy(noisy[2].astype(int) - noisy[1]).abs().amax(2) > 60
    change[:22] = change[38:] = False
    change[:, :22] = change[:, 38:] = False
    assert change.sum() > 50
    assert torch.equal(smooth[2][:, change], rough[2][:, change])


def test_the_frame_before_fades_as_the_content_changes() -> None:
    smoother, content = Smoother(0.5), torch.full((3, 8, 8), 0.4)
    assert torch.equal(smoother(content, torch.zeros(3, 8, 8)), torch.zeros(3, 8, 8))
    after = smoother(content + SIGMA, torch.ones(3, 8, 8))
    torch.testing.assert_close(after, torch.full((3, 8, 8), 1 - 0.5 / math.e))
    assert torch.equal(smoother(torch.rand(3, 4, 4), content[:, :4, :4]), content[:, :4, :4])  # a page of another size


def test_an_animation_stays_one(model: Path, tmp_path: Path, one: Path) -> None:
    images.write(frames(*(scene(seed, HEIGHT, WIDTH) for seed in range(3))), tmp_path / "film.png")
    after = images.read(made(tmp_path / "film.png", "--style", one, "-m", model, "--sweep", 2)[0])
    assert [frame.duration for frame in after.frames] == [40, 40, 40]
    assert after.width == 2 * WIDTH
    for frame, seed in zip(after.frames, range(3), strict=True):
        assert np.array_equal(images.quantize(frame.pixels, 8)[:, :WIDTH], scene(seed, HEIGHT, WIDTH))
