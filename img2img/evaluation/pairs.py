"""Which pictures an evaluation compares: the ground truth, and inputs from a folder or made on the spot."""

import zlib
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from img2img import images
from img2img.data.degrade import Degradation, degrade_photo
from img2img.data.sampling import seeded_rng
from img2img.errors import ConfigError, DataError
from img2img.images.resize import resize
from img2img.images.seen import as_seen
from img2img.metrics import quantized


@dataclass(frozen=True)
class Pair:
    """The file of a ground truth and that of the input that belongs to it; None: the input is made from the ground truth."""

    truth: Path
    input: Path | None

    @property
    def name(self) -> str:
        """What the pair is called in tables: the name of the ground truth's file without its suffix."""
        return self.truth.stem


def find_pairs(truth: Path, inputs: Path | None = None, scale: int = 1, limit: int | None = None) -> list[Pair]:
    """The pictures in the folder ``truth``, sorted, each with its partner in ``inputs``: same name, or with ``x4`` (the scale) after it.

    Raises:
        DataError: a folder is missing or empty, two files share a name, or a picture has no partner.
    """
    truths = list(_by_stem(truth).items())[:limit]
    if inputs is None:
        return [Pair(path, None) for _, path in truths]
    partners = _by_stem(inputs)
    pairs = [Pair(path, partners.get(stem) or partners.get(f"{stem}x{scale}")) for stem, path in truths]
    lonely = [pair.name for pair in pairs if pair.input is None]
    if lonely:
        raise DataError(
            f"{len(lonely)} of {len(pairs)} pictures in {str(truth)!r} have no namesake in {str(inputs)!r}; the first is {lonely[0]!r}"
        )
    return pairs


def load_truth(pair: Pair, crop: int | None = None) -> Tensor:
    """The ground truth (3, H, W) of ``pair`` on 8-bit levels in [0, 1], or its centered square of at most ``crop`` pixels a side.

    Gray becomes RGB, alpha is left out, and of an animation the first frame counts.

    Raises:
        PictureError: the file cannot be read.
    """
    truth = _read(pair.truth)
    return truth if crop is None else truth[:, _centered(truth.shape[1], crop), _centered(truth.shape[2], crop)]


def load_pair(
    pair: Pair, scale: int, *, degradation: Degradation = "bicubic", seed: int = 0, crop: int | None = None
) -> tuple[Tensor, Tensor]:
    """The low-resolution input (3, h, w) and the ground truth (3, h * scale, w * scale), both on 8-bit levels in [0, 1].

    The ground truth is cut at the right and the bottom to multiples of ``scale``, as the literature does. Gray becomes RGB, alpha is
    left out, and of an animation the first frame counts.

    Args:
        degradation: how an input is made where the pair has none: MATLAB's bicubic, to the bit, or ``data.degrade.degrade_photo``,
            seeded by ``seed`` and the picture's name, whatever else is evaluated.
        crop: take a centered square of at most this many ground-truth pixels a side.

    Raises:
        PictureError: a file cannot be read.
        DataError: the sizes do not fit each other, or nothing is left of the picture.
        ConfigError: ``crop`` is smaller than ``scale``.
    """
    hr = load_truth(pair)
    height, width = (side // scale for side in hr.shape[1:])
    if not height or not width:
        raise DataError(f"{str(pair.truth)!r} is {hr.shape[2]} x {hr.shape[1]}: too small for scale {scale}")
    hr = hr[:, : height * scale, : width * scale]
    lr = _read(pair.input) if pair.input else None
    if lr is not None and lr.shape[1:] != (height, width):
        raise DataError(
            f"{str(pair.input)!r} is {lr.shape[2]} x {lr.shape[1]}, but {str(pair.truth)!r} at scale {scale} wants {width} x {height}; "
            "give the scale the folder was made with (--scale)"
        )
    if crop is not None:
        if crop < scale:
            raise ConfigError(f"a crop of {crop} pixels is smaller than the scale {scale}")
        rows, columns = _centered(height, crop // scale), _centered(width, crop // scale)
        hr = hr[:, rows.start * scale : rows.stop * scale, columns.start * scale : columns.stop * scale]
        lr = lr if lr is None else lr[:, rows, columns]
    if lr is None and degradation != "bicubic":
        lr = degrade_photo(hr, scale, seeded_rng(seed, zlib.crc32(pair.name.encode(errors="surrogateescape"))), degradation)
    return resize(hr, scale=1 / scale, eight_bit=True) if lr is None else lr, hr


def _read(path: Path) -> Tensor:
    return quantized(as_seen(images.read(path)).pixels).expand(3, -1, -1)


def _centered(length: int, side: int) -> slice:
    start = max(0, length - side) // 2
    return slice(start, start + side)


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
