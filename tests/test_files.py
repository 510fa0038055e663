"""Files written whole or not at all: what a kill leaves is removed, what another process writes is not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from img2img.errors import Img2ImgError
from img2img.files import atomic_path, check_writable
from tests.helpers.disks import full_after, small_disk

WRITES = """
import os, signal, sys
from img2img.files import atomic_path
with atomic_path(sys.argv[1]) as path:
    path.write_text("half")
    print("written", flush=True)
    sys.stdin.readline()
"""


def start_writing(target: Path) -> subprocess.Popen[str]:
    """A process that has written a part of ``target`` and goes on when it gets a line."""
    process = subprocess.Popen([sys.executable, "-c", WRITES, str(target)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "written\n"
    return process


@pytest.mark.skipif(sys.platform == "win32", reason="no locks there")
def test_the_next_process_removes_what_a_kill_left_and_leaves_the_others_alone(tmp_path: Path) -> None:
    killed, living = start_writing(tmp_path / "killed.txt"), start_writing(tmp_path / "living.txt")
    killed.kill()
    killed.wait()
    (tmp_path / ".img2img-mine.txt").touch()
    (tmp_path / ".img2img.jsonl").touch()
    (tmp_path / ".img2img-abcdefgh.png").mkdir()
    temporary = {path.name for path in tmp_path.iterdir() if path.is_file()}
    assert len(temporary) == 4
    with atomic_path(tmp_path / "next.txt") as path:
        path.write_text("next")
    assert len({entry.name for entry in tmp_path.iterdir()} & temporary) == 3
    living.communicate("\n")
    assert sorted(os.listdir(tmp_path)) == [".img2img-abcdefgh.png", ".img2img-mine.txt", ".img2img.jsonl", "living.txt", "next.txt"]
    assert (tmp_path / "living.txt").read_text() == "half"


def test_a_writer_within_a_block_writes_to_its_file(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "a.txt") as outer, atomic_path(outer) as inner:
        assert inner == outer
        inner.write_text("new")
        assert os.listdir(tmp_path) == [outer.name]
    assert (tmp_path / "a.txt").read_text() == "new"


def test_a_full_disk_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("old")
    message = r"a\.txt' cannot be written: File too large"
    with full_after(10), pytest.raises(Img2ImgError, match=message), atomic_path(tmp_path / "a.txt") as path:
        path.write_text("more than ten bytes")
    assert (tmp_path / "a.txt").read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_an_error_about_another_file_stays_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="other"), atomic_path(tmp_path / "a.txt"):
        (tmp_path / "other").read_text()


def test_folders_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "dangling").symlink_to("nowhere")
    for folder in ("file", "file/below/it", "dangling", "dangling/below"):
        with pytest.raises(Img2ImgError, match=r"cannot write into .* choose another output folder"):
            check_writable(tmp_path / folder)
    check_writable(tmp_path / "to/be/made")
    assert sorted(os.listdir(tmp_path)) == ["dangling", "file"]


def test_a_read_only_disk(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "200k", "ro") as disk, pytest.raises(Img2ImgError, match="Read-only file system"):
        check_writable(disk / "out")
