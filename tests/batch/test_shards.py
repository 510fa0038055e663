"""Shards: every picture in exactly one, the same everywhere, and several commands at once on one folder."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from img2img.batch.manifest import NAME, Record
from img2img.batch.shards import Shard
from img2img.cli import app
from img2img.errors import ConfigError
from img2img.tasks import PICTURE_TASKS
from img2img.tasks.task import Task
from tests.helpers.disks import full_after


def folder_of(folder: Path, count: int, side: int = 8) -> Path:
    (folder / "sub").mkdir(parents=True)
    values = np.random.default_rng(0)
    for number in range(count):
        place = folder / "sub" if number % 3 == 0 else folder
        Image.fromarray(values.integers(0, 256, (side, side, 3), np.uint8)).save(place / f"{number:02}.png")
    return folder


def test_every_name_is_in_one_shard_and_shards_are_alike_in_size() -> None:
    names = [f"folder/{number}.jpg" for number in range(4000)]
    found = Counter(number for name in names for number in range(1, 9) if name in Shard(number, 8))
    assert sum(found.values()) == len(names)
    assert all(abs(count - 500) < 100 for count in found.values())
    assert all(name in Shard(1, 1) for name in names)


def test_a_shard_is_what_sha256_says() -> None:
    """``printf a.png | sha256sum`` begins with 7f071235805fbf58, which is 1 modulo 7, so that it is in the second."""
    assert 0x7F071235805FBF58 % 7 == 1
    assert [next(k for k in range(1, 8) if name in Shard(k, 7)) for name in ("a.png", "sub/b.jpg", "\udcff.png")] == [2, 6, 5]


@pytest.mark.parametrize("text", ["", "3", "0/3", "4/3", "1/0", "-1/3", "1/3/5", "a/b", "1.0/3", "1/9999999", "\u0661/\u0663"])
def test_what_is_no_shard_is_refused_with_what_was_given(text: str) -> None:
    with pytest.raises(ConfigError, match=r"shard is K/N with K from 1 to N.*such as 3/8; got ") as raised:
        Shard.parse(text)
    assert repr(text) in str(raised.value)
    assert Shard.parse("3/8") == (3, 8)


@pytest.mark.parametrize("task", PICTURE_TASKS, ids=lambda task: task.name)
def test_all_picture_commands_take_one(task: Task[Any], tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    name = task.name
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    more = {"inpaint": ["--box", "1,1,2,2"], "stylize": ["--style", "cafe-terrace"], "translate": ["-m", "translate-restore"]}.get(name, [])
    wrong = CliRunner().invoke(app, [name, str(tmp_path / "a.png"), *more, "--shard", "3/2"])
    assert wrong.exit_code == 2
    assert wrong.output == "img2img: --shard is K/N with K from 1 to N and N up to 1,000,000, such as 3/8; got '3/2'\n"
    stream = CliRunner().invoke(app, [name, "-", *more, "--shard", "1/2"])
    assert stream.exit_code == 2
    assert "--shard is for files" in stream.output
    empty = next(f"{number}/50" for number in range(1, 51) if "a.png" not in Shard(number, 50))
    nothing = CliRunner().invoke(app, [name, str(tmp_path / "a.png"), *more, "--shard", empty])
    assert (nothing.exit_code, nothing.stdout) == (0, ""), "an array may have more tasks than there are pictures"
    assert f"shard {empty}: 0 of 1" in caplog.messages


def command(photos: Path, out: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "img2img", "-q", "upscale", str(photos), "-r", "-o", str(out), "-s", "2", *more]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != NAME}


@pytest.mark.slow
@pytest.mark.parametrize("shards", [["1/3", "2/3", "3/3"], ["1/2", "2/2", "1/1"]], ids=["apart", "overlapping"])
def test_processes_that_race_on_one_folder_make_each_picture_once(tmp_path: Path, shards: list[str]) -> None:
    """Also where shards overlap, as when an array is started twice: the files are those of one command, and the record knows all."""
    photos = folder_of(tmp_path / "photos", 18)
    subprocess.run(command(photos, tmp_path / "alone"), check=True)
    racing = [subprocess.Popen(command(photos, tmp_path / "out", "--shard", shard), stdout=subprocess.PIPE) for shard in shards]
    printed = [process.communicate()[0].decode().split() for process in racing]
    assert [process.returncode for process in racing] == [0] * len(shards)
    assert contents(tmp_path / "out") == contents(tmp_path / "alone")
    assert set().union(*printed) == {str(tmp_path / "out" / name) for name in contents(tmp_path / "alone")}
    if shards[0] == "1/3":
        assert sum(map(len, printed)) == 18
    record = Record(tmp_path / "out")
    assert all(record.key(tmp_path / "out" / name) for name in contents(tmp_path / "out"))
    lines = (tmp_path / "out" / NAME).read_bytes().split(b"\n")[1:]
    assert all(line.startswith(b"[") and line.endswith(b"]") for line in lines), "whole lines"
    again = subprocess.run(command(photos, tmp_path / "out", "--json"), capture_output=True, text=True, check=True)
    assert again.stdout.count('"skipped"') == 18


APPEND = """
import os, sys
from pathlib import Path
from img2img.batch.manifest import Record
folder, name = Path(sys.argv[1]), sys.argv[2]
record = Record(folder)
for number in range(60):
    output = folder / f"{name}-{number}"
    (folder / f".{name}").write_text(name * number)
    record.add(output, folder / f".{name}", f"key {name} {number}", Path("in.png"))
    os.rename(folder / f".{name}", output)
"""


def test_lines_of_several_processes_stay_whole(tmp_path: Path) -> None:
    racing = [subprocess.Popen([sys.executable, "-c", APPEND, str(tmp_path), name]) for name in "abcd"]
    assert [process.wait() for process in racing] == [0] * 4
    record = Record(tmp_path)
    keys = {record.key(tmp_path / f"{name}-{number}") for name in "abcd" for number in range(60)}
    assert keys == {f"key {name} {number}" for name in "abcd" for number in range(60)}


def test_without_locks_a_line_that_does_not_fit_is_left_for_readers_to_pass_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("img2img.batch.journal._lock", lambda handle: False)
    (tmp_path / "a").write_text("made")
    Record(tmp_path).add(tmp_path / "a", tmp_path / "a", "key", tmp_path / "in.png")
    size = os.path.getsize(tmp_path / NAME)
    with full_after(size + 20), pytest.raises(Exception, match="cannot be written: File too large"):
        Record(tmp_path).add(tmp_path / "b", tmp_path / "a", "key", tmp_path / "in.png")
    assert os.path.getsize(tmp_path / NAME) == size + 20, "cutting could cut what another machine wrote behind it"
    Record(tmp_path).add(tmp_path / "a", tmp_path / "a", "new", tmp_path / "in.png")
    assert Record(tmp_path).key(tmp_path / "a") == "new"
