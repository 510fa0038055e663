"""What tests of formats write: noise on a format's own levels, and metadata."""

import numpy as np
import torch
from PIL import Image
from torch import Tensor

XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description dc:title="t"/></x:xmpmeta>'


def _exif() -> bytes:
    exif = Image.Exif()
    exif[0x010F] = "maker"
    exif.get_ifd(0x8769).update({0x9003: "2020:01:02 03:04:05", 0x829A: 0.125})
    return exif.tobytes()


EXIF = _exif()


def noise(planes: int, most: int) -> tuple[Tensor, int]:
    """(planes, 19, 23) multiples of 1 / ``most``, and ``most``."""
    values = np.random.default_rng(planes * most).integers(0, most + 1, (planes, 19, 23))
    return torch.from_numpy(values.astype(np.float32)).div_(most), most
