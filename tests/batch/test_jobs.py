import os
import tracemalloc
from pathlib import Path

import pytest
from PIL import Image

from img2img.batch import jobs as jobs_module
from img2img.batch.jobs import Naming, plan
from img2img.batch.manifest import Record
from img2img.errors import ConfigError, PictureError
from img2img.files import ignores_case


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
    assert names == ["o/A.png", "o/a_jpg.png", "o/a_png-2.png", "o/a_png.png", "o/b.png"]
    assert names == outputs([photos], photos.parent, extension="png", output=str(photos.parent / "o"))
    assert outputs([photos / "a.png", photos / "sub/a.png"], photos, output=str(photos / "o")) == ["o/a_png.png", "o/a_png-2.png"]


def finish(inputs: list[Path | str], naming: Naming) -> list[str]:
    """Make all outputs as a run does, and give their names."""
    jobs = plan([str(text) for text in inputs], naming)
    for job in jobs:
        job.target.parent.mkdir(exist_ok=True)
        Image.new("RGB", (4, 3)).save(job.target)
        Record(job.folder).add(job.target, job.target, "key", job.source)
    return [job.target.name for job in jobs]


def test_names_that_differ_by_case_stay_where_the_disk_tells_them_apart(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if ignores_case(photos):
        pytest.skip("this disk takes them for one")
    Image.new("RGB", (4, 3)).save(photos / "A.png")
    Image.new("RGB", (4, 3)).save(photos / "a.PNG")
    both = photos / "A.png", photos / "a.PNG", photos / "a.png"
    assert outputs([*both], photos, output=str(photos / "o")) == ["o/A.png", "o/a.PNG", "o/a.png"]
    assert outputs([*both], photos, output=str(photos / "o"), extension="webp") == ["o/A.webp", "o/a_PNG.webp", "o/a_png.webp"]
    monkeypatch.setattr(jobs_module, "ignores_case", lambda folder: True)
    assert outputs([*both], photos, output=str(photos / "o")) == ["o/A_png.png", "o/a_PNG-2.PNG", "o/a_png-3.png"]
    folded = [name.casefold() for name in outputs([*both], photos, output=str(photos / "o"), extension="webp")]
    assert len(set(folded)) == 3


@pytest.mark.parametrize("output", ["o", None])
def test_a_file_that_is_added_never_renames_a_finished_output(photos: Path, output: str | None) -> None:
    naming = Naming(str(photos.parent / output) if output else None, suffix="_2x", extension="webp")
    pattern = f"{photos}/*.[jp][pn]g"
    assert finish([pattern], naming) == ["a_2x.webp", "b_2x.webp"]
    Image.new("RGB", (4, 3)).save(photos / "a.jpg")
    assert finish([pattern], naming) == ["a_jpg_2x.webp", "a_2x.webp", "b_2x.webp"]
    (photos / "a.png").unlink()
    assert finish([pattern], naming) == ["a_jpg_2x.webp", "b_2x.webp"], "nor does one that goes"
    Image.new("RGB", (4, 3)).save(photos / "a_jpg.png")
    assert finish([pattern], naming) == ["a_jpg_2x.webp", "a_jpg_png_2x.webp", "b_2x.webp"], "nor one that would get that name"


def test_an_output_file_that_is_named_gets_that_name(photos: Path) -> None:
    Image.new("RGB", (4, 3)).save(photos / "a.jpg")
    out = photos.parent / "o"
    assert finish([photos / "a.jpg", photos / "a.png"], Naming(str(out), extension="webp")) == ["a_jpg.webp", "a_png.webp"]
    assert outputs([photos / "a.png"], out, output=str(out / "a.webp")) == ["a.webp"]


def test_links_in_a_circle_do_no_harm(photos: Path) -> None:
    (photos / "circle.png").symlink_to("circle.png")
    assert outputs([photos], photos.parent, output=str(photos.parent / "o")) == ["o/a.png", "o/b.jpg", "o/circle.png"]


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


def test_a_plan_of_many_names_reads_no_file_and_has_room_for_a_million(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the peak less than 4 kB a name: 4 GB for a million. There is nothing behind the names."""
    names = [f"{number:06}.jpg" for number in range(5000)]
    monkeypatch.setattr(os, "walk", lambda top, **options: iter([(str(top), [], names)]))
    tracemalloc.start()
    jobs = plan([str(tmp_path)], Naming(str(tmp_path / "out")))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [job.target.name for job in jobs] == names
    assert peak < 4000 * len(names)
