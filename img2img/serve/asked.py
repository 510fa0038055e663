"""What a request asks for: its fields become the task's options, by the schema from which every form is made."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

from PIL import UnidentifiedImageError

from img2img import images
from img2img.errors import ConfigError, PictureError
from img2img.files import shipped_styles
from img2img.images import Probe
from img2img.images.formats import WRITABLE
from img2img.inference.runtime import Runtime, Statistics
from img2img.options import Options
from img2img.serve.problems import RefusedError
from img2img.serve.uploads import PICTURE, Sent
from img2img.tasks.task import Request, Task

RESULT = "Result"
RUNTIME: dict[str, dict[str, Any]] = {
    "ensemble": {
        "type": "boolean",
        "default": False,
        "description": "Mean of eight flips and turns: fewer errors, eight times the time.",
        "panel": RESULT,
    },
    "statistics": {
        "enum": list(get_args(Statistics)),
        "type": "string",
        "default": "sampled",
        "description": "Instance-norm statistics for tiled images: sampled (fast) or exact (slow).",
        "panel": RESULT,
    },
}
FILES: dict[str, dict[str, Any]] = {
    "model": {"type": "string", "description": "A name of /v1/models."},
    "format": {
        "type": "string",
        "enum": [entry.suffixes[0].lstrip(".") for entry in WRITABLE.values()],
        "description": "Format of the result.  [default: as the input]",
        "panel": RESULT,
    },
    "quality": {
        "type": "integer",
        "minimum": 1,
        "maximum": 100,
        "description": "For JPEG, WebP, AVIF, HEIC and JPEG XL.  [default: the format's]",
        "panel": RESULT,
    },
    "strip_metadata": {
        "type": "boolean",
        "default": False,
        "description": "Leave out profile, EXIF, XMP and resolution.",
        "panel": RESULT,
    },
    "label": {"type": "boolean", "default": True, "description": "Say in the file that a model made it.", "panel": RESULT},
}


@dataclass(frozen=True)
class Asked:
    """One result that a client wants, and how. ``shown``: the options as they were sent."""

    task: Task[Any]
    options: Options
    shown: dict[str, Any]
    model: str
    runtime: Runtime
    format: str | None
    quality: int | None
    strip_metadata: bool
    label: bool
    source: Path
    probe: Probe


def schema_of(task: Task[Any]) -> dict[str, Any]:
    """The JSON schema of the options that a client may send."""
    schema = task.options.model_json_schema()
    properties = {name: about for name, about in schema["properties"].items() if not about.get("local")}
    for about in properties.values():
        about.pop("flag", None)
    return {**schema, "properties": properties}


def common(task: Task[Any]) -> dict[str, dict[str, Any]]:
    """The JSON schemas of what may be sent besides the options: how ``task`` is computed, and which file comes back."""
    return {**{name: about for name, about in RUNTIME.items() if name in task.runtime}, **FILES}


def picture_schema(about: Mapping[str, Any]) -> bool:
    """Whether the option is a picture or several."""
    return "picture" in (about.get("format"), about.get("items", {}).get("format"))


def asked(task: Task[Any], sent: Sent, models: Mapping[str, Any], runtime: Runtime, max_pixels: int) -> Asked:
    """What ``sent`` asks of ``task``, checked as far as it can be without a model.

    Raises:
        RefusedError: 400, 415, 422. Img2ImgError: options that contradict each other.
    """
    source, properties = sent.picture, schema_of(task)["properties"]
    others = common(task)
    texts = {name: given for name, values in sent.fields.items() if (given := [text for text in values if text])}
    values = {name: typed(name, others[name], texts.pop(name)) for name in others if name in texts}
    shown: dict[str, Any] = {name: value for name, value in sent.options.items() if name in properties}
    unknown = [name for name in sent.options if name not in {**properties, **others}]
    values = {**{name: value for name, value in sent.options.items() if name in others}, **values}
    for name, given in texts.items():
        if name not in properties:
            unknown.append(name)
        else:
            shown[name] = list(given) if picture_schema(properties[name]) else typed(name, properties[name], given)
    files = {name: paths for name, paths in sent.files.items() if name != PICTURE}
    unknown += [name for name in files if name not in properties or not picture_schema(properties[name])]
    if unknown:
        known = ", ".join([*properties, *others])
        raise RefusedError(422, f"unknown field {unknown[0][:40]!r} of {task.name}; known are {PICTURE}, options, {known}")
    made = {name: value for name, value in shown.items() if not picture_schema(properties[name])}
    for name in {**files, **{name: value for name, value in shown.items() if picture_schema(properties[name])}}:
        shown[name], made[name] = _pictures(name, properties[name], shown.get(name), files.get(name, []))
    options = _one(task, task.options.of(**made))
    probe = probed(source, max_pixels, "the picture")
    for name, paths in files.items():
        for number, path in enumerate(paths, 1):
            probed(path, max_pixels, f"picture @{number} of {name}")
    wanted = replace(runtime, **{name: values[name] for name in RUNTIME if name in values})
    return Asked(
        task,
        options,
        shown,
        _model(task, options, values.get("model"), models),
        wanted,
        images.check_format("." + str(values["format"]).lstrip(".")) if values.get("format") else None,
        _quality(values.get("quality")),
        bool(values.get("strip_metadata", False)),
        bool(values.get("label", True)),
        source,
        probe,
    )


def probed(path: Path, max_pixels: int, name: str) -> Probe:
    """The header of the picture at ``path``. RefusedError 415 for what is none, 422 for what is damaged or too large."""
    try:
        return images.probe(path, max_pixels=max_pixels)
    except PictureError as error:
        status = 415 if isinstance(error.__cause__, UnidentifiedImageError) else 422
        raise RefusedError(status, str(error).replace(repr(str(path)), name)) from error


def typed(name: str, about: Mapping[str, Any], texts: Sequence[str]) -> Any:
    """The value of the schema's type that a form's or a query's ``texts`` say."""
    kind = next(each.get("type") for each in about.get("anyOf", [about]) if each.get("type") != "null")
    if kind == "array":
        return list(texts)
    if len(texts) > 1:
        raise RefusedError(400, f"{name} was given {len(texts)} times; once is wanted")
    (text,) = texts
    try:
        if kind == "boolean":
            return {"true": True, "1": True, "on": True, "false": False, "0": False, "off": False}[text.lower()]
        if kind in ("number", "integer"):
            number = int(text) if kind == "integer" else float(text)
            if not math.isfinite(number):
                raise ValueError
            return number
    except (KeyError, ValueError, OverflowError):
        wanted = {"boolean": "true or false", "integer": "a whole number", "number": "a number"}[str(kind)]
        raise RefusedError(422, f"{name} must be {wanted}, got {text[:40]!r}") from None
    return text


def _pictures(name: str, about: Mapping[str, Any], given: Any, files: Sequence[Path]) -> tuple[Any, Any]:
    """What stands for the pictures of an option in JSON, and what the task is given: files of this server, or names that it knows."""
    texts = [given] if isinstance(given, str) else [] if given is None else given
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise RefusedError(422, f"{name} must be a text or a list of texts")
    if not any(text.startswith("@") for text in texts):
        texts = [*(f"@{number}" for number in range(1, len(files) + 1)), *texts]
    found = [_picture(name, about.get("names"), text, files) for text in texts]
    if about.get("type") == "array":
        return texts, found
    if len(found) > 1:
        raise RefusedError(400, f"{name} is one picture, and {len(found)} came")
    return (texts[0], found[0]) if found else (None, None)


def _picture(name: str, names: Any, text: str, files: Sequence[Path]) -> Any:
    what, colon, last = text.rpartition(":") if names == "styles" else ("", "", text)
    try:
        what, weight = (what, float(last)) if colon else (last, 1.0)
    except ValueError:
        raise RefusedError(422, f"{name} {text[:40]!r}: behind the colon stands no weight, such as 0.5") from None
    known = list(shipped_styles()) if names == "styles" else names or []
    if what.startswith("@"):
        if not what[1:].isdecimal() or not 1 <= int(what[1:]) <= len(files):
            raise RefusedError(422, f"{name} {text[:40]!r}: there is no such file among the {len(files)} that came in this field")
        value = str(files[int(what[1:]) - 1])
    elif what in known:
        value = what
    else:
        also = f", or one of {', '.join(known)}" if known else ""
        raise RefusedError(422, f"{name} {text[:40]!r}: send a file in this field{also}")
    return (value, weight) if names == "styles" else value


def _one(task: Task[Any], options: Options) -> Options:
    """``options`` as the task completes them."""
    ((_, single),) = task.variants(options)  # what asks for several is local
    (prepared,) = task.prepare([Request(None, None, single)], False)
    return prepared  # type: ignore[no-any-return]


def _model(task: Task[Any], options: Options, given: Any, models: Mapping[str, Any]) -> str:
    name = given or (task.default_model(options) if task.default_model else None)
    fitting = [each for each, info in models.items() if info.task == task.name]
    if name not in fitting:
        said = "model is missing" if name is None else f"there is no model {str(name)[:60]!r} for {task.name}"
        raise RefusedError(422, f"{said}; there are {', '.join(fitting) or 'none'}")
    return str(name)


def _quality(given: Any) -> int | None:
    if given is not None and (not isinstance(given, int) or isinstance(given, bool) or not 1 <= given <= 100):
        raise ConfigError(f"quality must be a whole number from 1 to 100, got {given!r}")
    return given
