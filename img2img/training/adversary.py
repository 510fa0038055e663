"""The adversarial part of any objective: one discriminator, its configuration, and both networks' losses."""

from functools import partial
from typing import Any, Literal

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor, nn

from img2img import losses
from img2img.config import Strict
from img2img.errors import ConfigError
from img2img.losses.adversarial import SMOOTHABLE, needs_real
from img2img.networks import Stage
from img2img.training.objective import AdversarialModule, Losses
from img2img.training.pool import ImagePool

PATCHGAN = {"name": "patchgan", "width": 32, "layers": 3, "norm": "none", "spectral_norm": True}


class AdversaryConfig(Strict):
    """The discriminator and its losses; with ``weight`` 0 there is none."""

    weight: float = Field(0.0, ge=0, description="weight of the generator's adversarial loss; 0: no discriminator")
    mode: losses.GanMode = Field("hinge", description="adversarial loss")
    network: dict[str, Any] = Field(PATCHGAN, description="the discriminator")
    gradient_penalty: float = Field(10.0, ge=0, description="wgan-gp: weight of the gradient penalty")
    weight_clip: float = Field(0.01, gt=0, description="wgan: the critic's weights are clipped to plus and minus this")
    r1: float = Field(
        0.0,
        ge=0,
        description="weight of the penalty on the gradient at real pictures, of the sum of all logits, so that larger samples want less; "
        "0.00002 at 128 px in inpainting",
    )
    r2: float = Field(0.0, ge=0, description="the same at generated pictures")
    penalty_every: int = Field(16, ge=1, description="steps between r1 and r2 penalties, which count for so many steps")
    feature_matching: float = Field(0.0, ge=0, description="weight of the feature-matching loss; 10 is usual")
    reconstruction: float = Field(
        0.0, ge=0, description="weight of the LPIPS of what fastgan-discriminator decodes from its features of real pictures"
    )
    label_smoothing: float = Field(0.0, ge=0, lt=0.5, description="the target of real pictures is 1 minus this")
    instance_noise: float = Field(
        0.0, ge=0, description="standard deviation of noise added to the discriminator's inputs, falling to 0 over the run"
    )
    augment: tuple[Literal["color", "translation", "cutout"], ...] | None = Field(
        None, description="DiffAugment; []: none; null: chosen by the task: translate uses it for fewer than 500 pictures, the others never"
    )
    pool: int = Field(0, ge=0, description="generated pictures kept and shown to the discriminator again; CycleGAN keeps 50")

    @model_validator(mode="after")
    def _consistent(self) -> "AdversaryConfig":
        asked = [
            name
            for name in ("feature_matching", "reconstruction", "r1", "r2", "label_smoothing", "instance_noise", "augment", "pool")
            if getattr(self, name)
        ]
        if asked and not self.weight:
            raise ValueError(f"{', '.join(asked)} need a discriminator, and weight 0 means none: set adversary.weight, 0.05 say")
        if self.label_smoothing and self.mode not in SMOOTHABLE:
            raise ValueError(f"label_smoothing moves a target that {self.mode} does not have; use {', '.join(SMOOTHABLE)}")
        if self.mode in ("wgan", "wgan-gp") and self.network.get("norm", "batch") == "batch":
            raise ValueError(
                f"{self.mode} must score each picture alone, and batch norm in the critic mixes them: "
                "set adversary.network.norm to none or instance"
            )
        if self.mode == "wgan" and self.network.get("spectral_norm"):
            raise ValueError(
                "wgan clips the critic's weights and spectral norm rescales them: set adversary.network.spectral_norm to false"
            )
        return self

    @property
    def critic_steps(self) -> int:
        """What ``critic_steps: 0`` means: 5 for the two WGANs (Arjovsky 2017, algorithm 1; Gulrajani 2017, algorithm 1)."""
        return 5 if self.weight and self.mode in ("wgan", "wgan-gp") else 1

    @property
    def optimizer(self) -> str:
        """What ``optimizer: auto`` means: RMSprop for WGAN, whose critic is unstable with momentum (Arjovsky 2017, section 4)."""
        return "rmsprop" if self.weight and self.mode == "wgan" else "adamw"


class Adversary:
    """A discriminator's losses. It belongs to ``objective``, which trains, saves and synchronizes its network and its pool.

    Args:
        name: under which the network is in ``objective.discriminators`` and the pool in ``objective.pools``, and, if there are
            several adversaries, the ending of the losses' names.
        network: the discriminator: images -> list of maps of logits, with ``activations`` for feature matching: ``PatchGAN``; with
            ``decoded`` for reconstruction: ``FastGANDiscriminator``. Of pictures with classes: images, label -> the same.
        masks: how many of the last channels of pictures are masks, 1 where they were filled; if there are any, only such places are
            judged, in real pictures too.

    Raises:
        ConfigError: reconstruction by a network that decodes nothing.
    """

    def __init__(self, config: AdversaryConfig, objective: AdversarialModule, name: str, network: nn.Module, *, masks: int = 0) -> None:
        if config.reconstruction:
            if not hasattr(network, "decoded"):
                given = config.network.get("name")
                raise ConfigError(
                    f"adversary.reconstruction is for the network fastgan-discriminator; {given!r} decodes nothing: set it to 0"
                )
            self.distance = objective.reconstruction_distance = losses.LPIPSLoss()  # a part of the objective, so that it moves with it
        self.config, self.objective, self.name, self.masks = config, objective, name, masks
        objective.discriminators[name] = network
        objective.pools[name] = ImagePool(config.pool)
        objective.optimizer, objective.critic_steps = config.optimizer, config.critic_steps
        objective.lazy = config.penalty_every if config.r1 or config.r2 else 1

    @property
    def network(self) -> Any:
        """The discriminator."""
        return self.objective.discriminators[self.name]

    def discriminator_losses(self, real: Tensor, fake: Tensor, label: Tensor | None = None) -> Losses:
        """What the discriminator minimizes, of pictures (N, C, H, W) in [0, 1], both of the classes ``label`` (N,) if they have any.

        It also notes its accuracy among the objective's figures.
        """
        config, told = self.config, {} if label is None else {"label": label}
        real, fake = real.detach(), self.objective.pools[self.name](fake.detach())
        due = self.objective.steps % config.penalty_every == 0
        punished_real, punished_fake = due and config.r1 > 0, due and config.r2 > 0
        real.requires_grad_(punished_real)
        fake.requires_grad_(punished_fake)
        seen_real, seen_fake = self._seen(real), self._seen(fake)
        real_logits, decoded = self.network.decoded(seen_real, **told) if config.reconstruction else (self.network(seen_real, **told), [])
        fake_logits = self.network(seen_fake, **told)
        places = (self._holes(seen_real, real_logits), self._holes(seen_fake, fake_logits)) if self.masks else None
        result = {"adversarial": losses.discriminator_loss(config.mode, real_logits, fake_logits, config.label_smoothing, places)}
        if decoded:
            distances = [self.distance(made, truth) for made, truth in decoded]
            result["reconstruction"] = config.reconstruction * torch.stack(distances).sum()
        if config.mode == "wgan-gp":
            result["gradient_penalty"] = config.gradient_penalty * losses.gradient_penalty(
                partial(self.network, **told), seen_real.detach(), seen_fake.detach()
            )
        # Lazy (Karras et al. 2020, arXiv 1912.04958, appendix B): a penalty that comes every k steps weighs k times as much.
        if punished_real:
            result["r1"] = config.r1 * config.penalty_every * losses.zero_centered_gradient_penalty(real_logits, real)
        if punished_fake:
            result["r2"] = config.r2 * config.penalty_every * losses.zero_centered_gradient_penalty(fake_logits, fake)
        self._note_logits(real_logits, fake_logits, places)
        return self._named(result)

    def generator_losses(self, real: Tensor, fake: Tensor, label: Tensor | None = None) -> Losses:
        """What the generator minimizes, weighted; gradients flow to ``fake``."""
        config, told = self.config, {} if label is None else {"label": label}
        result: Losses = {}
        wanted = config.feature_matching > 0 or needs_real(config.mode)
        states = [(source, source.get_rng_state()) for source in _random_sources(fake.device)]
        seen = self._seen(fake)
        fake_layers = self.network.activations(seen, **told)
        fake_logits = [layers[-1] for layers in fake_layers]
        real_logits = fake_logits
        if wanted:
            for source, state in states:  # the same noise and augmentation, so that activations can be compared
                source.set_rng_state(state)
            with torch.no_grad():
                real_layers = self.network.activations(self._seen(real.detach()), **told)
            real_logits = [layers[-1] for layers in real_layers]
            if config.feature_matching:
                result["feature_matching"] = config.feature_matching * losses.feature_matching(real_layers, fake_layers)
        places = (self._holes(seen, fake_logits),) * 2 if self.masks else None  # the ground truth has the same holes
        result["adversarial"] = config.weight * losses.generator_loss(config.mode, real_logits, fake_logits, places)
        return self._named(result)

    def check_sample_size(self, channels: int, size: int) -> None:
        """Raise ConfigError where the discriminator, at its smallest stage of growth, has no logits for squares of ``size`` pixels."""
        stage, side = self.objective.stage, size >> self.objective.levels
        self.objective.grow(Stage(0))
        try:
            with torch.no_grad():
                self.network(torch.zeros(1, channels, side, side))
        except (RuntimeError, ValueError) as error:
            raise ConfigError(f"data.size={size} is too small for the discriminator; give it fewer layers, or larger samples") from error
        finally:
            self.objective.grow(stage)

    def stepped(self) -> None:
        """After a step of the discriminator: WGAN's weight clipping."""
        if self.config.mode == "wgan":
            losses.clip_weights_(self.network, self.config.weight_clip)

    def _seen(self, images: Tensor) -> Tensor:
        """What the discriminator sees of ``images``."""
        images = losses.diff_augment(images, self.config.augment) if self.config.augment else images
        sigma = self.config.instance_noise * (1 - self.objective.progress)
        return losses.instance_noise(images, sigma) if sigma else images

    def _holes(self, seen: Tensor, logits: list[Tensor]) -> list[Tensor]:
        """For each map of ``logits``, (N, 1, h, w), where its patches have a hole in their middle, by the masks of ``seen`` (N, C, H, W);
        booleans of the same shapes."""
        mask = seen.detach()[:, -self.masks :].amax(1, keepdim=True)
        return [F.adaptive_max_pool2d(mask, x.shape[-2:]) > 0.5 for x in logits]

    def _named(self, found: Losses) -> Losses:
        return found if len(self.objective.discriminators) == 1 else {f"{key}_{self.name}": value for key, value in found.items()}

    def _note_logits(self, real: list[Tensor], fake: list[Tensor], places: losses.Places | None = None) -> None:
        right_real, right_fake = losses.accuracy(self.config.mode, real, fake, places)
        logits = torch.cat([x.detach().flatten() for x in (*real, *fake)])
        self._note(accuracy_real=right_real, accuracy_fake=right_fake, spread=logits.float().std())

    def _note(self, **found: Tensor) -> None:
        ending = "" if len(self.objective.discriminators) == 1 else f"_{self.name}"
        self.objective.figures |= {f"discriminator/{key}{ending}": value for key, value in found.items()}


def _random_sources(device: torch.device) -> list[Any]:
    """What noise and augmentation are drawn from: the host's generator and, where it has one of its own, the device's."""
    return [torch, torch.get_device_module(device)] if device.type in ("cuda", "mps") else [torch]
