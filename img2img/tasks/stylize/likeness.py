"""How like its content and its styles a picture is, and how it should change: in pieces, so that memory does not grow with the picture."""

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
HALO = 48  # pixels beyond a piece that its activations up to relu4_2 depend on, 36 (VGG16) or 42 (VGG19), up to a multiple of STRIDE

Grams = list[dict[str, Tensor]]  # for each guide, {layer: (1, C, C)}


@dataclass(frozen=True)
class Piece:
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


def pieces(height: int, width: int, side: int) -> list[Piece]:
    """The squares of ``side`` pixels, a multiple of STRIDE, that make up a picture; equally large ones, as far as possible."""

    def spans(length: int) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
        step = math.ceil(length / math.ceil(length / side) / STRIDE) * STRIDE
        for start in range(0, length, step):
            end = min(start + step, length)
            yield (start, end), (max(start - HALO, 0), min(end + HALO, length))

    return [Piece((*rows, *columns), (*high, *wide)) for rows, high in spans(height) for columns, wide in spans(width)]


class Likeness:
    """The distance of pictures of one size from a content, from several styles, each in its region, and from smoothness.

    content_weight ||F - F_c||^2 / ||F_c||^2 + sum_s w_s sum_l v_l ||G_sl - A_sl||^2 / ||A_sl||^2 + tv_weight TV, Gatys et al. 2016, eq. 7,
    where G_s are Gram matrices of the places where style s should be (Gatys et al. 2017, arXiv 1611.07865, section 4).

    A picture of more than ``side`` pixels is looked at twice, in pieces: first its Gram matrices are added up, which gives their
    gradients; then each piece gets its share of these. The gradient is that of the whole picture at once, in the memory of a piece.

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
        self.features, self.content_weight, self.tv_weight, self.side = features, content_weight, tv_weight, side
        self.weights = [weight * float(region.mean()) for weight, region in zip(weights, regions, strict=True)]
        self.pieces = pieces(*content.shape[-2:], side)
        self.guides = [_guides(region) for region in regions]
        with torch.no_grad():
            self.targets = [self._style(style) for style in styles]
            self.content = [self._look(content, piece)[1] for piece in self.pieces]
        self.content_size = sum(float(part.square().sum()) for part in self.content)

    def pull(self, picture: Tensor) -> dict[str, float]:
        """The losses of ``picture`` (1, 3, H, W), by name and weighted; adds the gradient of their sum to ``picture.grad``."""
        smooth = self.tv_weight * total_variation(picture)
        smooth.backward()  # type: ignore[no-untyped-call]
        if len(self.pieces) == 1:
            grams, activation = self._look(picture, self.pieces[0])
            style, content = self._style_loss(grams), self._content_loss(activation, 0)
            (style + content).backward()
            return {"content": content.item(), "style": style.item(), "smooth": smooth.item()}
        with torch.no_grad():
            grams = self._sum(picture, self.pieces)
        for layers in grams:
            for matrix in layers.values():
                matrix.requires_grad_()
        style = self._style_loss(grams)
        style.backward()
        content_total = 0.0
        for number, piece in enumerate(self.pieces):
            parts, activation = self._look(picture, piece)
            content = self._content_loss(activation, number)
            linear = sum((whole[layer].grad * part[layer]).sum() for whole, part in zip(grams, parts, strict=True) for layer in part)
            (linear + content).backward()
            content_total += content.item()
        return {"content": content_total, "style": style.item(), "smooth": smooth.item()}

    def _look(self, picture: Tensor, piece: Piece) -> tuple[Grams, Tensor]:
        """The share that ``piece`` has in the Gram matrices of ``picture`` under each guide, and its activation of content."""
        seen = self.features(piece.of(picture))
        grams = [
            {layer: gram(piece.cut(seen[layer], _stride(layer)), piece.place(guide[layer], _stride(layer))) for layer in STYLE_LAYERS}
            for guide in self.guides
        ]
        return grams, piece.cut(seen[CONTENT_LAYER], _stride(CONTENT_LAYER))

    def _sum(self, picture: Tensor, parts: Sequence[Piece]) -> Grams:
        total, _ = self._look(picture, parts[0])
        for piece in parts[1:]:
            for whole, part in zip(total, self._look(picture, piece)[0], strict=True):
                for layer, matrix in part.items():
                    whole[layer] += matrix
        return total

    def _style(self, style: Tensor) -> dict[str, Tensor]:
        """The Gram matrices of a whole style."""
        guides, self.guides = self.guides, [_guides(torch.ones_like(style[:, :1]))]
        try:
            return self._sum(style, pieces(*style.shape[-2:], self.side))[0]
        finally:
            self.guides = guides

    def _style_loss(self, grams: Grams) -> Tensor:
        terms = [
            weight * share * style_distance(found[layer], target[layer])
            for weight, found, target in zip(self.weights, grams, self.targets, strict=True)
            for layer, share in STYLE_LAYERS.items()
        ]
        return torch.stack(terms).sum()

    def _content_loss(self, activation: Tensor, number: int) -> Tensor:
        return self.content_weight * (activation - self.content[number]).square().sum() / max(self.content_size, 1e-30)


def _guides(region: Tensor) -> dict[str, Tensor]:
    """``region`` (1, 1, H, W) at the size of each style layer, its squares adding up to 1."""
    smaller = {layer: F.avg_pool2d(region, _stride(layer)) for layer in STYLE_LAYERS}
    return {layer: guide / guide.norm().clamp_min(1e-12) for layer, guide in smaller.items()}


def _stride(layer: str) -> int:
    return int(2 ** (int(layer[4]) - 1))
