"""What a user may ask of a translator. Imports no torch."""

import os
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, WithJsonSchema

from img2img.errors import ConfigError, option
from img2img.options import Options, PictureInput, field

MOST_SAMPLES = 1000


def _styles(value: Any) -> Any:
    given = () if value is None else value if isinstance(value, list | tuple) else (value,)
    if len(given) > 2:
        raise ConfigError(f"{len(given)} pictures were given for {option('style')}; one, or two to go from one to the other")
    return tuple(os.fspath(each) if isinstance(each, str | os.PathLike) else each for each in given)


class TranslateOptions(Options):
    """Which way, in which style, into which class; what a model does not have is refused by it."""

    direction: Literal["a2b", "b2a"] | None = field(None, "a2b or b2a, of models that go both ways.  [default: a2b]", panel="Translation")
    style: Annotated[
        tuple[PictureInput, ...],
        BeforeValidator(_styles),
        WithJsonSchema({"type": "array", "items": {"type": "string", "format": "picture"}, "maxItems": 2}),
    ] = field((), "A picture whose style to take; two of them: from one to the other.", panel="Translation")
    seed: int | None = field(None, "Seed of a random style.", ge=0, panel="Translation")
    samples: int = field(1, "Number of results, each in another style.", ge=1, le=MOST_SAMPLES, panel="Translation", local=True)
    to: str | None = field(None, "The class to translate into, of models with several.", flag="--to", panel="Translation")
    sample: int = field(0, "Which of the samples: its seed is seed + sample.", ge=0, flag="")
    bits: int | None = field(
        None,
        "Bits that pictures of 16 bits use, such as 12; 16: all.  [default: as their unused high bits say]",
        ge=8,
        le=16,
        metavar="N",
        panel="Input and output",
    )


def variants(options: TranslateOptions) -> list[tuple[str, TranslateOptions]]:
    """One result for each sample, with its number, from 1 on."""
    if options.samples == 1:
        return [("", options)]
    return [(str(number + 1), options.with_values(sample=number)) for number in range(options.samples)]
