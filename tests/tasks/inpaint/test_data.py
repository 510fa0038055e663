"""Training patches and validation crops with holes: their seed, their sizes, and what they show."""

from pathlib import Path

import pytest
import torch
from scenes import save, scene

from img2img.data.crops import textured_crop
from img2img.data.masks import MaskConfig, draw_mask
from img2img.data.pictures import PictureSet
from img2img.data.sampling import seeded_rng
from img2img.tasks.inpaint.data import CHECKED, InpaintCrops, InpaintPatches


@pytest.fixture
def pictures(tmp_path: Path) -> PictureSet:
    paths = [save(tmp_path / f"{number}.png", scene(number, 70, 90)) for number in range(4)]
    return PictureSet(paths, tmp_path / "c.pixels")


def test_a_sample_is_a_function_of_its_number(pictures: PictureSet) -> None:
    first, again, other = (InpaintPatches(pictures, 24, MaskConfig(), seed) for seed in (1, 1, 2))
    samples = [first[position] for position in range(12)]
    for position, sample in enumerate(samples):
        assert sample["image"].shape == (3, 24, 24)
        assert sample["mask"].shape == (1, 24, 24)
        assert sample["image"].is_contiguous()
        assert 0 <= float(sample["image"].min()) <= float(sample["image"].max()) <= 1
        assert sample["mask"].unique().tolist() == [0, 1]
        assert all(torch.equal(sample[key], again[position][key]) for key in ("image", "mask"))
    for key in ("image", "mask"):
        assert len({sample[key].numpy().tobytes() for sample in samples}) == 12
        assert not torch.equal(first[0][key], other[0][key])


def test_only_kinds_of_the_mix_are_drawn(pictures: PictureSet) -> None:
    patches = InpaintPatches(pictures, 32, MaskConfig(mix={"border": 1.0}), seed=0)
    corners = [patches[position]["mask"][0, [0, 0, -1, -1], [0, -1, 0, -1]] for position in range(10)]
    assert all(float(corner.sum()) >= 2 for corner in corners), "a side is cut away with both its corners"


def test_patches_are_shrunk_as_far_as_asked(tmp_path: Path) -> None:
    """Of a ramp from 0 to 1 a crop shows the more, the more the picture was shrunk: 16 of 160 pixels unshrunk, 96 at a sixth."""
    ramp = (torch.arange(160) * 255 / 159).round().expand(160, 160)[:, :, None].expand(-1, -1, 3)
    pictures = PictureSet([save(tmp_path / "ramp.png", ramp.byte().numpy())], tmp_path / "c.pixels")
    patches = InpaintPatches(pictures, 16, MaskConfig(), seed=0)

    def shown(crop: torch.Tensor) -> float:
        return float(crop.max() - crop.min()) * 160 / 16

    usual = [shown(textured_crop(pictures, 0, 16, seeded_rng(seed))) for seed in range(100)]
    more = [shown(patches[position]["image"]) for position in range(100)]
    assert 2.5 < max(usual) < 3.1
    assert 5 < max(more) < 6.1
    assert min(more) < 1.1, "some are not shrunk"
    assert sum(value > 3.1 for value in more) > 15


def test_checks_cycle_through_the_strokes_and_are_the_same_each_time(pictures: PictureSet) -> None:
    checks, again, other = (InpaintCrops(pictures, 50, 8, seed) for seed in (1, 1, 2))
    assert len(checks) == 4
    assert [int(checks[index]["kind"]) for index in range(4)] == [0, 1, 2, 0]
    assert CHECKED == ("thin", "medium", "thick")
    for index in range(4):
        sample = checks[index]
        assert sample["image"].shape == (3, 48, 48)
        assert sample["mask"].shape == (1, 48, 48)
        assert all(torch.equal(sample[key], again[index][key]) for key in ("image", "mask", "kind"))
        assert torch.equal(sample["image"], other[index]["image"])
        assert not torch.equal(sample["mask"], other[index]["mask"])
    assert torch.equal(checks[2]["mask"], draw_mask("thick", 48, 48, seeded_rng(1, 2, 2)))
    assert float(checks[2]["mask"].mean()) > float(checks[0]["mask"].mean())
