"""Building blocks that the generators and discriminators share."""

from typing import Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, distributed, nn
from torch.distributed.nn.functional import all_reduce

Norm = Literal["none", "batch", "instance", "adain"]
Padding = Literal["zeros", "reflect"]
Up = Literal["shuffle", "resize", "bilinear", "transposed"]
Head = Literal["sigmoid", "linear"]
Conv = Literal["plain", "gated"]


class AdaIN(nn.Module):
    """Adaptive instance normalization: each channel to mean 0 and deviation 1, then scaled and shifted as a style code says.

    Eq. 8 of Huang & Belongie 2017 (arXiv 1703.06868), with the scale and shift an affine map of a style code as in
    Karras et al. 2019 (arXiv 1812.04948), section 2. The affine map starts at the identity: scale 1, shift 0.

    Shapes: x (N, width, H, W), style (N, style_dim) -> (N, width, H, W).
    """

    def __init__(self, width: int, style_dim: int) -> None:
        super().__init__()
        self.norm = InstanceNorm2d(width)
        self.affine = nn.Linear(style_dim, 2 * width)
        nn.init.zeros_(self.affine.bias)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        scale, shift = self.affine(style)[:, :, None, None].chunk(2, dim=1)
        return torch.addcmul(shift, self.norm(x), 1 + scale)


class InstanceNorm2d(nn.InstanceNorm2d):
    """``nn.InstanceNorm2d``, on a CPU computed as group norm with a group for each channel: the same in half the time.

    On CUDA group norm is the slower one: under autocast it computes in, and gives, single precision.
    """

    def forward(self, x: Tensor) -> Tensor:
        if x.is_cuda and x.shape[2:].numel() > 1:  # of a single place, which ``F.instance_norm`` refuses, the bias is left
            return F.instance_norm(x, weight=self.weight, bias=self.bias, eps=self.eps)
        return F.group_norm(x, self.num_features, self.weight, self.bias, self.eps)


class BatchNorm2d(nn.BatchNorm2d):
    """``nn.BatchNorm2d``, whose statistics are those of all processes when several train together, on any device.

    Ioffe & Szegedy 2015 (arXiv 1502.03167). With ``nn.SyncBatchNorm``, which works on CUDA alone, a run on two CPU processes would be
    another run than that of one with the double batch. Processes' batches are of one size.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not (self.training and distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1):
            return super().forward(x)
        x32 = x.float()
        moments = torch.stack([x32.mean(dim=(0, 2, 3)), x32.square().mean(dim=(0, 2, 3))])
        total: Tensor = all_reduce(moments)  # type: ignore[no-untyped-call]
        mean, square = total / distributed.get_world_size()
        variance = (square - mean.square()).clamp_min(0)
        assert self.num_batches_tracked is not None
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.momentum is not None
        with torch.no_grad():
            count = x.shape[0] * x.shape[2] * x.shape[3] * distributed.get_world_size()
            self.num_batches_tracked.add_(1)
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
        y: Tensor = (x32 - mean[:, None, None]) * torch.rsqrt(variance + self.eps)[:, None, None]
        return (y * self.weight[:, None, None] + self.bias[:, None, None]).to(x.dtype)


def make_norm(norm: Norm, width: int, style_dim: int = 0) -> nn.Module:
    """The normalization layer called ``norm`` for ``width`` channels; ``adain`` takes ``(x, style)``, the others ``x``."""
    match norm:
        case "none":
            return nn.Identity()
        case "batch":
            return BatchNorm2d(width)
        case "instance":
            return InstanceNorm2d(width, affine=True)
        case "adain":
            return AdaIN(width, style_dim)


class GatedConv2d(nn.Conv2d):
    """``nn.Conv2d`` whose result is multiplied by a gate, which a second convolution finds for each pixel and channel.

    Eq. 2 of Yu et al. 2019 (arXiv 1806.03589), activation(feature) * sigmoid(gate), for pictures with holes: a layer learns where to look.
    Deviations: feature * 2 * sigmoid(gate), and the activation stays where the network has it, so that this takes the place of any
    convolution. The gate starts at 0 and so lets everything pass as it is: a deep stack begins as the plain one does, and takes over its
    weights, as their names are the same.

    Shapes: as ``nn.Conv2d``.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        padding: int = 0,
        padding_mode: Padding = "zeros",
        bias: bool = True,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, padding_mode=padding_mode, bias=bias)
        self.gate = nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding, padding_mode=padding_mode)
        nn.init.zeros_(self.gate.weight)
        nn.init.zeros_(cast(Tensor, self.gate.bias))

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * (2 * torch.sigmoid(self.gate(x)))


CONVS: dict[Conv, type[nn.Conv2d]] = {"plain": nn.Conv2d, "gated": GatedConv2d}


class ResidualBlock(nn.Module):
    """x + norm(conv(relu(norm(conv(x))))): two 3x3 convolutions that keep the size (He et al. 2016, arXiv 1512.03385).

    With ``norm="none"`` this is the block of EDSR (Lim et al. 2017, arXiv 1707.02921, figure 2c); its second convolution then
    starts at a tenth of the usual size, so that a deep stack begins close to the identity.

    Shapes: (N, width, H, W) -> the same; ``style`` (N, style_dim) only with ``norm="adain"``.
    """

    def __init__(self, width: int, norm: Norm = "none", style_dim: int = 0, padding_mode: Padding = "zeros", conv: Conv = "plain") -> None:
        super().__init__()
        bias = norm in ("none", "adain")
        self.conv1 = CONVS[conv](width, width, 3, padding=1, padding_mode=padding_mode, bias=bias)
        self.norm1 = make_norm(norm, width, style_dim)
        self.conv2 = CONVS[conv](width, width, 3, padding=1, padding_mode=padding_mode, bias=bias)
        self.norm2 = make_norm(norm, width, style_dim)
        self.adaptive = norm == "adain"
        if norm == "none":
            with torch.no_grad():
                self.conv2.weight.mul_(0.1)

    def forward(self, x: Tensor, style: Tensor | None = None) -> Tensor:
        extra = (style,) if self.adaptive else ()
        y = torch.relu(self.norm1(self.conv1(x), *extra))
        y = self.norm2(self.conv2(y), *extra)
        out: Tensor = x + y
        return out


def bilinear(x: Tensor, scale: int) -> Tensor:
    """``x`` enlarged as ``interpolate(mode="bilinear", align_corners=False)`` does, with weights that don't depend on the place.

    PyTorch computes each output's position in float32, so that for a scale of 3 a tile and the whole picture differ in rounding. Here
    the ``scale ** 2`` phases are fixed 3x3 filters whose results a pixel shuffle interleaves.

    Shapes: (N, C, H, W) -> (N, C, H * scale, W * scale).
    """
    planes = x.reshape(-1, 1, *x.shape[2:])
    with torch.autocast(x.device.type, enabled=False):  # the picture itself passes here: half precision would cut 16 bits to 11
        phases = F.conv2d(F.pad(planes, (1, 1, 1, 1), mode="replicate"), bilinear_kernels(scale, x.dtype, x.device))
    return F.pixel_shuffle(phases, scale).reshape(*x.shape[:2], x.shape[2] * scale, x.shape[3] * scale)


def bilinear_kernels(scale: int, dtype: torch.dtype = torch.float32, device: torch.device | None = None) -> Tensor:
    """The filters (scale ** 2, 1, 3, 3) of ``bilinear``, in the order of a pixel shuffle."""
    offset = (torch.arange(scale, dtype=dtype, device=device) + 0.5) / scale - 0.5
    line = torch.stack([(-offset).clamp(min=0), 1 - offset.abs(), offset.clamp(min=0)], dim=1)  # (scale, 3)
    return torch.einsum("ia,jb->ijab", line, line).reshape(scale**2, 1, 3, 3)


def upsampler(up: Up, in_channels: int, out_channels: int, conv: Conv = "plain") -> list[nn.Module]:
    """Layers that double height and width, (N, in_channels, H, W) -> (N, out_channels, 2H, 2W).

    ``shuffle``: a convolution and a pixel shuffle started by ICNR; ``resize``: nearest neighbor and a convolution (Odena et al. 2016,
    "Deconvolution and checkerboard artifacts"); both start without a checkerboard. ``bilinear``: a convolution, then bilinear: no
    convolution works on the finer grid, which takes a fifth of the time, and no blocks of the coarser one can be drawn.
    ``transposed``: a transposed convolution, as the public pix2pix and CycleGAN have it.

    Raises:
        ValueError: a transposed convolution that is gated.
    """
    match up:
        case "shuffle":
            folded = CONVS[conv](in_channels, out_channels * 4, 3, padding=1, padding_mode="reflect")
            icnr_(folded.weight, 2)
            return [folded, nn.PixelShuffle(2)]
        case "resize":
            return [nn.Upsample(scale_factor=2), CONVS[conv](in_channels, out_channels, 3, padding=1, padding_mode="reflect")]
        case "bilinear":
            larger = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
            return [CONVS[conv](in_channels, out_channels, 3, padding=1, padding_mode="reflect"), larger]
        case "transposed":
            if conv == "gated":
                raise ValueError('transposed convolutions have no gate; with conv="gated", up is "shuffle" or "resize"')
            return [nn.ConvTranspose2d(in_channels, out_channels, 4, stride=2, padding=1)]


def full(x: Tensor) -> Tensor:
    """``x`` in single precision at least."""
    return x if x.dtype == torch.float64 else x.float()


class FullSigmoid(nn.Sigmoid):
    """``nn.Sigmoid`` in single precision at least: bfloat16 has 129 values between 0.5 and 1, which a picture's gradients would show."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(full(x))


def make_head(head: Head) -> nn.Module:
    """What stands behind the last convolution: a sigmoid for pictures in [0, 1], nothing for logits and free ranges."""
    return FullSigmoid() if head == "sigmoid" else nn.Identity()


def icnr_(weight: Tensor, scale: int) -> Tensor:
    """Fill a pixel-shuffle convolution's weight so that it starts as nearest-neighbor up-sampling: no checkerboard.

    All ``scale ** 2`` sub-filters of an output channel start equal (Aitken et al. 2017, arXiv 1707.02937, section 3).

    Args:
        weight: (out_channels * scale ** 2, in_channels, k, k), changed in place and given back.
    """
    sub = torch.empty(weight.shape[0] // scale**2, *weight.shape[1:])
    nn.init.kaiming_normal_(sub)
    with torch.no_grad():
        weight.copy_(sub.repeat_interleave(scale**2, dim=0))
    return weight
