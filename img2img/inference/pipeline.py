"""The seam of every task: a picture and options in, a result out."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np
import torch
from torch import Tensor

from img2img import images
from img2img.errors import ConfigError, ModelError, PictureError, option
from img2img.images import Frame, Picture
from img2img.images.label import COMPOSITE, SOFTWARE, Label
from img2img.inference.exported import ExportedNetwork
from img2img.inference.network import Network, TorchNetwork
from img2img.inference.runtime import Result, Runtime
from img2img.inference.working import Working
from img2img.models import Model, load_model
from img2img.models.exported import Exported
from img2img.options import Options

O = TypeVar("O", bound=Options)  # noqa: E741 (the options of one task)
Progress = Callable[[float], None]  # told the share of a picture that is done, 0 to 1
ROWS = 512  # of a result that is handed out in bands


@dataclass(frozen=True)
class Stream:
    """A result in bands, for pictures too large to hold: ``outline`` is all of it but its pixels.

    Attributes:
        outline: the result's channels, alpha, depth, palette and metadata; its tensors have no values.
        height, width: of the result.
        rows: (h, width, C[+1]) integers of its depth, from top to bottom.
        notes, complete, touched: as of ``Result``.
    """

    outline: Picture
    height: int
    width: int
    rows: Iterator[np.ndarray[Any, Any]]
    notes: tuple[str, ...] = ()
    complete: bool = True
    touched: bool = True


class Pipeline(ABC, Generic[O]):
    """A task's model on a device: weights, never a request. Several threads may call one at once.

    Attributes:
        task: the name of its task. Options: the task's options.
        model, runtime: what it was opened with. network: the model's, where it runs.

    Raises:
        ConfigError: no such device or precision, or a tile that is too small for the model.
    """

    task: ClassVar[str]
    Options: ClassVar[type[Options]]

    def __init__(self, model: Model, runtime: Runtime) -> None:
        self.model, self.runtime = model, runtime
        self.network: Network = self.make_network()

    @classmethod
    def open(cls, model: str | Path, runtime: Runtime | None = None, exported: Path | None = None) -> Self:
        """The model called ``model`` (a shipped name, a file, a run folder), ready for pictures; ``exported``: the file that runs it.

        Raises:
            ModelError: no such model, a damaged file, or one for another task. ConfigError: as above.
        """
        loaded = check_task(load_model(model), cls.task)
        return cls(loaded if exported is None else replace(loaded, exported=load_model(exported)), runtime or Runtime())

    def make_network(self) -> Network:
        """The model's network where ``runtime`` says."""
        model = self.model.exported or self.model
        if isinstance(model.network, Exported):
            return ExportedNetwork(model, self.runtime)
        if self.runtime.runtime != "torch":
            raise ConfigError(f"{option('runtime')} {self.runtime.runtime!r}: the model was not exported: img2img.load does that")
        return TorchNetwork(model, self.runtime)

    @abstractmethod
    def __call__(self, picture: Picture, options: O, *, progress: Progress | None = None) -> Result:
        """What the model makes of ``picture``, all frames of it, as ``options`` say.

        Args:
            progress: told now and then the share that is done, 0 to 1.

        Raises:
            PictureError: a picture that the model cannot work on. ConfigError: options that do not fit it or the model.
        """

    def run(self, pixels: Tensor, options: O) -> Tensor:
        """What the model makes of ``pixels`` (N, C, H, W) in [0, 1]: (N, C', H', W') float32 on the CPU; C is 1 to 4, alpha last."""
        made = []
        for each in pixels.detach().float().cpu():
            colors = len(each) - 1 + len(each) % 2
            result = self(Picture((Frame(each[:colors], each[colors:] if len(each) > colors else None),)), options).picture
            made.append(result.pixels if result.alpha is None else torch.cat([result.pixels, result.alpha]))
        return torch.stack(made)

    def check(self, options: O) -> None:
        """ConfigError where ``options`` do not fit the model: what can be said before any picture is read."""

    def marked(self, picture: Picture, options: O) -> Picture:
        """What ``options`` mark of ``picture``, (1, H, W) in [0, 1], 1 = marked.

        Raises:
            ConfigError: the task marks nothing (``Task.marks``).
        """
        raise ConfigError(f"{self.task} marks no part of a picture, so there is no mask to show")

    def read(self, source: Any, options: O, *, max_pixels: int, name: str | None = None) -> Picture:
        """The picture in ``source`` as ``images.read`` gives it: what the model can work on."""
        return images.read(source, max_pixels=max_pixels, name=name)

    def files(self, source: Path, options: O) -> tuple[Path, ...]:
        """The files besides ``source`` that decide what becomes of it: a change of theirs makes its result out of date."""
        return ()

    def output_size(self, height: int, width: int, options: O) -> tuple[int, int]:
        """Height and width of what a picture of ``height`` x ``width`` becomes."""
        return height, width

    @property
    def needs_srgb(self) -> bool:
        """Whether the network must see sRGB, as where colors are made or compared; others do as well with a picture's own numbers."""
        return False

    def working(self, picture: Picture, options: O) -> Working:
        """What makes of ``picture``'s numbers those that the network knows, and back."""
        return Working(picture, srgb=self.needs_srgb, bits=getattr(options, "bits", None))

    def outline(self, picture: Picture, options: O) -> Picture:
        """What becomes of ``picture`` but for its pixels: channels, alpha, depth, palette, metadata. Sizes are of no meaning."""
        return picture

    def stream(self, picture: Picture, options: O, *, progress: Progress | None = None) -> Stream:
        """As a call, with the first frame of the result in bands."""
        result = self(picture, options, progress=progress)
        made = result.picture
        planes = made.pixels if made.alpha is None else torch.cat([made.pixels, made.alpha])
        rows = (images.quantize(planes[:, top : top + ROWS], made.bit_depth) for top in range(0, made.height, ROWS))
        return Stream(made, made.height, made.width, rows, result.notes, result.complete, result.touched)

    @property
    def digital_source(self) -> str:
        """IPTC's term for what the model makes of pictures."""
        return COMPOSITE

    @cached_property
    def label(self) -> Label:
        """What files of results say of how they were made."""
        return Label(self.digital_source, f"{SOFTWARE} {self.model.info.name}", version("img2img-toolkit"))

    def label_for(self, options: O) -> Label:
        """``label``, where ``options`` do not make it another one."""
        return self.label

    def _invents(self) -> bool:
        """Whether the model learned more than distances of pixels, or does not say how it learned: it may add what was not there."""
        recipe = self.model.info.recipe
        config = recipe.get("config")
        more = (("adversary", "weight"), ("loss", "perceptual"), ("loss", "lpips"), ("data", "damage", "sketch"))
        return not isinstance(config, dict) or bool(recipe.get("teacher")) or any(_at(config, keys) for keys in more)

    @cached_property
    def identity(self) -> str:
        """A hash of the weights and of what decides their effect: the same for the same results, whatever file they come from."""
        info, runtime, network = (self.model.exported or self.model).info, self.runtime, self.network  # int8 is said of the export
        digest = hashlib.sha256(f"{info.network} {info.scale} {info.multiple} {network.dtypes[0]} {self._about_model()}".encode())
        digest.update(b"ensemble" if runtime.ensemble else b"")
        digest.update(runtime.statistics.encode() if network.normalizes else b"")
        for name, tensor in sorted(self.model.network.state_dict().items()):
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()

    @cached_property
    def weights_hash(self) -> str:
        """SHA-256 of the model's file as it is when this is first asked, or of the weights of a model that is not one file."""
        if self.model.file is None:
            return self.identity
        try:
            with self.model.file.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise ModelError(f"cannot read {str(self.model.file)!r}: {error.strerror}") from error

    def _about_model(self) -> str:
        """What else of the model decides its results, as text."""
        return ""


def check_task(model: Model, task: str) -> Model:
    """``model``, if it does what ``task`` asks for; else ModelError, which says what does."""
    if model.info.task != task:
        raise ModelError(f"model {model.info.name!r} is for {model.info.task}, not for {task}: use img2img {model.info.task}")
    return model


def check_colors(picture: Picture) -> None:
    """PictureError unless ``picture`` is one of colors: gray or RGB, of 8 or 16 bits."""
    if picture.channels not in (1, 3) or picture.bit_depth == 32 or picture.palette is not None:
        kind = "labels" if picture.palette is not None else f"{picture.channels} bands of {picture.bit_depth} bits"
        raise PictureError(f"the model takes gray and RGB pictures of 8 or 16 bits; this one has {kind}")


def _at(config: Any, keys: tuple[str, ...]) -> Any:
    """The value under ``keys``, one in the other; None where there is none."""
    for key in keys:
        config = config.get(key) if isinstance(config, dict) else None
    return config
