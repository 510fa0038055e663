"""Optimizers of a picture, and the average of its iterates."""

from collections.abc import Callable

import torch
from torch import Tensor

from img2img.tasks.stylize.gatys_loss import GatysLoss

Step = Callable[[], dict[str, float]]  # changes the picture, and gives the losses that it had before


def adam(picture: Tensor, loss: GatysLoss, learning_rate: float) -> Step:
    """Steps of Adam (Kingma & Ba 2015, arXiv 1412.6980) that change ``picture`` (1, 3, H, W) in place; it stays in [0, 1]."""
    optimizer = torch.optim.Adam([picture.requires_grad_()], lr=learning_rate, betas=(0.9, 0.99))

    def step() -> dict[str, float]:
        losses, picture.grad = loss.gradient(picture)
        optimizer.step()
        with torch.no_grad():
            picture.clamp_(0, 1)
        return losses

    return step


def lbfgs(picture: Tensor, loss: GatysLoss) -> Step:
    """Steps of L-BFGS that change ``picture`` (1, 3, H, W) in place, each with a search for the length that fulfils the Wolfe conditions.

    Not kept in [0, 1] on the way: cutting off between steps would make its model of the curvature wrong.
    """
    optimizer = torch.optim.LBFGS([picture.requires_grad_()], max_iter=1, max_eval=10, history_size=10, line_search_fn="strong_wolfe")
    seen: list[dict[str, float]] = []

    def closure() -> float:
        losses, picture.grad = loss.gradient(picture)
        seen.append(losses)
        return sum(losses.values())

    def step() -> dict[str, float]:
        seen.clear()
        optimizer.step(closure)  # type: ignore[no-untyped-call]
        return seen[0]

    return step


class Average:
    """The exponential moving average of pictures, not biased towards its beginning (Kingma & Ba 2015, section 3)."""

    def __init__(self, decay: float, picture: Tensor) -> None:
        self.decay, self.total, self.weight = decay, torch.zeros_like(picture.detach()), 0.0
        self.first = picture.detach().clone()

    def add(self, picture: Tensor) -> None:
        self.total.lerp_(picture.detach(), 1 - self.decay)
        self.weight = self.weight * self.decay + 1 - self.decay

    def value(self) -> Tensor:
        """(3, H, W) in [0, 1]; the first picture, if none was added."""
        return (self.total / self.weight if self.weight else self.first)[0].clamp(0, 1)
