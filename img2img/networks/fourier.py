"""The residual block that sees the whole picture: fast Fourier convolutions."""

import torch
from torch import Tensor, nn

from img2img.networks.blocks import CONVS, Conv, Norm, Padding, make_norm

GLOBAL_SHARE = 0.75  # of the channels (Suvorov et al. 2022, section 2.1)


class FourierUnit(nn.Module):
    """What a 1x1 convolution makes of the picture's spectrum: every pixel of the result depends on all pixels.

    Chi, Jiang & Mu 2020 ("Fast Fourier convolution", NeurIPS), section 3: the real Fourier transform, real and imaginary parts as
    channels, convolution, norm and ReLU, and back. All of it in float32 at least: half-precision transforms take powers of two alone,
    and the mean's place in the spectrum grows with the picture.

    Shapes: (N, width, H, W) -> the same.
    """

    def __init__(self, width: int, norm: Norm) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2 * width, 2 * width, 1, bias=False)  # a bias on all frequencies would be a dot in the picture's corner
        self.norm = make_norm(norm, 2 * width)

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            spectrum = torch.fft.rfft2(x.to(torch.promote_types(x.dtype, torch.float32)), norm="ortho")  # (N, width, H, W // 2 + 1)
            parts = torch.relu(self.norm(self.conv(torch.cat([spectrum.real, spectrum.imag], dim=1))))
            back: Tensor = torch.fft.irfft2(torch.complex(*parts.chunk(2, dim=1)), s=x.shape[-2:], norm="ortho")
            return back


class SpectralTransform(nn.Module):
    """The way from global to global channels: narrowed to half, added to what ``FourierUnit`` makes of it, widened again.

    Figure 2 of Suvorov et al. 2022 (arXiv 2109.07161), without the second unit on quarters of the picture, as there.

    Shapes: (N, width, H, W) -> the same.
    """

    def __init__(self, width: int, norm: Norm) -> None:
        super().__init__()
        self.narrow = nn.Sequential(nn.Conv2d(width, width // 2, 1, bias=norm == "none"), make_norm(norm, width // 2), nn.ReLU())
        self.unit = FourierUnit(width // 2, norm)
        self.widen = nn.Conv2d(width // 2, width, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.narrow(x)
        widened: Tensor = self.widen(y + self.unit(y))
        return widened


class FourierConv(nn.Module):
    """A fast Fourier convolution: local channels see 3x3 pixels, global ones (the last ``GLOBAL_SHARE``) the picture, and they mix.

    Chi, Jiang & Mu 2020, eq. 2 and 3. The 3x3 convolutions from local channels to both kinds are one.

    Shapes: (N, width, H, W) -> the same.
    """

    def __init__(self, width: int, norm: Norm, padding_mode: Padding, conv: Conv) -> None:
        super().__init__()
        wide = int(width * GLOBAL_SHARE)
        self.widths = [width - wide, wide]
        self.from_local = CONVS[conv](width - wide, width, 3, padding=1, padding_mode=padding_mode, bias=norm == "none")
        self.to_local = CONVS[conv](wide, width - wide, 3, padding=1, padding_mode=padding_mode, bias=False)
        self.to_global = SpectralTransform(wide, norm)

    def forward(self, x: Tensor) -> Tensor:
        near, far = torch.split(x, self.widths, dim=1)
        mixed: Tensor = self.from_local(near) + torch.cat([self.to_local(far), self.to_global(far)], dim=1)
        return mixed


class FourierBlock(nn.Module):
    """x + f(f(x)), where f is relu(norm(fast Fourier convolution)): a block of LaMa.

    Suvorov et al. 2022 (arXiv 2109.07161), section 2.1 and figure 2; ``norm="batch"`` is theirs. With ``norm="none"`` the second
    convolution starts at a tenth of the usual size, as in ``ResidualBlock``.

    Shapes: (N, width, H, W) -> the same; ``style`` is there for a generator that calls all its blocks alike, and not looked at.

    Raises:
        ValueError: a width below 4, which leaves no channels for one of the ways; ``norm="adain"``.
    """

    def __init__(self, width: int, norm: Norm = "none", padding_mode: Padding = "zeros", conv: Conv = "plain") -> None:
        super().__init__()
        if norm == "adain":
            raise ValueError("a Fourier block takes no style code, so norm cannot be 'adain'")
        if width < 4:
            raise ValueError(f"a Fourier block needs a width of at least 4, not {width}")
        self.conv1, self.norm1 = FourierConv(width, norm, padding_mode, conv), make_norm(norm, width)
        self.conv2, self.norm2 = FourierConv(width, norm, padding_mode, conv), make_norm(norm, width)
        if norm == "none":
            with torch.no_grad():
                for last in (self.conv2.from_local, self.conv2.to_local, self.conv2.to_global.widen):
                    last.weight.mul_(0.1)

    def forward(self, x: Tensor, style: Tensor | None = None) -> Tensor:
        y = torch.relu(self.norm1(self.conv1(x)))
        y = torch.relu(self.norm2(self.conv2(y)))
        return x + y
