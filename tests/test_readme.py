"""The README is true: its commands exist, its options exist, its files exist."""

import re
import shlex
from pathlib import Path

import pytest
import typer.main
from click import Command, Group

from img2img.cli import app

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
COMMANDS = sorted({line.split("#")[0].strip() for block in BLOCKS for line in block.splitlines() if line.startswith("img2img ")})


def find(words: list[str]) -> tuple[Command, list[str]]:
    """The command that ``words`` name, and what follows its name."""
    command: Command = typer.main.get_command(app)
    while isinstance(command, Group):
        command, words = command.commands[words[0]], words[1:]
    return command, words


def test_there_are_commands_to_test() -> None:
    assert len(COMMANDS) > 10


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_and_option_exists(line: str) -> None:
    command, rest = find(shlex.split(line.split("<")[0].split(">")[0])[1:])
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
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
