"""The loop: discriminators, then generators, then the average; validation, checkpoints and the report along the way."""

import contextlib
import logging
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from img2img.data.sampling import Positions, mix
from img2img.errors import ConfigError, TrainingError
from img2img.training import checkpoint, report
from img2img.training.config import TrainerConfig
from img2img.training.ema import Ema
from img2img.training.history import History
from img2img.training.monitor import Monitor
from img2img.training.objective import Batch, Losses, Objective
from img2img.training.schedule import learning_rate_factor

logger = logging.getLogger(__name__)

LOG_EVERY_STEPS = 50
PRECISIONS: Mapping[str, Any] = {"fp32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}


@dataclass(frozen=True)
class Outcome:
    """How a call of ``train`` ended: at the planned number of images, or stopped (and saved) before by ``reason``.

    Of several processes one is ``main``: the one that saved, and that should speak.
    """

    images_seen: int
    finished: bool
    reason: str
    best: float | None
    main: bool


def make_fabric(config: TrainerConfig) -> Fabric:
    """Devices, processes and precision as ``config`` asks; started.

    Raises:
        ConfigError: the device is not there.
    """
    try:
        fabric = Fabric(
            accelerator=config.device,
            devices=config.devices,
            strategy="ddp" if config.devices > 1 else "auto",
            precision=PRECISIONS[config.precision],
        )
    except (RuntimeError, ValueError) as error:
        raise ConfigError(f"device {config.device!r} x {config.devices} with {config.precision}: {str(error).splitlines()[0]}") from error
    fabric.launch()
    return fabric


def train(
    objective: Objective,
    samples: Dataset[Batch],
    validation: Dataset[Batch],
    config: TrainerConfig,
    run: Path,
    *,
    fabric: Fabric,
    record: dict[str, Any],
) -> Outcome:
    """Train ``objective`` into the folder ``run`` until ``config.images`` are seen; go on where the folder's checkpoint stands.

    Everything random is a function of the seed and of the images seen, so k steps, a resume and n - k steps give the weights of n
    steps, bit for bit on a CPU, with any number of workers.

    Args:
        samples: sample ``i`` for any i >= 0, a pure function of i.
        validation: a few batches' worth of items, the same each time; batched one by one.
        record: what the model files and the report say of the run: preset, data, configuration.

    Raises:
        TrainingError: the run folder holds another run, or a damaged checkpoint.
    """
    run.mkdir(parents=True, exist_ok=True)
    generators, discriminators = objective.generators, objective.discriminators
    objective.to(fabric.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizers: dict[str, Any] = {"generator": fabric.setup_optimizers(_optimizer(config, generators, config.learning_rate))}
    if discriminators:
        optimizers["discriminator"] = fabric.setup_optimizers(_optimizer(config, discriminators, config.discriminator_learning_rate))
    base_rates = {"generator": config.learning_rate, "discriminator": config.discriminator_learning_rate}
    ema = Ema(generators, config.ema)
    images_seen, best = _resume(run, fabric, objective, optimizers, ema)

    history = History(run / "metrics.jsonl", images_seen) if fabric.is_global_zero else None
    monitor = Monitor(run, history, images_seen, config.images) if history else None
    step_images = config.batch * fabric.world_size
    validated_at = -1
    deadline = time.monotonic() + config.max_minutes * 60 if config.max_minutes else None
    next_checkpoint = time.monotonic() + config.checkpoint_minutes * 60

    def save() -> None:
        if not fabric.is_global_zero:
            return
        state = {
            "images_seen": images_seen,
            "best": best,
            "objective": {"generators": generators.state_dict(), "discriminators": discriminators.state_dict()},
            "ema": ema.state_dict(),
            "optimizers": {name: optimizer.state_dict() for name, optimizer in optimizers.items()},
            "precision": fabric._precision.state_dict(),
        }
        checkpoint.save(run, state)
        with ema.applied(generators):
            objective.export(run / "latest.safetensors", {**record, "images_seen": images_seen})

    def validate() -> None:
        nonlocal best, validated_at
        validated_at = images_seen
        if monitor is None:
            return
        with ema.applied(generators), torch.no_grad():
            objective.eval()
            figures, preview = _validate(objective, validation, fabric)
            objective.train()
            value = figures[objective.metric]
            if best is None or (value > best if objective.higher_is_better else value < best):
                best = value
                objective.export(run / "best.safetensors", {**record, "images_seen": images_seen, "validation": figures})
        monitor.validated(images_seen, figures, preview)
        report.write(run, monitor.history, objective.metric, record)

    objective.train()
    batches = _batches(samples, config, images_seen, fabric)
    with _stop_signals() as stop:
        while images_seen + step_images <= config.images and not stop and not (deadline and time.monotonic() > deadline):
            # Whatever an objective draws (noise, dropout) depends on the place in the run alone: nothing to save.
            torch.manual_seed(mix(config.seed, 3, images_seen, fabric.global_rank))
            factor = learning_rate_factor(config, images_seen)
            for name, optimizer in optimizers.items():
                for group in optimizer.param_groups:
                    group["lr"] = base_rates[name] * factor
            batch = fabric.to_device(next(batches))
            losses = training_step(objective, batch, optimizers, config, fabric)
            ema.update(generators)
            before, images_seen = images_seen, images_seen + step_images
            if monitor:
                monitor.stepped(images_seen, step_images, losses, base_rates["generator"] * factor)
                if images_seen // (step_images * LOG_EVERY_STEPS) > before // (step_images * LOG_EVERY_STEPS):
                    monitor.log(images_seen)
            if images_seen // config.validate_every > before // config.validate_every:
                validate()
            if time.monotonic() > next_checkpoint:
                save()
                next_checkpoint = time.monotonic() + config.checkpoint_minutes * 60
    finished = images_seen + step_images > config.images
    if finished and validated_at != images_seen:
        validate()
    elif monitor:  # no validation of a stopped run: it might find a best checkpoint that the undisturbed run would not see
        monitor.log(images_seen)
        report.write(run, monitor.history, objective.metric, record)
    save()
    if monitor:
        monitor.close()
    reason = "" if finished else (stop[0] if stop else f"--max-minutes {config.max_minutes}")
    return Outcome(images_seen, finished, reason, best, fabric.is_global_zero)


def training_step(
    objective: Objective, batch: Batch, optimizers: Mapping[str, Any], config: TrainerConfig, fabric: Fabric
) -> dict[str, Tensor]:
    """One step of the discriminators, then one of the generators; the losses by "generator/name" and "discriminator/name"."""
    losses: dict[str, Tensor] = {}
    with fabric.autocast():
        images = objective.generate(batch)
    if "discriminator" in optimizers:
        with fabric.autocast():
            judged = objective.discriminator_losses(batch, images)
        _descend(judged, objective.discriminators, optimizers["discriminator"], 0.0, fabric)
        losses.update({f"discriminator/{key}": value.detach() for key, value in judged.items()})
    objective.discriminators.requires_grad_(False)
    with fabric.autocast():
        made = objective.generator_losses(batch, images)
    _descend(made, objective.generators, optimizers["generator"], config.clip, fabric)
    objective.discriminators.requires_grad_(True)
    losses.update({f"generator/{key}": value.detach() for key, value in made.items()})
    return losses


def _descend(losses: Losses, module: nn.Module, optimizer: Any, clip: float, fabric: Fabric) -> None:
    optimizer.zero_grad(set_to_none=True)
    fabric.backward(sum(losses.values(), start=torch.zeros((), device=fabric.device)))
    if fabric.world_size > 1:
        # Averaged here and not by DistributedDataParallel, whose hooks expect one forward pass for each backward pass;
        # a discriminator sees real and fake pictures before one.
        gradients = [p.grad for p in module.parameters() if p.grad is not None]
        mean: Any = fabric.all_reduce(nn.utils.parameters_to_vector(gradients), reduce_op="mean")
        nn.utils.vector_to_parameters(mean, gradients)
    if clip:
        fabric.clip_gradients(module, optimizer, max_norm=clip, error_if_nonfinite=False)
    optimizer.step()


def _optimizer(config: TrainerConfig, module: nn.Module, learning_rate: float) -> torch.optim.Optimizer:
    kind: type[torch.optim.Adam] = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[config.optimizer]
    return kind(module.parameters(), lr=learning_rate, betas=config.betas, weight_decay=config.weight_decay, fused=True)


def _resume(run: Path, fabric: Fabric, objective: Objective, optimizers: Mapping[str, Any], ema: Ema) -> tuple[int, float | None]:
    state = checkpoint.load(run)
    if state is None:
        return 0, None
    try:
        objective.generators.load_state_dict(state["objective"]["generators"])
        objective.discriminators.load_state_dict(state["objective"]["discriminators"])
        ema.load_state_dict(state["ema"])
        for name, optimizer in optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
    except (RuntimeError, KeyError, ValueError) as error:
        raise TrainingError(
            f"the checkpoint in {str(run)!r} is of other networks: {str(error).splitlines()[0]} Choose another --run"
        ) from error
    fabric._precision.load_state_dict(state["precision"])
    logger.info("resuming %s at %d images", run, state["images_seen"])
    return state["images_seen"], state["best"]


def _batches(samples: Dataset[Batch], config: TrainerConfig, start: int, fabric: Fabric) -> Iterator[Batch]:
    positions = Positions(start, config.images, config.batch, fabric.global_rank, fabric.world_size)
    loader = DataLoader(
        samples,
        batch_size=config.batch,
        sampler=positions,
        num_workers=config.workers,
        pin_memory=fabric.device.type == "cuda",
        worker_init_fn=_start_worker,
    )
    return iter(loader)


def _start_worker(_: int) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # both reach the whole group; the main process saves first, then ends its workers
    torch.set_num_threads(1)


def _validate(objective: Objective, validation: Dataset[Batch], fabric: Fabric) -> tuple[dict[str, float], list[dict[str, Tensor]]]:
    rows: list[dict[str, float]] = []
    preview: list[dict[str, Tensor]] = []
    for item in DataLoader(validation, batch_size=1):
        batch = fabric.to_device(item)
        rows.append(objective.validate(batch))
        if len(preview) < report.PREVIEW_ROWS:
            preview.append({name: column[0].float().cpu() for name, column in objective.preview(batch).items()})
    return {key: sum(row[key] for row in rows) / len(rows) for key in rows[0]}, preview


@contextlib.contextmanager
def _stop_signals() -> Iterator[list[str]]:
    """Within the block SIGINT and SIGTERM only put their name into the list; the loop looks at it after each step."""
    stop: list[str] = []

    def note(number: int, _: FrameType | None) -> None:
        stop.append(signal.Signals(number).name)

    try:
        old = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not the main thread (a notebook's executor, say): signals stay as they are
        old = {}
    try:
        yield stop
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
