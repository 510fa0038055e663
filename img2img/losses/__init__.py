"""Losses: pure functions first; a module only where there is something frozen to hold."""

from img2img.losses.adversarial import GanMode, Places, accuracy, discriminator_loss, fake_loss, generator_loss, real_loss
from img2img.losses.augment import Policy, diff_augment
from img2img.losses.contrastive import patch_contrast
from img2img.losses.lpips import LPIPSLoss
from img2img.losses.perceptual import PerceptualLoss
from img2img.losses.phase import phase, shifted
from img2img.losses.pixel import PIXEL_DISTANCES, PIXEL_LOSSES, charbonnier, l1, mse
from img2img.losses.regularizers import (
    clip_weights_,
    feature_matching,
    gradient_penalty,
    instance_noise,
    mode_seeking,
    zero_centered_gradient_penalty,
)

__all__ = [
    "PIXEL_DISTANCES",
    "PIXEL_LOSSES",
    "GanMode",
    "LPIPSLoss",
    "PerceptualLoss",
    "Places",
    "Policy",
    "accuracy",
    "charbonnier",
    "clip_weights_",
    "diff_augment",
    "discriminator_loss",
    "fake_loss",
    "feature_matching",
    "generator_loss",
    "gradient_penalty",
    "instance_noise",
    "l1",
    "mode_seeking",
    "mse",
    "patch_contrast",
    "phase",
    "real_loss",
    "shifted",
    "zero_centered_gradient_penalty",
]
