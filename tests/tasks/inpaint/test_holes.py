"""Where inpaint fills: what the options say, which mask file counts, and what becomes of masks of every make."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from profiles import DISPLAY_P3
from scenes import save, scene
from torch import Tensor

from img2img import images
from img2img.errors import ConfigError, PictureError
from img2img.tasks.inpaint.holes import Hole, find_hole, mask_file
from img2img.tasks.inpaint.options import (
    Box,
    InpaintOptions,
    Margin,
    check_says_where,
    margins_of,
    parse_box,
    parse_color,
    parse_outpaint,
)

HEIGHT, WIDTH = 40, 60
BOX = (slice(8, 20), slice(10, 30))  # rows, columns


def mask(value: int = 255, dtype: type = np.uint8) -> np.ndarray:
    """(H, W, 1), black with a box of ``value``."""
    pixels = np.zeros((HEIGHT, WIDTH, 1), dtype)
    pixels[BOX] = value
    return pixels


EXPECTED = torch.from_numpy(mask(1)[:, :, 0]).float()[None]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return save(tmp_path / "photo.png", scene(0, HEIGHT, WIDTH))


def hole(photo: Path, **options: object) -> Hole:
    return find_hole(InpaintOptions.of(**options), images.read(photo))


def only_note(found: Hole) -> str:
    (note,) = found.notes
    return note


def box_of(weight: Tensor) -> tuple[int, int, int, int]:
    """First row, row after the last, first column, column after the last of what is not 0."""
    rows, columns = (torch.nonzero(weight[0].amax(axis))[:, 0] for axis in (1, 0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


# What the options say


def test_boxes_are_parsed():
    assert parse_box("1,2,3,4") == Box(1, 2, 3, 4)
    assert parse_box(" -5, 0, 10, 1") == Box(-5, 0, 10, 1)


@pytest.mark.parametrize("text", ["", "1,2,3", "1,2,3,4,5", "1,2,0,4", "1,2,3,0", "1,2,-3,4", "1.5,2,3,4", "a,b,c,d"])
def test_what_is_no_box(text):
    with pytest.raises(ConfigError, match=r"X,Y,W,H"):
        parse_box(text)


@pytest.mark.parametrize("text", ["#ff00Ff", "ff00ff", "#f0f", "f0f", " #F0F "])
def test_colors_are_parsed(text):
    assert parse_color(text) == (255, 0, 255)


@pytest.mark.parametrize("text", ["", "#", "magenta", "#ff00f", "#ff00ff00", "##f0f", "#ggg", "+f -f "])
def test_what_is_no_color(text):
    with pytest.raises(ConfigError, match="six hexadecimal digits"):
        parse_color(text)


def test_margins_are_parsed():
    margins = parse_outpaint("10%,0, 32,12.5%")
    assert margins == (Margin(10, True), Margin(0), Margin(32), Margin(12.5, True))
    assert margins_of(margins, 60, 40) == (6, 0, 32, 5)
    assert margins_of(None, 60, 40) == (0, 0, 0, 0)


@pytest.mark.parametrize("text", ["", "1,2,3", "1,2,3,4,5", "0,0,0,0", "0%,0,0,0", "-1,0,0,0", "1.5,0,0,0", "a,0,0,0", "1,,0,0"])
def test_what_are_no_margins(text):
    with pytest.raises(ConfigError, match="left,top,right,bottom"):
        parse_outpaint(text)


def test_options_that_say_nothing():
    with pytest.raises(ConfigError, match="nothing says where to fill"):
        check_says_where(InpaintOptions(dilate=3, invert=True))
    with pytest.raises(ConfigError, match="dilate must be >= 0, got -1"):
        InpaintOptions.of("m.png", dilate=-1)
    with pytest.raises(ConfigError, match="feather must be >= 0, got -2"):
        InpaintOptions.of("m.png", feather=-2)


# Which mask file


def test_one_file_serves_for_all(tmp_path):
    path = save(tmp_path / "m.png", mask())
    assert mask_file(InpaintOptions.of(str(path)), tmp_path / "anything.jpg") == path
    assert mask_file(InpaintOptions.of(str(path)), None) == path
    assert mask_file(InpaintOptions.of("alpha"), None) is None
    assert mask_file(InpaintOptions(scratches=True), None) is None
    with pytest.raises(PictureError, match=r"no mask file or folder '.*no\.png'"):
        mask_file(InpaintOptions.of(str(tmp_path / "no.png")), None)


def test_a_folder_has_a_partner_for_each(tmp_path):
    masks = InpaintOptions.of(str(tmp_path / "masks"))
    one = save(tmp_path / "masks" / "one.b.PNG", mask())
    two = save(tmp_path / "masks" / "two.bmp", mask())
    assert mask_file(masks, tmp_path / "one.b.jpg") == one
    assert mask_file(masks, tmp_path / "two.png") == two
    with pytest.raises(PictureError, match=r"three\.png' has no mask.*called 'three'"):
        mask_file(masks, tmp_path / "three.png")
    save(tmp_path / "masks" / "two.jpg", mask())
    with pytest.raises(PictureError, match=r"2 masks in .*two\.bmp, two\.jpg"):
        mask_file(masks, tmp_path / "two.png")
    with pytest.raises(PictureError, match="standard input"):
        mask_file(masks, None)


def test_a_mask_may_lie_beside_its_picture(photo):
    beside = save(photo.with_suffix(".bmp"), mask())
    assert mask_file(InpaintOptions.of(str(photo.parent)), photo) == beside
    beside.unlink()
    with pytest.raises(PictureError, match="has no mask"):
        mask_file(InpaintOptions.of(str(photo.parent)), photo)


# What a mask file marks


def save_bits(path: Path) -> None:
    Image.fromarray(mask()[:, :, 0]).convert("1").save(path)


def save_palette(path: Path) -> None:
    image = Image.fromarray(mask(1)[:, :, 0])
    image.putpalette([0, 0, 0, 255, 255, 255])
    image.save(path)


MAKERS = {
    "gray.png": lambda path: save(path, mask()),
    "rgb.png": lambda path: save(path, mask().repeat(3, 2)),
    "deep.png": lambda path: save(path, mask(65535, np.uint16)),
    "deep.tif": lambda path: save(path, mask(65535, np.uint16)),
    "bits.png": save_bits,
    "bits.tif": save_bits,
    "palette.png": save_palette,
    "palette.gif": save_palette,
    "gray.bmp": lambda path: save(path, mask()),
    "nearly.png": lambda path: save(path, mask(250 - 5) + 5),
    "lossless.webp": lambda path: save(path, mask().repeat(3, 2), lossless=True),
}


@pytest.mark.parametrize("name", MAKERS)
def test_hard_masks_of_every_make(photo, tmp_path, name):
    MAKERS[name](tmp_path / name)
    found = hole(photo, mask=str(tmp_path / name))
    assert found.weight.dtype == torch.float32
    if name == "nearly.png":  # 5 and 250
        assert set(found.weight.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(found.weight, EXPECTED)
    assert not found.notes
    assert bool(found.weight.any())


def test_a_jpeg_mask_is_snapped(photo, tmp_path):
    pixels = np.zeros((HEIGHT, WIDTH, 1), np.uint8)
    pixels[8:32, 16:48] = 255
    path = save(tmp_path / "m.jpg", pixels, quality=80)
    assert len(np.unique(np.asarray(Image.open(path)))) >= 2
    weight = hole(photo, mask=str(path)).weight
    assert torch.equal(weight, torch.from_numpy(pixels[None, :, :, 0] / 255).float())


def test_a_soft_mask_stays_soft(photo, tmp_path):
    pixels = mask()
    pixels[8:20, 30] = 100
    weight = hole(photo, mask=str(save(tmp_path / "m.png", pixels))).weight
    assert weight[0, 10, 30] == pytest.approx(100 / 255)
    assert weight[0, 10, 29] == 1
    assert weight[0, 10, 31] == 0


@pytest.mark.parametrize(("factor", "note"), [(2, "from 120x80 to 60x40"), (0.5, "from 30x20 to 60x40")])
def test_another_size_is_resized_and_stays_hard(photo, tmp_path, factor, note):
    other = Image.fromarray(mask()[:, :, 0]).resize((int(WIDTH * factor), int(HEIGHT * factor)), Image.Resampling.NEAREST)
    other.save(tmp_path / "m.png")
    found = hole(photo, mask=str(tmp_path / "m.png"))
    assert set(found.weight.unique().tolist()) == {0.0, 1.0}
    assert bool((found.weight >= EXPECTED).all())  # nothing is lost
    assert np.abs(np.subtract(box_of(found.weight), (8, 20, 10, 30))).max() <= 1
    assert only_note(found).endswith(note)


def test_a_hairline_survives_shrinking(photo, tmp_path):
    pixels = np.zeros((HEIGHT * 5, WIDTH * 5, 1), np.uint8)
    pixels[:, 151] = 255
    assert bool((hole(photo, mask=str(save(tmp_path / "m.png", pixels))).weight[0, :, 30] == 1).all())


def test_a_mask_of_other_ratio_is_noticed(photo, tmp_path):
    path = save(tmp_path / "m.png", mask().transpose(1, 0, 2))
    assert "different ratios" in only_note(hole(photo, mask=str(path)))


def test_black_masks_mark_nothing(photo, tmp_path):
    found = hole(photo, mask=str(save(tmp_path / "m.png", mask(0))), dilate=3, feather=2)
    assert not found.weight.any()
    assert "all black" in found.notes[0]
    assert found.notes[-1].endswith("nothing to fill")


@pytest.mark.parametrize(
    ("value", "dtype", "said"), [(1, np.uint8, "1 of 255"), (255, np.uint16, "255 of 65535"), (1, np.uint16, "1 of 65535")]
)
def test_a_mask_of_two_dark_values_is_one(photo, tmp_path, value, dtype, said):
    found = hole(photo, mask=str(save(tmp_path / "m.png", mask(value, dtype))))
    assert torch.equal(found.weight, EXPECTED)
    assert only_note(found).endswith(f"is {said}: that is taken as white")


def test_a_nearly_black_picture_marks_nothing_and_says_its_largest_value(photo, tmp_path):
    pixels = mask(3)
    pixels[0, 0] = 1
    found = hole(photo, mask=str(save(tmp_path / "m.png", pixels)))
    assert not found.weight.any()
    assert "is 3 of 255, nearly black" in found.notes[0]


def test_ones_in_memory_are_a_mask(photo):
    assert torch.equal(hole(photo, mask=mask(1)[:, :, 0]).weight, EXPECTED)


@pytest.mark.parametrize("color", [(255, 0, 0), (200, 30, 0), (0, 255, 0), (255, 0, 255)])
@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_a_black_and_colored_mask_is_one(photo, tmp_path, color, suffix):
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    pixels[8:32, 16:48] = color
    options = {"subsampling": 0} if suffix == "jpg" else {}  # else the rim is a large part of so small a picture
    found = hole(photo, mask=str(save(tmp_path / f"m.{suffix}", pixels, **options)))
    expected = torch.zeros(1, HEIGHT, WIDTH)
    expected[:, 8:32, 16:48] = 1
    assert torch.equal(found.weight if suffix == "png" else (found.weight > 0.5).float(), expected)  # JPEG blurs colors
    assert "black and of one color" in only_note(found)


def test_a_mask_of_two_colors_is_refused(photo, tmp_path):
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    pixels[BOX] = (255, 0, 0)
    pixels[30:40] = (0, 0, 255)
    with pytest.raises(PictureError, match="looks like a photograph"):
        hole(photo, mask=str(save(tmp_path / "m.png", pixels)))


def test_a_mask_that_fills_nearly_all_is_questioned(photo, tmp_path):
    path = str(save(tmp_path / "m.png", 255 - mask()))
    assert "90% of" in only_note(hole(photo, mask=path))
    assert only_note(hole(photo, mask=path)).endswith("ask for invert (--invert-mask)")
    assert not hole(photo, mask=path, invert=True).notes
    assert "leave invert (--invert-mask) away" in only_note(hole(photo, mask=str(save(tmp_path / "n.png", mask())), invert=True))


def test_white_masks_are_refused(photo, tmp_path):
    path = str(save(tmp_path / "m.png", np.full((HEIGHT, WIDTH, 1), 255, np.uint8)))
    with pytest.raises(PictureError, match=r"all 60x40 pixels of .*photo\.png.*\(invert exchanges"):
        hole(photo, mask=path)
    assert not hole(photo, mask=path, invert=True).weight.any()
    with pytest.raises(PictureError, match="nothing known"):  # margins are not known either
        hole(photo, mask=path, outpaint=parse_outpaint("8,8,8,8"))


def test_photographs_are_refused(photo, tmp_path):
    with pytest.raises(PictureError, match=r"looks like a photograph: 60x40, \d+% of the pixels colored.*give mask_color and no mask"):
        hole(photo, mask=str(photo))
    gray = save(tmp_path / "gray.png", scene(1, channels=1))
    with pytest.raises(PictureError, match=r"looks like a photograph: 64x64, 0% .* neither black nor white"):
        hole(photo, mask=str(gray))
    drawn = mask().repeat(3, 2)
    drawn[:, :, 1:] = 0
    drawn[0] = (0, 0, 255)
    with pytest.raises(PictureError, match="colored"):
        hole(photo, mask=str(save(tmp_path / "red.png", drawn)))
    erased = save(tmp_path / "erased.png", np.dstack([scene(0, HEIGHT, WIDTH), 255 - mask()]))
    with pytest.raises(PictureError, match=r"give it as the picture, with mask alpha"):
        hole(photo, mask=str(erased))


def test_unreadable_masks(photo, tmp_path):
    (tmp_path / "m.png").write_text("no picture")
    with pytest.raises(PictureError, match=r"m\.png"):
        hole(photo, mask=str(tmp_path / "m.png"))


@pytest.mark.parametrize("color", [(255, 255, 255), (0, 0, 0), (200, 30, 30)])
def test_a_layer_of_one_color_marks_what_is_visible(photo, tmp_path, color):
    pixels = np.dstack([np.full((HEIGHT, WIDTH, 3), color, np.uint8), mask()])
    pixels[:, :, :3][pixels[:, :, 3] == 0] = 7  # what hides behind nothing does not count
    found = hole(photo, mask=str(save(tmp_path / "m.png", pixels)))
    assert torch.equal(found.weight, EXPECTED)
    assert "what is visible in it counts" in only_note(found)


def test_transparency_of_a_mask_is_black(photo, tmp_path):
    opaque = np.full((HEIGHT, WIDTH, 1), 255, np.uint8)
    opaque[:, 45:] = 0
    drawn = mask().repeat(3, 2)
    drawn[:, 50:] = 255
    found = hole(photo, mask=str(save(tmp_path / "m.png", np.dstack([drawn, opaque]))))
    assert torch.equal(found.weight, EXPECTED)


def test_only_the_first_frame_of_a_mask_counts(photo, tmp_path):
    frames = [Image.fromarray(each[:, :, 0]) for each in (mask(), mask(0))]
    frames[0].save(tmp_path / "m.gif", save_all=True, append_images=frames[1:])
    found = hole(photo, mask=str(tmp_path / "m.gif"))
    assert torch.equal(found.weight, EXPECTED)
    assert "the first of 2 frames" in only_note(found)


# Holes in the picture itself


def test_transparent_pixels_are_the_hole(tmp_path):
    alpha = 255 - mask()
    alpha[0, 0] = 155
    path = save(tmp_path / "p.png", np.dstack([scene(0, HEIGHT, WIDTH), alpha]))
    weight = hole(path, mask="alpha").weight
    assert weight[0, 0, 0] == pytest.approx(100 / 255)
    weight[0, 0, 0] = 0
    assert torch.equal(weight, EXPECTED)


def test_no_transparent_pixels(photo, tmp_path):
    opaque = save(tmp_path / "p.png", np.dstack([scene(0, HEIGHT, WIDTH), np.full((HEIGHT, WIDTH), 255, np.uint8)]))
    for path in (photo, opaque):
        found = hole(path, mask="alpha")
        assert not found.weight.any()
        assert "no transparent pixels" in found.notes[0]


@pytest.mark.parametrize("name", ["p.png", "p.tif", "p.bmp"])
def test_a_painted_hole_is_exact_where_nothing_is_lost(tmp_path, name):
    pixels = scene(0, HEIGHT, WIDTH) // 2
    pixels[BOX] = (255, 0, 255)
    pixels[8, 10] = (243, 12, 243)  # 12 levels away
    pixels[0, 0] = (242, 0, 255)  # 13
    found = hole(save(tmp_path / name, pixels), mask_color=(255, 0, 255))
    assert torch.equal(found.weight, EXPECTED)
    assert not found.notes


def test_a_painted_hole_of_a_gray_picture(tmp_path):
    pixels = scene(0, HEIGHT, WIDTH, 1) // 2
    pixels[BOX] = 255
    assert torch.equal(hole(save(tmp_path / "p.png", pixels), mask_color=(255, 255, 255)).weight, EXPECTED)


@pytest.mark.parametrize("stored", [(255, 0, 255), (234, 51, 247)])  # its own numbers, and those of sRGB's #ff00ff in Display P3
def test_a_painted_hole_in_a_picture_with_a_profile(tmp_path, stored):
    pixels = scene(0, HEIGHT, WIDTH) // 2
    pixels[BOX] = stored
    found = hole(save(tmp_path / "p.png", pixels, icc_profile=DISPLAY_P3), mask_color=(255, 0, 255))
    assert torch.equal(found.weight, EXPECTED)


@pytest.mark.parametrize("options", [{"quality": 75}, {"quality": 95, "subsampling": 0}])
def test_a_painted_hole_in_a_lossy_picture_is_found_whole(tmp_path, options):
    pixels = np.full((HEIGHT, WIDTH, 3), (40, 90, 60), np.uint8)
    pixels[BOX] = (255, 0, 255)
    found = hole(save(tmp_path / "p.jpg", pixels, **options), mask_color=(255, 0, 255))
    assert bool((found.weight >= EXPECTED).all())
    assert np.abs(np.subtract(box_of(found.weight), (8, 20, 10, 30))).max() <= 5
    assert "JPEG blurs colors" in only_note(found)


def test_no_pixel_of_the_color(photo):
    found = hole(photo, mask_color=(255, 0, 255))
    assert not found.weight.any()
    assert "no pixel of the color #ff00ff" in found.notes[0]


def test_boxes(photo):
    assert torch.equal(hole(photo, boxes=(Box(10, 8, 20, 12),)).weight, EXPECTED)
    found = hole(photo, boxes=(Box(-4, 30, 10, 20),))
    assert box_of(found.weight) == (30, 40, 0, 6)
    assert "cut to the 6x10 pixels" in only_note(found)
    for box in (Box(60, 0, 5, 5), Box(0, 40, 5, 5), Box(-5, 0, 5, 5)):
        with pytest.raises(PictureError, match="has 60x40 pixels"):
            hole(photo, boxes=(box,))


def test_scratches(tmp_path):
    pixels = np.full((200, 200, 3), 90, np.uint8)
    pixels[20:180, 100:102] = 230
    found = hole(save(tmp_path / "p.png", pixels), scratches=True)
    assert bool((found.weight[0, 20:180, 100:102] == 1).all())
    assert "looks like scratches" in only_note(found)


# Together


def test_all_that_is_given_is_united(photo, tmp_path):
    path = save(tmp_path / "m.png", mask(128))
    weight = hole(photo, mask=str(path), boxes=(Box(28, 8, 10, 5), Box(50, 30, 2, 2))).weight
    assert weight[0, 15, 15] == pytest.approx(128 / 255)
    assert bool((weight[0, 8:13, 28:38] == 1).all())
    assert bool((weight[0, 30:32, 50:52] == 1).all())
    assert int((weight > 0).sum()) == 12 * 20 + 8 * 5 + 4


def test_dilating_by_a_disk(photo):
    weight = hole(photo, boxes=(Box(30, 20, 1, 1),), dilate=3).weight
    y, x = torch.meshgrid(torch.arange(HEIGHT), torch.arange(WIDTH), indexing="ij")
    assert torch.equal(weight[0], ((y - 20) ** 2 + (x - 30) ** 2 <= 9).float())


def test_feathering_lies_outside(photo):
    weight = hole(photo, boxes=(Box(10, 8, 20, 12),), feather=3).weight
    assert bool((weight[0][BOX] == 1).all())
    assert weight[0, 12, 28:36].tolist() == pytest.approx([1, 1, 0.75, 0.5, 0.25, 0, 0, 0])
    assert weight[0, 0:9, 20].tolist() == pytest.approx([0, 0, 0, 0, 0, 0.25, 0.5, 0.75, 1])


def test_dilating_comes_before_feathering(photo):
    weight = hole(photo, boxes=(Box(10, 8, 20, 12),), dilate=2, feather=1).weight
    assert weight[0, 12, 28:35].tolist() == pytest.approx([1, 1, 1, 1, 0.5, 0, 0])


def test_growing_keeps_a_soft_mask(photo, tmp_path):
    pixels = mask()
    pixels[30:32, 50:52] = 51  # too faint to grow
    weight = hole(photo, mask=str(save(tmp_path / "m.png", pixels)), dilate=1).weight
    assert box_of(weight[:, :25]) == (7, 21, 9, 31)
    assert weight[0, 29:33, 50].tolist() == pytest.approx([0, 0.2, 0.2, 0])


def test_inverting_comes_before_growing(photo):
    weight = hole(photo, boxes=(Box(10, 8, 20, 12),), invert=True, dilate=2).weight
    assert torch.equal(weight[0, 10:18, 12:28], torch.zeros(8, 16))
    assert int((weight == 0).sum()) == 8 * 16


def test_growing_may_not_eat_all(photo):
    with pytest.raises(PictureError, match="dilate 0 and feather 80, which cover all"):
        hole(photo, boxes=(Box(10, 8, 20, 12),), feather=80)


def test_inverting_nothing_is_refused(photo):
    with pytest.raises(PictureError, match="; invert fills what is not marked"):
        hole(photo, mask_color=(255, 0, 255), invert=True)


def test_margins_are_holes(photo):
    found = hole(photo, outpaint=parse_outpaint("10%,4,0,50%"), boxes=(Box(0, 0, 1, 1),))
    assert found.margins == (6, 4, 0, 20)
    assert found.weight.shape == (1, 4 + 40 + 20, 6 + 60)
    known = found.weight == 0
    assert int(known.sum()) == HEIGHT * WIDTH - 1
    assert bool(known[0, 4:44, 6:].sum() == HEIGHT * WIDTH - 1)


def test_margins_are_not_inverted_and_grow(photo):
    weight = hole(photo, outpaint=parse_outpaint("5,0,0,0"), boxes=(Box(0, 0, 60, 40),), invert=True, dilate=2).weight
    assert torch.equal(weight[0, 0], (torch.arange(65) < 7).float())


def test_standard_input_has_a_name_in_errors():
    picture = images.Picture((images.Frame(torch.rand(3, HEIGHT, WIDTH)),))
    with pytest.raises(PictureError, match="outside of the picture, which"):
        find_hole(InpaintOptions(boxes=(Box(100, 0, 5, 5),)), picture)
