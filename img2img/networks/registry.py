"""Networks by name: what the spec of a model file is built with. The package's ``__init__`` fills in the names."""

import inspect
from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin, get_type_hints

from torch import nn

from img2img.errors import ModelError

NETWORKS: dict[str, type[nn.Module]] = {}
FORMER_NAMES = {"two-way": "bidirectional", "labelled": "class-conditional"}  # in model files of version 0.1

# A model file may come from anybody: its numbers are bounded before anything is allocated.
LARGEST = {
    "blocks": 256,
    "shared": 256,
    "scale": 16,
    "scales": 8,
    "layers": 8,
    "downsamplings": 6,
    "levels": 10,
    "shuffle": 4,
    "mapping": 16,
    "attention": 128,
}
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
