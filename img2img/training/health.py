"""Diagnostics of a run: alarms for faults that people otherwise find out after a night."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from img2img.training import artifacts
from img2img.training.objective import HealthSample

# All of these err on the side of silence: an alarm that is often false is soon ignored.
WARM_UP = 10  # calls before a series' own statistics are believed
MEMORY = 0.9  # decay per call of those statistics
DEVIATIONS = 8.0  # a sudden change is so many standard deviations ...
FACTOR = 3.0  # ... and so many times the usual size, or the inverse of that
LASTING = 10  # calls in a row that a discriminator must win, or a generator stand still
WINNING = 0.95  # accuracy on real and on fake
STILL = 1e-5  # relative change of the weights from call to call: rounding alone moves nothing
BLIND = 1e-4  # deviation of all logits
COLLAPSED = 0.2  # diversity of the outputs, as a share of that of the ground truth, or of what it once was
INVERTED = -0.3  # correlation with the ground truth
VALIDATIONS = 3  # that an artifact must last: the first pictures of a healthy run may have it
GRID = 1.0  # levels of 255, over what the ground truth has
NOT_LOSSES = ("accuracy_real", "accuracy_fake", "spread", "change", "gradient")
CALM = 5  # calls without the sign after which an alarm may be raised anew


@dataclass(frozen=True)
class Alarm:
    """One thing that went wrong: when it was raised and since when its sign was there (images seen), what was seen, what helps."""

    kind: str
    images: int
    since: int
    saw: str
    advice: str


ADVICE = {
    "sudden-change": "Look at the previews; a lower --learning-rate, or a lower --discriminator-learning-rate, usually helps.",
    "non-finite": "The step was skipped. If it goes on: a lower --learning-rate, --precision fp32 for fp16, img2img data check.",
    "discriminator-wins": "The generator gets little to learn from. A lower --discriminator-learning-rate, --set adversary.r1=0.0001, "
    "--set adversary.instance_noise=0.1, or, with few pictures, --set adversary.augment=[color,translation,cutout].",
    "generator-stalls": "The generator's weights no longer move. Is --learning-rate (times the schedule) too low, or its gradient zero?",
    "blind-discriminator": "Its logits say nothing of the pictures, so the generator learns nothing from them. "
    "A higher --discriminator-learning-rate, a smaller adversary.r1, or another --gan-mode.",
    "mode-collapse": "Different inputs give nearly the same picture. "
    "A higher pixel or cycle weight, --set adversary.r1=0.0001, or another --gan-mode.",
    "color-inversion": "Light and dark have changed places, which unpaired objectives allow. "
    "Start again with another --seed, or with an identity loss.",
    "checkerboard": "Early in a run, train on; otherwise a higher pixel weight, or a lower adversarial or perceptual one.",
}


class Health:
    """Watches a run's figures and pictures and gives an alarm once for each time that something goes wrong.

    Args:
        interval: images between calls of ``logged``; only used to report since when.
    """

    def __init__(self, *, interval: int) -> None:
        self.interval = interval
        self.usual: dict[str, dict[str, float]] = {}  # of each loss: its first value, running mean and variance, and calls so far
        self.signs: dict[str, dict[str, int]] = {}  # of each sign: calls it has been there, calls it has been away, whether raised
        self.most_diversity = 0.0

    def logged(self, images: int, figures: Mapping[str, float]) -> list[Alarm]:
        """The alarms that the mean figures of the last interval raise, at ``images`` seen."""
        found: list[Alarm | None] = []
        skipped = figures.get("skipped", 0)
        broken = [key for key, value in figures.items() if not math.isfinite(value)]
        text = f"{skipped:g} steps had losses or gradients that are not finite" if skipped else f"not finite: {', '.join(broken)}"
        found.append(self._sign("non-finite", images, bool(skipped or broken), 1, text))
        for key, value in figures.items():
            if key.partition("/")[2] not in NOT_LOSSES and "/" in key and math.isfinite(value):
                found.append(self._sudden(key, images, value))
        found += self._discriminators(images, figures)
        change = figures.get("generator/change")
        if change is not None:
            text = f"the generators' weights changed by {change:.1e} of their size over the last {self.interval:,} images"
            found.append(self._sign("generator-stalls", images, change < STILL, LASTING, text))
        return [alarm for alarm in found if alarm]

    def validated(self, images: int, sample: HealthSample, upsampling: int) -> list[Alarm]:
        """The alarms that the pictures of a validation, the same each time, raise; ``upsampling`` is the generator's."""
        outputs, ground_truth = sample.output, sample.ground_truth
        found: list[Alarm | None] = []
        name, reference = ("ground truth", ground_truth) if ground_truth is not None else ("inputs", sample.input)
        now, expected = artifacts.diversity(outputs), artifacts.diversity(reference)
        self.most_diversity = max(self.most_diversity, now)
        text = f"the diversity of {len(outputs)} outputs is {now / max(expected, 1e-9):.0%} of that of the {name}"
        if self.most_diversity > expected:
            text += f", and {now / self.most_diversity:.0%} of what it once was"
        collapsed = len(outputs) > 1 and now < COLLAPSED * max(expected, self.most_diversity)
        found.append(self._sign("mode-collapse", images, collapsed, VALIDATIONS, text))
        correlation = artifacts.inversion(outputs, reference)
        text = f"the luminance of outputs and {name} correlates by {correlation:.2f}"
        found.append(self._sign("color-inversion", images, correlation < INVERTED, VALIDATIONS, text))
        for period in sorted({2, 4, 8, max(upsampling, 2)}):
            if min(outputs.shape[-2:]) < 8 * period:
                continue
            grid = artifacts.checkerboard(outputs, period)
            usual = artifacts.checkerboard(ground_truth, period) if ground_truth is not None else 0.0
            text = f"a grid of {period} pixels with a deviation of {grid:.1f} levels in 255"
            if ground_truth is not None:
                text += f" ({usual:.1f} in the ground truth)"
            alarm = self._sign("checkerboard", images, grid > usual + GRID, VALIDATIONS, text, key=f"checkerboard-{period}")
            found.append(alarm)
        return [alarm for alarm in found if alarm]

    def state_dict(self) -> dict[str, Any]:
        """Plain numbers and strings: what ``load_state_dict`` needs."""
        return {"usual": self.usual, "signs": self.signs, "most_diversity": self.most_diversity}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what ``state_dict`` gave."""
        self.usual, self.signs, self.most_diversity = state["usual"], state["signs"], state["most_diversity"]

    def _discriminators(self, images: int, figures: Mapping[str, float]) -> list[Alarm | None]:
        found: list[Alarm | None] = []
        for key, real in figures.items():
            if not key.startswith("discriminator/accuracy_real"):
                continue
            ending = key.removeprefix("discriminator/accuracy_real")
            fake, spread = (figures[f"discriminator/{name}{ending}"] for name in ("accuracy_fake", "spread"))
            text = f"the discriminator{ending.replace('_', ' of ')} is right about {real:.0%} of real and {fake:.0%} of generated pictures"
            wins = real > WINNING and fake > WINNING
            found.append(self._sign("discriminator-wins", images, wins, LASTING, text, key=f"discriminator-wins{ending}"))
            alike = min(real, 1 - fake) > WINNING or max(real, 1 - fake) < 1 - WINNING  # nearly all are called real, or fake
            text += f", and its logits have a deviation of {spread:.1e} over all pictures"
            blind = spread < BLIND or alike
            found.append(self._sign("blind-discriminator", images, blind, LASTING, text, key=f"blind-discriminator{ending}"))
        return found

    def _sudden(self, key: str, images: int, value: float) -> Alarm | None:
        usual = self.usual.setdefault(key, {"calls": 0, "first": value, "mean": value, "variance": 0.0})
        deviation = math.sqrt(usual["variance"])
        distance = abs(value - usual["mean"])
        size = abs(usual["mean"]) + deviation
        far = distance > DEVIATIONS * deviation and (abs(value) > FACTOR * size or size > FACTOR * (abs(value) + deviation))
        # Early there are no statistics to go by, but what the generator is to make small must not grow from where it started.
        grown = key.startswith("generator/") and "adversarial" not in key and value > FACTOR * usual["first"]
        sudden = far if usual["calls"] >= WARM_UP else grown
        text = f"{key} went from about {usual['mean']:.3g} (deviation {deviation:.2g}) to {value:.3g}"
        alarm = self._sign("sudden-change", images, sudden, 1, text, key=f"sudden-change {key}")
        if usual["calls"] < WARM_UP:  # the plain mean and variance of the first calls
            usual["calls"] += 1
            share = 1 / usual["calls"]
        else:
            share = 1 - MEMORY
        step = value - usual["mean"]
        usual["mean"] += share * step
        usual["variance"] = (1 - share) * (usual["variance"] + share * step**2)
        return alarm

    def _sign(self, kind: str, images: int, there: bool, lasting: int, saw: str, key: str | None = None) -> Alarm | None:
        """Count one call with or without a sign; an alarm when it has been there ``lasting`` times in a row, once until it is gone."""
        count = self.signs.setdefault(key or kind, {"there": 0, "away": CALM, "since": images, "raised": 0})
        if not there:
            count["there"], count["away"] = 0, count["away"] + 1
            if count["away"] >= CALM:
                count["raised"] = 0
            return None
        if count["there"] == 0:
            count["since"] = images
        count["there"], count["away"] = count["there"] + 1, 0
        if count["raised"] or count["there"] < lasting:
            return None
        count["raised"] = 1
        return Alarm(kind, images, count["since"], saw, ADVICE[kind])
