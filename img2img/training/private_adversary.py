"""A discriminator that learns little of any one real picture: DP-SGD of its half that sees them."""

import warnings
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from img2img import losses
from img2img.data.sampling import mix
from img2img.errors import ConfigError
from img2img.training.adversary import Adversary, AdversaryConfig
from img2img.training.objective import AdversarialModule, Losses
from img2img.training.privacy import MISSING, Privacy

CHUNK = 64  # pictures whose gradients are held at a time
NOISE = 5  # sets the noise apart from other draws of the key


class PrivateAdversary(Adversary):
    """An ``Adversary`` whose gradient at real pictures is clipped for each of them, summed, and hidden in noise.

    Generated pictures come from weights that hold nothing but what the noise let through, so that their half needs none
    (DPGAN: Xie et al. 2018, arXiv 1802.06739). The number of real pictures differs from step to step; their sum is divided by
    ``batch``, its mean, as the number itself would tell. The noise is a function of the key and of the step.

    Raises:
        ConfigError: losses or networks whose gradient at a real picture is not that picture's alone; opacus is missing.
    """

    def __init__(
        self, config: AdversaryConfig, objective: AdversarialModule, name: str, network: nn.Module, *, batch: int, privacy: Privacy
    ) -> None:
        check_private(config, network)
        try:
            from opacus import GradSampleModule
        except ImportError as error:
            raise ConfigError(f"{MISSING} ({error})") from error
        super().__init__(config, objective, name, network)
        self.batch, self.privacy = batch, privacy
        self.watched: Any = GradSampleModule(network, loss_reduction="mean")
        self.watched.remove_hooks()

    def discriminator_losses(self, real: Tensor, fake: Tensor, label: Tensor | None = None) -> Losses:
        """As of an ``Adversary``, of pictures without classes; ``real`` may have any number of them, also none."""
        gradients, real_loss, real_logits = self._private(real.detach())
        fake_logits = self.network(self._seen(self.objective.pools[self.name](fake.detach())))
        # Linear in the weights, so that the backward pass adds just these gradients to the others; what it adds to the value is taken off.
        carrier = torch.stack([(p * g).sum() for p, g in zip(self.network.parameters(), gradients, strict=True)]).sum()
        if real_logits:
            self._note_logits(real_logits, fake_logits)
        return self._named({"adversarial": losses.fake_loss(self.config.mode, fake_logits) + carrier - carrier.detach() + real_loss})

    def _private(self, real: Tensor) -> tuple[list[Tensor], Tensor, list[Tensor]]:
        """The noisy mean gradient at ``real`` for each parameter; the mean loss and the logits, for the owner's log alone."""
        parameters = list(self.network.parameters())
        sums = [torch.zeros_like(p) for p in parameters]
        total, logits = real.new_zeros(()), []
        for chunk in torch.split(real, CHUNK) if len(real) else ():
            self.watched.add_hooks(loss_reduction="mean")
            with torch.enable_grad(), warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Full backward hook is firing")  # at the pictures no gradient is asked for
                found = self.network(self._seen(chunk))
                loss = losses.real_loss(self.config.mode, found, self.config.label_smoothing)
                torch.autograd.grad(loss, parameters)  # opacus' hooks leave each picture's in ``grad_sample``
            self.watched.remove_hooks()  # generated pictures need no gradients of their own
            _add_clipped(sums, parameters, self.privacy.budget.clip)
            total = total + loss.detach() * (len(chunk) / len(real))
            logits.append([x.detach() for x in found])
        noise = torch.Generator(real.device).manual_seed(mix(self.privacy.key, NOISE, self.objective.steps))
        deviation = self.privacy.budget.noise_multiplier * self.privacy.budget.clip
        for gradient in sums:
            gradient.add_(torch.randn(gradient.shape, generator=noise, device=real.device), alpha=deviation).div_(self.batch)
        return sums, total, [torch.cat(maps) for maps in zip(*logits, strict=True)]


def _add_clipped(sums: list[Tensor], parameters: list[nn.Parameter], limit: float) -> None:
    """Add each picture's gradient, its norm over all parameters at most ``limit``; one that is not finite counts as 0."""
    found: list[Tensor] = []
    for parameter in parameters:
        found.append(parameter.grad_sample)  # type: ignore[attr-defined]
        parameter.grad_sample = None  # type: ignore[attr-defined]
    norms = torch.stack([each.flatten(1).norm(dim=1) for each in found]).norm(dim=0)
    shares = (limit / norms.clamp(min=limit)).nan_to_num(0.0)
    for total, each in zip(sums, found, strict=True):
        total.add_(torch.einsum("n,n...->...", shares, each.nan_to_num(0.0, 0.0, 0.0)))


def check_private(config: AdversaryConfig, network: nn.Module) -> None:
    """Raise ConfigError for everything in ``config`` and ``network`` that lets more of a real picture through than its clipped gradient."""
    wrong: list[str] = []
    if config.mode in ("relativistic", "wgan-gp"):
        wrong.append(f"adversary.mode={config.mode} puts real pictures together with others: take nonsaturating, hinge, lsgan or wgan")
    if config.r1 or config.r2:
        wrong.append("the penalties r1 and r2 take a second gradient, which is neither clipped nor hidden: set adversary.r1 and r2 to 0")
    if config.feature_matching:
        wrong.append("feature_matching shows the generator what real pictures look like inside the discriminator: set it to 0")
    if hasattr(network, "decoded"):
        wrong.append("fastgan-discriminator decodes real pictures, for which no noise is added: set adversary.network.name to patchgan")
    if config.reconstruction:
        wrong.append("reconstruction has a second loss at real pictures: set adversary.reconstruction to 0")
    if any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in network.modules()):
        wrong.append("batch norm mixes the pictures of a batch: --set adversary.network.norm=none (or instance)")
    if any(parametrize.is_parametrized(module) for module in network.modules()):
        wrong.append("spectral norm hides the weights whose gradient is to be clipped: --set adversary.network.spectral_norm=false")
    if wrong:
        raise ConfigError("differential privacy needs a gradient of each real picture that is its own: " + "; ".join(wrong))
