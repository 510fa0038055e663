"""Losses: pure functions first; a module only where there is something frozen to hold."""

from img2img.losses.adversarial import GanMode, discriminator_loss, generator_loss
from img2img.losses.perceptual import PerceptualLoss
from img2img.losses.pixel import charbonnier, l1

__all__ = ["GanMode", "PerceptualLoss", "charbonnier", "discriminator_loss", "generator_loss", "l1"]
