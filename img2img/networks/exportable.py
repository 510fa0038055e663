"""What of a network can run without PyTorch: its parts that have no branches which depend on the pictures."""

from typing import Literal, NamedTuple, Protocol, runtime_checkable

import torch.nn.functional as F
from torch import Tensor, nn

from img2img.errors import ModelError

PartName = Literal["network", "body", "colors", "style"]


class Part(NamedTuple):
    """A part of a network that becomes a file of its own.

    Attributes:
        name: "network": the whole of it; "body": what an inpainter adds to its guess at one scale, for the guess and the masks as one
            tensor; "colors": a and b of CIE Lab that a colorizer finds in a small gray picture, at half of its size; "style": what
            makes a style code of a picture.
        module: (N, C, H, W), and for a ``style_dim`` above 0 also a style code (1, style_dim) -> one tensor.
        multiple: H and W must be multiples of it; 0: of what the model says.
        whole: what PyTorch calls to give what a pass of the export gives, where more runs around the export than it holds.
    """

    name: PartName
    module: nn.Module
    style_dim: int = 0
    multiple: int = 0
    whole: nn.Module | None = None

    @property
    def call(self) -> nn.Module:
        """``whole``, or ``module`` alone."""
        return self.whole or self.module


@runtime_checkable
class Exportable(Protocol):
    """A network that says what of it can be exported."""

    def exportable(self) -> list[Part]:
        """The parts, that which makes pictures first; what is not among them stays outside. ModelError: none, and why."""


def parts_of(network: nn.Module) -> list[Part]:
    """The parts of ``network`` that can be exported. ModelError: there are none, and why."""
    if not isinstance(network, Exportable):
        raise ModelError(f"networks of the kind {type(network).__name__} have no exporter: the model stays with PyTorch")
    return network.exportable()


class Refiner(nn.Module):
    """``refined`` of an inpainter, its guess and masks as one tensor (N, C + M, H, W) -> (N, C, H, W)."""

    def __init__(self, inpainter: nn.Module, channels: int) -> None:
        super().__init__()
        self.inpainter, self.channels = inpainter, channels

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.inpainter.refined(x[:, : self.channels], x[:, self.channels :])  # type: ignore[operator]
        return made


class Colors(nn.Module):
    """``colors`` of a colorizer whose ``bins`` (Q, 2) have these colors, (N, 1, H, W) -> (N, 2, H / 2, W / 2)."""

    bins: Tensor

    def __init__(self, colorizer: nn.Module, bins: Tensor) -> None:
        super().__init__()
        self.colorizer = colorizer
        self.register_buffer("bins", bins.T[:, :, None, None].clone())

    def forward(self, gray: Tensor) -> Tensor:
        probabilities = self.colorizer.annealed(self.colorizer.logits(gray))  # type: ignore[operator]
        return F.conv2d(probabilities, self.bins)
