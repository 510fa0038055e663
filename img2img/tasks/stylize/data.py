"""Photographs and paintings to train stylization on, cropped on the fly and unpaired."""

import torch
from torch import Tensor
from torch.utils.data import Dataset

from img2img.data.crops import symmetry, textured_crop, validation_crop
from img2img.data.pictures import PictureSet
from img2img.data.sampling import seeded_rng, shuffled
from img2img.images.resize import resize

LARGEST_SHRINK = 1 / 6  # of contents: photographs of all sizes will be stylized
SHARES = (0.35, 0.8)  # of a painting's shorter side: more would bring strokes to a few pixels, which a network paints as a weave


class StylePatches(Dataset[dict[str, Tensor]]):
    """Sample ``i`` is a pure function of ``(seed, i)``: {"content": (3, patch, patch), "style": (3, side, side)}, both in [0, 1].

    The content is cut as ``textured_crop`` says, the style as ``style_crop``; both are flipped and turned. Few paintings must stand for
    all there are, so a share ``recolored`` of the styles has the palette of another one, and a share ``photographs`` is a photograph.
    Of each ``every`` samples of a batch the first one's style serves all; the others' is left out, all zero, as drawing one takes
    longer than the rest of a sample.
    """

    def __init__(
        self,
        contents: PictureSet,
        styles: PictureSet,
        patch: int,
        side: int,
        *,
        recolored: float,
        photographs: float,
        seed: int,
        batch: int = 1,
        every: int = 1,
    ) -> None:
        self.contents, self.styles, self.patch, self.side, self.seed = contents, styles, patch, side, seed
        self.recolored, self.photographs = recolored, photographs
        self.batch, self.every = batch, every

    def __getitem__(self, position: int) -> dict[str, Tensor]:
        rng = seeded_rng(self.seed, 1, position)
        index = shuffled(position, len(self.contents), self.seed)
        content = textured_crop(self.contents, index, self.patch, rng, largest_shrink=LARGEST_SHRINK)
        if position % self.batch % self.every:
            return {"content": _turned(content, rng), "style": torch.zeros(3, self.side, self.side)}
        style = self._drawn(self.contents if _chance(self.photographs, rng) else self.styles, rng)
        if _chance(self.recolored, rng):
            style = recolored(style, self._drawn(self.styles, rng))
        return {"content": _turned(content, rng), "style": _turned(style, rng)}

    def _drawn(self, pictures: PictureSet, rng: torch.Generator) -> Tensor:
        return style_crop(pictures, int(torch.randint(len(pictures), (), generator=rng)), self.side, rng)


class StyleCrops(Dataset[dict[str, Tensor]]):
    """``validation_crop`` of each content, with the middle square of each style in turn, resized to ``style_side``.

    Samples are as those of ``StylePatches``.
    """

    def __init__(self, contents: PictureSet, styles: PictureSet, side: int, style_side: int, multiple: int) -> None:
        self.contents, self.styles, self.side, self.style_side, self.multiple = contents, styles, side, style_side, multiple

    def __len__(self) -> int:
        return len(self.contents)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        style = index % len(self.styles)
        entry = self.styles.entries[style]
        side = min(entry.height, entry.width)
        square = self.styles.crop(style, (entry.height - side) // 2, (entry.width - side) // 2, side, side)
        content = validation_crop(self.contents, index, self.side, self.multiple)
        return {"content": content, "style": resize(square, size=(self.style_side, self.style_side)).clamp_(0, 1)}


def style_crop(pictures: PictureSet, index: int, side: int, rng: torch.Generator) -> Tensor:
    """A square of picture ``index``, a share of its shorter side from the range ``SHARES``, at (3, side, side)."""
    entry, (least, most) = pictures.entries[index], SHARES
    wanted = round(min(entry.height, entry.width) * most * (least / most) ** float(torch.rand((), generator=rng)))
    top = int(torch.randint(entry.height - wanted + 1, (), generator=rng))
    left = int(torch.randint(entry.width - wanted + 1, (), generator=rng))
    return resize(pictures.crop(index, top, left, wanted, wanted), size=(side, side)).clamp_(0, 1)


def recolored(picture: Tensor, palette: Tensor) -> Tensor:
    """``picture`` (3, H, W) with the mean and deviation that each channel of ``palette`` (3, h, w) has, cut off to [0, 1]."""
    spread, mean = torch.std_mean(picture, dim=(1, 2), keepdim=True, correction=0)
    wanted_spread, wanted_mean = torch.std_mean(palette, dim=(1, 2), keepdim=True, correction=0)
    return ((picture - mean) * (wanted_spread / spread.clamp_min(1 / 255)) + wanted_mean).clamp(0, 1)


def _turned(x: Tensor, rng: torch.Generator) -> Tensor:
    return symmetry(x, int(torch.randint(8, (), generator=rng))).contiguous()


def _chance(share: float, rng: torch.Generator) -> bool:
    return float(torch.rand((), generator=rng)) < share
