"""The network of LPIPS: AlexNet and what people's judgments say about its activations."""

import warnings

import torch
from safetensors import SafetensorError
from torch import nn

from img2img.errors import ModelError
from img2img.files import shipped_folder
from img2img.networks.weights import read_tensors

CONVOLUTIONS = (0, 3, 6, 8, 10)  # where torchvision's AlexNet has them


def lpips_network() -> nn.Module:
    """LPIPS version 0.1 on AlexNet, as papers report it; frozen, in eval mode, but gradients flow to the pictures.

    ``lpips.LPIPS`` of the authors' package (Zhang et al. 2018, arXiv 1801.03924, eq. 1), offline: torchvision's ImageNet trunk
    (Krizhevsky 2014, arXiv 1404.5997), in float16, and the authors' heads come with the install. Building it draws no random numbers.

    Raises:
        ModelError: the weights are missing or damaged.
    """
    path = shipped_folder() / "lpips-alex.safetensors"
    try:
        shipped = read_tensors(path)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"cannot read {str(path)!r}, which comes with img2img: {error}; install img2img again") from error

    import lpips  # here, as it imports torchvision, which takes as long as torch

    with warnings.catch_warnings(), torch.device("meta"):  # on meta nothing is drawn that the weights would overwrite
        warnings.filterwarnings("ignore", "The parameter 'pretrained'|Arguments other than a weight enum", UserWarning)
        network: nn.Module = lpips.LPIPS(net="alex", pretrained=False, pnet_rand=True, use_dropout=False, verbose=False)
    state = {}
    for level, layer in enumerate(CONVOLUTIONS):
        for kind in ("weight", "bias"):
            state[f"net.slice{level + 1}.{layer}.{kind}"] = shipped[f"features.{layer}.{kind}"].float()
        state[f"lins.{level}.model.0.weight"] = shipped[f"lin{level}.weight"].float()
    network.load_state_dict(state, strict=False, assign=True)  # not strict, as the heads are there twice, under two names
    return network.requires_grad_(False)
