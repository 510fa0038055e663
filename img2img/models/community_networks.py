"""Networks of other projects behind our contract, and how far around a tile each of them looks."""

from typing import Any

import torch
from torch import Tensor, nn

WINDOW_HALO, LARGEST_HALO = 32, 96  # see halo_of


class CommunityNetwork(nn.Module):
    """A spandrel network behind our contract: (N, 3, H, W) in [0, 1] -> (N, 3, H * scale, W * scale) in [0, 1].

    spandrel pads sizes that the network cannot take and cuts the result back. A network for gray pictures gets each channel in turn.
    """

    def __init__(self, descriptor: Any) -> None:
        super().__init__()
        self.model: nn.Module = descriptor.model
        self.descriptor = descriptor
        self.channels: int = descriptor.input_channels

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.descriptor(x.reshape(-1, self.channels, *x.shape[2:]))
        return y.reshape(*x.shape[:2], *y.shape[2:])


class CommunityInpainter(nn.Module):
    """A spandrel network that fills holes, behind our contract.

    Shapes: x (N, 4, H, W), RGB in [0, 1] with anything in the hole, and the mask, 1 = hole -> (N, 3, H, W) in [0, 1], the known pixels
    bit-exact. What the network sees of the hole is 0. spandrel pads sizes that the network cannot take and cuts the result back.

    Computed in float32 under any autocast, as LaMa's Fourier transforms take no bfloat16 and spandrel calls neither it nor MAT fit for
    float16. Draws that a network makes are the same each time.
    """

    def __init__(self, descriptor: Any) -> None:
        super().__init__()
        self.model: nn.Module = descriptor.model
        self.descriptor = descriptor
        if descriptor.architecture.id == "MAT":  # its style is drawn on loading, and would stay on the CPU
            style = torch.randn(1, 512, generator=torch.Generator().manual_seed(0))
            del self.model.z
            self.model.register_buffer("z", style, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        hole = x[:, 3:] > 0
        image, mask = x[:, :3].float().masked_fill(hole, 0), hole.float()
        devices = [x.device] if x.device.type == "cuda" else []
        with torch.autocast(x.device.type, enabled=False), torch.random.fork_rng(devices):
            torch.manual_seed(0)  # MAT has a dropout that never rests
            filled = [self.descriptor(image[n : n + 1], mask[n : n + 1]) for n in range(len(x))]  # it takes one picture at a time
        return torch.where(hole, torch.cat(filled), image)


def fold(span: nn.Module) -> None:
    """Put one convolution in place of each of SPAN's branches, which spandrel folds anew at every call."""
    branch: Any
    for module in list(span.modules()):
        for name, branch in module.named_children():
            if hasattr(branch, "eval_conv"):
                branch.update_params()
                setattr(module, name, branch.eval_conv)


def halo_of(descriptor: Any) -> int | None:
    """Context in input pixels for tiles: the receptive field's radius where we know it, else what such networks are tiled with.

    At most ``LARGEST_HALO``: the 349 pixels of a 23-block RRDBNet would leave tiles that are nearly all context. Measured on two
    photographs, realesrgan-x4plus in tiles with 96 pixels is within 0.05/255 of the whole picture (64 pixels: 1.7/255).
    """
    import spandrel

    match descriptor.architecture.id:
        case "Compact":
            return min(_compact_radius(descriptor.model.hyperparameters), LARGEST_HALO)
        case "ESRGAN":
            return min(_rrdb_radius(descriptor.model.hyperparameters), LARGEST_HALO)
    # The rest mostly mix windows of 8 to 16 pixels layer after layer: formally everything sees everything, in effect little beyond
    # two windows counts. Their authors tile with 10 to 32 pixels. Those for restoration see farther, most of them as U-Nets.
    context = LARGEST_HALO if descriptor.scale == 1 else WINDOW_HALO
    return context if descriptor.tiling is spandrel.ModelTiling.SUPPORTED else None


def _compact_radius(hyper: dict[str, Any]) -> int:
    """SRVGGNetCompact's receptive field in input pixels: a pixel for each convolution."""
    return int(hyper["num_conv"]) + 2


def _rrdb_radius(hyper: dict[str, Any]) -> int:
    """RRDBNet's receptive field in input pixels: one before, 15 in each block, one after, and the tail's behind nearest doublings."""
    radius = 2  # the last two convolutions, in output pixels
    for _ in range(int(hyper["scale"]).bit_length() - 1):
        radius = -(-(radius + 1) // 2)  # a convolution, then half as many pixels before the doubling
    return (1 + 15 * int(hyper["num_blocks"]) + 1 + radius) * int(hyper.get("shuffle_factor") or 1)
