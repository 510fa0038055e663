"""The rows of ``sheets.py``: which crops of which pictures, what happened to each, and what a network is given of it.

No shipped weight was trained on any of these pictures.
"""

import zlib
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from img2img.data.masks import draw_mask
from img2img.data.sampling import seeded_rng
from img2img.errors import DataError
from img2img.evaluation.pairs import Pair, load_truth
from img2img.images.resize import resize
from img2img.models import ModelInfo
from img2img.tasks.translate.measure import apply_damages, parse_damage

ROOT = Path(__file__).parents[1]
SIDE = 192  # pixels of ground truth, each way
USUAL, JPEG, NOISE = range(3)  # what a row is about, besides its content
HOLE_COLOR = torch.tensor([1.0, 0.0, 1.0])[:, None, None]


@dataclass(frozen=True)
class Row:
    """A square of ``SIDE`` pixels of ``file``, which lies below this repository if it begins with "samples/", else below ``--pictures``."""

    name: str
    file: str
    left: int
    top: int
    about: int = USUAL

    def truth(self, pictures: Path) -> Tensor:
        """The crop (3, SIDE, SIDE), on 8-bit levels in [0, 1]. Raises DataError where the picture is missing or too small."""
        path = (ROOT if self.file.startswith("samples/") else pictures) / self.file
        if not path.is_file():
            raise DataError(f"row {self.name!r} wants {str(path)!r}, which is not there; give the folder that holds bench/, --pictures DIR")
        crop = load_truth(Pair(path, None))[:, self.top : self.top + SIDE, self.left : self.left + SIDE]
        if crop.shape[1:] != (SIDE, SIDE):
            raise DataError(f"row {self.name!r} goes beyond {str(path)!r}; is it the picture of that name of its set?")
        return crop

    def rng(self) -> torch.Generator:
        """What its damage is drawn from, the same at every call and of no other row."""
        return seeded_rng(0, zlib.crc32(self.name.encode()))


ROWS = (
    Row("fur", "samples/cat.jpg", 64, 16),
    Row("grass", "bench/Set14/HR/zebra.png", 96, 190),
    Row("text", "bench/Set14/HR/ppt3.png", 24, 110),
    Row("face", "bench/Set5/HR/woman.png", 18, 40),
    Row("brick", "bench/CBSD68/HR/229036.png", 288, 0),
    Row("sky", "bench/CBSD68/HR/102061.png", 0, 0),
    Row("foliage", "bench/CBSD68/HR/351093.png", 0, 96),
    Row("water", "bench/CBSD68/HR/241048.png", 40, 128),
    Row("night", "bench/CBSD68/HR/143090.png", 224, 48),
    Row("drawing", "bench/Set14/HR/comic.png", 30, 40),
    Row("JPEG", "bench/Set14/HR/monarch.png", 250, 130, JPEG),
    Row("noise", "bench/CBSD68/HR/157055.png", 288, 32, NOISE),
)


def damages(info: ModelInfo) -> tuple[str, str, str]:
    """What happens to a usual row, to that about JPEG and to that about noise, as ``--damage`` spells it, for the model of ``info``.

    An upscaler's input is damaged after it was made small. One of which nothing is known is taken as one for photographs.
    """
    config = info.recipe.get("config", {})
    data = config.get("data", {})
    if info.task == "upscale" and data.get("degradation") != "bicubic":
        return "noise=2,jpeg=85", "jpeg=60", "noise=10"
    if config.get("method") == "colorize":
        return "gray", "jpeg=60,gray", "noise=10,gray"
    if config.get("method") == "restore":
        sketch = data.get("damage", {}).get("sketch") is not None
        return ("sketch=1", "jpeg=60,sketch=1", "noise=10,sketch=1") if sketch else ("noise=25", "jpeg=20", "noise=25")
    return "", "jpeg=60", "noise=10"


@dataclass(frozen=True)
class Example:
    """What a network is given, (1, C, h, w), what of that is shown and what should come out, both (3, h, w), on 8-bit levels in [0, 1]."""

    given: Tensor
    shown: Tensor
    truth: Tensor


def example(row: Row, truth: Tensor, info: ModelInfo) -> Example:
    """What ``row``, whose crop is ``truth`` (3, SIDE, SIDE), is for the model of ``info``.

    A filler of holes gets the damaged picture with a hole of thick strokes, and shall give back the damaged picture.
    """
    rng, damage = row.rng(), damages(info)[row.about]
    x = resize(truth, scale=1 / info.scale, eight_bit=True) if info.scale > 1 else truth
    if damage:
        x = apply_damages(x, parse_damage(damage), rng).expand(3, -1, -1)
    if info.task != "inpaint":
        return Example(x[None], x, truth)
    mask = draw_mask("thick", SIDE, SIDE, rng)
    hollow = torch.where(mask > 0, 0.5, x)
    return Example(torch.cat([hollow, mask])[None], torch.where(mask > 0, HOLE_COLOR, x), x)
