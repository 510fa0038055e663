"""The README is true: its commands exist, its options exist, its files exist."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from img2img.cli import app

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
COMMANDS = sorted({line.split("#")[0].strip() for block in BLOCKS for line in block.splitlines() if line.startswith("img2img ")})


def options_of(words: list[str]) -> tuple[set[str], list[str]]:
    """The options in the help of the command that ``words`` begin with, and the words after its name."""
    for end in (2, 1):
        result = CliRunner().invoke(app, [*words[:end], "--help"], terminal_width=200)
        if result.exit_code == 0 and f" {' '.join(words[:end])} " in result.output.splitlines()[0]:
            return set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", result.output)), words[end:]
    raise AssertionError(f"no such command: {' '.join(words)}")


def test_there_are_commands_to_test() -> None:
    assert len(COMMANDS) > 10


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_and_option_exists(line: str) -> None:
    known, rest = options_of(shlex.split(line.split("<")[0].split(">")[0])[1:])
    given = {word for word in rest if re.fullmatch(r"--?[a-z][\w-]*", word)}
    assert given <= known, f"{line}: {given - known} unknown"


def test_every_file_it_names_exists() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README) + re.findall(r"\bsamples/[\w/.-]+\.(?:jpg|png)", README)
    assert links
    missing = [link for link in links if not (ROOT / link).exists()]
    assert not missing


def test_every_folder_of_the_package_is_listed() -> None:
    folders = {path.name for path in (ROOT / "img2img").iterdir() if path.is_dir() and (path / "__init__.py").exists()}
    assert folders == set(re.findall(r"^  (\w+)/ ", README, re.MULTILINE))


@pytest.mark.parametrize("marker", ["run-command", "test-command"])
def test_the_two_set_up_commands_are_marked(marker: str) -> None:
    assert re.search(rf"<!-- {marker} -->\n```sh\npython3 -m venv \.venv && .+\n```", README)
