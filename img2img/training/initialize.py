"""Starting a network from the weights of another one, as far as they fit."""

import logging
from collections.abc import Mapping

from torch import Tensor, nn

from img2img.errors import ConfigError, option

logger = logging.getLogger(__name__)

SMALLEST_SHARE = 0.25  # of the parameters: with fewer in common, a start from scratch is as good


def load_fitting(network: nn.Module, fitting: Mapping[str, Tensor], init: str) -> None:
    """Copy the tensors ``fitting`` of the model ``init`` into ``network``; a warning names those of ``network`` that start anew.

    Args:
        fitting: by the names, and in the shapes, of the state of ``network``; what is missing stays as it is initialized.

    Raises:
        ConfigError: they have less than ``SMALLEST_SHARE`` of the network's parameters.
    """
    own = network.state_dict()
    shared, total = (sum(value.numel() for value in state.values()) for state in (fitting, own))
    if shared < SMALLEST_SHARE * total:
        raise ConfigError(
            f"{option('init')} {init!r} has {shared:,} of {total:,} parameters in common with the network to be trained; "
            "choose a model of the same network and width, or set network as that model has it"
        )
    missing = own.keys() - fitting.keys()
    if missing:
        logger.warning("--init %s: %d of %d tensors fit; started anew: %s", init, len(fitting), len(own), ", ".join(sorted(missing)))
    network.load_state_dict(fitting, strict=False)
