"""The alarms of a run, one JSON object a line, cut back on resume like its figures."""

import dataclasses
from pathlib import Path
from typing import ClassVar

from img2img.training.health import Alarm
from img2img.training.history import History


class Events:
    """``events.jsonl`` of a run: every alarm with its time, what was seen and what usually helps."""

    KINDS: ClassVar[dict[str, type]] = {"kind": str, "images": int, "since": int, "saw": str, "advice": str}  # as of ``Alarm``

    def __init__(self, path: Path, images_seen: int) -> None:
        self.history = History(path, images_seen, self.KINDS)

    def append(self, alarm: Alarm) -> None:
        """Add ``alarm``, at the end of the file too."""
        self.history.append(**dataclasses.asdict(alarm))

    def alarms(self) -> list[Alarm]:
        """All alarms so far, oldest first."""
        return [Alarm(**row) for row in self.history.rows]
