"""A task's command is made from its options: every field is an option with its description, and its limits hold."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from img2img.cli import app
from img2img.errors import ConfigError, PictureError, option
from img2img.options import Options, field
from img2img.tasks import PICTURE_TASKS, TASKS
from img2img.tasks.command import command_of
from img2img.tasks.task import Task, flag_of

EACH = pytest.mark.parametrize("task", PICTURE_TASKS, ids=lambda task: task.name)


def parameters(task: Task[Any]) -> dict[str, Any]:
    group: Any = typer.main.get_command(app)
    return {parameter.name: parameter for parameter in group.commands[task.name].params}


@EACH
def test_every_field_is_an_option_with_its_description(task: Task[Any]) -> None:
    shown, properties = parameters(task), task.options.model_json_schema()["properties"]
    for name, about in properties.items():
        if about.get("flag") == "":
            assert name not in shown
            continue
        found = shown[name]
        assert flag_of(task, name) in found.opts
        assert found.help == about["description"]
        assert getattr(found, "rich_help_panel", None)


LIMITS = [
    (task, name, sign, value)
    for task in PICTURE_TASKS
    for name, about in task.options.model_json_schema()["properties"].items()
    for each in about.get("anyOf", [about])
    for key, sign, value in (("minimum", ">=", each.get("minimum", 0) - 1), ("maximum", "<=", each.get("maximum", 0) + 1))
    if key in each and about.get("flag") != ""
]


@pytest.mark.parametrize(("task", "name", "sign", "value"), LIMITS, ids=lambda value: getattr(value, "name", value))
def test_a_value_out_of_its_limits_is_refused_with_what_was_given(task: Task[Any], name: str, sign: str, value: float) -> None:
    flag = flag_of(task, name)
    done = CliRunner().invoke(app, [task.name, "photo.png", "-m", "model", f"{flag}={value}"])
    limit = value + 1 if sign == ">=" else value - 1
    assert done.exit_code == 2
    assert re.fullmatch(rf"img2img: {flag} must be {sign} {limit:g}, got {value:g}(\.0)?\n", done.output)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_options_go_through_json_and_back(task: Task[Any]) -> None:
    schema = task.options.model_json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert all(about.get("description") for about in schema["properties"].values())
    assert task.options.model_validate_json(task.options().model_dump_json()) == task.options()
    with pytest.raises(ConfigError, match="unknown option 'no_such'"):
        task.options.of(no_such=1)


def test_pictures_and_local_files_are_marked_for_forms() -> None:
    schemas = {task.name: task.options.model_json_schema()["properties"] for task in TASKS}
    assert schemas["inpaint"]["mask"]["format"] == "picture"
    assert schemas["stylize"]["style"]["items"]["format"] == "picture"
    local = {(task, name) for task, fields in schemas.items() for name, about in fields.items() if about.get("local")}
    inpaint, stylize = {("inpaint", "mask_out"), ("inpaint", "mask_overwrite")}, {("stylize", "preview"), ("stylize", "keep_partial")}
    assert local == inpaint | stylize | {("translate", "samples")}


@EACH
def test_help_has_panels_and_an_example_that_parses(task: Task[Any]) -> None:
    shown = CliRunner().invoke(app, [task.name, "--help"], env={"COLUMNS": "200"}).output
    for panel in ("Input and output", "Model", "Quality and device"):
        assert panel in shown
    assert f"Example: img2img {task.name} " in shown


def test_messages_name_options_as_the_reader_spells_them(tmp_path: Path) -> None:
    error = ConfigError(f"{option('preserve_color')} and {option('boxes')} of {str(tmp_path)!r}")
    assert str(error) == f"preserve_color and boxes of {str(tmp_path)!r}"
    Image.new("RGB", (4, 4)).save(tmp_path / "photo.png")
    done = CliRunner().invoke(app, ["inpaint", str(tmp_path / "photo.png")])
    assert done.exit_code == 2
    assert done.output == "img2img: nothing says where to fill: give --mask, --box, --mask-color, --scratches or --outpaint\n"


@pytest.mark.parametrize(("error", "code"), [(ConfigError, 2), (PictureError, 1)])
def test_exit_codes(error: type[Exception], code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> bool:
        raise error("no")

    monkeypatch.setattr("img2img.tasks.command.apply", fails)
    done = CliRunner().invoke(app, ["upscale", "photo.png"])
    assert (done.exit_code, done.output) == (code, "img2img: no\n")


class _Toy(Options):
    names: tuple[str, ...] = field((), "Several.", flag="--name")
    share: float = field(0.5, "A share.", ge=0, le=1)
    quiet: bool = field(False, "No sound.")
    level: int | None = field(None, "A level.", metavar="N")


def test_a_command_of_any_options(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr("img2img.tasks.command.apply", lambda task, files, options, model, runtime: not seen.append(options))
    task = Task(name="toy", summary="", help="", options=_Toy, pipeline=lambda: None, default_model=lambda _: "m")  # type: ignore[arg-type, return-value]
    toy = typer.Typer()
    toy.command()(command_of(task))
    assert CliRunner().invoke(toy, ["a.png", "--name", "x", "--name", "y", "--share", "0.25", "--quiet"]).exit_code == 0
    assert json.loads(seen[0].model_dump_json()) == {"names": ["x", "y"], "share": 0.25, "quiet": True, "level": None}
    with pytest.raises(ConfigError, match=r"^share must be <= 1, got 2"):
        CliRunner().invoke(toy, ["a.png", "--share", "2"], catch_exceptions=False)
