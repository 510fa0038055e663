"""A network that gives a gray picture its colors: a classification of colors on features of VGG16."""

from collections.abc import Callable
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from img2img.images.color import colored, rgb_to_lab
from img2img.networks.exportable import Colors, Part
from img2img.networks.features import vgg16_weights

MULTIPLE = 8  # sides of the small picture
GRID = 10  # units of CIE Lab between two bins
TEMPERATURE = 0.6
GUIDE_RADIUS, GUIDE_EPSILON = 4, 1e-3
NEAREST, SOFTNESS = 5, 5.0  # bins that a color counts as, and the standard deviation of their weights
BLOCKS = {"1": (64, 64), "2": (128, 128), "3": (256, 256, 256), "4": (512, 512, 512)}  # of VGG16, up to conv4_3
STRIP = 2**20  # pixels that are converted at once
VGG_MEAN = 0.45  # of ImageNet's pictures, about
VGG_GAIN = 255.0  # Oxford's weights were trained on 0..255


class Colorizer(nn.Module):
    """Gray to color: each place's color is chosen among the bins of a grid in CIE Lab's a, b plane.

    Zhang et al. 2016 (arXiv 1603.08511): a regression would average over all colors that are possible and give brown; a
    classification gives one of them, and the annealed mean (eq. 5) of its probabilities is between their mode and mean. Deviations: T is
    0.6 in place of 0.38, as a network that saw few photographs is too sure of itself; the encoder is VGG16 (Simonyan & Zisserman
    2015, arXiv 1409.1556) up to ``depth`` layers of its block 4, whose weights come with the install; layers of its blocks 2 and 3
    are joined to the way up, as in a U-Net; the mean over the picture is added at the bottom.

    A picture's meaning does not depend on its number of pixels. So colors are found in a version whose shorter side has ``work``
    pixels, at half of its resolution, and brought to full size along the lightness's edges (He & Sun 2015, "Fast guided filter",
    arXiv 1505.00996). The result has the input's lightness (``color.colored``).

    ``overrated`` is taken off the logits when colors are chosen: training that counts rare colors more makes them too likely (Menon et
    al. 2021, "Long-tail learning via logit adjustment", arXiv 2007.07314, section 4).

    Shapes: (N, 1, H, W) gray in [0, 1] -> (N, 3, H, W) sRGB in [0, 1].
    """

    overrated: Tensor

    def __init__(self, width: int = 192, work: int = 192, depth: int = 1) -> None:
        super().__init__()
        if not 1 <= depth <= len(BLOCKS["4"]):
            raise ValueError(f"depth must be from 1 to {len(BLOCKS['4'])}, got {depth}")
        self.work = work
        self.blocks = {**BLOCKS, "4": BLOCKS["4"][:depth]}
        self.multiple, self.halo = 1, None
        self.encoder = nn.ModuleDict()
        previous = 1
        for block, widths in self.blocks.items():
            for number, current in enumerate(widths, start=1):
                self.encoder[f"conv{block}_{number}"] = nn.Conv2d(previous, current, 3, padding=1)
                previous = current
        self.whole = nn.Linear(512, width)
        self.middle = nn.Conv2d(512, width, 3, padding=1)
        self.context = nn.ModuleList(nn.Conv2d(width, width, 3, padding=2, dilation=2) for _ in range(2))
        self.skips = nn.ModuleDict({"3": nn.Conv2d(256, width // 2, 1), "2": nn.Conv2d(128, width // 4, 1)})
        self.ups = nn.ModuleDict({"3": nn.Conv2d(width, width // 2, 3, padding=1), "2": nn.Conv2d(width // 2, width // 4, 3, padding=1)})
        self.head = nn.Conv2d(width // 4, len(bins()), 1)
        self.register_buffer("overrated", torch.zeros(len(bins())))

    def shared(self) -> dict[str, Tensor]:
        """The encoder's weights as they come with the install, by their names here: a gray pixel has three equal channels.

        And nothing overrated, as files of before know nothing of that.
        """
        state = vgg16_weights()
        state["conv1_1.weight"] = state["conv1_1.weight"].sum(1, keepdim=True)
        encoder = {f"encoder.{key}": value for key, value in state.items() if key.split(".")[0] in self.encoder}
        return {**encoder, "overrated": torch.zeros(len(bins()))}

    def exportable(self) -> list[Part]:
        """What finds colors in a small picture. Making that, and bringing its colors to full size, depends on the picture's size in ways
        that no runtime has: ``around`` stays outside.
        """
        return [Part("colors", Colors(self, bins()), multiple=MULTIPLE, whole=self)]

    def logits(self, gray: Tensor) -> Tensor:
        """(N, bins, H / 2, W / 2) logits of a small ``gray`` (N, 1, H, W); H and W are multiples of 8."""
        x = (gray - VGG_MEAN) * VGG_GAIN
        found: dict[str, Tensor] = {}
        for block, widths in self.blocks.items():
            if block != "1":
                x = F.max_pool2d(x, 2)
            for number in range(1, len(widths) + 1):
                x = torch.relu(self.encoder[f"conv{block}_{number}"](x))
            found[block] = x / VGG_GAIN
        x = torch.relu(self.middle(found["4"]) + self.whole(found["4"].mean((2, 3)))[:, :, None, None])
        for conv in self.context:
            x = x + torch.relu(conv(x))
        for block in ("3", "2"):
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = torch.relu(self.ups[block](x) + self.skips[block](found[block]))
        out: Tensor = self.head(x)
        return out

    def colors(self, gray: Tensor) -> Tensor:
        """a and b of CIE Lab, (N, 2, H / 2, W / 2), of a small ``gray`` (N, 1, H, W)."""
        return self.mean_color(self.logits(gray))

    def mean_color(self, logits: Tensor) -> Tensor:
        """a and b of CIE Lab, (N, 2, H, W), by the bins' ``logits`` (N, bins, H, W): their annealed mean."""
        return torch.einsum("nqhw,qc->nchw", self.annealed(logits), bins().to(logits))

    def annealed(self, logits: Tensor) -> Tensor:
        """The bins' annealed probabilities, (N, bins, H, W), by their ``logits`` (N, bins, H, W)."""
        return ((logits - self.overrated[:, None, None]) / TEMPERATURE).softmax(1)

    def forward(self, gray: Tensor) -> Tensor:
        with torch.autocast(gray.device.type, enabled=False):  # half precision would not keep the lightness
            return around(self.colors, gray, self.work)


def around(colors: Callable[[Tensor], Tensor], gray: Tensor, work: int) -> Tensor:
    """``gray`` (N, 1, H, W) with the colors, (N, 3, H, W), that ``colors`` (as ``Colorizer.colors``) finds where its shorter side has
    ``work`` pixels: the mean of what it finds there and in the mirrored picture.
    """
    small = shrunk(gray, work)
    height, width = (max(round(side / MULTIPLE), 1) * MULTIPLE for side in small.shape[-2:])
    small = F.interpolate(small, (height, width), mode="bilinear", antialias=True, align_corners=False)
    ab = (colors(small) + colors(small.flip(3)).flip(3)) / 2
    guide = F.interpolate(small, ab.shape[-2:], mode="area")
    slope, offset = guided(guide, ab)
    strips = []
    rows = max(STRIP // gray.shape[-1], 1)
    grid = F.interpolate(torch.cat([slope, offset], dim=1), gray.shape[-2:], mode="bilinear", align_corners=False)
    for top in range(0, gray.shape[-2], rows):
        part = gray[..., top : top + rows, :]
        steep, flat = grid[..., top : top + rows, :].chunk(2, dim=1)
        strips.append(colored(part, steep * part + flat))
    return torch.cat(strips, dim=-2)


def shrunk(gray: Tensor, side: int) -> Tensor:
    """``gray`` (N, 1, H, W) with a shorter side of at most ``side`` pixels."""
    height, width = gray.shape[-2:]
    factor = side / min(height, width)
    if factor >= 1:
        return gray
    return F.interpolate(gray, (round(height * factor), round(width * factor)), mode="bilinear", antialias=True, align_corners=False)


def guided(guide: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """(slope, offset), each as ``x``, so that slope * guide + offset is ``x`` smoothed along the edges of ``guide``.

    He & Sun 2015 (arXiv 1505.00996), eq. 2 to 4. guide (N, 1, H, W), x (N, C, H, W).
    """
    mean_guide, mean_x = _box(guide), _box(x)
    covariance = _box(guide * x) - mean_guide * mean_x
    variance = _box(guide * guide) - mean_guide**2
    slope = covariance / (variance + GUIDE_EPSILON)
    return _box(slope), _box(mean_x - slope * mean_guide)


def _box(x: Tensor) -> Tensor:
    smoothed: Tensor = F.avg_pool2d(x, 2 * GUIDE_RADIUS + 1, stride=1, padding=GUIDE_RADIUS, count_include_pad=False)
    return smoothed


@cache
def bins() -> Tensor:
    """(Q, 2): the a and b of the grid's cells that sRGB has colors in, in units of CIE Lab; sorted."""
    levels = torch.linspace(0, 1, 33, device="cpu")
    cube = torch.cartesian_prod(levels, levels, levels).T[None, :, :, None]  # (1, 3, Q, 1)
    ab = rgb_to_lab(cube)[0, 1:, :, 0].T
    grid: Tensor = torch.unique((ab / GRID).round(), dim=0) * GRID
    return grid


def nearest_bin(ab: Tensor) -> Tensor:
    """(N, H, W) int64: the number of the bin nearest to each ``ab`` (N, 2, H, W)."""
    grid = bins().to(ab)
    low = int(grid.min() // GRID)
    span = int(grid.max() // GRID) - low + 1
    cells = torch.cartesian_prod(*[torch.arange(low, low + span, device=ab.device) * float(GRID)] * 2)
    table = torch.cdist(cells, grid).argmin(1)  # each cell's bin: its own, or the nearest where sRGB has no such color
    a, b = ((ab / GRID).round().long() - low).clamp(0, span - 1).unbind(1)
    found: Tensor = table[a * span + b]
    return found


def nearest_bins(ab: Tensor) -> tuple[Tensor, Tensor]:
    """(numbers, weights), each (N, 5, H, W): the bins nearest to each ``ab`` (N, 2, H, W), the nearest first, and how much each counts.

    Zhang et al. 2016 (arXiv 1603.08511), section 2.1: a Gaussian of the distance, with a standard deviation of 5; the weights add up to 1.
    """
    grid = bins().to(ab)
    distances, numbers = torch.cdist(ab.permute(0, 2, 3, 1), grid).topk(NEAREST, largest=False)
    weights = torch.exp(-distances.square() / (2 * SOFTNESS**2))
    weights = weights / weights.sum(-1, keepdim=True)
    return numbers.permute(0, 3, 1, 2), weights.permute(0, 3, 1, 2)
