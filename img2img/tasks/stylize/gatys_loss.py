"""The loss of Gatys et al. and its gradient, computed in tiles, so that memory does not grow with the picture."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from img2img.losses.style import gram, style_distance, total_variation

# At one style layer a block, as Gatys 2016; deeper layers show larger strokes. Content as in the same paper, one convolution into block 4.
STYLE_LAYERS: Mapping[str, float] = {"relu1_1": 0.25, "relu2_1": 0.25, "relu3_1": 0.25, "relu4_1": 0.25}
CONTENT_LAYER = "relu4_2"
STRIDE = 8  # pixels a place of block 4 stands for
HALO = 48  # pixels beyond a tile that its activations up to relu4_2 depend on, 36 (VGG16) or 42 (VGG19), up to a multiple of STRIDE

Grams = list[Tensor]  # (1, C, C) for each style layer of the first style, then of the second, ...


@dataclass(frozen=True)
class Tile:
    """A part of a picture, (top, bottom, left, right), and what a network must be given so that the part comes out as in the whole."""

    inner: tuple[int, int, int, int]
    outer: tuple[int, int, int, int]

    def of(self, picture: Tensor) -> Tensor:
        top, bottom, left, right = self.outer
        return picture[..., top:bottom, left:right]

    def place(self, whole: Tensor, stride: int) -> Tensor:
        """The part of ``whole``, a map of the whole picture with a value each ``stride`` pixels."""
        top, bottom, left, right = (edge // stride for edge in self.inner)
        return whole[..., top:bottom, left:right]

    def cut(self, activation: Tensor, stride: int) -> Tensor:
        """The part of ``activation``, which a network gave of the outer part."""
        top, bottom, left, right = (edge // stride for edge in self.inner)
        first, start = self.outer[0] // stride, self.outer[2] // stride
        return activation[..., top - first : bottom - first, left - start : right - start]


def tiles(picture: Tensor, side: int) -> list[Tile]:
    """The tiles of at most ``side`` pixels a side, a multiple of STRIDE, that make up ``picture`` (1, 3, H, W); about equally large."""

    def spans(length: int) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
        step = math.ceil(length / math.ceil(length / side) / STRIDE) * STRIDE
        for start in range(0, length, step):
            end = min(start + step, length)
            yield (start, end), (max(start - HALO, 0), min(end + HALO, length))

    return [Tile((*rows, *columns), (*high, *wide)) for rows, high in spans(picture.shape[2]) for columns, wide in spans(picture.shape[3])]


class GatysLoss:
    """The distance of pictures of one size from a content, from several styles, each in its region, and from smoothness.

    content_weight ||F - F_c||^2 / ||F_c||^2 + sum_s w_s sum_l v_l ||G_sl - A_sl||^2 / ||A_sl||^2 + tv_weight TV, Gatys et al. 2016, eq. 7,
    where G_s are Gram matrices of the places where style s should be (Gatys et al. 2017, arXiv 1611.07865, section 4).

    A picture of more than ``side`` pixels a side is looked at twice, in tiles: first its Gram matrices are added up, which gives their
    gradients; then each tile gets its share of these. The gradient is that of the whole picture at once, in the memory of a tile.

    Args:
        features: gives at least STYLE_LAYERS and CONTENT_LAYER.
        content: (1, 3, H, W) in [0, 1].
        styles: (1, 3, h, w) in [0, 1], of any sizes.
        regions: for each style (1, 1, H, W) in [0, 1], with something above 0: where it should be.
        weights: of each style; of a region of the whole picture's size, that is: smaller ones count less, so that a pixel counts the same.
        side: multiple of STRIDE.
    """

    def __init__(
        self,
        features: nn.Module,
        content: Tensor,
        styles: Sequence[Tensor],
        regions: Sequence[Tensor],
        weights: Sequence[float],
        *,
        content_weight: float,
        tv_weight: float,
        side: int,
    ) -> None:
        self.features, self.content_weight, self.tv_weight = features, content_weight, tv_weight
        self.weights = [
            weight * float(region.mean()) * share
            for weight, region in zip(weights, regions, strict=True)
            for share in STYLE_LAYERS.values()
        ]
        self.tiles = tiles(content, side)
        self.guides = [_guides(region) for region in regions]
        everywhere = [[_guides(torch.ones_like(style[:, :1]))] for style in styles]
        self.targets = [
            matrix for style, guides in zip(styles, everywhere, strict=True) for matrix in self._sum(style, tiles(style, side), guides)
        ]
        with torch.no_grad():
            self.content = [self._look(tile.of(content), tile)[1] for tile in self.tiles]
        self.content_size = sum(float(part.square().sum()) for part in self.content)

    def gradient(self, picture: Tensor) -> tuple[dict[str, float], Tensor]:
        """The losses of ``picture`` (1, 3, H, W), by name and weighted, and the gradient of their sum, (1, 3, H, W)."""
        picture = picture.detach().requires_grad_()
        smooth = self.tv_weight * total_variation(picture)
        if len(self.tiles) == 1:
            grams, activation = self._look(picture, self.tiles[0])
            style, content = self._style_loss(grams), self._content_loss(activation, 0)
            (gradient,) = torch.autograd.grad(style + content + smooth, picture)
            return {"content": content.item(), "style": style.item(), "smooth": smooth.item()}, gradient
        (gradient,) = torch.autograd.grad(smooth, picture)
        whole = [matrix.requires_grad_() for matrix in self._sum(picture, self.tiles)]
        style = self._style_loss(whole)
        slopes = torch.autograd.grad(style, whole)
        content_total = 0.0
        for number, tile in enumerate(self.tiles):
            part = tile.of(picture).detach().requires_grad_()
            grams, activation = self._look(part, tile)
            content = self._content_loss(activation, number)
            linear = torch.stack([(slope * matrix).sum() for slope, matrix in zip(slopes, grams, strict=True)]).sum()
            tile.of(gradient).add_(torch.autograd.grad(linear + content, part)[0])
            content_total += content.item()
        return {"content": content_total, "style": style.item(), "smooth": smooth.item()}, gradient

    def _look(self, part: Tensor, tile: Tile, guides: Sequence[Mapping[str, Tensor]] | None = None) -> tuple[Grams, Tensor]:
        """The share of ``tile``, of which ``part`` is the outer part, in the Gram matrices, and its activation of content."""
        seen = self.features(part)
        grams = [
            gram(tile.cut(seen[layer], _stride(layer)), tile.place(guide[layer], _stride(layer)))
            for guide in (self.guides if guides is None else guides)
            for layer in STYLE_LAYERS
        ]
        return grams, tile.cut(seen[CONTENT_LAYER], _stride(CONTENT_LAYER))

    @torch.no_grad()
    def _sum(self, picture: Tensor, parts: Sequence[Tile], guides: Sequence[Mapping[str, Tensor]] | None = None) -> Grams:
        """The Gram matrices of the whole ``picture``, of which ``parts`` are the tiles."""
        total, _ = self._look(parts[0].of(picture), parts[0], guides)
        for tile in parts[1:]:
            for whole, matrix in zip(total, self._look(tile.of(picture), tile, guides)[0], strict=True):
                whole += matrix
        return total

    def _style_loss(self, grams: Grams) -> Tensor:
        distances = torch.stack([style_distance(found, target) for found, target in zip(grams, self.targets, strict=True)])
        return (distances * distances.new_tensor(self.weights)).sum()

    def _content_loss(self, activation: Tensor, number: int) -> Tensor:
        return self.content_weight * (activation - self.content[number]).square().sum() / max(self.content_size, 1e-30)


def _guides(region: Tensor) -> dict[str, Tensor]:
    """``region`` (1, 1, H, W) at the size of each style layer, its squares adding up to 1."""
    smaller = {layer: F.avg_pool2d(region, _stride(layer)) for layer in STYLE_LAYERS}
    return {layer: guide / guide.norm().clamp_min(1e-12) for layer, guide in smaller.items()}


def _stride(layer: str) -> int:
    return int(2 ** (int(layer[4]) - 1))
