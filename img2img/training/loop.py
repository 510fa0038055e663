"""The loop: discriminators, then generators, then the average; validation, health, checkpoints and the report along the way."""

import json
import logging
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch.utils.data import Dataset

from img2img.data.sampling import mix
from img2img.errors import ConfigError, TrainingError
from img2img.files import atomic_path
from img2img.training import report
from img2img.training.allocator import keep_freed_memory
from img2img.training.batches import batches_from
from img2img.training.config import TrainerConfig
from img2img.training.distributed import agree
from img2img.training.ema import Ema
from img2img.training.events import Events
from img2img.training.growing import stage_at
from img2img.training.health import Alarm, Health
from img2img.training.history import History
from img2img.training.monitor import Monitor
from img2img.training.objective import Batch, Objective
from img2img.training.quantize import calibrate, quantize_generators
from img2img.training.resume import changed_data, forget_best
from img2img.training.schedule import learning_rate_factor
from img2img.training.state import TrainingState
from img2img.training.step import make_optimizers, place, training_step
from img2img.training.validation import validate

logger = logging.getLogger(__name__)

SKIPS_BEFORE_ROLLBACK = 5
SCALER_SKIPS_BEFORE_ROLLBACK = 40  # each halves its scale, from 65,536: then the gradients are not finite at any scale
MOST_ROLLBACKS = 5


@dataclass(frozen=True)
class TrainingResult:
    """How a call of ``train`` ended: at the planned number of images, or stopped (and saved) before by ``reason``.

    Of several processes one is ``main``: the one that saved, and that should report.
    """

    images_seen: int
    finished: bool
    reason: str
    best: float | None
    main: bool


class Run:
    """One call of ``train``."""

    def __init__(
        self,
        objective: Objective,
        samples: Dataset[Batch],
        validation: Dataset[Batch],
        config: TrainerConfig,
        run: Path,
        fabric: Fabric,
        record: dict[str, Any],
    ) -> None:
        if config.growing.levels != objective.levels:
            raise ConfigError(
                f"training.growing.levels is {config.growing.levels}, but these networks can gain {objective.levels}: "
                "a network that works at one resolution cannot grow"
            )
        if config.augment_on == "device" and type(objective).prepare is Objective.prepare:
            raise ConfigError(
                "training.augment_on is 'device', but this task prepares its samples in the workers: only upscale's photo degradation "
                "can be done on the device; set it to auto"
            )
        run.mkdir(parents=True, exist_ok=True)
        keep_freed_memory(fabric.device)
        quantize_generators(objective, config)
        place(objective, fabric, compiled=config.compile)
        self.objective, self.samples, self.validation, self.config, self.run = objective, samples, validation, config, run
        self.fabric, self.record = fabric, record
        self.optimizers = make_optimizers(objective, config, fabric)
        self.rates = {"generator": config.learning_rate, "discriminator": config.discriminator_learning_rate}
        self.ema = Ema(objective.generators, config.ema)
        self.health = Health(interval=config.log_every * config.batch * config.accumulate * fabric.world_size)
        self.state = TrainingState(run, objective, self.optimizers, self.ema, self.health, fabric)
        self.now = self.state.counters
        self.validated_at = -1
        self.batches: Iterator[Batch] = iter(())
        self.monitor: Monitor | None = None

    def go(self, stop: list[str]) -> TrainingResult:
        config, fabric = self.config, self.fabric
        if self.state.load():
            if changed_data(self.run, self.record, allowed=config.allow_changed_data):
                self.state.counters.best, self.state.counters.stale = None, 0
                self.state.save()  # before config.json says that the data are others
                if fabric.is_global_zero:
                    forget_best(self.run)
            logger.info("resuming %s at %d images", self.run, self.state.counters.images_seen)
        else:
            if config.quantize != "none":
                calibrate(self.objective, batches_from(self.samples, config, 0, fabric), self.ema, fabric)
            self.state.counters.accumulate = config.accumulate
            self.state.save()  # what the first steps can be rolled back to
        self._start_from_state()
        if fabric.is_global_zero:
            with atomic_path(self.run / "config.json") as temporary:
                temporary.write_text(json.dumps(self.record, indent=2))
            seen = self.now.images_seen
            history, events = History(self.run / "metrics.jsonl", seen), Events(self.run / "events.jsonl", seen)
            self.monitor = Monitor(self.run, history, events, self.objective.generators, seen, config.images)
        deadline = time.monotonic() + config.max_minutes * 60 if config.max_minutes else None
        next_save = time.monotonic() + config.checkpoint_minutes * 60
        self.objective.train()
        while not (finished := self.now.images_seen + self._step_images() > config.images):
            over = bool(stop) or (deadline is not None and time.monotonic() > deadline)
            over, due = agree(fabric, over, time.monotonic() > next_save)
            if over:
                break
            if due:
                self.save()
                next_save = time.monotonic() + config.checkpoint_minutes * 60
            self.step()
        if finished and self.validated_at != self.now.images_seen:
            self.validate()
        elif self.monitor:  # no validation of a stopped run: it might find a best checkpoint that the undisturbed run would not see
            self.log()
            self._report()
        self.save()
        if self.monitor:
            self.monitor.close()
            if fabric.device.type == "cuda":
                logger.info("peak memory of the device: %.2f GiB", torch.cuda.max_memory_allocated(fabric.device) / 2**30)
        reason = "" if finished else (stop[0] if stop else f"--max-minutes {config.max_minutes}")
        return TrainingResult(self.now.images_seen, finished, reason, self.now.best, fabric.is_global_zero)

    def step(self) -> None:
        """One step, and what its count brings with it: a line in the log, a validation."""
        config, objective, now, fabric = self.config, self.objective, self.now, self.fabric
        # Whatever an objective draws (noise, dropout) depends on the place in the run alone: nothing to save.
        torch.manual_seed(mix(config.seed, 3, now.images_seen, fabric.global_rank))
        self._place()
        factor = learning_rate_factor(config, now.images_seen) * now.rate
        for name, optimizer in self.optimizers.items():
            for group in optimizer.param_groups:
                group["lr"] = self.rates[name] * factor
        started = time.monotonic()
        batches = [fabric.to_device(next(self.batches)) for _ in range(now.accumulate)]
        waited = time.monotonic() - started
        batches = [objective.prepare(batch) for batch in batches]
        generators_too = (now.steps + 1) % (config.critic_steps or objective.critic_steps) == 0
        step = training_step(objective, batches, self.optimizers, config, fabric, generators_too=generators_too)
        if generators_too and step.taken:
            self.ema.update(objective.generators)
        before, step_images = now.images_seen, self._step_images()
        now.images_seen += step_images
        now.steps += 1
        now.skipped = 0 if step.taken else now.skipped + 1
        if self.monitor:
            rate = self.rates["generator"] * factor
            self.monitor.stepped(now.images_seen, step_images, step.figures, rate, waited=waited, skipped=not step.finite)
        if now.skipped >= (SCALER_SKIPS_BEFORE_ROLLBACK if step.finite else SKIPS_BEFORE_ROLLBACK):
            self.roll_back()
            return
        if now.steps == 1 or now.steps % config.log_every == 0:
            self.log()
        if now.images_seen // config.validate_every > before // config.validate_every:
            self.validate()

    def _place(self) -> None:
        """Tell the objective where in the run it is."""
        objective, now, config = self.objective, self.now, self.config
        objective.images_seen, objective.steps, objective.progress = now.images_seen, now.steps, now.images_seen / config.images
        objective.grow(stage_at(config.growing, objective.progress))

    def save(self) -> None:
        """The checkpoint, and the averaged generators as a model file once they are whole; of all processes at once."""
        self.state.save()
        self._place()
        if self.fabric.is_global_zero and self.objective.grown:
            with self.ema.applied(self.objective.generators):
                self.objective.export(self.run / "latest.safetensors", {**self.record, "images_seen": self.now.images_seen})

    def log(self) -> None:
        """The mean figures since the last call go into the log and to the health check."""
        if self.monitor:
            figures = self.monitor.log(self.now.images_seen)
            if figures:
                self._alarm(self.health.logged(self.now.images_seen, figures))

    def validate(self) -> None:
        """Figures, previews and a health check of the averaged generators; the best is kept; a plateau is answered."""
        now, objective, config = self.now, self.objective, self.config
        self.validated_at = now.images_seen
        self._place()
        better = False
        if self.monitor:
            self.log()
            with self.ema.applied(objective.generators), torch.no_grad():
                objective.eval()
                figures, preview, sample = validate(objective, self.validation, self.fabric)
                objective.train()
                value = figures[objective.metric]
                better = now.best is None or (value > now.best if objective.higher_is_better else value < now.best)
                better = better and math.isfinite(value) and objective.grown  # figures of smaller pictures are other figures
                if better:
                    now.best = value
                if better and not objective.private:
                    record = {**self.record, "images_seen": now.images_seen, "validation": figures}
                    objective.export(self.run / "best.safetensors", record)
            self.monitor.validated(now.images_seen, figures, preview)
            if sample is not None:
                self._alarm(self.health.validated(now.images_seen, sample, objective.upsampling))
        now.best, better = self.fabric.broadcast((now.best, better))
        now.stale = 0 if better or not objective.grown else now.stale + 1
        if now.stale >= config.patience and config.on_plateau != "nothing":
            now.stale = 0
            self._answer_plateau()
        self._report()

    def roll_back(self) -> None:
        """Return to the last checkpoint with half the learning rate."""
        now = self.now
        if self.objective.private:
            raise TrainingError(
                f"losses or gradients are not finite at {now.images_seen:,} images, and the budget has no second try: "
                "start anew with a lower --learning-rate"
            )
        failed_at, rate, rollbacks = now.images_seen, now.rate / 2, now.rollbacks + 1
        if rollbacks > MOST_ROLLBACKS:
            raise TrainingError(
                f"losses or gradients are not finite at {failed_at:,} images, after {MOST_ROLLBACKS} returns to the last checkpoint, "
                "each with half the learning rate: look at the data (img2img data check), or start anew with a lower --learning-rate"
            )
        self.state.load()
        self._start_from_state()
        self.now.rate, self.now.rollbacks = min(rate, self.now.rate / 2), rollbacks
        self.state.save()  # so that a resume, too, goes on with the lower rate
        saw = (
            f"{now.skipped} steps in a row with losses or gradients that are not finite: back to the checkpoint of "
            f"{self.now.images_seen:,} images, at {self.now.rate:g} times the planned learning rate"
        )
        advice = "A lower --learning-rate, --precision fp32 or bf16 for fp16; broken pictures are found by img2img data check."
        if self.monitor:
            self.monitor.rolled_back(self.now.images_seen)
        self._alarm([Alarm("rollback", self.now.images_seen, failed_at, saw, advice)])

    def _answer_plateau(self) -> None:
        now, config = self.now, self.config
        saw = f"{config.patience} validations without a better {self.objective.metric} than {now.best!s:.8}"
        if config.on_plateau == "learning-rate":
            now.rate /= 2
            advice = f"The learning rate is now {now.rate:g} times the planned one."
        else:
            now.accumulate *= 2
            self._restart_batches()
            advice = f"A step now takes {now.accumulate} batches."
        self._alarm([Alarm("plateau", now.images_seen, now.images_seen, saw, advice)])

    def _start_from_state(self) -> None:
        self.now = self.state.counters
        self._restart_batches()

    def _restart_batches(self) -> None:
        self.batches = batches_from(self.samples, self.config, self.now.images_seen, self.fabric)

    def _step_images(self) -> int:
        return self.config.batch * self.now.accumulate * self.fabric.world_size

    def _alarm(self, alarms: list[Alarm]) -> None:
        if self.monitor:
            for alarm in alarms:
                self.monitor.alarm(alarm)

    def _report(self) -> None:
        if self.monitor:
            report.write(self.run, self.monitor.history, self.objective.metric, self.record, self.monitor.events.alarms())
