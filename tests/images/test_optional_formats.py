"""Without the extra ``formats`` nothing of it is imported, and its files are named with what reads them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from camera_raw import dng, flat

MODULES = ("pillow_heif", "_pillow_heif", "OpenImageIO", "brotli", "rawpy")
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
FILES = {"a.heic": HEIC, "b.jxl": b"\xff\x0a\xfa\x1f", "c.dng": dng(flat(8, 8, 1, 1, 1)), "d.NEF": b"IIRO" + bytes(40)}


def python(code: str) -> str:
    """What ``code`` prints in a Python in which nothing was imported before."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment)
    return done.stdout.strip()


def test_nothing_is_imported_until_a_file_needs_it(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    code = f"""
import sys, torch
from img2img import images
picture = images.Picture((images.Frame(torch.zeros(3, 8, 8)),))
images.write(picture, {str(path)!r})
images.read({str(path)!r}), images.probe({str(path)!r}), images.collect([{str(tmp_path)!r}])
print([name for name in {MODULES!r} if name in sys.modules])
"""
    assert python(code) == "[]"


@pytest.mark.parametrize("name", FILES)
def test_without_the_extra_the_message_names_it(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(FILES[name])
    code = f"""
import sys
sys.modules.update(dict.fromkeys({MODULES!r}))  # None: as if not installed
from img2img import images
from img2img.errors import PictureError
for call in (images.read, images.probe):
    try:
        call({str(tmp_path / name)!r})
    except PictureError as error:
        print(error)
"""
    lines = python(code).splitlines()
    assert len(lines) == 2
    what = {"a": "a HEIC picture", "b": "a JPEG XL picture", "c": "a camera's RAW file", "d": "a camera's RAW file"}[name[0]]
    for line in lines:
        assert f'{name}\' is {what}: install what reads it (pip install "img2img-toolkit[formats]")' in line


def test_without_the_extra_folders_leave_its_files_out_and_formats_are_refused(tmp_path: Path) -> None:
    for name in (*FILES, "e.png"):
        (tmp_path / name).write_bytes(b"x")
    code = f"""
import sys
sys.modules.update(dict.fromkeys({MODULES!r}))
from img2img import images
from img2img.errors import PictureError
from img2img.images.formats import WRITABLE
left_out = []
print([source.path.name for source in images.collect([{str(tmp_path)!r}], left_out=left_out)])
print(images.in_one_line(left_out))
print("HEIF" in WRITABLE, "JXL" in WRITABLE, "PNG" in WRITABLE)
for name in ("a.heic", "a.jxl"):
    try:
        images.check_format(name)
    except PictureError as error:
        print(error)
"""
    taken, left_out, writable, heic, jxl = python(code).splitlines()
    assert taken == "['e.png']"
    wanted = '1 .dng, 1 .heic, 1 .jxl, 1 .nef (.dng, .heic, .jxl, .nef can be read after pip install "img2img-toolkit[formats]")'
    assert left_out == wanted
    assert writable == "False False True"
    assert heic == "'a.heic' is HEIF, which an optional package writes: pip install \"img2img-toolkit[formats]\""
    assert jxl.startswith("'a.jxl' is JXL")


def test_with_the_extra_folders_take_its_files(tmp_path: Path) -> None:
    for module in ("pillow_heif", "OpenImageIO", "rawpy"):
        pytest.importorskip(module, reason="the extra formats is not installed")
    from img2img import images

    for name in FILES:
        (tmp_path / name).write_bytes(b"x")
    assert [source.path.name for source in images.collect([tmp_path])] == sorted(FILES)


def test_the_damaged_are_named_with_the_extra(tmp_path: Path) -> None:
    for module in ("pillow_heif", "OpenImageIO", "rawpy"):
        pytest.importorskip(module, reason="the extra formats is not installed")
    from img2img import images
    from img2img.errors import PictureError

    for name, data in FILES.items():
        if name != "c.dng":
            (tmp_path / name).write_bytes(data)
            with pytest.raises(PictureError, match=f"{name}' is a .* that is damaged, cut short, or of a kind"):
                images.read(tmp_path / name)
