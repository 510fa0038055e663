"""Chunks of work: of about ten seconds, and what is done with one whose process died. Knows no engine."""

from dataclasses import dataclass

from img2img.batch.outcome import Outcome, area
from img2img.errors import PictureError

SECONDS = 10.0
MOST = 1000  # pictures in one, however small they are
TRIES = 3


@dataclass
class Chunk:
    """Decided jobs that one process does in a row, and how many processes died over it."""

    outcomes: list[Outcome]
    losses: int = 0

    @property
    def pixels(self) -> int:
        """Of all inputs; a picture whose pixels are not known counts as one."""
        return sum(max(area(outcome), 1) for outcome in self.outcomes)


class Chunks:
    """Gathers decided jobs into chunks that take ``SECONDS``, by the pixels that those before took; at first one picture each."""

    def __init__(self) -> None:
        self._waiting: list[Outcome] = []
        self._pixels = 0
        self._done, self._seconds = 0, 0.0

    @property
    def budget(self) -> float:
        """Pixels in a chunk."""
        return SECONDS * self._done / self._seconds if self._seconds else 0.0

    def add(self, outcome: Outcome) -> Chunk | None:
        """The chunk that is full with ``outcome``, if one is."""
        self._waiting.append(outcome)
        self._pixels += max(area(outcome), 1)
        return self.rest() if self._pixels >= self.budget or len(self._waiting) >= MOST else None

    def rest(self) -> Chunk | None:
        """What has been gathered, if anything has."""
        gathered, self._waiting, self._pixels = self._waiting, [], 0
        return Chunk(gathered) if gathered else None

    def learn(self, pixels: int, seconds: float) -> None:
        """Note that a chunk of ``pixels`` took ``seconds``; the older it is the less it counts."""
        self._done, self._seconds = self._done // 2 + pixels, self._seconds / 2 + seconds


def after_loss(chunk: Chunk) -> list[Chunk]:
    """What to do next about a chunk whose process died: the same once more, or after ``TRIES`` times its halves, each anew.

    Of one picture nothing: its outcome says that it failed. Whether the process was killed by the picture, by another program or with its
    whole machine makes no difference: machines are lost too seldom to meet one chunk of seconds three times, and if they do, nothing is
    lost but time, down to a single picture.
    """
    losses = chunk.losses + 1
    if losses < TRIES:
        return [Chunk(chunk.outcomes, losses)]
    if len(chunk.outcomes) > 1:
        middle = len(chunk.outcomes) // 2
        return [Chunk(chunk.outcomes[:middle]), Chunk(chunk.outcomes[middle:])]
    (outcome,) = chunk.outcomes
    outcome.status = "failed"
    outcome.error = PictureError(f"{str(outcome.job.source)!r} ended the process that worked on it, {losses} times (memory, or a crash)")
    return []
