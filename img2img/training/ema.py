"""The exponential moving average of weights, which gives better pictures than the weights of the last step."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Ema:
    """A copy of a module's parameters that follows them slowly: average += (1 - decay) * (now - average).

    As in Karras et al. 2018 (arXiv 1710.10196, appendix C). The decay starts low, min(decay, (1 + n) / (10 + n)) after n
    updates, so that the first average is not the initialization. Buffers (batch norm's statistics) are taken as they are.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self.average = {key: value.detach().clone() for key, value in module.state_dict().items()}

    @torch.no_grad()
    def restart(self, module: nn.Module) -> None:
        """Begin anew at ``module``'s weights."""
        self.updates = 0
        for key, value in module.state_dict().items():
            self.average[key].copy_(value)

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Take one step of the average toward ``module``'s weights."""
        self.updates += 1
        weight = 1 - min(self.decay, (1 + self.updates) / (10 + self.updates)) if self.decay else 1.0
        floats = [(self.average[key], value) for key, value in module.state_dict().items() if value.is_floating_point()]
        torch._foreach_lerp_([average for average, _ in floats], [value for _, value in floats], weight)
        for key, buffer in module.named_buffers():
            if key in self.average:  # others are not persistent: no part of the state
                self.average[key].copy_(buffer)

    @contextmanager
    def applied(self, module: nn.Module) -> Iterator[None]:
        """Within the block ``module`` has the averaged weights; its own are put back afterwards."""
        own = {key: value.detach().clone() for key, value in module.state_dict().items()}
        module.load_state_dict(self.average)
        try:
            yield
        finally:
            module.load_state_dict(own)

    def state_dict(self) -> dict[str, Tensor | int | dict[str, Tensor]]:
        """Everything that ``load_state_dict`` needs."""
        return {"updates": self.updates, "average": self.average}

    def load_state_dict(self, state: dict) -> None:  # type: ignore[type-arg]
        """Take over what ``state_dict`` gave."""
        self.updates = state["updates"]
        for key, value in state["average"].items():
            self.average[key].copy_(value)
