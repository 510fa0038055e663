"""Image to image: one package for super-resolution and its relatives, with small models inside.

    import img2img
    large = img2img.load("upscale-4x-photo")("photo.jpg")   # a PIL.Image
    large = img2img.upscale(array, scale=3)                 # an array
    clean = img2img.translate("photo.jpg", model="translate-restore")
    whole = img2img.inpaint("photo.jpg", mask="mask.png")
    painted = img2img.stylize("photo.jpg", "wave.jpg")

PyTorch is imported by the first call, not by ``import img2img``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from img2img.inference import load
    from img2img.tasks.inpaint.infer import inpaint
    from img2img.tasks.stylize.infer import stylize
    from img2img.tasks.translate.conditions import translate
    from img2img.tasks.upscale.infer import upscale

__all__ = ["inpaint", "load", "stylize", "translate", "upscale"]

_PLACES = {
    "inpaint": "img2img.tasks.inpaint.infer",
    "load": "img2img.inference",
    "stylize": "img2img.tasks.stylize.infer",
    "translate": "img2img.tasks.translate.conditions",
    "upscale": "img2img.tasks.upscale.infer",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)
