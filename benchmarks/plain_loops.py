"""Training steps as they are usually written, for the benchmark to stand beside ours: same networks, losses and batches.

Separate passes and backward calls for real and fake, PyTorch's default Adam, ``.item()`` of every loss at every step, averages parameter by
parameter, every picture decoded anew for every crop. Written from the papers: SRGAN (Ledig et al. 2017, arXiv 1609.04802), pix2pix (Isola
et al. 2017, arXiv 1611.07004) and CycleGAN (Zhu et al. 2017, arXiv 1703.10593).
"""

import itertools
import random
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import Dataset

from img2img.images.resize import resize
from img2img.losses import PerceptualLoss

Batch = dict[str, Tensor]
Pixels = npt.NDArray[np.uint8]


class PlainPatches(Dataset[Batch]):
    """Random crops, the whole picture decoded for each: {"lr", "hr"} as ``data.upscale.UpscalePatches`` gives them."""

    def __init__(self, paths: list[Path], patch: int, scale: int) -> None:
        self.paths, self.patch, self.scale = paths, patch, scale

    def __len__(self) -> int:
        return 1_000_000

    def __getitem__(self, position: int) -> Batch:
        side = self.patch * self.scale
        hr = _crop(_decoded(self.paths), side)
        return {"lr": resize(hr, scale=1 / self.scale).clamp(0, 1), "hr": hr}


class PlainPairs(Dataset[Batch]):
    """Random crops {"a", "b"} of the left and right halves of a picture, decoded for each, as ``data.pairs.PairPatches`` gives them."""

    def __init__(self, paths: list[Path], side: int) -> None:
        self.paths, self.side = paths, side

    def __len__(self) -> int:
        return 1_000_000

    def __getitem__(self, position: int) -> Batch:
        pixels = _decoded(self.paths)
        half = pixels.shape[1] // 2
        both = _crop(np.concatenate([pixels[:, :half], pixels[:, half : 2 * half]], axis=2), self.side)
        return {"a": both[:3], "b": both[3:]}


class PlainUnpaired(Dataset[Batch]):
    """Random crops {"a", "b"} of any two pictures, both decoded for each, as ``data.pairs.UnpairedPatches`` gives them."""

    def __init__(self, paths: list[Path], side: int) -> None:
        self.paths, self.side = paths, side

    def __len__(self) -> int:
        return 1_000_000

    def __getitem__(self, position: int) -> Batch:
        return {name: _crop(_decoded(self.paths), self.side) for name in ("a", "b")}


def _decoded(paths: list[Path]) -> Pixels:
    with Image.open(random.choice(paths)) as picture:
        return np.asarray(picture.convert("RGB"))


def _crop(pixels: Pixels, side: int) -> Tensor:
    """(H, W, C) uint8 -> (C, side, side) in [0, 1], from any place, mirrored half of the time."""
    top, left = random.randint(0, pixels.shape[0] - side), random.randint(0, pixels.shape[1] - side)
    crop = np.ascontiguousarray(pixels[top : top + side, left : left + side])
    planes = torch.from_numpy(crop).permute(2, 0, 1).float() / 255
    return planes.flip(-1) if random.random() < 0.5 else planes


class PlainSRResNet:
    """One generator, a pixel loss, an average of the weights."""

    def __init__(self, generator: nn.Module) -> None:
        self.generator = generator
        self.average = [parameter.detach().clone() for parameter in generator.parameters()]
        self.optimizer = torch.optim.Adam(generator.parameters(), lr=1e-4)

    def step(self, batch: Batch) -> dict[str, float]:
        """One step on {"lr", "hr"}; the loss as a number."""
        self.optimizer.zero_grad()
        loss = F.l1_loss(self.generator(batch["lr"]), batch["hr"])
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        for average, parameter in zip(self.average, self.generator.parameters(), strict=True):
            average.mul_(0.999).add_(parameter.data, alpha=0.001)
        return {"pixel": loss.item()}


class PlainSRGAN:
    """One generator, one discriminator with the hinge loss, a pixel and a perceptual loss, an average of the weights."""

    def __init__(self, generator: nn.Module, judge: nn.Module, perceptual: PerceptualLoss, weights: tuple[float, float, float]) -> None:
        self.generator, self.judge, self.perceptual = generator, judge, perceptual
        self.weights = weights  # pixel, perceptual, adversarial
        self.average = [parameter.detach().clone() for parameter in generator.parameters()]
        self.optimizer_g = torch.optim.Adam(generator.parameters(), lr=1e-4)
        self.optimizer_d = torch.optim.Adam(judge.parameters(), lr=1e-4)

    def step(self, batch: Batch) -> dict[str, float]:
        """One step on {"lr", "hr"}; the losses as numbers."""
        lr, hr = batch["lr"], batch["hr"]
        sr = self.generator(lr)

        self.optimizer_d.zero_grad()
        real_loss: Tensor = F.relu(1 - self.judge(hr)[0]).mean()
        real_loss.backward()  # type: ignore[no-untyped-call]
        fake_loss: Tensor = F.relu(1 + self.judge(sr.detach())[0]).mean()
        fake_loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer_d.step()

        for parameter in self.judge.parameters():
            parameter.requires_grad = False
        self.optimizer_g.zero_grad()
        pixel = self.weights[0] * F.l1_loss(sr, hr)
        perceptual = self.weights[1] * self.perceptual(sr, hr)
        adversarial = -self.weights[2] * self.judge(sr)[0].mean()
        (pixel + perceptual + adversarial).backward()
        self.optimizer_g.step()
        for parameter in self.judge.parameters():
            parameter.requires_grad = True

        for average, parameter in zip(self.average, self.generator.parameters(), strict=True):
            average.mul_(0.999).add_(parameter.data, alpha=0.001)
        return {
            "pixel": pixel.item(),
            "perceptual": perceptual.item(),
            "adversarial": adversarial.item(),
            "judge": real_loss.item() + fake_loss.item(),
        }


class PlainPix2Pix:
    """One generator, one discriminator that sees A beside B with the logistic loss, and an L1 loss; the discriminator first."""

    def __init__(self, generator: nn.Module, judge: nn.Module, pixel_weight: float) -> None:
        self.generator, self.judge, self.pixel_weight = generator, judge, pixel_weight
        self.optimizer_g = torch.optim.Adam(generator.parameters(), lr=2e-4, betas=(0.5, 0.999))
        self.optimizer_d = torch.optim.Adam(judge.parameters(), lr=2e-4, betas=(0.5, 0.999))

    def step(self, batch: Batch) -> dict[str, float]:
        """One step on {"a", "b"}; the losses as numbers."""
        a, b = batch["a"], batch["b"]
        fake = self.generator(a)

        self._judge_learns(True)
        self.optimizer_d.zero_grad()
        fake_loss = F.softplus(self.judge(torch.cat([a, fake], dim=1).detach())[0]).mean()
        real_loss = F.softplus(-self.judge(torch.cat([a, b], dim=1))[0]).mean()
        ((fake_loss + real_loss) / 2).backward()  # type: ignore[no-untyped-call]
        self.optimizer_d.step()

        self._judge_learns(False)
        self.optimizer_g.zero_grad()
        adversarial = F.softplus(-self.judge(torch.cat([a, fake], dim=1))[0]).mean()
        pixel = self.pixel_weight * F.l1_loss(fake, b)
        (adversarial + pixel).backward()  # type: ignore[no-untyped-call]
        self.optimizer_g.step()
        return {"adversarial": adversarial.item(), "pixel": pixel.item(), "judge": fake_loss.item() + real_loss.item()}

    def _judge_learns(self, learn: bool) -> None:
        for parameter in self.judge.parameters():
            parameter.requires_grad = learn


class PlainCycleGAN:
    """Two generators, two discriminators with the least-squares loss, cycle and identity losses, pools of 50."""

    def __init__(self, generators: tuple[nn.Module, nn.Module], judges: tuple[nn.Module, nn.Module], cycle: float, identity: float) -> None:
        self.ab, self.ba = generators
        self.judge_a, self.judge_b = judges
        self.cycle, self.identity = cycle, identity
        self.pools: tuple[list[Tensor], list[Tensor]] = ([], [])
        self.optimizer_g = torch.optim.Adam(itertools.chain(self.ab.parameters(), self.ba.parameters()), lr=2e-4, betas=(0.5, 0.999))
        judged = itertools.chain(self.judge_a.parameters(), self.judge_b.parameters())
        self.optimizer_d = torch.optim.Adam(judged, lr=2e-4, betas=(0.5, 0.999))

    def step(self, batch: Batch) -> dict[str, float]:
        """One step on {"a", "b"}; the losses as numbers."""
        a, b = batch["a"], batch["b"]
        fake_b, fake_a = self.ab(a), self.ba(b)
        rec_a, rec_b = self.ba(fake_b), self.ab(fake_a)

        self._judges_learn(False)
        self.optimizer_g.zero_grad()
        identity_a = self.identity * F.l1_loss(self.ba(a), a)
        identity_b = self.identity * F.l1_loss(self.ab(b), b)
        adversarial_b = (self.judge_b(fake_b)[0] - 1).square().mean() / 2
        adversarial_a = (self.judge_a(fake_a)[0] - 1).square().mean() / 2
        cycle_a = self.cycle * F.l1_loss(rec_a, a)
        cycle_b = self.cycle * F.l1_loss(rec_b, b)
        (identity_a + identity_b + adversarial_a + adversarial_b + cycle_a + cycle_b).backward()
        self.optimizer_g.step()

        self._judges_learn(True)
        self.optimizer_d.zero_grad()
        losses = []
        for judge, real, fake, pool in ((self.judge_a, a, fake_a, self.pools[0]), (self.judge_b, b, fake_b, self.pools[1])):
            shown = self._query(pool, fake.detach())
            loss = ((judge(real)[0] - 1).square().mean() + judge(shown)[0].square().mean()) / 2
            loss.backward()
            losses.append(loss)
        self.optimizer_d.step()
        return {
            "identity": identity_a.item() + identity_b.item(),
            "adversarial": adversarial_a.item() + adversarial_b.item(),
            "cycle": cycle_a.item() + cycle_b.item(),
            "judge": losses[0].item() + losses[1].item(),
        }

    def _judges_learn(self, learn: bool) -> None:
        for parameter in itertools.chain(self.judge_a.parameters(), self.judge_b.parameters()):
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
