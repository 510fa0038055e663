"""Two generators in one file: there, and back."""

from typing import Any

from torch import Tensor, nn

from img2img.networks.registry import build


class Bidirectional(nn.Module):
    """Generators A to B and B to A, as CycleGAN leaves them; ``direction`` says which one works.

    Args:
        ab, ba: specs of networks that go each way, for ``networks.build``.

    Shapes: x (N, C, H, W) in [0, 1] -> (N, C', H, W), with the channels of the way that is taken.

    Attributes:
        multiple, halo: those of both ways, the larger; ``halo`` is None where one of them needs the whole picture.
    """

    def __init__(self, ab: dict[str, Any] = {}, ba: dict[str, Any] = {}) -> None:  # noqa: B006 (never changed)
        super().__init__()
        self.ab, self.ba = build(ab), build(ba)
        self.multiple = max(int(self.ab.multiple), int(self.ba.multiple))  # type: ignore[arg-type]
        halos = [self.ab.halo, self.ba.halo]
        self.halo = None if None in halos else max(map(int, halos))  # type: ignore[arg-type]

    def forward(self, x: Tensor, direction: str = "a2b") -> Tensor:
        made: Tensor = (self.ab if direction == "a2b" else self.ba)(x)
        return made
