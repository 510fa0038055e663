"""``toy_run.py RUN JSON``: trains the toy into RUN, with {"toy": its arguments, "fail_at": a sample that cannot be had, ... settings}.

A script of its own, because several processes start by running the first one's script again.
"""

import json
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


if __name__ == "__main__":
    settings = json.loads(sys.argv[2])
    toy = Toy(**settings.pop("toy", {}))
    fail_at = settings.pop("fail_at", None)
    try:
        run(Path(sys.argv[1]), toy, samples=None if fail_at is None else Failing(fail_at), **settings)
    except Img2ImgError as error:
        sys.exit(f"toy_run: {error}")
