"""Training steps as they are usually written, to compare ours with: same networks, losses and batches.

Separate passes and backward calls for real and fake, PyTorch's default Adam, ``.item()`` of every loss at every step, averages parameter by
parameter. Written from the papers: SRGAN (Ledig et al. 2017, arXiv 1609.04802), pix2pix (Isola et al. 2017, arXiv 1611.07004) and CycleGAN
(Zhu et al. 2017, arXiv 1703.10593).
"""

import itertools
import random

import torch
import torch.nn.functional as F
from plain_data import Batch
from torch import Tensor, nn

from img2img.losses import PerceptualLoss


class PlainSRResNet:
    """One generator, a pixel loss, an average of the weights."""

    def __init__(self, generator: nn.Module) -> None:
        self.generator = generator
        self.average = [parameter.detach().clone() for parameter in generator.parameters()]
        self.optimizer = torch.optim.Adam(generator.parameters(), lr=1e-4)

    def step(self, batch: Batch) -> dict[str, float]:
        """One step on {"lr", "hr"}; the loss."""
        self.optimizer.zero_grad()
        loss = F.l1_loss(self.generator(batch["lr"]), batch["hr"])
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        for average, parameter in zip(self.average, self.generator.parameters(), strict=True):
            average.mul_(0.999).add_(parameter.data, alpha=0.001)
        return {"pixel": loss.item()}


class PlainSRGAN:
    """One generator, one discriminator with the hinge loss, a pixel and a perceptual loss, an average of the weights."""

    def __init__(
        self, generator: nn.Module, discriminator: nn.Module, perceptual: PerceptualLoss, weights: tuple[float, float, float]
    ) -> None:
        self.generator, self.discriminator, self.perceptual = generator, discriminator, perceptual
        self.weights = weights  # pixel, perceptual, adversarial
        self.average = [parameter.detach().clone() for parameter in generator.parameters()]
        self.optimizer_g = torch.optim.Adam(generator.parameters(), lr=1e-4)
        self.optimizer_d = torch.optim.Adam(discriminator.parameters(), lr=1e-4)

    def step(self, batch: Batch) -> dict[str, float]:
        """One step on {"lr", "hr"}; the losses as floats."""
        lr, hr = batch["lr"], batch["hr"]
        sr = self.generator(lr)

        self.optimizer_d.zero_grad()
        real_loss: Tensor = F.relu(1 - self.discriminator(hr)[0]).mean()
        real_loss.backward()  # type: ignore[no-untyped-call]
        fake_loss: Tensor = F.relu(1 + self.discriminator(sr.detach())[0]).mean()
        fake_loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer_d.step()

        for parameter in self.discriminator.parameters():
            parameter.requires_grad = False
        self.optimizer_g.zero_grad()
        pixel = self.weights[0] * F.l1_loss(sr, hr)
        perceptual = self.weights[1] * self.perceptual(sr, hr)
        adversarial = -self.weights[2] * self.discriminator(sr)[0].mean()
        (pixel + perceptual + adversarial).backward()
        self.optimizer_g.step()
        for parameter in self.discriminator.parameters():
            parameter.requires_grad = True

        for average, parameter in zip(self.average, self.generator.parameters(), strict=True):
            average.mul_(0.999).add_(parameter.data, alpha=0.001)
        return {
            "pixel": pixel.item(),
            "perceptual": perceptual.item(),
            "adversarial": adversarial.item(),
            "discriminator": real_loss.item() + fake_loss.item(),
        }


class PlainPix2Pix:
    """One generator, one discriminator of both pictures' channels with the logistic loss, and an L1 loss; the discriminator first."""

    def __init__(self, generator: nn.Module, discriminator: nn.Module, pixel_weight: float) -> None:
        self.generator, self.discriminator, self.pixel_weight = generator, discriminator, pixel_weight
        self.optimizer_g = torch.optim.Adam(generator.parameters(), lr=2e-4, betas=(0.5, 0.999))
        self.optimizer_d = torch.optim.Adam(discriminator.parameters(), lr=2e-4, betas=(0.5, 0.999))

    def step(self, batch: Batch) -> dict[str, float]:
        """One step on {"a", "b"}; the losses as floats."""
        a, b = batch["a"], batch["b"]
        fake = self.generator(a)

        self._train_discriminator(True)
        self.optimizer_d.zero_grad()
        fake_loss = F.softplus(self.discriminator(torch.cat([a, fake], dim=1).detach())[0]).mean()
        real_loss = F.softplus(-self.discriminator(torch.cat([a, b], dim=1))[0]).mean()
        ((fake_loss + real_loss) / 2).backward()  # type: ignore[no-untyped-call]
        self.optimizer_d.step()

        self._train_discriminator(False)
        self.optimizer_g.zero_grad()
        adversarial = F.softplus(-self.discriminator(torch.cat([a, fake], dim=1))[0]).mean()
        pixel = self.pixel_weight * F.l1_loss(fake, b)
        (adversarial + pixel).backward()  # type: ignore[no-untyped-call]
        self.optimizer_g.step()
        return {"adversarial": adversarial.item(), "pixel": pixel.item(), "discriminator": fake_loss.item() + real_loss.item()}

    def _train_discriminator(self, learn: bool) -> None:
        for parameter in self.discriminator.parameters():
            parameter.requires_grad = learn


class PlainCycleGAN:
    """Two generators, two discriminators with the least-squares loss, cycle and identity losses, pools of 50."""

    def __init__(
        self, generators: tuple[nn.Module, nn.Module], discriminators: tuple[nn.Module, nn.Module], cycle: float, identity: float
    ) -> None:
        self.ab, self.ba = generators
        self.discriminator_a, self.discriminator_b = discriminators
        self.cycle, self.identity = cycle, identity
        self.pools: tuple[list[Tensor], list[Tensor]] = ([], [])
        self.optimizer_g = torch.optim.Adam(itertools.chain(self.ab.parameters(), self.ba.parameters()), lr=2e-4, betas=(0.5, 0.999))
        parameters_d = itertools.chain(self.discriminator_a.parameters(), self.discriminator_b.parameters())
        self.optimizer_d = torch.optim.Adam(parameters_d, lr=2e-4, betas=(0.5, 0.999))

    def step(self, batch: Batch) -> dict[str, float]:
        """One step on {"a", "b"}; the losses as floats."""
        a, b = batch["a"], batch["b"]
        fake_b, fake_a = self.ab(a), self.ba(b)
        rec_a, rec_b = self.ba(fake_b), self.ab(fake_a)

        self._train_discriminators(False)
        self.optimizer_g.zero_grad()
        identity_a = self.identity * F.l1_loss(self.ba(a), a)
        identity_b = self.identity * F.l1_loss(self.ab(b), b)
        adversarial_b = (self.discriminator_b(fake_b)[0] - 1).square().mean() / 2
        adversarial_a = (self.discriminator_a(fake_a)[0] - 1).square().mean() / 2
        cycle_a = self.cycle * F.l1_loss(rec_a, a)
        cycle_b = self.cycle * F.l1_loss(rec_b, b)
        (identity_a + identity_b + adversarial_a + adversarial_b + cycle_a + cycle_b).backward()
        self.optimizer_g.step()

        self._train_discriminators(True)
        self.optimizer_d.zero_grad()
        losses = []
        for discriminator, real, fake, pool in (
            (self.discriminator_a, a, fake_a, self.pools[0]),
            (self.discriminator_b, b, fake_b, self.pools[1]),
        ):
            shown = self._query(pool, fake.detach())
            loss = ((discriminator(real)[0] - 1).square().mean() + discriminator(shown)[0].square().mean()) / 2
            loss.backward()
            losses.append(loss)
        self.optimizer_d.step()
        return {
            "identity": identity_a.item() + identity_b.item(),
            "adversarial": adversarial_a.item() + adversarial_b.item(),
            "cycle": cycle_a.item() + cycle_b.item(),
            "discriminator": losses[0].item() + losses[1].item(),
        }

    def _train_discriminators(self, learn: bool) -> None:
        for parameter in itertools.chain(self.discriminator_a.parameters(), self.discriminator_b.parameters()):
            parameter.requires_grad = learn

    @staticmethod
    def _query(pool: list[Tensor], images: Tensor) -> Tensor:
        shown = []
        for image in images:
            if len(pool) < 50:
                pool.append(image.clone())
                shown.append(image)
            elif random.random() < 0.5:
                place = random.randrange(50)
                shown.append(pool[place].clone())
                pool[place] = image.clone()
            else:
                shown.append(image)
        return torch.stack(shown)
