"""The record: what counts as ours, what other processes append, and records that are none."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from img2img.batch.manifest import NAME, Record
from img2img.errors import Img2ImgError
from tests.helpers.disks import full_after
from tests.helpers.users import without_privileges


def make(folder: Path, name: str, content: str, key: str, record: Record | None = None, source: str = "in.png") -> Path:
    """An output as the batch makes it: first the line, then the name."""
    folder.mkdir(exist_ok=True)
    (folder / "temporary").write_text(content)
    (record or Record(folder)).add(folder / name, folder / "temporary", key, folder.parent / source)
    return (folder / "temporary").rename(folder / name)


def test_a_key_belongs_to_content_that_was_not_changed(tmp_path: Path) -> None:
    output = make(tmp_path, "a.png", "made", "key")
    assert Record(tmp_path).key(output) == "key"
    assert Record(tmp_path).key(tmp_path / "b.png") is None
    output.write_text("user")  # as long as before
    assert Record(tmp_path).key(output) is None


def test_a_copy_has_new_times_and_is_known_by_its_content(tmp_path: Path) -> None:
    output = make(tmp_path / "out", "a.png", "made", "key")
    shutil.copytree(tmp_path / "out", tmp_path / "copy", copy_function=shutil.copyfile)
    os.utime(tmp_path / "copy/a.png", (1, 1))
    assert Record(tmp_path / "copy").key(tmp_path / "copy/a.png") == Record(tmp_path / "out").key(output) == "key"


def test_what_another_process_makes_later_is_known(tmp_path: Path) -> None:
    mine = Record(tmp_path)
    first = make(tmp_path, "a.png", "one", "first", Record(tmp_path))
    assert mine.key(first) == "first"
    other = Record(tmp_path)
    for number in range(3):
        assert mine.key(make(tmp_path, "b.png", f"b{number}", f"key {number}", other)) == f"key {number}"
    (tmp_path / NAME).write_text("")  # begun anew
    assert mine.key(make(tmp_path, "c.png", "c", "third", other)) == "third"


def test_a_source_is_known_by_its_output_and_not_named(tmp_path: Path) -> None:
    output = make(tmp_path / "out", "a.png", "made", "key", source="secret.jpg")
    record = Record(tmp_path / "out")
    assert record.is_made_from(tmp_path / "secret.jpg", output)
    assert not record.is_made_from(tmp_path / "secret.png", output)
    assert "secret" not in (tmp_path / "out" / NAME).read_text()
    output.unlink()
    assert not record.is_made_from(tmp_path / "secret.jpg", output)
    assert record.knows(output)


def test_a_disk_that_is_full_leaves_whole_lines(tmp_path: Path) -> None:
    output = make(tmp_path, "a.png", "made", "key")
    before = (tmp_path / NAME).read_bytes()
    with full_after(len(before) + 20), pytest.raises(Img2ImgError, match="cannot be written: File too large"):
        make(tmp_path, "b.png", "made", "key")
    assert (tmp_path / NAME).read_bytes() == before
    assert not (tmp_path / "b.png").exists()
    make(tmp_path, "c.png", "more", "another")
    assert [Record(tmp_path).key(tmp_path / name) for name in ("a.png", "c.png")] == ["key", "another"]
    assert output.exists()


@pytest.mark.parametrize(
    "damage",
    [b"[" * 200_000, b'["a.png", 4', b"\xff\xfe\0", b"{}", b"null", b"7", b'[["a.png"], 4, 5, "key"]', b'["a.png", 4, 5, 6]', b"9" * 5000],
    ids=lambda damage: repr(damage[:12]),
)
def test_lines_that_are_none_are_passed_over(tmp_path: Path, damage: bytes) -> None:
    output = make(tmp_path, "a.png", "made", "key")
    with open(tmp_path / NAME, "ab") as file:
        file.write(b"\n" + damage)
    assert Record(tmp_path).key(output) == "key"
    assert Record(tmp_path).key(make(tmp_path, "b.png", "b", "other")) == "other"


def test_lines_of_earlier_versions_count(tmp_path: Path) -> None:
    output = tmp_path / "a.png"
    output.write_text("made")
    (tmp_path / NAME).write_text("\n" + json.dumps(["a.png", 4, output.stat().st_mtime_ns, "key"]))
    assert Record(tmp_path).key(output) == "key"


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes and links there")
def test_pipes_links_folders_and_giants_are_no_records(tmp_path: Path) -> None:
    for name in ("pipe", "link", "folder", "giant"):
        (tmp_path / name).mkdir()
    os.mkfifo(tmp_path / "pipe" / NAME)
    (tmp_path / "link" / NAME).symlink_to("/etc/passwd")
    (tmp_path / "folder" / NAME).mkdir()
    with open(tmp_path / "giant" / NAME, "wb") as file:
        file.truncate(8 * 1024**3)
    for name, what in (
        ("pipe", "is not a regular file"),
        ("link", "is a link"),
        ("folder", "is not a regular"),
        ("giant", "bytes, more than"),
    ):
        with pytest.raises(Img2ImgError, match=f"{what}.*move it away"):
            Record(tmp_path / name)


@pytest.mark.skipif(sys.platform == "win32", reason="other rights there")
def test_a_record_of_another_user(tmp_path: Path) -> None:
    make(tmp_path, "a.png", "made", "key")
    (tmp_path / NAME).chmod(0o444)
    record = Record(tmp_path)
    with (
        without_privileges(tmp_path),
        pytest.raises(Img2ImgError, match="cannot be written: Permission denied; move it away, or choose another output folder"),
    ):
        record.check_writable()
