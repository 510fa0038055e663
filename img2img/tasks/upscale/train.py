"""Training an upscaler: the photographs, the objective, the loop."""

from functools import partial
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch.utils.data import Dataset

from img2img import networks
from img2img.data.sources import Sources, without_bad
from img2img.errors import ConfigError
from img2img.models import load_model
from img2img.tasks.upscale.config import UpscaleConfig
from img2img.tasks.upscale.data import PhotoCrops, UpscalePatches, ValidationCrops
from img2img.tasks.upscale.objective import UpscaleObjective
from img2img.tasks.upscale.teacher import TaughtPatches, Teacher
from img2img.training import TrainingResult, train
from img2img.training.distributed import augments_on_device, cache_folder, make_fabric, nodes_and_devices
from img2img.training.dry_run import DRY_RUN_PICTURES, DryRun, dry_run
from img2img.training.initialize import load_fitting
from img2img.training.lock import locked
from img2img.training.objective import Batch
from img2img.training.setup import Setup, data_record, photographs, run_record

LEAST_CHECKED = 8  # low-resolution pixels a side of validation pictures


def train_upscaler(
    data: Sources,
    run: Path,
    config: UpscaleConfig,
    *,
    preset: str,
    init: str | None = None,
    teacher: str | None = None,
    validation: Path | None = None,
) -> TrainingResult:
    """Train an upscaler on the photographs in ``data`` (folders and packs) into the folder ``run``, or go on with the run that is there.

    Without ``validation``, every tenth photograph, at most 12, is held out. ``teacher``: a model to learn from beside the ground truth.

    Raises:
        DataError, ConfigError, ModelError, TrainingError: with what was wrong and what to do.
    """
    fabric = make_fabric(config.training)
    with locked(run, fabric):
        cache = cache_folder(run, fabric)
        setup = without_bad(
            lambda: _prepare(cache, data, config, run.name, init, teacher, validation, fabric=fabric),
            skip=config.training.skip_bad,
        )
        record = run_record(preset, init, setup, config)
        return train(setup.objective, setup.samples, setup.validation, config.training, run, fabric=fabric, record=record)


def dry_run_upscaler(
    data: Sources, config: UpscaleConfig, *, init: str | None = None, teacher: str | None = None, validation: Path | None = None
) -> DryRun:
    """What a few steps of ``train_upscaler`` cost on one device; nothing is kept.

    Raises:
        DataError, ConfigError, ModelError: as ``train_upscaler`` would.
    """
    given: dict[str, Any] = {"data": data, "config": config, "name": "dry-run", "init": init, "teacher": teacher, "validation": validation}
    prepare = partial(_prepare, **given, most=DRY_RUN_PICTURES)
    return dry_run(prepare, config.training)


def make_objective(config: UpscaleConfig, name: str, init: str | None = None) -> UpscaleObjective:
    """The objective at the beginning of a run: seeded, or started from the model ``init``.

    Tensors of ``init`` that have other shapes, as those of another scale do, start anew.

    Raises:
        ModelError: no such model, or the configuration describes no network. ConfigError: less than a quarter of ``init`` fits.
    """
    torch.manual_seed(config.training.seed)
    objective = UpscaleObjective(config, name)
    if init is not None:
        network = objective.generators["sr"]
        load_fitting(network, networks.fitting_state(load_model(init).network.state_dict(), network), init)
    return objective


def _prepare(
    cache: Path,
    data: Sources,
    config: UpscaleConfig,
    name: str,
    init: str | None,
    teacher: str | None,
    validation: Path | None,
    *,
    fabric: Fabric | None = None,
    most: int | None = None,
) -> Setup:
    """What a run is given, its pictures decoded into the folder ``cache``; with at most ``most`` of each kind in a dry run."""
    teaches = Teacher(teacher, config, str(fabric.device) if fabric else config.training.device) if teacher else None
    objective = make_objective(config, name, init)
    scale, seed, patch, degradation = config.scale, config.training.seed, config.data.patch, config.data.degradation
    pictures, checks = photographs(
        data, validation, cache, smallest=patch * scale, smallest_validation=LEAST_CHECKED * scale, by=config.data.validation_by, most=most
    )
    patches = UpscalePatches(pictures, patch, scale, degradation, seed)
    samples: Dataset[Batch] = (
        PhotoCrops(pictures, patch, scale, degradation, seed) if _on_device(config, taught=teaches is not None) else patches
    )
    if teaches:
        rank, world = (fabric.local_rank, nodes_and_devices(config.training)[1]) if fabric else (0, 1)  # each node has its own cache
        samples = TaughtPatches(patches, config.teacher, most or config.teacher.crops, teaches, cache, rank, world)
        if fabric:
            fabric.barrier()  # each process has a part of the outputs made, and needs all
    crops = ValidationCrops(checks, config.data.validation_side, scale, degradation, seed)
    record = {"data": data_record(data, pictures, checks), "teacher": teaches.record if teaches else None}
    return Setup(objective, samples, crops, record)


def _on_device(config: UpscaleConfig, *, taught: bool) -> bool:
    """Whether photographs are degraded on the device. ConfigError: they are to be, and cannot."""
    possible = config.data.degradation != "bicubic" and not taught
    if config.training.augment_on == "device" and not possible:
        why = (
            "a teacher has seen each crop as the workers degrade it"
            if taught
            else "only data.degradation=photo and heavy can be done there"
        )
        raise ConfigError(f"training.augment_on is 'device', but {why}: set it to auto")
    return possible and augments_on_device(config.training)
