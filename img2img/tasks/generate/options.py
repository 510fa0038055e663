"""What a user may ask of a generator, and how it is spelled. Imports no torch."""

from typing import Annotated, Any, Literal, NamedTuple, cast, get_args

from pydantic import BeforeValidator

from img2img.errors import ConfigError, option
from img2img.options import Options, field

LARGEST_SEED = 2**62
Layers = Literal["coarse", "middle", "fine"]


class Mix(NamedTuple):
    """Whose style takes the place of the picture's own, and in which layers: 4 and 8 pixels, 16 and 32, or the rest."""

    seed: int
    layers: Layers

    def __str__(self) -> str:
        return f"{self.seed}:{self.layers}"


def _mix(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    seed, _, layers = value.partition(":")
    if not seed.isdecimal() or int(seed) > LARGEST_SEED or layers not in get_args(Layers):
        raise ConfigError(f"{option('mix')} is SEED:coarse, SEED:middle or SEED:fine, such as 12:coarse; got {value!r}")
    return Mix(int(seed), cast(Layers, layers))


class GenerateOptions(Options):
    """Which picture is made, and how usual it is."""

    seed: int = field(0, "Seed of the picture, or of the first of several.", ge=0, le=LARGEST_SEED)
    truncation: float = field(1.0, "Below 1: more usual pictures, nearer to the mean style; of style generators.", ge=0, le=2)
    mix: Annotated[Mix | None, BeforeValidator(_mix)] = field(
        None, "Coarse, middle or fine features of another seed's picture; of style generators.", metavar="SEED:LAYERS"
    )
    class_name: str | None = field(
        None, "Which class to make, of a model that was trained with classes; without it the classes come in turn, by seed.", flag="class"
    )
    to: int | None = field(None, "Another seed, towards whose picture this one is moved.", ge=0, le=LARGEST_SEED, flag="")
    share: float = field(0.0, "How far, from 0 to 1.", ge=0, le=1, flag="")
