"""Collecting inputs: what is taken, in which order, and where it goes."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from img2img import images
from img2img.errors import PictureError
from tests.helpers.users import without_privileges


@pytest.fixture
def tree(tmp_path):
    for name in ("b.png", "A.JPG", "a.jpg", "notes.txt", ".hidden.png", "sub/c.webp", "sub/deep/d.tif", ".git/e.png", "x[1].png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def relatives(*arguments, **options):
    return [str(source.relative) for source in images.collect(*arguments, **options)]


def test_folder(tree):
    assert relatives([str(tree)]) == ["A.JPG", "a.jpg", "b.png", "x[1].png"]
    assert relatives([tree], recursive=True) == ["A.JPG", "a.jpg", "b.png", "sub/c.webp", "sub/deep/d.tif", "x[1].png"]
    assert all(source.path == tree / source.relative for source in images.collect([tree], recursive=True))


def test_files_come_in_the_order_given_and_once(tree):
    assert relatives([str(tree / "b.png"), str(tree / "a.jpg"), str(tree / "b.png"), str(tree)]) == ["b.png", "a.jpg", "A.JPG", "x[1].png"]
    assert relatives([str(tree / "notes.txt")]) == ["notes.txt"]  # named by the user: `read` says what it is


def test_patterns(tree):
    assert relatives([str(tree / "*.jpg")]) == ["a.jpg"]
    assert relatives([str(tree / "*" / "*.webp")]) == ["sub/c.webp"]
    assert relatives([str(tree / "**" / "*.*")]) == ["A.JPG", "a.jpg", "b.png", "sub/c.webp", "sub/deep/d.tif", "x[1].png"]
    assert relatives([str(tree / "x[1].png")]) == ["x[1].png"]  # a file of that name goes before the pattern


def test_patterns_relative_to_here(tree, monkeypatch):
    monkeypatch.chdir(tree)
    assert relatives(["*.png"]) == ["b.png", "x[1].png"]
    assert relatives(["sub/*.webp"]) == ["c.webp"]


@pytest.mark.parametrize("name", ["absent.png", "*.gif", "empty", "", "x" * 300, "a\0b"])
def test_nothing_found(tree, name, monkeypatch):
    monkeypatch.chdir(tree)
    (tree / "empty").mkdir()
    with pytest.raises(PictureError):
        images.collect([name])


def test_an_input_with_pictures_further_down_says_so(tree):
    (tree / "outer" / "inner").mkdir(parents=True)
    (tree / "outer" / "inner" / "a.png").touch()
    with pytest.raises(PictureError, match="--recursive"):
        images.collect([str(tree / "outer")])


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_links_that_loop_or_leave_the_tree(tree, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret.png").touch()
    (tree / "sub" / "up").symlink_to(tree)
    (tree / "sub" / "out").symlink_to(outside)
    (tree / "self.png").symlink_to("self.png")
    found = relatives([str(tree)], recursive=True)
    assert "self.png" in found  # one bad file among others, which `read` refuses
    assert not [name for name in found if "up" in name or "out" in name]
    assert relatives([str(tree / "sub" / "out")]) == ["secret.png"]  # named by the user


@pytest.mark.skipif(sys.platform == "win32", reason="names are bytes elsewhere")
def test_odd_names(tmp_path):
    names = [b"-a.png", b"a\nb.png", b"\xff.png"]
    for name in names:
        with open(os.path.join(os.fsencode(tmp_path), name), "wb"):
            pass
    assert {os.fsencode(source.path.name) for source in images.collect([tmp_path])} == set(names)
    assert all(isinstance(source.path, Path) for source in images.collect([tmp_path]))


def test_what_is_left_out_is_counted(tree):
    for name in ("a.MP4", "b.mp4", "c.mp4", "d.pdf", "README", "sub/e.pdf"):
        (tree / name).touch()
    left_out: list[Path] = []
    assert relatives([tree], left_out=left_out) == ["A.JPG", "a.jpg", "b.png", "x[1].png"]
    assert images.in_one_line(left_out) == "3 .mp4, 1 .pdf, 1 .txt, 1 without extension"
    left_out = []
    relatives([tree], recursive=True, left_out=left_out)
    assert tree / "sub/e.pdf" in left_out
    left_out = []
    relatives([tree / "b.png", tree / "*.*"], left_out=left_out)
    assert images.in_one_line(left_out) == "3 .mp4, 1 .pdf, 1 .txt"
    (tree / "only").mkdir()
    (tree / "only/film.mov").touch()
    with pytest.raises(PictureError, match=r"holds no picture.*; left out: 1 \.mov"):
        images.collect([tree / "only"])


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_links_that_are_left_out(tree):
    (tree / "nowhere").symlink_to("gone")
    (tree / "up").symlink_to(tree)
    (tree / "up2").symlink_to(tree)
    (tree / "gone.png").symlink_to("gone/a.png")
    left_out: list[Path] = []
    assert "gone.png" in relatives([tree], recursive=True, left_out=left_out)
    assert images.in_one_line(left_out) == "2 linked folders, 1 .txt, 1 dangling link"
    with pytest.raises(PictureError, match=r"gone\.png' is a link to 'gone/a\.png', which is not there"):
        images.read(tree / "gone.png")


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="other rights there")
def test_a_folder_that_cannot_be_entered_is_named(tree):
    (tree / "sub").chmod(0)
    with without_privileges(tree):
        errors = {str(source.relative): source.error for source in images.collect([tree], recursive=True, tolerant=True)}
        with pytest.raises(PictureError, match="sub' cannot be entered: Permission denied"):
            images.collect([tree / "sub"], tolerant=True)
        with pytest.raises(PictureError, match="sub' cannot be entered: Permission denied"):
            images.collect([tree], recursive=True)
    (tree / "sub").chmod(0o755)
    assert [name for name, error in errors.items() if error] == ["sub"]
    assert "cannot be entered: Permission denied" in str(errors["sub"])
    assert "b.png" in errors


@pytest.mark.skipif(sys.platform == "win32", reason="other limits there")
def test_paths_that_are_too_long_are_named(tmp_path, monkeypatch):
    (tmp_path / "a.png").touch()
    monkeypatch.chdir(tmp_path)
    for _ in range(17):  # of 250 letters each: more than 4,096 bytes
        os.mkdir("d" * 250)
        os.chdir("d" * 250)
    monkeypatch.chdir(tmp_path)
    try:
        sources = images.collect([tmp_path], recursive=True, tolerant=True)
    finally:
        shutil.rmtree("d" * 250)
    assert [(source.relative.parts[-1][0], bool(source.error)) for source in sources] == [("a", False), ("d", True)]
    assert "cannot be entered: File name too long" in str(sources[1].error)
