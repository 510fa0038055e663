"""What of a network can run without PyTorch: its parts that have no branches which depend on the pictures."""

from typing import Literal, NamedTuple, Protocol, runtime_checkable

from torch import Tensor, nn

from img2img.errors import ModelError

PartName = Literal["network", "refined", "style"]


class Part(NamedTuple):
    """A part of a network that becomes a file of its own.

    Attributes:
        name: "network": the whole of it; "refined": the correction of an inpainter at one scale, for the guess and the masks as one
            tensor; "style": what makes a style code of a picture.
        module: (N, C, H, W), and for a ``style_dim`` above 0 also a style code (1, style_dim) -> one tensor.
    """

    name: PartName
    module: nn.Module
    style_dim: int = 0


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
