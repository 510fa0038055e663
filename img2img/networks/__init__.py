"""Networks: parts and numbers in, ``nn.Module`` out. ``build`` makes one from the spec that a model file carries."""

import inspect
from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin, get_type_hints

from torch import Tensor, nn

from img2img.errors import ModelError
from img2img.networks.adapt_channels import adapted_state
from img2img.networks.bidirectional import Bidirectional
from img2img.networks.class_conditional import ClassConditionalGenerator
from img2img.networks.colorizer import Colorizer
from img2img.networks.growing import Growing, Stage, at_stage, grow
from img2img.networks.inpainter import Inpainter
from img2img.networks.munit import MUNIT
from img2img.networks.patchgan import PatchGAN
from img2img.networks.resnet import ResNetGenerator
from img2img.networks.stylizer import Stylizer
from img2img.networks.unet import UNetGenerator
from img2img.networks.unit import UNIT

__all__ = [
    "MUNIT",
    "NETWORKS",
    "UNIT",
    "Bidirectional",
    "ClassConditionalGenerator",
    "Colorizer",
    "Growing",
    "Inpainter",
    "PatchGAN",
    "ResNetGenerator",
    "Stage",
    "Stylizer",
    "UNetGenerator",
    "adapted_state",
    "at_stage",
    "build",
    "fitting_state",
    "grow",
]

NETWORKS: dict[str, type[nn.Module]] = {
    "resnet": ResNetGenerator,
    "unet": UNetGenerator,
    "bidirectional": Bidirectional,
    "colorizer": Colorizer,
    "unit": UNIT,
    "munit": MUNIT,
    "class-conditional": ClassConditionalGenerator,
    "inpainter": Inpainter,
    "stylizer": Stylizer,
    "patchgan": PatchGAN,
}

FORMER_NAMES = {"two-way": "bidirectional", "labelled": "class-conditional"}  # in model files of version 0.1

# A model file may come from anybody: its numbers are bounded before anything is allocated.
LARGEST = {"blocks": 256, "shared": 256, "scale": 16, "scales": 8, "layers": 8, "downsamplings": 6, "levels": 10, "shuffle": 4}
LARGEST_OTHER = 4096


def build(spec: Mapping[str, Any]) -> nn.Module:
    """The network that ``spec`` describes: ``{"name": "resnet", "width": 48, ...}``, freshly initialized.

    Raises:
        ModelError: an unknown name or argument, a number out of bounds, or arguments that contradict each other.
    """
    arguments = dict(spec)
    name = arguments.pop("name", None)
    name = FORMER_NAMES.get(name, name) if isinstance(name, str) else name
    if not isinstance(name, str) or name not in NETWORKS:
        raise ModelError(f"unknown network {name!r}; known are {', '.join(NETWORKS)}")
    allowed = inspect.signature(NETWORKS[name]).parameters
    hints = get_type_hints(NETWORKS[name].__init__)
    for key, value in arguments.items():
        if key not in allowed:
            raise ModelError(f"network {name!r} takes no {key!r}; it takes {', '.join(allowed)}")
        if not isinstance(value, type(allowed[key].default)) or isinstance(value, bool) != isinstance(allowed[key].default, bool):
            raise ModelError(f"network {name!r}: {key}={value!r} is not a {type(allowed[key].default).__name__}")
        if get_origin(hints[key]) is Literal and value not in (choices := get_args(hints[key])):
            raise ModelError(f"network {name!r}: {key}={value!r} is not one of {', '.join(choices)}")
        if isinstance(value, int) and not 0 <= value <= LARGEST.get(key, LARGEST_OTHER):
            raise ModelError(f"network {name!r}: {key}={value} is not between 0 and {LARGEST.get(key, LARGEST_OTHER)}")
    try:
        return NETWORKS[name](**arguments)
    except ValueError as error:
        raise ModelError(f"network {name!r}: {error}") from error


def fitting_state(state: Mapping[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """Those tensors of ``state`` that fit ``network`` by name and shape: to start a x2 network from a x4 one, say."""
    own = network.state_dict()
    return {key: value for key, value in state.items() if key in own and own[key].shape == value.shape}
