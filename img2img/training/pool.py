"""The memory of generated pictures that CycleGAN's discriminators are shown again."""

from typing import Any

import torch
from torch import Tensor, nn


class ImagePool(nn.Module):
    """Keeps ``size`` generated pictures; half of those that come are swapped for older ones.

    Shrivastava et al. 2017 (arXiv 1612.07828), section 2.3, as in CycleGAN (arXiv 1703.10593, section 4: 50 pictures): the
    discriminator does not forget what the generator used to make. What is kept is part of ``state_dict``; what is drawn comes from
    torch's global generator of the CPU, as the host must know it. What came since ``mark`` can be taken back: a picture that is not
    finite would come back for ever, and to look at each would make the host wait for the device.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.kept: list[Tensor] = []
        self.marked: list[Tensor] = []

    def mark(self) -> None:
        """Note what is kept now."""
        self.marked = list(self.kept)

    def restore(self) -> None:
        """Keep what was kept at the last ``mark``."""
        self.kept = list(self.marked)

    def forward(self, images: Tensor) -> Tensor:
        """``images`` (N, C, H, W), detached, with about half of them replaced by older ones once the pool is full."""
        if not self.size:
            return images.detach()
        self.kept = [image for image in self.kept if image.shape == images.shape[1:]]  # those of before a growing network's last level go
        given: list[Tensor] = []
        for image in images.detach():
            if len(self.kept) < self.size:
                self.kept.append(image.clone())
            elif torch.rand(()) < 0.5:
                place = int(torch.randint(self.size, ()))
                image, self.kept[place] = self.kept[place].to(image), image.clone()
            given.append(image)
        return torch.stack(given)

    def get_extra_state(self) -> dict[str, Any]:
        """The kept pictures; ``state_dict`` calls this."""
        return {"kept": [image.cpu() for image in self.kept]}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Take over what ``get_extra_state`` gave; ``load_state_dict`` calls this."""
        self.kept = list(state["kept"])
