"""Configurations: a preset, then a YAML file, then ``--set``, then the options; strict at every step."""

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import ErrorDetails

from img2img.errors import ConfigError

C = TypeVar("C", bound=BaseModel)


FORMER = {"colour": "color", "grey": "gray"}  # keys and choices as version 0.1 spelled them


class Strict(BaseModel):
    """The base of configurations: unknown keys are refused, and nothing changes afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _accept_former_spelling(cls, values: Any) -> Any:
        return {FORMER.get(key, key): _renamed(value) for key, value in values.items()} if isinstance(values, dict) else values


def _renamed(value: Any) -> Any:
    """A list of choices with those of version 0.1 as they are called now; anything else as it is."""
    return [FORMER.get(each, each) if isinstance(each, str) else each for each in value] if isinstance(value, list | tuple) else value


def resolve(presets: Mapping[str, C], preset: str, file: Path | None, settings: Sequence[str], options: Mapping[str, Any]) -> C:
    """The configuration that ``preset``, changed by ``file``, ``settings`` ("a.b=value") and ``options`` (None: not given), makes.

    Raises:
        ConfigError: an unknown preset or key, or a value that does not fit; names the key.
    """
    if preset not in presets:
        raise ConfigError(f"unknown preset {preset!r}; known are {', '.join(presets)}")
    values = presets[preset].model_dump()
    if file is not None:
        _merge(values, _read(file))
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals:
            raise ConfigError(f"--set takes KEY=VALUE, such as training.batch=16; got {setting!r}")
        _put(values, key, yaml.safe_load(text))
    for key, value in options.items():
        if value is not None:
            _put(values, key, value)
    try:
        return type(presets[preset]).model_validate(values)
    except ValidationError as error:
        known = _paths(presets[preset].model_dump())
        raise ConfigError("configuration: " + "; ".join(_explained(found, known) for found in error.errors())) from error


def schema(kind: type[BaseModel], title: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the YAML files that ``--config`` takes for ``kind``: every key may be left out."""
    found = kind.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found, "title": title}


def to_yaml(config: BaseModel) -> str:
    """``config`` as YAML that ``--config`` takes."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)


def _read(file: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"cannot read the configuration {str(file)!r}: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"the configuration {str(file)!r} must be a table of keys and values, not {type(values).__name__}")
    return values


def _merge(values: dict[str, Any], changes: Mapping[str, Any]) -> None:
    for key, change in changes.items():
        if isinstance(change, dict) and isinstance(values.get(key), dict):
            _merge(values[key], change)
        else:
            values[key] = change


def _explained(error: ErrorDetails, known: Sequence[str]) -> str:
    """One of pydantic's errors in words; an unknown key with the known one that is nearest to it."""
    path = ".".join(map(str, error["loc"]))
    if error["type"] == "extra_forbidden":
        return f"unknown key {path!r}{_nearest(path, known)}"
    given = "" if isinstance(error["input"], Mapping) else f" = {error['input']!r}"  # a whole table says nothing
    return f"{path}{given}: {error['msg'].removeprefix('Value error, ')}"


def _nearest(path: str, known: Sequence[str]) -> str:
    """'; did you mean ...?' with the known path that is most like ``path``, or, wherever it is, has the last part most like its; or ''."""
    found = difflib.get_close_matches(path, known, n=1, cutoff=0.7)
    if not found:
        last = {key.rpartition(".")[2]: key for key in known}
        found = [last[name] for name in difflib.get_close_matches(path.rpartition(".")[2], list(last), n=1, cutoff=0.7)]
    return f" (did you mean {found[0]!r}?)" if found else ""


def _paths(values: Mapping[str, Any], above: str = "") -> list[str]:
    """Every key of nested tables by its dotted path, tables included."""
    paths: list[str] = []
    for key, value in values.items():
        paths.append(above + key)
        if isinstance(value, dict):
            paths += _paths(value, f"{above}{key}.")
    return paths


def _put(values: dict[str, Any], path: str, value: Any) -> None:
    *parents, last = path.split(".")
    known = _paths(values)
    for parent in parents:
        if not isinstance(values.get(parent), dict):
            raise ConfigError(f"--set {path}: there is no section {parent!r}{_nearest(path, known)}; known are {', '.join(values)}")
        values = values[parent]
    values[last] = value
