"""The learning rate as a pure function of progress: nothing to save, nothing that jumps on resume."""

import math

from img2img.training.config import TrainerConfig


def learning_rate_factor(config: TrainerConfig, images_seen: int) -> float:
    """What the learning rate is multiplied by after ``images_seen`` images: in [0, 1].

    ``cosine``: half a cosine from 1 to 0 (Loshchilov & Hutter 2017, arXiv 1608.03983, eq. 5, one period); ``step``: halved at
    each of ``milestones``; ``linear``: 1 for the first half of the run, then straight to 0 (Zhu et al. 2017, arXiv 1703.10593,
    section 4); ``constant``: 1. A warm-up multiplies it by a straight line from 0.
    """
    progress = min(images_seen / config.images, 1.0)
    warmup = min(1.0, (images_seen + 1) / config.warmup) if config.warmup else 1.0
    match config.schedule:
        case "constant":
            factor = 1.0
        case "linear":
            factor = min(1.0, 2 * (1 - progress))
        case "cosine":
            factor = 0.5 * (1 + math.cos(math.pi * progress))
        case "step":
            factor = 0.5 ** sum(progress >= milestone for milestone in config.milestones)
    return warmup * factor
