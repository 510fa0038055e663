"""What is missing of rasters, filled: every band by itself, in its own range and type, known samples to the bit, tags kept."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from cli_errors import raise_error
from torch import Tensor
from typer.testing import CliRunner

from img2img import images, networks
from img2img.cli import app
from img2img.errors import ConfigError, PictureError
from img2img.images import Frame, Metadata, Picture
from img2img.images.nodata import missing
from img2img.inference.runtime import Runtime
from img2img.models import ImageSpec, Model, ModelInfo
from img2img.networks import Inpainter
from img2img.tasks.inpaint.bands import fill_bands, without_no_data
from img2img.tasks.inpaint.options import InpaintOptions
from img2img.tasks.inpaint.pipeline import InpaintPipeline

BODY = {"name": "resnet", "width": 8, "blocks": 2, "shuffle": 2}
NODATA = InpaintOptions(mask="nodata")
GEO = [(33550, "d", 3, (30.0, 30.0, 0.0), False), (33922, "d", 6, (0.0, 0.0, 0.0, 5e5, 9e6, 0.0), False)]
GEO += [(34735, "H", 8, (1, 1, 0, 1, 1024, 0, 1, 1), False), (34737, "s", 0, "UTM|", False)]


def pipeline(channels: int = 3, masks: int = 1, spec: ImageSpec | None = None) -> InpaintPipeline:
    torch.manual_seed(0)
    network = networks.build({"name": "inpainter", "body": BODY, "channels": channels, "masks": masks}).eval().requires_grad_(False)
    assert isinstance(network, Inpainter)
    info = ModelInfo(name="tiny", task="inpaint", in_channels=channels + masks, halo=network.halo, multiple=network.multiple)
    if spec:
        info = info.model_copy(update={"a": spec, "b": spec})
    return InpaintPipeline(Model(network, info), Runtime(device="cpu"))


def scene(kind: str, bands: int = 5, height: int = 40, width: int = 52) -> np.ndarray:
    """(H, W, bands): smooth, each band in a range of its own, and never ``nodata``."""
    y, x = np.mgrid[:height, :width]
    planes = [np.sin(x / 9 + band) + np.cos(y / 7) + 3 * band for band in range(bands)]
    values = np.stack(planes, 2) * (1 if kind[0] == "f" else 6)
    return (values + (0 if kind[0] == "i" else 20)).astype(kind)


def write(path: Path, values: np.ndarray, nodata: str | None = None, extra: tuple[int, ...] | None = None) -> Path:
    tags = [*GEO, *([(42113, "s", 0, nodata, False)] if nodata else [])]
    extra = (0,) * (values.shape[2] - 1) if extra is None else extra
    tifffile.imwrite(
        path, values, planarconfig="contig", photometric="minisblack", extrasamples=extra, extratags=tags, metadata=None, compression="zlib"
    )
    return path


def tags(path: Path) -> dict[int, object]:
    with tifffile.TiffFile(path) as file:
        found = file.pages[0].tags
        return {tag: found[tag].value for tag in (338, 33550, 33922, 34735, 34737, 42113) if tag in found}


HOLES = np.zeros((40, 52, 5), bool)
HOLES[10:18] = True  # in all bands
HOLES[25:32, 5:20, 2] = True  # in one


@pytest.mark.parametrize(
    ("kind", "hole", "text"),
    [
        ("u1", 0, "0"),
        ("u2", 65535, "65535"),
        ("i2", -9999, "-9999"),
        ("i1", -128, "-128"),
        ("f4", np.nan, None),
        ("f4", np.nan, "nan"),
        ("f4", np.inf, None),
        ("f4", np.float32(-3.4028234663852886e38), "-3.4028234663852886e+38"),
        ("f4", np.float32(-9999.1), "-9999.1"),
    ],
)
def test_missing_samples_alone_are_filled_in_the_raster_s_own_type_and_tags_stay(kind, hole, text, tmp_path):
    values = scene(kind)
    given = np.where(HOLES, np.array(hole, kind), values)
    path = write(tmp_path / "scene.tif", given, text)
    picture = pipeline().read(path, NODATA, max_pixels=10**6)
    assert np.array_equal(missing(picture).permute(1, 2, 0).numpy(), HOLES)
    result = pipeline()(picture, NODATA)
    images.write(result.picture, tmp_path / "filled.tif")
    filled = tifffile.imread(tmp_path / "filled.tif")
    assert filled.dtype == kind
    assert np.array_equal(filled[~HOLES], given[~HOLES])
    assert np.isfinite(filled).all()
    assert not (filled[HOLES] == given[HOLES]).any()
    for band in range(5):  # an untrained network changes the guess by little, but no value may be beyond the known ones
        known = values[..., band][~HOLES[..., band]]
        inside = filled[..., band][HOLES[..., band]]
        assert known.min() <= inside.min()
        assert inside.max() <= known.max()
        assert abs(float(inside.mean()) - float(known.mean())) < float(known.max()) - float(known.min())
    assert tags(tmp_path / "filled.tif") == tags(path)
    assert result.touched
    assert result.notes == (f"21.01% of the samples of '{path}' are missing, most of them in band 3 (25.05%)",)


@pytest.mark.parametrize("kind", ["u1", "u2", "f4"])
@pytest.mark.parametrize("bands", [1, 3, 5])
def test_a_mask_band_hides_all_bands_and_is_all_valid_then(kind, bands, tmp_path):
    full = 255 if kind != "u2" else 65535
    hidden = HOLES[..., :1]
    values = np.concatenate([scene(kind, bands), np.where(hidden, 0, full).astype(kind)], 2)
    path = write(tmp_path / "scene.tif", values, extra=(*(0,) * (bands - 1), 2))
    picture = pipeline().read(path, NODATA, max_pixels=10**6)
    assert picture.channels == bands
    result = pipeline()(picture, NODATA).picture
    images.write(result, tmp_path / "filled.tif")
    filled = tifffile.imread(tmp_path / "filled.tif")
    assert filled.shape == values.shape
    assert (filled[..., -1] == full).all()
    assert np.array_equal(filled[~hidden[..., 0]], values[~hidden[..., 0]])
    if bands not in (3, 1) or kind == "f4":
        assert tags(tmp_path / "filled.tif")[338][-1:] == (2,)


@pytest.mark.parametrize(("kind", "bands"), [("u1", 3), ("u2", 5), ("f4", 4)])
def test_a_page_that_is_a_mask_hides_too(kind, bands, tmp_path):
    values, shown = scene(kind, bands), ~HOLES[..., 0]
    with tifffile.TiffWriter(tmp_path / "scene.tif") as file:
        rgb = bands == 3
        extra = None if rgb else (0,) * (bands - 1)
        file.write(values, photometric="rgb" if rgb else "minisblack", planarconfig="contig", extrasamples=extra, metadata=None)
        file.write(shown, subfiletype=4, metadata=None)  # of 1 bit
    picture = pipeline().read(tmp_path / "scene.tif", NODATA, max_pixels=10**6)
    assert picture.notes == ("its mask, a page of the file, becomes a mask band",)
    result = pipeline()(picture, NODATA).picture
    images.write(result, tmp_path / "filled.tif")
    filled = tifffile.imread(tmp_path / "filled.tif")
    assert np.array_equal(filled[shown][:, :bands], values[shown])
    assert filled.shape == (40, 52, bands + 1)
    assert (filled[..., bands] == {"u1": 255, "u2": 65535, "f4": 1}[kind]).all()
    assert result.pixels.shape == (bands, 40, 52)


def test_colors_of_8_bits_are_a_raster_too(tmp_path):
    """A composite with zeros where nothing is known of one channel: gray is no reading of it, nor is the profile."""
    values = scene("u1", 3)
    values[5:9, 5:9, 1] = 0
    tags = [*GEO, (42113, "s", 0, "0", False)]
    tifffile.imwrite(tmp_path / "rgb.tif", values, photometric="rgb", extratags=tags, metadata=None)
    done = CliRunner().invoke(
        app, ["inpaint", str(tmp_path / "rgb.tif"), "--mask", "nodata", "--mask-out", str(tmp_path / "m.png"), "--device", "cpu"]
    )
    raise_error(done)
    filled = tifffile.imread(tmp_path / "rgb_inpainted.tif")
    hole = values == 0
    assert np.array_equal(filled[~hole], values[~hole])
    assert (filled[hole] > 0).all()
    mask = images.read(tmp_path / "m.png").pixels
    assert mask.sum() == 16
    assert bool((mask[:, 5:9, 5:9] == 1).all())


def test_what_misses_nothing_is_copied_and_that_is_said(tmp_path):
    path = write(tmp_path / "scene.tif", scene("u2"))
    result = pipeline()(pipeline().read(path, NODATA, max_pixels=10**6), NODATA)
    images.write(result.picture, tmp_path / "copy.tif")
    assert np.array_equal(tifffile.imread(tmp_path / "copy.tif"), tifffile.imread(path))
    assert not result.touched
    assert "names no no-data value (the TIFF tag GDAL_NODATA), and has no mask band" in result.notes[0]
    assert result.notes[1] == f"nothing is missing in '{path}': nothing to fill"
    assert pipeline()(pipeline().read(write(path, scene("u2"), "0"), NODATA, max_pixels=10**6), NODATA).notes == result.notes[1:]


def test_a_band_of_which_nothing_is_known_and_options_of_colors_are_refused(tmp_path):
    values = scene("f4")
    values[..., 3] = np.nan
    picture = pipeline().read(write(tmp_path / "scene.tif", values), NODATA, max_pixels=10**6)
    with pytest.raises(PictureError, match="nothing is known of band 4"):
        pipeline()(picture, NODATA)
    for option in ({"scratches": True}, {"outpaint": "8,0,0,0"}, {"mask_color": "ff00ff"}, {"invert": True}):
        with pytest.raises(ConfigError, match="not for rasters"):
            pipeline().check(InpaintOptions.of("nodata", **option))


def test_boxes_and_wider_holes_are_for_all_bands(tmp_path):
    picture = Picture((Frame(torch.from_numpy(scene("f4", 2)).permute(2, 0, 1)),), 32, "TIFF")
    picture.pixels[0, 3, 4] = torch.nan
    options = NODATA.with_values(boxes=((20, 30, 5, 6),), dilate=1)
    weight = pipeline().holes(picture, options)[0].weight
    assert [float(plane.sum()) for plane in weight] == [5 + 7 * 8 - 4, 7 * 8 - 4]  # corners are round


def test_a_filled_sample_never_equals_the_no_data_value():
    metadata = Metadata(geo=((42113, "100"),))
    hole = torch.tensor([[[True, True, False]]])
    for depth, stored, values, expected in (
        (8, None, [100 / 255, 0.2, 100 / 255], [101 / 255, 0.2, 100 / 255]),
        (16, None, [100 / 65535, 0.2, 0.3], [101 / 65535, 0.2, 0.3]),
        (32, "int16", [100.4, 7.0, 100.0], [101.0, 7.0, 100.0]),
        (32, None, [100.0, 7.0, 100.0], [float(np.nextafter(np.float32(100), np.float32(200))), 7.0, 100.0]),
    ):
        pixels = torch.tensor([[values]])
        picture = Picture((Frame(pixels),), depth, "TIFF", metadata, stored=stored)
        assert torch.equal(without_no_data(pixels, hole, picture), torch.tensor([[expected]]))
    full = Picture((Frame(torch.ones(1, 1, 3)),), 8, "TIFF", Metadata(geo=((42113, "255"),)))
    assert without_no_data(torch.ones(1, 1, 3), hole, full).flatten().tolist() == pytest.approx([254 / 255, 254 / 255, 1])


def test_the_holes_content_and_outliers_say_nothing() -> None:
    """Statistics are those of known values, and one hot pixel does not press the others into a narrow range."""
    seen: list[Tensor] = []

    def fill(x: Tensor) -> Tensor:
        seen.append(x)
        return x[:, :3]

    pixels = torch.linspace(100, 200, 4000).view(1, 50, 80)
    hole = torch.zeros(1, 50, 80, dtype=torch.bool)
    hole[:, 10:20, 10:20] = True
    first = fill_bands(torch.where(hole, torch.nan, pixels), hole, fill, None)
    second = fill_bands(torch.where(hole, 1e30, pixels), hole, fill, None)
    assert torch.equal(first, second)
    assert torch.equal(seen[0], seen[1])
    assert (seen[0][:, 0][~hole].min(), seen[0][:, 0][~hole].max()) == (0, 1)
    assert bool((first[hole] == 150).all())  # what stands in the hole, 0.5, in the band's own range
    pixels[0, 49, 79] = 1e6
    fill_bands(pixels, hole, fill, None)
    assert torch.allclose(seen[0][:, 0, 25:40], seen[2][:, 0, 25:40] * 1.25, atol=0.01)  # the fence is a quarter of the range away


def test_a_model_of_bands_sees_all_of_them_over_the_range_that_it_was_trained_on(tmp_path):
    spec = ImageSpec(channels=5, offset=(0.0,) * 5, scale=(20 / 65535, 30 / 65535, 40 / 65535, 60 / 65535, 90 / 65535), bit_depth=16)
    of = pipeline(5, 5, spec)
    given = np.where(HOLES, 0, scene("u2")).astype("u2")
    path = write(tmp_path / "scene.tif", given, "0")
    result = of(of.read(path, NODATA, max_pixels=10**6), NODATA).picture
    x = torch.from_numpy(given.astype(np.float32)).permute(2, 0, 1) / 65535
    hole = torch.from_numpy(HOLES).permute(2, 0, 1)
    scale = torch.tensor(spec.scale)[:, None, None]
    whole = of.model.network(torch.cat([torch.where(hole, 0.5, x / scale), hole.float()])[None])[0] * scale
    lowest, highest = (torch.stack([edge(v[~h]) for v, h in zip(x, hole, strict=True)]) for edge in (torch.amin, torch.amax))
    whole = whole.maximum(lowest[:, None, None]).minimum(highest[:, None, None])
    assert torch.allclose(result.pixels, torch.where(hole, whole, x), atol=1e-6)
    mask = np.zeros((40, 52), np.uint8)
    mask[3:6, 7:9] = 255
    images.write(Picture((Frame(torch.from_numpy(mask)[None] / 255),)), tmp_path / "mask.png")
    options = InpaintOptions(mask=str(tmp_path / "mask.png"))
    changed = of(of.read(path, options, max_pixels=10**6), options).picture.pixels != x
    assert bool((changed.any(0) <= torch.from_numpy(mask > 0)).all())
    assert bool(changed.any())
    lost = np.where(HOLES, 0, scene("u2")).astype("u2")
    lost[3:5, 7:9] = 0  # in the mask too; what is missing elsewhere is not filled, and says nothing
    results = []
    for value in (0, 999):
        holed = write(path, np.where(lost == 0, value, lost).astype("u2"), str(value))
        results.append(images.quantize(of(of.read(holed, options, max_pixels=10**6), options).picture.pixels, 16))
        assert (results[-1][HOLES] == value).all()
        assert (results[-1][3:5, 7:9] != value).all()
    assert np.array_equal(results[0][~HOLES], results[1][~HOLES])
    with pytest.raises(PictureError, match="trained on 5 bands of 16 bits; the picture has 4 of 16 bits"):
        of(of.read(write(path, given[..., :4]), options, max_pixels=10**6), options)
    with pytest.raises(ConfigError, match=r"scratches.*for pictures of colors"):
        of.check(InpaintOptions(scratches=True))
    with pytest.raises(ConfigError, match="takes 10 planes, 5 bands and the mask of each; 4 were given"):
        of.fill(torch.zeros(1, 4, 20, 20))


def test_rasters_without_the_option_are_refused_as_ever(tmp_path):
    path = write(tmp_path / "scene.tif", scene("f4"))
    with pytest.raises(PictureError, match="only 8 and 16 bits"):
        pipeline().read(path, InpaintOptions(boxes=((0, 0, 5, 5),)), max_pixels=10**6)
    values = scene("f4")
    values[3, 4, 1] = np.nan
    with pytest.raises(PictureError, match="fill them in: img2img inpaint --mask nodata"):
        images.read(write(path, values), bands=True)
