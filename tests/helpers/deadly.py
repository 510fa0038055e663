"""An upscaler whose process dies by signal 9 at pictures of certain names, and is slow at others."""

import os
import signal
import time
from typing import Any

from img2img.images import Picture
from img2img.inference.runtime import Result
from img2img.tasks.upscale.pipeline import UpscalePipeline


class DeadlyPipeline(UpscalePipeline):
    """Dies at each try of ``deadly*``; at the first of ``once*``, and leaves ``NAME.died`` beside it; takes a while for ``slow*``."""

    def __call__(self, picture: Picture, options: Any, *, progress: Any = None) -> Result:
        assert picture.source is not None
        mark = picture.source.with_suffix(".died")
        if picture.source.name.startswith("deadly") or (picture.source.name.startswith("once") and not mark.exists()):
            with open(mark, "a", encoding="utf-8") as file:
                file.write("x")
            os.kill(os.getpid(), signal.SIGKILL)
        if picture.source.name.startswith("slow"):
            time.sleep(0.15)
        return super().__call__(picture, options, progress=progress)
