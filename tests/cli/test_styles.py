"""``img2img styles``: names that ``--style`` takes, and nothing else on stdout."""

import json
from pathlib import Path

from typer.testing import CliRunner

from img2img.cli import app

FOLDER = Path(__file__).parents[2] / "samples" / "styles"


def test_one_name_a_line() -> None:
    result = CliRunner().invoke(app, ["styles"])
    assert result.exit_code == 0
    assert result.stdout.splitlines() == sorted(path.stem for path in FOLDER.glob("*.jpg"))


def test_json_has_the_path_of_each() -> None:
    rows = json.loads(CliRunner().invoke(app, ["styles", "--json"]).stdout)
    assert {row["name"]: Path(row["path"]) for row in rows} == {path.stem: path for path in FOLDER.glob("*.jpg")}
