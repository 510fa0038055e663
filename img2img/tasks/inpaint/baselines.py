"""Classical inpainting methods that models are compared with. Their packages come with the extra ``baselines``."""

from collections.abc import Callable

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from img2img import images
from img2img.errors import ConfigError

# (1, C + 1, H, W) in [0, 1], RGB (of ``biharmonic`` and ``nearest`` any planes) and the mask, 1 = hole -> (1, C, H, W) in [0, 1]; known
# pixels do not matter.
InpaintMethod = Callable[[Tensor], Tensor]
RADIUS = 3  # pixels that OpenCV's two look around them, as its own examples do


def load_baseline(name: str) -> InpaintMethod:
    """The classical method called ``name``, a key of ``BASELINES``.

    Raises:
        ConfigError: no such method, or its package is not installed.
    """
    if name not in BASELINES:
        raise ConfigError(f"unknown classical method {name!r}; there are {', '.join(BASELINES)}")
    try:
        return BASELINES[name]()
    except ImportError as error:
        raise ConfigError(f'{name!r} needs packages of an extra: pip install "img2img-toolkit[baselines]" ({error})') from error


def _telea() -> InpaintMethod:
    """Telea 2004, "An image inpainting technique based on the fast marching method", by OpenCV."""
    import cv2

    return lambda x: _opencv(x, cv2.INPAINT_TELEA)


def _navier_stokes() -> InpaintMethod:
    """Bertalmio et al. 2001, "Navier-Stokes, fluid dynamics, and image and video inpainting", by OpenCV."""
    import cv2

    return lambda x: _opencv(x, cv2.INPAINT_NS)


def _opencv(x: Tensor, method: int) -> Tensor:
    import cv2

    # RGB for OpenCV's BGR: the channels are filled each by itself. Telea's reads hole pixels at the picture's border; they are x's own.
    picture, mask = images.quantize(x[0, :3], 8), images.quantize(x[0, 3:], 8)
    return images.from_integers(cv2.inpaint(picture, mask, RADIUS, method).astype(np.uint8))[None]


def _biharmonic() -> InpaintMethod:
    """Damelin and Hoang 2018, "On surface completion and image inpainting by biharmonic functions", by scikit-image."""
    from skimage.restoration import inpaint_biharmonic

    def fill(x: Tensor) -> Tensor:
        # double: in single precision wide holes are off by more than a level of 8 bits
        picture, mask = x[0, :-1].double().numpy(), x[0, -1].numpy()
        return torch.from_numpy(inpaint_biharmonic(picture, mask, channel_axis=0)).float()[None]

    return fill


def nearest(x: Tensor) -> Tensor:
    """Each pixel of the hole as the nearest known one, an ``InpaintMethod``."""
    rows, columns = ndimage.distance_transform_edt(x[0, -1].numpy() > 0, return_distances=False, return_indices=True)
    return x[:, :-1, torch.from_numpy(rows).long(), torch.from_numpy(columns).long()]


def fill_each(method: InpaintMethod, bands: Tensor, masks: Tensor) -> Tensor:
    """``bands`` (C, H, W) as ``method`` fills the holes of ``masks`` (C, H, W): together where all have one hole, or else each alone."""
    if bool((masks == masks[:1]).all()):
        return method(torch.cat([bands, masks[:1]])[None])[0]
    holes = [bool(mask.any()) for mask in masks]
    return torch.cat([method(torch.stack([x, m])[None])[0] if hole else x[None] for x, m, hole in zip(bands, masks, holes, strict=True)])


BASELINES: dict[str, Callable[[], InpaintMethod]] = {"telea": _telea, "navier-stokes": _navier_stokes, "biharmonic": _biharmonic}
