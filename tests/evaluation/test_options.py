"""Options that name files to be written."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from img2img.cli import app


@pytest.mark.parametrize("command", [["evaluate", "upscale"], ["evaluate", "inpaint"], ["data", "check"]])
def test_a_page_that_cannot_be_written_is_refused_before_anything_is_read(tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "file").touch()
    result = CliRunner().invoke(app, [*command, str(tmp_path / "no pictures"), "--html", str(tmp_path / "file/page.html")])
    assert result.exit_code == 1
    assert "cannot write into" in result.stderr
    assert "file'" in result.stderr
