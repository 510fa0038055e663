"""Where and how exactly a model runs, and what comes of a picture. Imports no torch."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

from img2img.errors import ConfigError, option

if TYPE_CHECKING:
    from img2img.images import Picture

Statistics = Literal["sampled", "exact"]


@dataclass(frozen=True)
class Runtime:
    """Where a model runs and how exactly; the same for every request.

    Attributes:
        device: auto (cuda, else mps, else cpu), cpu, cuda, cuda:1, mps.
        dtype: auto (fp16 on cuda, else fp32), fp32, bf16, fp16; a tile that half precision makes infinite is computed again in fp32.
        tile: tile size in pixels, context included; None: as memory allows; 0: always the whole picture.
        ensemble: the mean of the results for the eight flips and quarter turns: eight times the time, fewer errors.
        statistics: instance-norm statistics for tiled images: sampled (from parts of it, fast), exact (as without tiles, slow).

    Raises:
        ConfigError: a negative tile size, unknown statistics. An unknown device or precision is refused where the model is opened.
    """

    device: str = "auto"
    dtype: str = "auto"
    tile: int | None = None
    ensemble: bool = False
    statistics: Statistics = "sampled"

    def __post_init__(self) -> None:
        if self.tile is not None and self.tile < 0:
            raise ConfigError(f"{option('tile')} must be >= 0, got {self.tile}")
        if self.statistics not in get_args(Statistics):
            raise ConfigError(f"{option('statistics')} must be one of {', '.join(get_args(Statistics))}, got {self.statistics!r}")


@dataclass(frozen=True)
class Result:
    """What a pipeline makes of a picture.

    Attributes:
        picture: the result.
        notes: what the user should know of how it was made.
        complete: whether the work was finished; False where it was stopped early and the picture shows how far it was.
        touched: whether a network changed anything; False where there was nothing to do.
    """

    picture: "Picture"
    notes: tuple[str, ...] = field(default=())
    complete: bool = True
    touched: bool = True
