"""Image to image: one package for super-resolution, inpainting, style transfer and translation, with small models inside.

    import img2img
    large = img2img.load("upscale-4x-photo")("photo.jpg")   # a PIL.Image
    large = img2img.upscale(array, scale=3)                 # an array
    clean = img2img.translate("photo.jpg", model="translate-restore")
    whole = img2img.inpaint("photo.jpg", mask="mask.png")
    painted = img2img.stylize("photo.jpg", "wave.jpg")
    new = img2img.generate("runs/generate-style", seed=7)

PyTorch is imported by the first call, not by ``import img2img``.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from img2img.errors import Img2ImgError

if TYPE_CHECKING:
    from img2img.api import LoadedModel, TaskFunction, generate, list_models, load
    from img2img.images import Picture
    from img2img.inference.runtime import Runtime

    inpaint: TaskFunction
    stylize: TaskFunction
    translate: TaskFunction
    upscale: TaskFunction

__all__ = ["Img2ImgError", "LoadedModel", "Picture", "Runtime", "__version__", "list_models", "load"]
__all__ += ["generate", "inpaint", "stylize", "translate", "upscale"]

_PLACES = {
    "LoadedModel": "img2img.api",
    "Picture": "img2img.images",
    "Runtime": "img2img.inference.runtime",
    "list_models": "img2img.api",
    "load": "img2img.api",
}


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        return getattr(import_module(_PLACES[name]), name)
    if name == "__version__":
        from importlib.metadata import version

        return version("img2img-toolkit")
    # Else a task's function. Python asks here for submodules, too, before it imports them.
    if not name.startswith("_") and find_spec(f"{__name__}.{name}") is None:
        functions = import_module("img2img.api").functions
        if name in functions:
            return functions[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
