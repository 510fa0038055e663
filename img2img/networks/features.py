"""Frozen feature networks: what perceptual and style losses compare pictures by."""

import pickle
from collections.abc import Sequence
from typing import Literal

import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from img2img.errors import ModelError, cause_of
from img2img.files import shipped_folder
from img2img.networks.weights import read_tensors

Backbone = Literal["vgg16", "vgg16-torchvision", "vgg19"]
CONVOLUTIONS: dict[Backbone, tuple[int, ...]] = {"vgg16": (2, 2, 3, 3), "vgg16-torchvision": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}
WIDTHS = (64, 128, 256, 512, 512)

# RGB, for pictures in [0, 1]
OXFORD_MEAN, OXFORD_STD = (123.68 / 255, 116.779 / 255, 103.939 / 255), (1 / 255, 1 / 255, 1 / 255)
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class VGGFeatures(nn.Module):
    """The activations of an ImageNet VGG at ``layers``, by name; frozen, but gradients flow to the input.

    Simonyan & Zisserman 2015 (arXiv 1409.1556). Layer ``reluB_N`` is convolution N of block B after its ReLU, as Johnson et al. 2016
    (arXiv 1603.08155) and Gatys et al. 2016 compare pictures by; ``convB_N`` is before it, as ESRGAN (arXiv 1809.00219, section 3.2).
    Nothing deeper than the deepest of ``layers`` is built or computed. There is nothing that training mode would change.

    Backbones: ``vgg16``, Oxford's own weights, comes with the install, up to relu4_3. ``vgg16-torchvision`` and ``vgg19``, torchvision's
    (up to relu5_3 and relu5_4), are fetched by torchvision on first use and kept in its cache.

    Shapes: (N, 3, H, W) RGB in [0, 1] -> {layer: (N, 64 | 128 | 256 | 512, H / 2^(B-1), W / 2^(B-1))}, in the order of ``layers``.
    The normalization that the weights were trained with is applied inside.

    Raises:
        ModelError: an unknown backbone or layer, or weights that cannot be loaded.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, layers: tuple[str, ...] = ("relu1_2", "relu2_2", "relu3_3"), backbone: Backbone = "vgg16") -> None:
        super().__init__()
        if backbone not in CONVOLUTIONS:
            raise ModelError(f"unknown feature network {backbone!r}; known are {', '.join(CONVOLUTIONS)}")
        names = _layer_names(backbone)
        for layer in layers:
            if layer not in names:
                raise ModelError(f"{backbone} has no layer {layer!r}; it has {names[0]} to {names[-1]}")
        if not layers:
            raise ModelError("VGGFeatures needs at least one layer, such as 'relu2_2'")
        self.layers = tuple(layers)
        names = names[: 1 + max(map(names.index, layers))]
        convolutions = [name for name in names if name.startswith("conv")]
        state = _shipped_state(convolutions) if backbone == "vgg16" else _torchvision_state(backbone, convolutions)

        self.stack = nn.ModuleDict()
        with torch.device("meta"):
            previous = 3
            for name in names:
                if name.startswith("conv"):
                    width = WIDTHS[int(name[4]) - 1]
                    self.stack[name] = nn.Conv2d(previous, width, 3, padding=1)
                    previous = width
                else:  # a convolution's output that nobody asked for may be overwritten
                    self.stack[name] = nn.MaxPool2d(2) if name.startswith("pool") else nn.ReLU(inplace="conv" + name[4:] not in layers)
        try:
            self.stack.load_state_dict({key: value.float() for key, value in state.items()}, assign=True)
        except RuntimeError as error:
            cause = cause_of(error) or "tensors are missing, or have other shapes; install img2img again"
            raise ModelError(f"the weights of {backbone} cannot be loaded: {cause}") from error
        mean, std = (OXFORD_MEAN, OXFORD_STD) if backbone == "vgg16" else (IMAGENET_MEAN, IMAGENET_STD)
        self.register_buffer("mean", torch.tensor(mean)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(std)[:, None, None], persistent=False)
        self.requires_grad_(False).eval()

    def forward(self, x: Tensor, layers: Sequence[str] = ()) -> dict[str, Tensor]:
        """The activations of ``x`` at ``layers``, some of its own; by default all of them."""
        layers = layers or self.layers
        x = (x - self.mean) / self.std
        found: dict[str, Tensor] = {}
        for name, module in self.stack.items():
            x = module(x)
            if name in layers:
                found[name] = x
                if len(found) == len(layers):
                    break
        return {name: found[name] for name in layers}


def _layer_names(backbone: Backbone) -> list[str]:
    """conv1_1, relu1_1, conv1_2, relu1_2, pool1, conv2_1, ..., without a pool after the last block."""
    names: list[str] = []
    for block, count in enumerate(CONVOLUTIONS[backbone], start=1):
        for number in range(1, count + 1):
            names += [f"conv{block}_{number}", f"relu{block}_{number}"]
        names.append(f"pool{block}")
    return names[:-1]


def vgg16_weights() -> dict[str, Tensor]:
    """All weights of VGG16 that come with the install, ``{"conv1_1.weight": ...}`` to conv4_3, for RGB.

    Raises:
        ModelError: the file is missing or damaged.
    """
    return _shipped_state([name for name in _layer_names("vgg16") if name.startswith("conv")])


def _shipped_state(convolutions: list[str]) -> dict[str, Tensor]:
    path = shipped_folder() / "vgg16-features.safetensors"
    try:
        state = read_tensors(path)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"cannot read {str(path)!r}, which comes with img2img: {error}; install img2img again") from error
    state["conv1_1.weight"] = state["conv1_1.weight"].flip(1)  # stored for BGR
    return {key: value for key, value in state.items() if key.split(".")[0] in convolutions}


def _torchvision_state(backbone: Backbone, convolutions: list[str]) -> dict[str, Tensor]:
    from torchvision.models import VGG16_Weights, VGG19_Weights

    weights = VGG19_Weights.IMAGENET1K_V1 if backbone == "vgg19" else VGG16_Weights.IMAGENET1K_V1
    try:
        state = weights.get_state_dict(progress=False, check_hash=True, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise ModelError(
            f"cannot fetch {backbone} from {weights.url}: {cause_of(error) or error}; go online, or use the shipped 'vgg16'"
        ) from error
    keys = [key for key in state if key.startswith("features.")]  # in the order of the network: weight, bias, weight, bias, ...
    ours = [f"{name}.{kind}" for name in convolutions for kind in ("weight", "bias")]
    return {name: state[key] for name, key in zip(ours, keys, strict=False)}
