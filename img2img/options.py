"""What a request may ask of a task: one strict model a task, from which its command, its Python call, JSON and forms are made."""

import difflib
import json
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, WithJsonSchema
from pydantic_core import ErrorDetails

from img2img.errors import ConfigError, option

# A picture among the options (a mask, a style): a path as text, or in Python one in memory. A form has a field for a file in its place.
PictureInput = Annotated[Any, WithJsonSchema({"type": "string", "format": "picture"})]

_LIMITS = {"greater_than_equal": (">=", "ge"), "greater_than": (">", "gt"), "less_than_equal": ("<=", "le"), "less_than": ("<", "lt")}


class Options(BaseModel):
    """The base of a task's options: strict, frozen, every field with a default, a description and limits.

    The first field may be given by position in Python. A field's ``json_schema_extra`` (see ``field``) says how the command line spells it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, arbitrary_types_allowed=True, hide_input_in_errors=True)

    UNRECORDED: ClassVar[frozenset[str]] = frozenset()  # fields that do not decide the result

    def recorded(self) -> str:
        """What decides the result, as text: what the record of an output says that it was made with."""
        return repr({name: getattr(self, name) for name in sorted(type(self).model_fields.keys() - self.UNRECORDED)})

    def stated(self) -> dict[str, Any]:
        """What was asked for, as JSON holds it: the fields that are not at their default, but for pictures and what is of this machine."""
        stated = {}
        for name, about in type(self).model_json_schema()["properties"].items():
            is_picture = "picture" in json.dumps([about.get("format"), about.get("items"), about.get("anyOf")])
            value = getattr(self, name)
            if not is_picture and not about.get("local") and value != type(self).model_fields[name].default:
                stated[name] = value
        return json.loads(json.dumps(stated, default=str))  # type: ignore[no-any-return]

    @classmethod
    def of(cls, *args: Any, **values: Any) -> Self:
        """The options with ``values``, of which the first field's may be given by position.

        Raises:
            ConfigError: an unknown option, or a value that does not fit; names the option, what was given and what is allowed.
        """
        if args:
            first = next(iter(cls.model_fields))
            if len(args) > 1 or first in values:
                raise ConfigError(f"one option, {option(first)}, may be given by position; give the others by name")
            values[first] = args[0]
        try:
            return cls(**values)
        except ValidationError as error:
            raise ConfigError("; ".join(_explained(each, list(cls.model_fields)) for each in error.errors())) from error

    def with_values(self, **values: Any) -> Self:
        """The same options but for ``values``; errors as ``of``."""
        return self.of(**{**{name: getattr(self, name) for name in type(self).model_fields}, **values})


def field(
    default: Any,
    description: str,
    *,
    flag: str | None = None,
    metavar: str | None = None,
    panel: str | None = None,
    local: bool = False,
    names: str | list[str] | None = None,
    **limits: Any,
) -> Any:
    """A field of ``Options``.

    Args:
        flag, metavar, panel: how the command line spells it, and under which heading its help lists it; ``flag`` "" leaves it out there.
        local: it names a file of this machine to write, or is of no use elsewhere: no form of a server has it.
        names: texts that it takes besides pictures: a list of them, or "styles": the built-in ones, each also as ``NAME:WEIGHT``.
        limits: ``ge``, ``le``, ... as of ``pydantic.Field``.
    """
    extra: dict[str, Any] = {"flag": flag, "metavar": metavar, "panel": panel, "local": local or None, "names": names}
    return Field(
        default, description=description, json_schema_extra={key: value for key, value in extra.items() if value is not None}, **limits
    )


def _explained(error: ErrorDetails, known: list[str]) -> str:
    """One of pydantic's errors in words that name the option."""
    name, given = str(error["loc"][0]) if error["loc"] else "", error["input"]
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(name, known, n=1)
        return f"unknown option {name!r}{f' (did you mean {near[0]!r}?)' if near else ''}; known are {', '.join(known)}"
    context = error.get("ctx", {})
    if error["type"] in _LIMITS:
        sign, key = _LIMITS[error["type"]]
        return f"{option(name)} must be {sign} {context[key]:g}, got {given!r}"
    if error["type"] == "literal_error":
        return f"{option(name)} must be one of {context['expected'].replace(' or ', ', ')}, got {given!r}"
    raised = context.get("error")
    if isinstance(raised, Exception):  # a validator's own words
        return str(raised.args[0])
    return f"{option(name)} = {given!r}: {error['msg']}"
