"""Where and how exactly a model runs, and what comes of a picture. Imports no torch."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

from img2img.errors import ConfigError, option

if TYPE_CHECKING:
    from img2img.images import Picture

Statistics = Literal["sampled", "exact"]
Runs = Literal["torch", "onnx", "openvino", "auto"]
INT8 = "int8"  # the precision that only exports have


@dataclass(frozen=True)
class Runtime:
    """Where a model runs and how exactly; the same for every request.

    Attributes:
        device: auto (cuda, else mps, else cpu), cpu, cuda, cuda:1, mps.
        dtype: auto (fp16 on cuda, else fp32), fp32, bf16, fp16; a tile that half precision makes infinite is computed again in fp32.
            int8: with 8-bit integers, in onnx and openvino.
        tile: tile size in pixels, context included; None: as memory allows; 0: always the whole picture.
        ensemble: the mean of the results for the eight flips and quarter turns: eight times the time, fewer errors.
        runtime: what runs networks of PyTorch: torch; onnx or openvino, as which they are exported once, on the cpu in fp32 or int8; auto:
            what ``img2img bench runtimes`` found to be the fastest here. Exported files are run by their own in any case.
        compile: PyTorch compiles the network at its first picture (``torch.compile``); results differ by rounding alone.
        statistics: instance-norm statistics for tiled images: sampled (from parts of it, fast), exact (as without tiles, slow).

    Raises:
        ConfigError: a negative tile size, an unknown runtime, unknown statistics, or another runtime than torch that is to be compiled.
            An unknown device or precision is refused where the model is opened.
    """

    device: str = "auto"
    dtype: str = "auto"
    tile: int | None = None
    ensemble: bool = False
    statistics: Statistics = "sampled"
    runtime: Runs = "torch"
    compile: bool = False

    def __post_init__(self) -> None:
        if self.tile is not None and self.tile < 0:
            raise ConfigError(f"{option('tile')} must be >= 0, got {self.tile}")
        for name, known in (("statistics", Statistics), ("runtime", Runs)):
            if (given := getattr(self, name)) not in get_args(known):
                raise ConfigError(f"{option(name)} must be one of {', '.join(get_args(known))}, got {given!r}")
        if self.compile and self.runtime != "torch":
            raise ConfigError(f"{option('compile')} is for {option('runtime')} torch, which compiles, got {self.runtime}")


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
