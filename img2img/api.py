"""The Python API: any model of any task, on pictures of the kinds that programs hold."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast, overload

from PIL import Image
from torch import Tensor

from img2img import images
from img2img.errors import ConfigError, ModelError, option
from img2img.export.runtimes import in_runtime
from img2img.images import Picture
from img2img.images.convert import check_tensor, to_picture, to_pil, with_label
from img2img.inference.pipeline import Pipeline
from img2img.inference.runtime import Runs, Runtime, Statistics
from img2img.models import ModelInfo, catalog, find_model, load_model, read_info
from img2img.options import Options
from img2img.recent import Recent
from img2img.tasks import TASKS, task_named
from img2img.tasks.generate import GENERATE
from img2img.tasks.task import Task

if TYPE_CHECKING:
    from img2img.tasks.generate.pipeline import GeneratePipeline

KEPT_OPEN = 4  # models that ``img2img.upscale`` and its sisters keep open
X = TypeVar("X")
O = TypeVar("O", bound=Options)  # noqa: E741 (the options of one task)
Place = str | os.PathLike[str]


class LoadedModel(Generic[O]):
    """A model that is called with pictures. Several threads may call one at once.

    Attributes:
        task: what it is for. pipeline: what does it, ``pipeline(picture, options) -> Result``, with notes and for ``Picture`` alone.
    """

    def __init__(self, task: Task[O], pipeline: Pipeline[O]) -> None:
        self.task, self.pipeline = task, pipeline

    @property
    def info(self) -> ModelInfo:
        """What the model file says of itself."""
        return self.pipeline.model.info

    @overload
    def __call__(self, x: Place, *args: Any, label: bool = True, **options: Any) -> Image.Image: ...
    @overload
    def __call__(self, x: X, *args: Any, label: bool = True, **options: Any) -> X: ...
    def __call__(self, x: Any, *args: Any, label: bool = True, **options: Any) -> Any:
        """What the model makes of ``x``, as the kind it came as: ``Picture``, ``PIL.Image``, (H, W[, C]) uint8 or uint16 array, or
        (C, H, W) or (N, C, H, W) float tensor in [0, 1]. For a path, the first frame as a ``PIL.Image``.

        Args:
            args, options: those of the task, as ``model.task.options`` describes them; the first may be given by position.
            label: say in the XMP that a network made the result: in ``metadata.xmp`` of a ``Picture``, and ``info["xmp"]`` of a
                ``PIL.Image``, which Pillow writes where it is told to, as in ``image.save("a.jpg", xmp=image.info["xmp"])``. Arrays
                and tensors hold none.

        Raises:
            PictureError: a picture that cannot be read or worked on. ConfigError: another kind, unknown options, or values that do not fit.
        """
        wanted = self.task.options.of(*args, **options)
        variants = self.task.variants(wanted)
        if len(variants) > 1:
            raise ConfigError(f"these options ask for {len(variants)} results of each picture: call all(), which gives a list of them")
        return self._made(x, variants[0][1], label)

    @overload
    def all(self, x: Place, *args: Any, label: bool = True, **options: Any) -> list[Image.Image]: ...
    @overload
    def all(self, x: X, *args: Any, label: bool = True, **options: Any) -> list[X]: ...
    def all(self, x: Any, *args: Any, label: bool = True, **options: Any) -> Any:
        """As a call, for options that ask for several results (``samples``, a folder of styles): all of them, in their order."""
        return [self._made(x, each, label) for _, each in self.task.variants(self.task.options.of(*args, **options))]

    def __repr__(self) -> str:
        return f"<{self.task.name} model {self.info.name!r} on {self.pipeline.network.device}>"

    def _made(self, x: Any, options: O, label: bool) -> Any:
        pipeline = self.pipeline
        if isinstance(x, Picture):
            return self._picture(x, options, label)
        if isinstance(x, Tensor):
            made = pipeline.run(check_tensor(x), options).to(x.device, x.dtype)
            return made if x.dim() == 4 else made[0]
        read = partial(pipeline.read, options=options, max_pixels=images.DEFAULT_MAX_PIXELS)
        picture, back = to_picture(x, read)
        return back(self._picture(picture, options, label))

    def _picture(self, picture: Picture, options: O, label: bool) -> Picture:
        result = self.pipeline(picture, options)
        return with_label(result.picture, self.pipeline.label_for(options)) if label and result.touched else result.picture


def load(
    model: Place = "upscale-4x-photo",
    *,
    device: str = "auto",
    dtype: str = "auto",
    tile: int | None = None,
    ensemble: bool = False,
    statistics: Statistics = "sampled",
    runtime: Runs = "torch",
    compile: bool = False,
) -> LoadedModel[Any]:
    """The model called ``model`` (a shipped name, a file, a run folder), of whatever task, ready to be called with pictures.

    Args:
        device, dtype, tile, ensemble, statistics, runtime, compile: as in ``Runtime``.

    Raises:
        ModelError: no such model, a damaged file, or one that cannot be exported for ``runtime``.
        ConfigError: no such device or precision, a tile below what the model needs, or ``compile`` where PyTorch cannot.
    """
    where = Runtime(device, dtype, tile, ensemble, statistics, runtime, compile)
    loaded = load_model(os.fspath(model))
    task = task_named(loaded.info.task)
    if task is None:
        known = ", ".join(task.name for task in TASKS)
        raise ModelError(
            f"model {loaded.info.name!r} is for {loaded.info.task!r}, a task that this version does not know; known are {known}"
        )
    return LoadedModel(task, task.pipeline()(*in_runtime(loaded, where)))


def list_models(task: str | None = None) -> list[ModelInfo]:
    """What the models that come with the install say of themselves, those of ``task`` or all."""
    infos = [read_info(path) for path in catalog().values()]
    return [info for info in infos if task in (None, info.task)]


_open_models = Recent[tuple[Any, ...], LoadedModel[Any]](KEPT_OPEN)


def forget_models() -> None:
    """Close the models that ``img2img.upscale`` and its sisters keep open, and free their memory."""
    _open_models.clear()


class TaskFunction:
    """``img2img.upscale`` and its sisters: ``load`` and a call in one. The most recently used models stay open, ``KEPT_OPEN`` of them.

    A model is opened again when its file has changed.
    """

    def __init__(self, task: Task[Any]) -> None:
        self.task = task
        self.__name__ = task.name
        self.__doc__ = _documented(task)

    @overload
    def __call__(self, x: Place, *args: Any, model: Place | None = None, label: bool = True, **options: Any) -> Image.Image: ...
    @overload
    def __call__(self, x: X, *args: Any, model: Place | None = None, label: bool = True, **options: Any) -> X: ...
    def __call__(
        self,
        x: Any,
        *args: Any,
        model: Place | None = None,
        device: str = "auto",
        dtype: str = "auto",
        tile: int | None = None,
        ensemble: bool = False,
        statistics: Statistics = "sampled",
        runtime: Runs = "torch",
        compile: bool = False,
        label: bool = True,
        **options: Any,
    ) -> Any:
        task, where = self.task, Runtime(device, dtype, tile, ensemble, statistics, runtime, compile)
        name = os.fspath(model) if model is not None else task.default_model and task.default_model(task.options.of(*args, **options))
        if not name:
            raise ConfigError(f"{option('model')} is missing: {task.name} has no default; img2img.list_models() shows the models")
        key = task.name, name, _state_of(find_model(name)), where
        return _open_models.get(key, lambda: LoadedModel(task, task.open(name, where)))(x, *args, label=label, **options)

    def __repr__(self) -> str:
        return f"<function img2img.{self.__name__}>"


def _state_of(path: Path | None) -> tuple[int, int] | None:
    """What tells a changed file from an unchanged one; None for a model of an optional package."""
    if path is None:
        return None
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _documented(task: Task[Any]) -> str:
    fields = "\n".join(f"        {name}: {field.description}" for name, field in task.options.model_fields.items() if field.description)
    return (
        f"{task.summary} What comes of ``x``, as the kind it came as; a path gives a ``PIL.Image``.\n\n"
        f"    Kinds and errors as ``LoadedModel.__call__``. For one model and many pictures, see ``load``.\n\n"
        f"    Args:\n{fields}\n        model: a shipped name, a file or a run folder.\n"
        "        device, dtype, tile, ensemble, statistics, runtime, compile: as in ``Runtime``. label: as of ``LoadedModel.__call__``.\n"
    )


def generate(model: Place, *, device: str = "auto", dtype: str = "auto", label: bool = True, **options: Any) -> Image.Image:
    """A new picture by the generator ``model`` (a file, a run folder): ``generate("runs/generate-style", seed=7)``.

    Args:
        label: as of ``LoadedModel.__call__``.
        options: ``seed``, ``truncation``, ``mix``, ``class_name``: as of ``img2img generate``. Equal ones give equal pictures.

    Raises:
        ModelError: no such model, or one that makes no pictures from noise. ConfigError: options that it does not have.
    """
    name, runtime = os.fspath(model), Runtime(device, dtype)
    key = "generate", name, _state_of(find_model(name)), runtime
    loaded = _open_models.get(key, lambda: LoadedModel(GENERATE, GENERATE.open(name, runtime)))
    made = cast("GeneratePipeline", loaded.pipeline).sample(GENERATE.options.of(**options))
    return to_pil(with_label(made, loaded.pipeline.label) if label else made)


functions: dict[str, Callable[..., Any]] = {task.name: TaskFunction(task) for task in TASKS if task.command is None}
functions["generate"] = generate
