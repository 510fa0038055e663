"""Bands filled: each in the range that it uses, what is known to the bit."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor

from img2img.data.normalize import Normalization, used_range
from img2img.errors import PictureError
from img2img.images import Picture
from img2img.images.nodata import is_no_data, no_data_value
from img2img.models import ImageSpec, ModelInfo

Fill = Callable[[Tensor], Tensor]  # (1, C + M, H, W), C channels with anything in the hole and M masks -> (1, C, H, W)


def takes_bands(info: ModelInfo) -> bool:
    """Whether a model was trained on bands, in a range of their own."""
    return bool(info.a.scale)


def check_bands(picture: Picture, info: ModelInfo) -> None:
    """PictureError unless ``picture`` has the bands, and the kind of numbers, that the model was trained on."""
    wanted, depth = info.a.channels, info.a.bit_depth
    if (picture.channels, picture.bit_depth) != (wanted, depth):
        raise PictureError(
            f"model {info.name!r} was trained on {wanted} bands of {_kind(depth)}; the picture has {picture.channels} of "
            f"{_kind(picture.bit_depth)}"
        )


def _kind(bit_depth: int | None) -> str:
    return "float values" if bit_depth == 32 else f"{bit_depth} bits"


def fill_bands(pixels: Tensor, hole: Tensor, fill: Fill, spec: ImageSpec | None) -> Tensor:
    """``pixels`` (C, H, W) of any range with the ``hole`` (C, H, W) bool of each band filled; what is known stays to the bit.

    Through a model of photographs (``spec`` None) each band goes alone, as gray, over the range of its known values; a model of bands sees
    all of them, over the range that it was trained on. No value is beyond those that are known of its band.

    Raises:
        PictureError: nothing is known of a band.
    """
    known = [values[~there] for values, there in zip(pixels, hole, strict=True)]
    if empty := [str(number) for number, values in enumerate(known, 1) if not len(values)]:
        raise PictureError(f"nothing is known of band {', '.join(empty)}, which is missing everywhere: leave it out")
    found = normalization(known) if spec is None else Normalization(offset=spec.offset, scale=spec.scale)
    x = torch.where(hole, 0.5, found.apply(torch.where(hole, 0.0, pixels)))
    if spec is None:
        made = x.clamp(0, 1)  # outliers say nothing to a network that never saw any
        for number in (number for number in range(len(x)) if bool(hole[number].any())):
            planes = [made[number : number + 1].expand(3, -1, -1), hole[number : number + 1].float()]
            made[number] = fill(torch.cat(planes)[None])[0].mean(0)
    else:
        made = fill(torch.cat([x, hole.float()])[None])[0]
    lowest, highest = (torch.stack([edge(values) for values in known])[:, None, None] for edge in (torch.amin, torch.amax))
    return torch.where(hole, found.undo(made).maximum(lowest).minimum(highest), pixels)


def normalization(known: list[Tensor]) -> Normalization:
    """The map of what each band uses to [0, 1], by its known values alone; outliers are left out (``data.normalize.used_range``)."""
    each = [used_range(partial(list, [values[None, None]]), 1) for values in known]
    return Normalization(offset=tuple(one.offset[0] for one in each), scale=tuple(one.scale[0] for one in each))


def without_no_data(pixels: Tensor, hole: Tensor, picture: Picture) -> Tensor:
    """``pixels`` (C, H, W) with what was filled moved by one step where a file would hold it as the no-data value of ``picture``.

    The no-data value stays in the file, and must not call a filled sample missing. A step goes up, unless no value is above.
    """
    wrong = hole & is_no_data(pixels, picture)
    if not bool(wrong.any()):
        return pixels
    if picture.bit_depth == 32 and picture.stored is None:
        return torch.where(wrong, torch.nextafter(pixels, torch.full_like(pixels, torch.inf)), pixels)
    value, most = no_data_value(picture) or 0.0, np.iinfo(picture.stored or f"uint{picture.bit_depth}").max
    return torch.where(wrong, (value + (1 if value < most else -1)) / (1 if picture.stored else most), pixels)


def said_of(missing: Tensor, name: str) -> str:
    """What is missing of the bands called ``name``, (C, H, W) bool, in one line."""
    shares = missing.flatten(1).float().mean(1).tolist()
    if len(set(shares)) == 1 or len(shares) == 1:
        return f"{shares[0]:.2%} of {name} is missing" + (" in each band" if len(shares) > 1 else "")
    most = max(range(len(shares)), key=shares.__getitem__)
    return f"{sum(shares) / len(shares):.2%} of the samples of {name} are missing, most of them in band {most + 1} ({shares[most]:.2%})"
