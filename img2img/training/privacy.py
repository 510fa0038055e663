"""Differential privacy of a training: how much noise it needs, what it has spent, and the key of its draws.

Two data sets are neighbors where one has one picture more. Each step takes each picture with one probability (Poisson sampling), clips
its gradient and adds noise to the sum (DP-SGD: Abadi et al. 2016, arXiv 1607.00133); what the steps let through together is bounded
by Renyi differential privacy (Mironov et al. 2019, arXiv 1908.10530), as opacus computes it.
"""

import json
import secrets
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from img2img.config import Strict
from img2img.errors import ConfigError, TrainingError
from img2img.files import atomic_path

FEWEST = 5000  # pictures: below, the noise that a single-digit epsilon needs leaves little of the gradient
FILE = "privacy.json"
MISSING = '--dp-epsilon needs its extra: pip install "img2img-toolkit[privacy]"'


class PrivacyConfig(Strict):
    """Differential privacy of the pictures that are trained on; without ``epsilon`` there is none."""

    epsilon: float | None = Field(None, gt=0, description="the privacy budget: no picture changes odds by more than e^epsilon")
    delta: float | None = Field(
        None, gt=0, lt=1, description="the probability with which that may fail; null: a tenth of one over the number of pictures"
    )
    clip: float = Field(1.0, gt=0, description="the norm that the gradient of one picture is clipped to")
    force: bool = Field(False, description=f"train on fewer than {FEWEST:,} pictures all the same")


@dataclass(frozen=True)
class Budget:
    """What a run may let through of its pictures.

    Attributes:
        pictures: how many there are. epsilon, delta: the guarantee at the end.
        rate: the probability with which a step takes a picture. steps: as planned.
        clip: as in the configuration. noise_multiplier: the noise's standard deviation in units of ``clip``.
    """

    pictures: int
    epsilon: float
    delta: float
    rate: float
    steps: int
    clip: float
    noise_multiplier: float

    def spent(self, steps: int) -> float:
        """The epsilon of the first ``steps`` steps."""
        return spent(self.noise_multiplier, self.rate, steps, self.delta)

    def card(self, steps: int) -> dict[str, Any]:
        """What a model file says of the budget, after ``steps`` steps."""
        return {
            "method": "DP-SGD of the discriminator, Poisson sampling, RDP accountant of opacus; one picture more or less",
            **asdict(self),
            "epsilon": round(self.spent(steps), 4),
            "steps": steps,
        }


@dataclass(frozen=True)
class Privacy:
    """What a private run has: its budget, and the key of its draws. Whoever knows the key can take the noise away."""

    budget: Budget
    key: int


def spent(noise_multiplier: float, rate: float, steps: int, delta: float) -> float:
    """The epsilon at ``delta`` of ``steps`` Gaussian mechanisms, each on a Poisson sample of ``rate``.

    Raises:
        ConfigError: opacus is missing.
    """
    try:
        from opacus.accountants import RDPAccountant
    except ImportError as error:
        raise ConfigError(f"{MISSING} ({error})") from error
    accountant = RDPAccountant()
    accountant.history = [(noise_multiplier, rate, steps)] if steps else []
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Optimal order")  # other orders might show that less is spent: what is said holds all the same
        return max(0.0, float(accountant.get_epsilon(delta)))


def plan(config: PrivacyConfig, pictures: int, batch: int, images: int) -> Budget:
    """The budget of a run of ``images`` images in batches of ``batch`` on average: the least noise that keeps ``config.epsilon``.

    Raises:
        ConfigError: too few pictures, an epsilon that no noise reaches, or opacus is missing.
    """
    try:
        from opacus.accountants.utils import get_noise_multiplier
    except ImportError as error:
        raise ConfigError(f"{MISSING} ({error})") from error
    if config.epsilon is None:
        raise ValueError("a budget needs an epsilon")
    steps, rate, delta = images // batch, batch / pictures, config.delta or 0.1 / pictures
    if rate > 1:
        raise ConfigError(
            f"training.batch={batch} is more than the {pictures} pictures, and a step takes each at most once: give a smaller batch"
        )
    if not steps:
        raise ConfigError(f"training.images={images} is less than a batch of {batch}: there would be no step")
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Optimal order")
            noise = get_noise_multiplier(target_epsilon=config.epsilon, target_delta=delta, sample_rate=rate, steps=steps, accountant="rdp")
    except ValueError as error:
        raise ConfigError(f"no noise gives an epsilon of {config.epsilon:g} in {steps:,} steps ({error}): ask for a larger one") from error
    if pictures < FEWEST and not config.force:
        raise ConfigError(
            f"{pictures:,} pictures are too few for differential privacy: an epsilon of {config.epsilon:g} in {steps:,} steps needs noise "
            f"of {noise:.1f} clipped gradients on a sum of {batch}, which leaves little to learn from. Give at least {FEWEST:,}, "
            "or --set privacy.force=true to see for yourself"
        )
    return Budget(pictures, config.epsilon, delta, rate, steps, config.clip, noise)


def begin(run: Path, budget: Budget) -> Privacy:
    """What ``run`` has for ``budget``: its key of 63 bits is made and written with the budget where the run is new, else read.

    The key comes from the system and not from the seed, which model files name.

    Raises:
        TrainingError: the run was begun with another budget, or its file is missing or damaged.
    """
    path, planned = run / FILE, asdict(budget)
    if not path.exists() and not (run / "checkpoint.pt").exists():
        key = secrets.randbits(63)
        run.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as temporary:
            temporary.touch(mode=0o600)
            temporary.write_text(json.dumps({"key": key, "budget": planned}, indent=2))
        return Privacy(budget, key)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        key, before = int(found["key"]), dict(found["budget"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(
            f"{str(path)!r}, the budget and the key of the noise of this run, cannot be read ({error}): restore it, or choose another --run"
        ) from error
    if before != planned:
        changed = "; ".join(f"{name} {before.get(name)}, now {planned[name]}" for name in planned if before.get(name) != planned[name])
        raise TrainingError(
            f"the noise of {str(run)!r} was chosen for another budget: {changed}. Give the settings it was begun with, or another --run"
        )
    return Privacy(budget, key)
