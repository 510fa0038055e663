"""``img2img data``: tables, JSON, pages and exit codes."""

import json
from pathlib import Path
from typing import get_args

import pytest
from cli_errors import raise_error
from scenes import save, scene
from typer.testing import CliRunner, Result

from img2img.cli import app
from img2img.cli.data import LayoutOption, Target
from img2img.data.convert import TargetName
from img2img.data.splits import LayoutName
from img2img.errors import DataError


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["data", *map(str, words)])


def test_the_options_are_the_layouts() -> None:
    assert tuple(LayoutOption) == get_args(LayoutName)
    assert tuple(Target) == get_args(TargetName)


def test_a_clean_folder_exits_with_0(tmp_path: Path) -> None:
    save(tmp_path / "1.png", scene(1))
    save(tmp_path / "2.png", scene(2))
    result = run("check", tmp_path)
    assert result.exit_code == 0
    assert "2 single pictures, 64x64" in result.output
    assert "0 errors, 0 warnings" in result.output


def test_warnings_exit_with_0_and_errors_with_1(tmp_path: Path) -> None:
    for number in range(3):
        save(tmp_path / f"data/[b]{number % 2}{number}.png", scene(number % 2))
    result = run("check", tmp_path / "data", "--json", tmp_path / "found.json", "--html", tmp_path / "found.html")
    assert result.exit_code == 0
    assert "warning" in result.output
    assert "[b]00.png, [b]02.png" in result.output
    content = json.loads((tmp_path / "found.json").read_text())
    assert (content["errors"], content["warnings"], content["findings"][0]["kind"]) == (0, 1, "duplicate")
    assert (tmp_path / "found.html").read_text().count("data:image") == 2
    assert run("check", tmp_path / "data", "--smallest", "65").exit_code == 1
    (tmp_path / "data/bad\x1b[31m.png").write_text("no picture")
    result = run("check", tmp_path / "data")
    assert result.exit_code == 1
    assert "\x1b[31m.png" not in result.output


def test_a_layout_can_be_forced(tmp_path: Path) -> None:
    save(tmp_path / "train/1.png", scene(1, 64, 128))
    assert "A|B side by side" in run("check", tmp_path).output
    assert "1 single pictures, 128x64" in run("check", tmp_path, "--layout", "flat").output
    with pytest.raises(DataError):
        raise_error(run("check", tmp_path, "--layout", "nested"))
    assert run("check", tmp_path, "--layout", "none").exit_code == 2


def test_convert(tmp_path: Path) -> None:
    save(tmp_path / "pairs/train/1.png", scene(1, 64, 128))
    result = run("convert", tmp_path / "pairs", "-o", tmp_path / "out", "--to", "folders")
    assert result.exit_code == 0
    assert "1 pairs in" in result.output
    assert (tmp_path / "out/B/train/1.png").is_file()
    assert "0 files written, 2 were there already" in run("convert", tmp_path / "pairs", "-o", tmp_path / "out", "--to", "folders").output
    assert run("convert", tmp_path / "pairs", "-o", tmp_path / "out").exit_code == 2
