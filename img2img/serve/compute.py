"""What is done in the one thread that computes: a model is opened, a picture read, made and written."""

import sys
from functools import partial
from pathlib import Path
from typing import Any

from torch.nn.modules.module import register_module_forward_pre_hook

from img2img import images
from img2img.batch.one import make_one, own_format
from img2img.batch.write import WriteOptions
from img2img.inference.pipeline import Pipeline
from img2img.inference.runtime import Runtime
from img2img.models import ModelInfo, catalog, load_info, realesrgan
from img2img.recent import Recent
from img2img.serve.jobs import CanceledError, Job, Made, plain
from img2img.serve.problems import RefusedError
from img2img.serve.settings import Settings
from img2img.tasks import TASKS
from img2img.tasks.task import Task

KEPT_OPEN = 4


class Computer:
    """Opens models, the most recently used of which stay open, and does jobs with them.

    Attributes:
        models: what may be named, with what each says of itself. loaded: the names of those that were opened, in that order.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._paths: dict[str, str] = {name: name for name in catalog()}
        if realesrgan.folder() is not None:
            self._paths |= {name: name for name in realesrgan.MODELS}
        self.models: dict[str, ModelInfo] = {name: load_info(name) for name in self._paths}
        for given in settings.models:
            info = load_info(given)
            self._paths[info.name], self.models[info.name] = str(Path(given)), info
        self.own = tuple(load_info(given).name for given in settings.models)
        self.loaded: list[str] = []
        self._open = Recent[tuple[str, str, Runtime], Pipeline[Any]](KEPT_OPEN)

    def warm_up(self) -> None:
        """Open the models that the server was started with, or else the default of the first task that has one."""
        for name in self.own or [TASKS[0].default_model(TASKS[0].options())]:  # type: ignore[misc]
            task = next((task for task in TASKS if task.name == self.models[name].task), None)
            if task is not None:
                self.pipeline(task, name, self.settings.runtime)

    def pipeline(self, task: Task[Any], model: str, runtime: Runtime) -> Pipeline[Any]:
        """The pipeline of ``model``, opened where it is not."""
        found = self._open.get((task.name, model, runtime), lambda: task.open(self._paths[model], runtime))
        if model not in self.loaded:
            self.loaded.append(model)
        return found

    def do(self, job: Job, told: Any) -> Made:
        """The result of ``job``; ``told`` is given the job and the share that is done. Anything may be raised."""
        asked = job.asked

        def check(*_: object) -> None:
            if job.stop.is_set():
                raise CanceledError

        def progress(share: float) -> None:
            check()
            told(job, share)

        hook = register_module_forward_pre_hook(check)  # before each layer
        try:
            check()
            pipeline = self.pipeline(asked.task, asked.model, asked.runtime)
            pipeline.check(asked.options)
            path = job.folder / "result"
            notes = self._mark(job, pipeline, path) if job.kind == "mask" else self._make(job, pipeline, path, progress)
            check()
            probe = images.probe(path, max_pixels=sys.maxsize)
            return Made(path, probe, tuple(map(partial(plain, folder=job.folder), notes)))
        finally:
            hook.remove()

    def _make(self, job: Job, pipeline: Pipeline[Any], path: Path, progress: Any) -> tuple[str, ...]:
        asked, most = job.asked, self.settings.max_pixels
        picture = pipeline.read(asked.source, asked.options, max_pixels=most)
        height, width = pipeline.output_size(picture.height, picture.width, asked.options)
        if height * width > most:
            raise RefusedError(422, f"the result would have {width}x{height} pixels, and {most:,} are allowed: send a smaller picture")
        needed = asked.task.extension and asked.task.extension(asked.options, pipeline.model.info)
        format = asked.format or (images.check_format(needed) if needed else own_format(picture, lossless=asked.task.lossless))
        write = WriteOptions(asked.quality, asked.strip_metadata, most)
        return make_one(picture, path, pipeline, asked.options, write, format, progress=progress)

    def _mark(self, job: Job, pipeline: Pipeline[Any], path: Path) -> tuple[str, ...]:
        picture = pipeline.read(job.asked.source, job.asked.options, max_pixels=self.settings.max_pixels)
        return tuple(images.write(pipeline.marked(picture, job.asked.options), path, format="PNG"))
