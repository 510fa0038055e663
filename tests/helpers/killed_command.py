"""``killed_command.py AT ARGUMENTS...``: the command ``img2img ARGUMENTS``, which kills itself when it is to prepare sample AT."""

import os
import signal
import sys
from typing import Any

from img2img.cli import main
from img2img.data.pairs import PairPatches, UnpairedPatches
from img2img.tasks.inpaint.data import InpaintPatches
from img2img.tasks.stylize.data import StylePatches


def make_deadly(kind: Any, at: int) -> None:
    """Let samples of ``kind`` kill this process at position ``at``."""
    given = kind.__getitem__

    def getitem(self: Any, position: int) -> Any:
        if position == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return given(self, position)

    kind.__getitem__ = getitem


if __name__ == "__main__":
    moment = int(sys.argv.pop(1))
    for each in (InpaintPatches, PairPatches, StylePatches, UnpairedPatches):
        make_deadly(each, moment)
    main()
