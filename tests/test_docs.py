"""The documentation is true: its commands parse, its settings and presets exist, its links lead somewhere."""

import re

import documents
import pytest
import typer
import yaml
from documents import Command

from img2img.cli import app
from img2img.errors import ConfigError

PAGES = sorted(path.relative_to(documents.ROOT).as_posix() for path in (documents.ROOT / "docs").rglob("*.md"))
DOCUMENTS = [*PAGES, "weights/README.md", "samples/README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"]
# The changelog names commands that are gone.
COMMANDS = [command for name in DOCUMENTS[:-1] for command in documents.commands_in(documents.read(name), name)]


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_every_command_parses(command: Command) -> None:
    documents.check_settings(*documents.parse(command.words))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_leads_somewhere(document: str) -> None:
    text = documents.read(document)
    assert not documents.missing_files(text, document)
    assert not documents.missing_anchors(text, document)


def test_every_page_is_in_the_navigation() -> None:
    listed = set(re.findall(r": ([\w/-]+\.md)$", documents.read("mkdocs.yml"), re.MULTILINE))
    assert {page.removeprefix("docs/") for page in PAGES} <= listed
    outside = listed - {page.removeprefix("docs/") for page in PAGES}
    assert all((documents.ROOT / page).exists() for page in outside)


def test_every_folder_of_the_package_is_in_the_architecture() -> None:
    folders = {path.name for path in (documents.ROOT / "img2img").iterdir() if path.is_dir() and (path / "__init__.py").exists()}
    assert folders == set(re.findall(r"^  (\w+)/ ", documents.read("docs/architecture.md"), re.MULTILINE))


def test_every_command_of_the_program_is_shown() -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert len(commands) > 8
    assert set(commands) == {command.words[0] for command in COMMANDS if not command.words[0].startswith("-")}


def test_every_preset_is_named_in_a_guide() -> None:
    for task in ("upscale", "inpaint", "stylize", "translate", "generate"):
        text = documents.read(f"docs/guides/{task}.md")
        preset_options = set(re.findall(r"--preset ([\w-]+)", text)) | set(re.findall(r"^\| `([\w-]+)` \|", text, re.MULTILINE))
        chosen_by_what_is_given = {"any", "single"}
        assert set(documents.presets_of(task)) - chosen_by_what_is_given <= preset_options


def test_every_example_configuration_is_one() -> None:
    text = documents.read("docs/guides/training.md")
    (example,) = re.findall(r"^```yaml\n(# yaml-language-server.*?)^```", text, re.DOTALL | re.MULTILINE)
    presets = documents.presets_of("upscale")
    given = yaml.safe_load(example)
    resolved = type(presets["srresnet"]).model_validate(given).model_dump(mode="json")
    assert {section: {key: resolved[section][key] for key in values} for section, values in given.items()} == given


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("img2img upscaled photo.jpg", AssertionError),
        ("img2img train upscale --data x --preset srgun", ConfigError),
        ("img2img train upscale --data x --set loss.pixels=1", ConfigError),
    ],
)
def test_these_tests_find_what_is_wrong(line: str, error: type[Exception]) -> None:
    (command,) = documents.commands_in(f"```sh\n{line}  # a comment\n```\n", "example.md")
    with pytest.raises(error):
        documents.check_settings(*documents.parse(command.words))


def test_a_wrong_option_is_found() -> None:
    (command,) = documents.commands_in("```sh\nimg2img upscale photo.jpg \\\n    --sise 3 < a.png\n```\n", "example.md")
    assert command.words == ("upscale", "photo.jpg", "--sise", "3")
    with pytest.raises(Exception, match="No such option: --sise"):
        documents.parse(command.words)


def test_a_link_to_nothing_is_found() -> None:
    text = "[a](guides/none.md), [b](index.md#no-such-heading), [c](index.md#what-all-commands-have-in-common)"
    assert [place.rsplit("/", 1)[1] for place in documents.missing_files(text, "docs/page.md")] == ["none.md"]
    assert documents.missing_anchors(text.split(", ", 1)[1], "docs/page.md") == ["index.md#no-such-heading"]
