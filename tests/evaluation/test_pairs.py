from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from img2img.errors import ConfigError, DataError, PictureError
from img2img.evaluation.pairs import Pair, find_pairs, load_pair, load_truth
from img2img.images.resize import resize


def save(path: Path, height: int, width: int, mode: str = "RGB") -> Path:
    path.parent.mkdir(exist_ok=True)
    values = np.random.default_rng(height * 1000 + width).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(values).convert(mode).save(path)
    return path


def test_partners_are_found_by_name_with_or_without_the_scale(tmp_path: Path) -> None:
    hr, lr = tmp_path / "hr", tmp_path / "lr"
    for name in ("b.png", "a.jpg", "c.bmp"):
        save(hr / name, 8, 8)
    save(lr / "a.png", 2, 2)
    save(lr / "bx4.png", 2, 2)
    assert find_pairs(hr, lr, scale=4, limit=2) == [Pair(hr / "a.jpg", lr / "a.png"), Pair(hr / "b.png", lr / "bx4.png")]
    assert [pair.name for pair in find_pairs(hr, None, scale=4)] == ["a", "b", "c"]
    with pytest.raises(DataError, match=r"1 of 3 .* 'c'"):
        find_pairs(hr, lr, scale=4)


def test_folders_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not a folder"):
        find_pairs(tmp_path / "none", None, scale=4)
    (tmp_path / "empty").mkdir()
    with pytest.raises(PictureError, match="no picture"):
        find_pairs(tmp_path / "empty", None, scale=4)
    save(tmp_path / "twice/a.png", 8, 8)
    save(tmp_path / "twice/a.bmp", 8, 8)
    with pytest.raises(DataError, match=r"two pictures called 'a': a.bmp, a.png"):
        find_pairs(tmp_path / "twice", None, scale=4)


def test_the_truth_is_cut_to_the_scale_and_made_smaller_as_matlab(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", 43, 50)
    lr, hr = load_pair(Pair(path, None), 4)
    whole = torch.from_numpy(np.array(Image.open(path))).permute(2, 0, 1) / 255
    assert torch.equal(hr, whole[:, :40, :48])
    assert torch.equal(lr, resize(hr, scale=0.25, eight_bit=True))


def test_crop_takes_the_same_place_of_both(tmp_path: Path) -> None:
    lr = save(tmp_path / "lr.png", 13, 8)
    hr = tmp_path / "hr.png"
    Image.open(lr).resize((16, 26), Image.Resampling.NEAREST).save(hr)
    cut_lr, cut_hr = load_pair(Pair(hr, lr), 2, crop=11)
    assert cut_lr.shape == (3, 5, 5)
    assert torch.equal(cut_hr, cut_lr.repeat_interleave(2, 1).repeat_interleave(2, 2))
    assert torch.equal(cut_lr, load_pair(Pair(hr, lr), 2)[0][:, 4:9, 1:6])
    assert load_pair(Pair(hr, lr), 2, crop=999)[1].shape == (3, 26, 16)
    assert torch.equal(load_truth(Pair(hr, None), crop=11), load_truth(Pair(hr, None))[:, 7:18, 2:13])
    with pytest.raises(ConfigError, match="crop of 1"):
        load_pair(Pair(hr, lr), 2, crop=1)


def test_gray_and_alpha_become_rgb(tmp_path: Path) -> None:
    for mode in ("L", "RGBA", "P"):
        lr, hr = load_pair(Pair(save(tmp_path / f"{mode}.png", 8, 8, mode), None), 2)
        assert (lr.shape, hr.shape) == ((3, 4, 4), (3, 8, 8))


def test_photo_degradation_depends_on_seed_and_name_alone(tmp_path: Path) -> None:
    one, other = save(tmp_path / "one.png", 32, 32), tmp_path / "other.png"
    other.write_bytes(one.read_bytes())

    def made(path: Path, seed: int) -> torch.Tensor:
        return load_pair(Pair(path, None), 4, degradation="photo", seed=seed)[0]

    first = made(one, 0)
    assert first.shape == (3, 8, 8)
    assert torch.allclose(first * 255, (first * 255).round(), atol=1e-3)
    assert not torch.equal(made(other, 0), first)
    assert not torch.equal(made(one, 1), first)
    assert torch.equal(made(one, 0), first)


def test_sizes_that_do_not_fit_are_named(tmp_path: Path) -> None:
    hr, lr = save(tmp_path / "a.png", 16, 24), save(tmp_path / "b.png", 8, 12)
    assert load_pair(Pair(hr, lr), 2)[0].shape == (3, 8, 12)
    with pytest.raises(DataError, match=r"b.png' is 12 x 8, but .*a.png' at scale 4 wants 6 x 4.*--scale"):
        load_pair(Pair(hr, lr), 4)
    with pytest.raises(DataError, match="too small for scale 17"):
        load_pair(Pair(hr, None), 17)
