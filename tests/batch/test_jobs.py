from pathlib import Path

import pytest
from PIL import Image

from img2img.batch.jobs import Naming, plan
from img2img.errors import ConfigError, PictureError


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for name in ("a.png", "b.jpg", "sub/a.png", "sub/deep/c.webp"):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 3)).save(path)
    return tmp_path / "photos"


def outputs(inputs: list[Path | str], root: Path, recursive: bool = False, **naming: object) -> list[str]:
    return [str(job.target.relative_to(root)) for job in plan([str(text) for text in inputs], Naming(**naming), recursive=recursive)]  # type: ignore[arg-type]


def test_beside_the_input(photos: Path) -> None:
    assert outputs([photos / "a.png"], photos) == ["a_4x.png"]
    assert outputs([photos / "a.png", photos / "b.jpg"], photos, suffix="_big", extension="webp") == ["a_big.webp", "b_big.webp"]


def test_folders_are_mirrored(photos: Path) -> None:
    root = photos.parent
    assert outputs([photos], root) == ["photos_4x/a.png", "photos_4x/b.jpg"]
    assert outputs([photos], root, recursive=True, output=str(root / "out")) == [
        "out/a.png",
        "out/b.jpg",
        "out/sub/a.png",
        "out/sub/deep/c.webp",
    ]
    assert outputs([f"{photos}/*/a.png"], root, output=f"{root}/o/") == ["o/sub/a.png"]


def test_one_file(photos: Path) -> None:
    assert outputs([photos / "a.png"], photos, output=str(photos / "new/x.tif")) == ["new/x.tif"]
    assert outputs([photos / "a.png"], photos, output=str(photos / "new")) == ["new/a.png"]
    assert outputs([photos / "a.png"], photos, output=str(photos / "sub"), suffix="_4x") == ["sub/a_4x.png"]


def test_results_inside_the_input_folder_are_no_inputs(photos: Path) -> None:
    (photos / "out").mkdir()
    Image.new("RGB", (4, 3)).save(photos / "out/a.png")
    assert "out/out/a.png" not in outputs([photos], photos, recursive=True, output=str(photos / "out"))


def test_colliding_names_become_distinct(photos: Path) -> None:
    for name in ("a.jpg", "A.png", "a_png.png"):
        Image.new("RGB", (4, 3)).save(photos / name)
    names = outputs([photos], photos.parent, extension="png", output=str(photos.parent / "o"))
    assert names == ["o/A_png-2.png", "o/a_jpg.png", "o/a_png-3.png", "o/a_png.png", "o/b.png"]
    assert names == outputs([photos], photos.parent, extension="png", output=str(photos.parent / "o"))
    assert outputs([photos / "a.png", photos / "sub/a.png"], photos, output=str(photos / "o")) == ["o/a_png.png", "o/a_png-2.png"]


def test_an_unwritable_extension_becomes_png(photos: Path) -> None:
    (photos / "a.png").rename(photos / "camera.raw")
    assert outputs([photos / "camera.raw"], photos) == ["camera_4x.png"]


@pytest.mark.parametrize(
    ("inputs", "naming", "error", "message"),
    [
        (["{}"], {"output": "x.png"}, ConfigError, "several inputs"),
        (["{}/a.png", "{}/b.jpg"], {"output": "x.png"}, ConfigError, "several inputs"),
        (["{}/*"], {"output": "x.png"}, ConfigError, "2 inputs cannot become"),
        (["{}/a.png"], {"output": "x.png", "extension": "jpg"}, ConfigError, "two formats"),
        (["{}/a.png"], {"suffix": "../up"}, ConfigError, "part of a file name"),
        (["{}/a.png"], {"extension": "exe"}, PictureError, "no format that can be written"),
        (["{}/a.png"], {"output": "x.exe"}, PictureError, "no format that can be written"),
        (["{}/none.png"], {}, PictureError, "no file or folder"),
    ],
)
def test_refused(photos: Path, inputs: list[str], naming: dict[str, str], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        plan([text.format(photos) for text in inputs], Naming(**naming))  # type: ignore[arg-type]
