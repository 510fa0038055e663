"""The README is a short front door, and true: its commands exist, its settings exist, its files exist."""

import re

import documents
import pytest
from documents import Command

README = documents.read("README.md")
COMMANDS = documents.commands_in(README, "README.md")


def test_it_is_a_front_door() -> None:
    assert len(README.splitlines()) <= 200


def test_every_job_has_a_command_and_a_training() -> None:
    verbs = {command.words[0] for command in COMMANDS}
    trained = {command.words[1] for command in COMMANDS if command.words[0] == "train"}
    assert {"upscale", "inpaint", "stylize", "translate"} <= verbs
    assert trained == {"upscale", "inpaint", "stylize", "translate", "generate"}


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_every_command_parses(command: Command) -> None:
    documents.check_settings(*documents.parse(command.words))


def test_every_file_it_names_exists() -> None:
    assert "](docs/" in README
    assert not documents.missing_files(README, "README.md")


@pytest.mark.parametrize("marker", ["run-command", "test-command"])
def test_the_two_set_up_commands_are_marked(marker: str) -> None:
    assert re.search(rf"<!-- {marker} -->\n```sh\npython3 -m venv \.venv && .+\n```", README)


def test_every_shipped_model_is_in_its_table() -> None:
    from img2img.models import catalog

    assert set(re.findall(r"^\| `([\w-]+)` \|", README, re.MULTILINE)) == set(catalog())
