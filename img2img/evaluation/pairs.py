"""Which pictures an evaluation compares: true ones, and low-resolution ones from a folder or made on the spot."""

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from torch import Tensor

from img2img import images
from img2img.data.degrade import degrade_photo
from img2img.data.sampling import seeded_rng
from img2img.errors import ConfigError, DataError
from img2img.images.resize import resize
from img2img.metrics import quantized

Degradation = Literal["bicubic", "photo"]


@dataclass(frozen=True)
class Pair:
    """A true picture's file and its low-resolution one's; None: that is made from the true one."""

    hr: Path
    lr: Path | None

    @property
    def name(self) -> str:
        """What the pair is called in tables: the true file's name without its suffix."""
        return self.hr.stem


def find_pairs(hr: Path, lr: Path | None, scale: int, limit: int | None = None) -> list[Pair]:
    """The pictures in the folder ``hr``, sorted, each with its partner in ``lr``: same name, or with ``x4`` (the scale) after it.

    Raises:
        DataError: a folder is missing or empty, two files share a name, or a picture has no partner.
    """
    truths = list(_by_stem(hr).items())[:limit]
    if lr is None:
        return [Pair(path, None) for _, path in truths]
    inputs = _by_stem(lr)
    pairs = [Pair(path, inputs.get(stem) or inputs.get(f"{stem}x{scale}")) for stem, path in truths]
    lonely = [pair.name for pair in pairs if pair.lr is None]
    if lonely:
        raise DataError(
            f"{len(lonely)} of {len(pairs)} pictures in {str(hr)!r} have no namesake in {str(lr)!r}; the first is {lonely[0]!r}"
        )
    return pairs


def load_pair(
    pair: Pair, scale: int, *, degradation: Degradation = "bicubic", seed: int = 0, crop: int | None = None
) -> tuple[Tensor, Tensor]:
    """The low-resolution (3, h, w) and the true picture (3, h * scale, w * scale), both on 8-bit levels in [0, 1].

    The true picture is cut at the right and the bottom to multiples of ``scale``, as the literature does. Gray becomes RGB, alpha is
    left out, and of an animation the first frame counts.

    Args:
        degradation: how a low-resolution picture is made where the pair has none: MATLAB's bicubic, to the bit, or
            ``data.degrade.degrade_photo``, seeded by ``seed`` and the picture's name, whatever else is evaluated.
        crop: take a centered square of at most this many true pixels on a side.

    Raises:
        PictureError: a file cannot be read.
        DataError: the sizes do not fit each other, or nothing is left of the picture.
        ConfigError: ``crop`` is smaller than ``scale``.
    """
    hr = _read(pair.hr)
    height, width = (side // scale for side in hr.shape[1:])
    if not height or not width:
        raise DataError(f"{str(pair.hr)!r} is {hr.shape[2]} x {hr.shape[1]}: too small for scale {scale}")
    hr = hr[:, : height * scale, : width * scale]
    lr = _read(pair.lr) if pair.lr else None
    if lr is not None and lr.shape[1:] != (height, width):
        raise DataError(
            f"{str(pair.lr)!r} is {lr.shape[2]} x {lr.shape[1]}, but {str(pair.hr)!r} at scale {scale} wants {width} x {height}; "
            "give the scale the folder was made with (--scale)"
        )
    if crop is not None:
        side = crop // scale
        if side < 1:
            raise ConfigError(f"a crop of {crop} pixels is smaller than the scale {scale}")
        top, left = max(0, height - side) // 2, max(0, width - side) // 2
        hr = hr[:, top * scale : (top + side) * scale, left * scale : (left + side) * scale]
        lr = lr if lr is None else lr[:, top : top + side, left : left + side]
    if lr is None and degradation == "photo":
        lr = degrade_photo(hr, scale, seeded_rng(seed, zlib.crc32(pair.name.encode(errors="surrogateescape"))))
    return resize(hr, scale=1 / scale, eight_bit=True) if lr is None else lr, hr


def _read(path: Path) -> Tensor:
    return quantized(images.read(path).pixels).expand(3, -1, -1)


def _by_stem(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise DataError(f"{str(folder)!r} is not a folder of pictures")
    found: dict[str, Path] = {}
    for source in images.collect([str(folder)]):
        if found.setdefault(source.path.stem, source.path) != source.path:
            raise DataError(
                f"{str(folder)!r} has two pictures called {source.path.stem!r}: {found[source.path.stem].name}, {source.path.name}"
            )
    return dict(sorted(found.items()))
