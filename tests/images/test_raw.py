"""Cameras' RAW files: colors worked out by hand, turned once, and named as developed with defaults."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from camera_raw import dng, flat
from profiles import SRGB

from img2img import images
from img2img.errors import PictureError
from img2img.images.raw import NOTE

rawpy = pytest.importorskip("rawpy", reason="the extra formats is not installed")


def srgb(light: float) -> int:
    """Linear light as 16 bits of sRGB (IEC 61966-2-1)."""
    return round(65535 * (12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055))


def test_colors_by_hand(tmp_path: Path) -> None:
    """The camera sees gray as (1/2, 1, 1): its red is doubled, and what it says of a gray area becomes gray."""
    (tmp_path / "a.dng").write_bytes(dng(flat(48, 64, 8192, 16384, 16384), neutral=(1, 2, 2)))
    found, probe = images.read(tmp_path / "a.dng"), images.probe(tmp_path / "a.dng")
    assert (found.format, found.bit_depth, found.width, found.height, found.notes) == ("RAW", 16, 64, 48, (NOTE,))
    assert (probe.format, probe.bit_depth, probe.width, probe.height, probe.bands) == ("RAW", 16, 64, 48, 3)
    values = images.quantize(found.pixels, 16)[20:28, 20:28].reshape(-1, 3).astype(int)
    assert np.abs(values - srgb(0.25)).max() <= 8
    assert len(found.metadata.icc) == len(SRGB)
    for text in (b"Maker\0", b"2024:05:06"):
        assert text in found.metadata.exif


@pytest.mark.parametrize(("orientation", "place"), [(1, (3, 3)), (3, (44, 60)), (6, (3, 44)), (8, (60, 3))])
def test_turned_once(orientation: int, place: tuple[int, int], tmp_path: Path) -> None:
    mosaic = flat(48, 64, 4096, 4096, 4096)
    mosaic[2:6, 2:6] = 65535  # at the upper left as it was stored
    (tmp_path / "a.dng").write_bytes(dng(mosaic, orientation=orientation))
    found, probe = images.read(tmp_path / "a.dng"), images.probe(tmp_path / "a.dng")
    assert (found.width, found.height) == (probe.width, probe.height) == ((48, 64) if orientation in (6, 8) else (64, 48))
    bright = np.argwhere(images.quantize(found.pixels, 16)[:, :, 1] > 60000).mean(0)
    assert np.abs(bright - place).max() < 1
    images.write(found, tmp_path / "b.tif")
    again = images.read(tmp_path / "b.tif")
    assert (again.width, again.format) == (found.width, "TIFF")  # a plain TIFF, of 16 bits, that is not turned again
    assert np.array_equal(images.quantize(again.pixels, 16), images.quantize(found.pixels, 16))


def test_a_size_is_refused_before_developing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images.raw.Raw, "picture", lambda self: pytest.fail("developed"))
    with pytest.raises(PictureError, match=r"50000x40000 pixels, 2000 megapixels"):
        images.read(dng(flat(48, 64, 1, 1, 1), size=(50000, 40000)))


def test_damage_is_named() -> None:
    data = dng(flat(48, 64, 1, 1, 1))
    for cut in (100, 1000, len(data) - 10):
        with pytest.raises(PictureError, match=r"is a camera's RAW file that is (damaged|cut short)"):
            images.read(data[:cut])


def test_what_libraw_leaves_out_of_a_dng_is_named_or_refused() -> None:
    mosaic = flat(48, 64, 1000, 1000, 1000)
    assert images.read(dng(mosaic, opcodes=(9,))).notes == (NOTE, "what this DNG says of the lens (shading, distortion) was not applied")
    for curve in (7, 8):  # the values are then no light, and white balance would multiply them wrongly
        with pytest.raises(PictureError, match="is a lossy DNG, whose values are coded by a curve"):
            images.read(dng(mosaic, opcodes=(9, curve)))


def test_a_photograph_comes_back_from_its_mosaic() -> None:
    photo = images.read(Path(__file__).parents[2] / "samples" / "cat.jpg").pixels[:, :212, :320].double()
    light = torch.where(photo <= 0.04045, photo / 12.92, ((photo + 0.055) / 1.055) ** 2.4)
    mosaic = light[1].clone()
    mosaic[::2, ::2], mosaic[1::2, 1::2] = light[0, ::2, ::2] / 2, light[2, 1::2, 1::2]
    found = images.read(dng((mosaic * 65535 + 0.5).numpy().astype(np.uint16), neutral=(1, 2, 2))).pixels
    error = (found - photo)[:, 4:-4, 4:-4].square().mean()
    assert -10 * error.log10() > 34


def test_a_forked_process_develops_too() -> None:
    """Threads of OpenMP do not survive a fork: a worker of a training would wait for them for ever."""
    code = """
import os, signal, sys, torch
from camera_raw import dng, flat
from img2img import images
data = dng(flat(600, 800, 1000, 2000, 3000))
images.read(data)
if (child := os.fork()) == 0:
    torch.set_num_threads(1)
    signal.alarm(60)
    images.read(data)
    os._exit(0)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0)
"""
    path = os.pathsep.join([str(Path(__file__).parents[1] / "helpers"), *sys.path])
    done = subprocess.run([sys.executable, "-c", code], check=False, env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "4"})
    assert done.returncode == 0, "the child was ended by its alarm"
