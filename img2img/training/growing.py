"""When a growing network gains its levels: a pure function of how far the run is."""

from pydantic import Field

from img2img.config import Strict
from img2img.networks import Stage


class GrowingConfig(Strict):
    """Progressive growing (Karras et al. 2018, arXiv 1710.10196): start small, gain levels, each faded in."""

    levels: int = Field(0, ge=0, le=6, description="levels to gain, each doubling the resolution; 0: the whole network from the start")
    share: float = Field(0.6, gt=0, le=1, description="of the run, until the last level is there")


def stage_at(config: GrowingConfig, progress: float) -> Stage:
    """The stage at ``progress`` in [0, 1] of the run.

    The growing share of the run has two equal parts for each level: the network as it is, then the next level's fade from 0 to 1. (The
    paper fades and trains for 800,000 pictures each; here time is a share, so that a short run grows as well.)
    """
    if progress >= config.share or not config.levels:
        return Stage(config.levels)
    part, into = divmod(progress / config.share * 2 * config.levels, 1)
    level, fading = divmod(int(part) + 1, 2)
    return Stage(level, 1.0) if fading else Stage(level, into)
