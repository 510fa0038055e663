"""What is done in the one thread that computes: a model is opened, a picture read, made and written."""

import sys
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

from safetensors import safe_open
from torch.nn.modules.module import register_module_forward_pre_hook

from img2img import images
from img2img.batch.one import make_one, own_format
from img2img.batch.write import WriteOptions
from img2img.inference.devices import choose_device
from img2img.inference.pipeline import Pipeline
from img2img.inference.runtime import Runtime
from img2img.models import ModelInfo, catalog, find_model, load_info
from img2img.models.optional import MODELS
from img2img.recent import Recent
from img2img.serve.jobs import CanceledError, Job, Made, plain
from img2img.serve.problems import RefusedError
from img2img.serve.settings import Settings
from img2img.tasks import PICTURE_TASKS
from img2img.tasks.task import Task

KEPT_OPEN = 4
ABOUT = {  # what the shipped models are for
    "upscale-4x-photo": "Real photographs, slightly noisy or compressed.",
    "upscale-2x-photo": "Real photographs, for factors up to 2.",
    "upscale-2x-fidelity": "Closest to the pixels of clean pictures, for factors up to 2.",
    "upscale-4x-fidelity": "Closest to the pixels of clean pictures.",
    "inpaint-photo": "Fills holes in photographs.",
    "stylize-any": "Any picture's style on any photograph.",
    "translate-restore": "Removes noise and JPEG's marks of unknown strength.",
    "translate-colorize": "Colors gray photographs.",
    "translate-sketch": "Makes a photograph of a colored sketch; a demonstration.",
    "translate-painting": "The colors and strokes of van Gogh; a demonstration.",
}


class Computer:
    """Opens models, the most recently used of which stay open, and does jobs with them.

    Attributes:
        models: what may be named, with what each says of itself. loaded: the names of those that were opened, in that order.
        device: where they run.

    Raises:
        ModelError, ConfigError: a model or a device of ``settings`` that cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.device = str(choose_device(settings.runtime.device))
        self._paths: dict[str, str] = {name: name for name in catalog()}
        self._paths |= {name: name for name, files in MODELS.items() if files.package.folder()}
        self.models: dict[str, ModelInfo] = {name: load_info(name) for name in self._paths}
        for given in settings.models:
            info = load_info(given)
            self._paths[info.name], self.models[info.name] = str(Path(given)), info
        self.own = tuple(load_info(given).name for given in settings.models)
        self.loaded: list[str] = []
        self._open = Recent[tuple[str, str, Runtime], Pipeline[Any]](KEPT_OPEN)

    def listed(self) -> list[dict[str, Any]]:
        """The models, as clients see them."""
        return [
            {
                "name": name,
                "task": info.task,
                "scale": info.scale,
                "description": ABOUT.get(name, ""),
                "license": info.license,
                "directions": info.directions,
                "classes": info.classes,
                "loaded": name in self.loaded,
                **sizes(self._paths[name]),
            }
            for name, info in self.models.items()
        ]

    def warm_up(self) -> None:
        """Open the models that the server was started with, or else the default of the first task that has one."""
        for name in self.own or [PICTURE_TASKS[0].default_model(PICTURE_TASKS[0].options())]:  # type: ignore[misc]
            task = next((task for task in PICTURE_TASKS if task.name == self.models[name].task), None)
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
        write = WriteOptions(asked.quality, asked.strip_metadata, asked.label, self.settings.credentials, most)
        return make_one(picture, path, pipeline, asked.options, write, format, progress=progress)

    def _mark(self, job: Job, pipeline: Pipeline[Any], path: Path) -> tuple[str, ...]:
        picture = pipeline.read(job.asked.source, job.asked.options, max_pixels=self.settings.max_pixels)
        return tuple(images.write(pipeline.marked(picture, job.asked.options), path, format="PNG"))


def sizes(model: str) -> dict[str, Any]:
    """How many numbers the model's file holds, and its megabytes; null for models whose file does not tell."""
    path = find_model(model)
    if path is None:
        return {"parameters": MODELS[model].parameters, "megabytes": MODELS[model].parameters * 2 / 1e6}
    megabytes = round(path.stat().st_size / 1e6, 2)
    if path.suffix != ".safetensors":
        return {"parameters": None, "megabytes": megabytes}
    with safe_open(path, framework="pt") as file:
        return {"parameters": sum(prod(file.get_slice(key).get_shape()) for key in file.keys()), "megabytes": megabytes}  # noqa: SIM118
