"""What became of a job, and errors that are its picture's fault."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from img2img.batch.jobs import Job
from img2img.errors import Img2ImgError, PictureError, is_out_of_memory, option

LESS_MEMORY = f"give a smaller {option('tile')}, a smaller picture, or close other programs"


@dataclass
class Outcome:
    """What became of a job; sizes are (width, height) of the first frame, ``notes`` what the format could not hold."""

    job: Job
    status: Literal["ok", "skipped", "failed"] = "ok"
    input_size: tuple[int, int] | None = None
    output_size: tuple[int, int] | None = None
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    error: Img2ImgError | None = None
    key: str = ""  # what the record says the output was made with
    touched: bool = True  # as of the pipeline's result
    doubtful: bool = False  # whether an output is there that may be ours, though the record has lost it
    replaces: bool = False  # whether an output is there that may be replaced


def area(outcome: Outcome) -> int:
    """Pixels of the input, 0 where they are not known."""
    return outcome.input_size[0] * outcome.input_size[1] if outcome.input_size else 0


@contextlib.contextmanager
def reported(outcome: Outcome) -> Iterator[None]:
    """What goes wrong inside, with this picture, is put into ``outcome``; errors of the program itself pass."""
    try:
        yield
    except Img2ImgError as error:
        outcome.status, outcome.error = "failed", error
    except OSError as error:
        outcome.status, outcome.error = "failed", PictureError(f"{error.filename or outcome.job.target}: {error.strerror or error}")
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        outcome.status, outcome.error = "failed", PictureError(f"{str(outcome.job.source)!r} does not fit into memory; {LESS_MEMORY}")
