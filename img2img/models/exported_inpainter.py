"""What runs around the exported body of an inpainter."""

import base64
import binascii

import safetensors
import safetensors.torch
import torch
from torch import nn

from img2img.errors import ModelError
from img2img.models.exported import Exported
from img2img.models.info import ModelInfo
from img2img.networks import build
from img2img.networks.inpainter import Inpainter


def attention_text(network: nn.Module) -> str:
    """The weights of the attention of ``network`` as ``ExportInfo`` holds them; "" of a network without."""
    attention = network.attention if isinstance(network, Inpainter) else None
    if attention is None:
        return ""
    state = {key: value.contiguous() for key, value in attention.state_dict().items()}
    return base64.b64encode(safetensors.torch.save(state)).decode()


def inpainter_around(body: Exported, info: ModelInfo) -> Inpainter:
    """The inpainter that ``info`` describes, with the exported ``body`` in place of its own.

    Raises:
        ModelError: it describes none, or one with other attention than the export has weights for.
    """
    with torch.device("meta"):
        network = build(info.network)
    if not isinstance(network, Inpainter) or network.channels != body.about.channels:
        raise ModelError(f"the exported model {info.name!r} is the body of an inpainter, and its metadata describe another network")
    network.body = body
    if network.attention is not None:
        try:
            state = safetensors.torch.load(base64.b64decode(body.about.attention, validate=True))
            network.attention.load_state_dict(state, assign=True)
        except (binascii.Error, safetensors.SafetensorError, RuntimeError) as error:
            raise ModelError(f"the exported model {info.name!r}: the weights of its attention do not fit: {error}") from error
        network.attention.float().requires_grad_(False)
    return network.eval()
