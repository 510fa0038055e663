"""An inpainter begun with the weights of another model, also of one of other channels."""

import torch
from torch import Tensor

from img2img import networks
from img2img.models import load_model
from img2img.networks import Inpainter
from img2img.tasks.inpaint.objective import InpaintObjective
from img2img.training.initialize import load_fitting


def start_from(init: str, objective: InpaintObjective) -> None:
    """Copy the weights of model ``init`` into the objective's network: of an inpainter, or of another task's network of the same form.

    Where that one takes pictures without a mask, the mask's weights in the first layer start at 0. For other channels the first and the
    last layer are adapted. What does not fit starts anew; so does attention that the model has not, or not for these channels.

    Raises:
        ModelError: no such model. ConfigError: less than a quarter of it fits.
    """
    model, trained = load_model(init), objective.inpainter
    before = (model.network.channels, model.network.masks) if isinstance(model.network, Inpainter) else (model.info.in_channels, 0)
    now = (trained.channels, trained.masks)
    body = trained.body.network if isinstance(trained.body, networks.Growing) else trained.body
    given = model.network.body if isinstance(model.network, Inpainter) else model.network
    own = body.state_dict()
    state = given.state_dict().items()
    fitting = {key: found for key, value in state if key in own and (found := adapted(value, own[key], before, now)) is not None}
    load_fitting(body, fitting, init)
    attention = model.network.attention if isinstance(model.network, Inpainter) else None
    if attention is not None and trained.attention is not None and before == now:
        trained.attention.load_state_dict(attention.state_dict())


def adapted(weight: Tensor, own: Tensor, before: tuple[int, int], now: tuple[int, int]) -> Tensor | None:
    """``weight`` in the shape of ``own``; None: it does not fit.

    In a first layer, whose inputs are the channels and then the masks, each with as many planes as a pixel shuffle folds into it, the new
    channels share the weights of the mean of the old ones, so that equal channels give what they gave; so do the masks, and those of a
    network that had none are 0. In a last layer each new channel is the mean of the old ones. See ``networks.adapted_state``.

    Args:
        before, now: (channels, masks) of the pictures of either network.
    """
    if weight.shape == own.shape:
        return weight
    if weight.dim() != own.dim():
        return None
    rest = [axis for axis in range(weight.dim()) if weight.shape[axis] != own.shape[axis]]
    if rest == [0] and weight.shape[0] * now[0] == own.shape[0] * before[0]:
        return _shared(weight, 0, before[0], now[0])
    folded = weight.shape[1] // sum(before) if rest == [1] and weight.dim() == 4 else 0
    if not folded or (weight.shape[1], own.shape[1]) != (folded * sum(before), folded * sum(now)):
        return None
    colors, masks = torch.split(weight, [folded * each for each in before], 1)
    parts = [_shared(colors, 1, before[0], now[0]) * (before[0] / now[0])]
    parts += [_shared(masks, 1, before[1], now[1]) * (before[1] / now[1]) if before[1] else own[:, folded * now[0] :] * 0]
    return torch.cat(parts, 1)


def _shared(weight: Tensor, axis: int, before: int, now: int) -> Tensor:
    """``weight`` with ``now`` groups of planes in ``axis`` that all are the mean of its ``before`` groups; as it is for as many."""
    if before == now:
        return weight
    mean = weight.view(*weight.shape[:axis], before, -1, *weight.shape[axis + 1 :]).mean(axis, keepdim=True)
    return torch.repeat_interleave(mean, now, dim=axis).flatten(axis, axis + 1)
