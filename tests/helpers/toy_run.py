"""``toy_run.py RUN JSON``: trains the toy into RUN, with {"toy": its arguments, "fail_at": a sample that cannot be had, "killed_at": one
whose process is killed when it is first asked for, ... settings}.

A script of its own, because several processes start by running the first one's script again.
"""

import json
import os
import signal
import sys
from pathlib import Path

from toy import Samples, Toy, run

from img2img.errors import Img2ImgError
from img2img.training.objective import Batch


class Failing(Samples):
    """Samples of which one cannot be had."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.at = at

    def __getitem__(self, index: int) -> Batch:
        if index == self.at:
            raise ValueError(f"sample {index} cannot be had")
        return super().__getitem__(index)


class Killed(Samples):
    """Samples whose process is killed at one of them, unless the file ``once`` is there, which is then made."""

    def __init__(self, at: int, once: Path) -> None:
        super().__init__()
        self.at, self.once = at, once

    def __getitem__(self, index: int) -> Batch:
        if index == self.at and not self.once.exists():
            self.once.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__getitem__(index)


if __name__ == "__main__":
    settings = json.loads(sys.argv[2])
    toy = Toy(**settings.pop("toy", {}))
    fail_at = settings.pop("fail_at", None)
    killed_at = settings.pop("killed_at", None)
    folder = Path(sys.argv[1])
    samples: Samples | None = None
    if fail_at is not None:
        samples = Failing(fail_at)
    if killed_at is not None:
        samples = Killed(killed_at, folder.with_name(f"{folder.name}-once"))
    try:
        run(folder, toy, samples=samples, **settings)
    except Img2ImgError as error:
        sys.exit(f"toy_run: {error}")
