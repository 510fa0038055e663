"""Configurations: a preset, then a YAML file, then ``--set``, then the options; strict at every step."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from img2img.errors import ConfigError

C = TypeVar("C", bound=BaseModel)


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
        first = error.errors()[0]
        raise ConfigError(f"configuration: {'.'.join(map(str, first['loc']))} = {first['input']!r}: {first['msg']}") from error


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


def _put(values: dict[str, Any], path: str, value: Any) -> None:
    *parents, last = path.split(".")
    for parent in parents:
        if not isinstance(values.get(parent), dict):
            raise ConfigError(f"--set {path}: there is no section {parent!r}; known are {', '.join(values)}")
        values = values[parent]
    values[last] = value
