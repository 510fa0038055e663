"""The commands, settings and links in a Markdown file, held against what there is."""

import importlib
import importlib.util
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from img2img.cli import app
from img2img.config import resolve

ROOT = Path(__file__).parents[2]
REDIRECTIONS = ("<", ">", "|", "&&")


@dataclass(frozen=True)
class Command:
    """One ``img2img`` command of a document: the words after the program's name, without comment, redirection and pipe."""

    document: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.document}: {shlex.join(self.words)}"


def read(document: str) -> str:
    """The text of ``document``, a path in the checkout."""
    return (ROOT / document).read_text(encoding="utf-8")


def commands_in(text: str, document: str) -> list[Command]:
    """The ``img2img`` commands in the sh blocks of ``text`` and in its inline code, in their order, each once."""
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE))
    found = [_command(line, document) for line in lines + [code for code in inline if _is_whole(code)]]
    return list(dict.fromkeys(command for command in found if command))


def _is_whole(code: str) -> bool:
    """Whether inline code is a command with its arguments, rather than the name of one: it has an option, and nothing left out."""
    return " -" in code and "..." not in code


def _command(line: str, document: str) -> Command | None:
    words = shlex.split(line, comments=True)
    for index, word in enumerate(words):
        if word in REDIRECTIONS:
            words = words[:index]
            break
    return Command(document, tuple(words[1:])) if words and words[0] == "img2img" else None


def parse(words: tuple[str, ...]) -> tuple[list[str], dict[str, Any]]:
    """The command's path, such as ["train", "upscale"], and the values of its parameters; nothing is run.

    Raises:
        AssertionError: no such command. Click's errors: an option or value that the command line would refuse.
    """
    command, path, rest = typer.main.get_command(app), list[str](), list(words)
    while hasattr(command, "commands") and rest:
        if rest[0].startswith("-"):  # an option of the program itself
            known = {"--help", *(option for parameter in command.params for option in parameter.opts)}
            assert set(rest) <= known, f"the program has no {set(rest) - known}"
            return path, {}
        path.append(rest.pop(0))
        assert path[-1] in command.commands, f"no command {' '.join(path)!r}"
        command = command.commands[path[-1]]
    return path, command.make_context(" ".join(path), rest).params


def check_settings(path: list[str], values: dict[str, Any]) -> None:
    """Raise ConfigError if a training command has a preset or a setting that there is not."""
    if path[:1] != ["train"] or "preset" not in values:
        return
    preset = values["preset"] or ("single" if values.get("style") else "any")  # stylize chooses by what it is given
    resolve(presets_of(path[1]), preset, None, values["settings"] or (), {})


def presets_of(task: str) -> Any:
    """The presets of ``img2img train TASK``, by name."""
    for module in ("config", "train"):
        name = f"img2img.tasks.{task}.{module}"
        if importlib.util.find_spec(name) and hasattr(found := importlib.import_module(name), "PRESETS"):
            return found.PRESETS
    raise AssertionError(f"no presets of {task}")


def missing_files(text: str, document: str) -> list[str]:
    """The files that ``text`` links to, or names in the samples, and that are not there."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", prose) if not re.match(r"https?:|#", link)]
    places = [(ROOT / document).parent / link.split("#")[0] for link in links]
    places += [ROOT / name for name in re.findall(r"(?<![\w/.])samples/[\w/.-]+\.(?:jpg|png)", text)]
    return [str(place) for place in places if not place.exists()]


def missing_anchors(text: str, document: str) -> list[str]:
    """The links of ``text`` to headings that their page does not have."""
    missing = []
    for page, anchor in re.findall(r"\]\(([^)\s#]*)#([^)\s]+)\)", text):
        if not page.startswith("http"):
            target = (ROOT / document).parent / page if page else ROOT / document
            headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = {re.sub(r"[\s]+", "-", re.sub(r"[^\w\s-]", "", heading.lower())) for heading in headings}
            missing += [f"{page}#{anchor}"] if anchor not in slugs else []
    return missing
