"""The commands with URLs: all tasks, what is refused, shards and processes that race, and the Ray engine."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import img2img
from img2img.batch.manifest import Record
from img2img.cli import app
from img2img.storage.objects import put, read_object
from img2img.storage.url import Url
from img2img.tasks import PICTURE_TASKS
from img2img.tasks.task import Task
from tests.helpers.objects import contents, png, record_objects, store

MORE = {"inpaint": ["--box", "1,1,2,2"], "stylize": ["--style", "cafe-terrace"], "translate": ["-m", "translate-restore"]}


@pytest.mark.parametrize("task", PICTURE_TASKS, ids=lambda task: task.name)
def test_all_picture_commands_take_urls(task: Task[Any], memory: Url, tmp_path: Path) -> None:
    """A file to a file, a folder to a folder, to a disk, and again; the results are those of disks."""
    store(memory / "in", "a.png", "sub/b.png")
    (tmp_path / "a.png").write_bytes(png(0))
    words = [task.name, *MORE.get(task.name, ["-s", "2"])]
    local = CliRunner().invoke(app, [*words, str(tmp_path / "a.png"), "-o", str(tmp_path / "out.png")])
    assert local.exit_code == 0
    one = CliRunner().invoke(app, [*words, f"{memory}/in/a.png", "-o", f"{memory}/one.png"])
    assert (one.exit_code, one.stdout) == (0, f"{memory}/one.png\n")
    many = CliRunner().invoke(app, [*words, f"{memory}/in/", "-r", "-o", f"{memory}/out/"])
    assert (many.exit_code, many.stdout) == (0, f"{memory}/out/a.png\n{memory}/out/sub/b.png\n")
    down = CliRunner().invoke(app, [*words, f"{memory}/in/a.png", "-o", str(tmp_path / "down.png")])
    assert down.exit_code == 0
    expected = (tmp_path / "out.png").read_bytes()
    assert read_object(memory / "one.png", 1 << 20) == contents(memory / "out")["a.png"] == expected
    assert (tmp_path / "down.png").read_bytes() == expected
    again = CliRunner().invoke(app, [*words, f"{memory}/in/", "-r", "-o", f"{memory}/out/", "--json"])
    assert [json.loads(line)["status"] for line in again.stdout.splitlines()] == ["skipped", "skipped"]
    assert not list(tmp_path.glob("memory*")), "no folder that is called as a URL"


def test_a_url_to_standard_output_and_in_python(memory: Url) -> None:
    store(memory, "a.png")
    done = CliRunner().invoke(app, ["upscale", f"{memory}/a.png", "-s", "2", "-o", "-"])
    assert done.exit_code == 0
    assert done.stdout_bytes.startswith(b"\x89PNG")
    assert img2img.upscale(f"{memory}/a.png", scale=2).size == (16, 16)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["upscale", "-", "-o", "memory://x/a.png"], "--output 'memory://x/a.png' is a URL; give a path on this machine"),
        (
            ["upscale", "memory://x/a.png", "--credentials"],
            "--credentials are signed on disks: 'memory://x/a.png' is a URL; give files on this machine",
        ),
        (["upscale", "s3://", "-o", "out/"], "'s3://' is no place in object storage (s3://BUCKET/FOLDER; not on Windows)"),
        (
            ["inpaint", "samples/a.png", "--box", "1,1,2,2", "--mask-out", "memory://x/m.png"],
            "--mask-out 'memory://x/m.png' is a URL; give a path on this machine",
        ),
    ],
)
def test_what_does_not_fit_object_storage_is_refused(
    words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "samples").mkdir()
    (tmp_path / "samples/a.png").write_bytes(png(0))
    done = CliRunner().invoke(app, words)
    assert (done.exit_code, done.output) == (2, f"img2img: {message}\n")
    assert [path.name for path in tmp_path.rglob("*.png")] == ["a.png"]


def test_masks_and_previews_are_files(memory: Url) -> None:
    put(memory / "a.png", png(0, side=20), replace=False)
    mask = CliRunner().invoke(app, ["inpaint", f"{memory}/a.png", "--mask", f"{memory}/a.png", "-o", f"{memory}/out.png"])
    assert (mask.exit_code, mask.output) == (2, f"img2img: --mask '{memory}/a.png' is a URL; give a path on this machine\n")
    words = ["stylize", f"{memory}/a.png", "--style", "cafe-terrace", "--method", "optimize", "--iterations", "1"]
    preview = CliRunner().invoke(app, [*words, "-o", f"{memory}/out.png", "--preview", f"{memory}/p.png"])
    assert preview.exit_code == 2
    assert "--preview" in preview.output
    assert list(contents(memory)) == ["a.png"]
    assert CliRunner().invoke(app, [*words, "-o", f"{memory}/out.png"]).exit_code == 0
    assert sorted(contents(memory)) == ["a.png", "out.png"]


def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = pytest.importorskip("fsspec.registry")
    monkeypatch.delitem(registry._registry, "s3", raising=False)
    monkeypatch.setitem(sys.modules, "s3fs", None)
    done = CliRunner().invoke(app, ["upscale", "s3://a-bucket-of-nobody/a.png"])
    assert done.exit_code == 1
    assert done.output.startswith("img2img: 's3://a-bucket-of-nobody' needs a package: pip install \"img2img-toolkit[storage]\"")


def command(place: Url, out: Url | Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "img2img", "-q", "upscale", f"{place}/", "-r", "-o", f"{out}/", "-s", "2", *more]


@pytest.mark.slow
@pytest.mark.parametrize("shards", [["1/2", "2/2"], ["1/1", "1/1"]], ids=["apart", "the same"])
def test_processes_that_race_on_one_bucket_make_the_objects_of_one(bucket: Url, tmp_path: Path, shards: list[str]) -> None:
    photos = store(bucket / "in", *(f"{'sub/' * (number % 2)}{number}.png" for number in range(12)))
    subprocess.run(command(photos, tmp_path / "alone"), check=True)
    racing = [subprocess.Popen(command(photos, bucket / "out", "--shard", shard)) for shard in shards]
    assert [process.wait() for process in racing] == [0, 0]
    alone = {str(path.relative_to(tmp_path / "alone")): path.read_bytes() for path in (tmp_path / "alone").rglob("*.png")}
    assert contents(bucket / "out") == alone
    assert len(alone) == 12
    record = Record(bucket / "out")
    assert all(record.key(bucket / "out" / name) for name in alone)
    again = subprocess.run(command(photos, bucket / "out", "--json"), capture_output=True, text=True, check=True)
    assert again.stdout.count('"skipped"') == 12


@pytest.mark.slow
def test_the_ray_engine_makes_the_objects_of_the_local_one(bucket: Url, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    photos = store(bucket / "in", *(f"{number}.png" for number in range(6)))
    put(photos / "bad.png", b"no picture", replace=False)
    env = {**os.environ, "RAY_AUTH_MODE": "disabled"}
    words = command(photos, bucket / "out", "--engine", "ray", "--workers", "1", "--json")
    done = subprocess.run(words, capture_output=True, text=True, env=env, check=False)
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.returncode, {each["input"].rpartition("/")[2]: each["status"] for each in said}) == (
        1,
        {**{f"{number}.png": "ok" for number in range(6)}, "bad.png": "failed"},
    )
    assert 1 <= len(record_objects(bucket / "out")) <= 2, "the driver writes none, and a process one for many chunks"
    subprocess.run(command(photos, tmp_path / "alone"), check=False)
    assert contents(bucket / "out") == {path.name: path.read_bytes() for path in (tmp_path / "alone").glob("*.png")}
    again = subprocess.run(command(photos, bucket / "out", "--json"), capture_output=True, text=True, check=False)
    assert again.stdout.count('"skipped"') == 6
