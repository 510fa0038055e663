"""Training an inpainter: the photographs or rasters, the objective, the loop."""

from functools import partial
from pathlib import Path

import torch

from img2img.data.normalize import Normalization
from img2img.data.sources import Sources, without_bad
from img2img.errors import ConfigError, DataError
from img2img.models import ImageSpec
from img2img.tasks.inpaint.band_data import BandCrops, BandPatches, decode_whole, refuse_rasters, spec_of
from img2img.tasks.inpaint.config import InpaintConfig
from img2img.tasks.inpaint.data import InpaintCrops, InpaintPatches
from img2img.tasks.inpaint.objective import LEAST_JUDGED, InpaintObjective
from img2img.tasks.inpaint.start import start_from
from img2img.training import TrainingResult, train
from img2img.training.distributed import cache_folder, make_fabric
from img2img.training.dry_run import DRY_RUN_PICTURES, DryRun, dry_run
from img2img.training.lock import locked
from img2img.training.setup import Setup, data_record, photographs, run_record

LEAST_CHECKED = 64  # pixels a side of validation pictures: LPIPS wants 32, and a thick hole some room


def train_inpainter(
    data: Sources, run: Path, config: InpaintConfig, *, preset: str, init: str | None = None, validation: Path | None = None
) -> TrainingResult:
    """Train an inpainter on the photographs in ``data`` (folders and packs), or the rasters, into the folder ``run``, or go on with the run
    that is there.

    Without ``validation``, every tenth picture, at most 12, is held out.

    Raises:
        DataError, ConfigError, ModelError, TrainingError: with what was wrong and what to do.
    """
    fabric = make_fabric(config.training)
    with locked(run, fabric):
        cache = cache_folder(run, fabric)
        setup = without_bad(lambda: _prepare(cache, data, config, run.name, init, validation), skip=config.training.skip_bad)
        record = run_record(preset, init, setup, config)
        return train(setup.objective, setup.samples, setup.validation, config.training, run, fabric=fabric, record=record)


def dry_run_inpainter(data: Sources, config: InpaintConfig, *, init: str | None = None, validation: Path | None = None) -> DryRun:
    """What a few steps of ``train_inpainter`` cost on one device; nothing is kept.

    Raises:
        DataError, ConfigError, ModelError: as ``train_inpainter`` would.
    """
    prepare = partial(_prepare, data=data, config=config, name="dry-run", init=init, validation=validation, most=DRY_RUN_PICTURES)
    return dry_run(prepare, config.training)


def make_objective(config: InpaintConfig, name: str, init: str | None = None, bands: ImageSpec | None = None) -> InpaintObjective:
    """The objective at the beginning of a run: seeded, or started from the model ``init``; ``bands`` as of ``InpaintObjective``.

    Raises:
        ConfigError, ModelError: the configuration describes no network, its samples are too small for it, or nothing of ``init`` fits.
    """
    torch.manual_seed(config.training.seed)
    objective = InpaintObjective(config, name, bands)
    if init is not None:
        start_from(init, objective)
    _check_sizes(config, objective)
    return objective


def _check_sizes(config: InpaintConfig, objective: InpaintObjective) -> None:
    """Refuse samples that are too small for the discriminator, at any stage of growth, or no multiple of what the network needs."""
    size, multiple = config.data.size, _multiple(config)
    if size % multiple:
        raise ConfigError(f"data.size={size} is not a multiple of {multiple}, which the network, as it is to grow, needs")
    if config.loss.lpips and (size >> config.training.growing.levels) - objective.period + 1 < LEAST_JUDGED:
        raise ConfigError(f"data.size={size} is too small for loss.lpips, which wants {LEAST_JUDGED} pixels at every stage of growth")
    if objective.adversary:
        objective.adversary.check_sample_size(objective.inpainter.channels + objective.inpainter.masks, size)


def _multiple(config: InpaintConfig) -> int:
    return 1 << config.training.growing.levels


def _prepare(
    cache: Path, data: Sources, config: InpaintConfig, name: str, init: str | None, validation: Path | None, most: int | None = None
) -> Setup:
    """What a run is given, its pictures decoded into the folder ``cache``; with at most ``most`` of each kind in a dry run."""
    if config.data.bands:
        return _prepare_bands(cache, data, config, name, init, validation, most)
    refuse_rasters(data)
    objective = make_objective(config, name, init)
    size, seed, checked = config.data.size, config.training.seed, LEAST_CHECKED << config.training.growing.levels
    pictures, checks = photographs(
        data, validation, cache, smallest=size, smallest_validation=checked, by=config.data.validation_by, most=most
    )
    samples = InpaintPatches(pictures, size, config.data.masks, seed)
    crops = InpaintCrops(checks, config.data.validation_side, _multiple(config), seed)
    return Setup(objective, samples, crops, {"data": data_record(data, pictures, checks)})


def _prepare_bands(
    cache: Path, data: Sources, config: InpaintConfig, name: str, init: str | None, validation: Path | None, most: int | None
) -> Setup:
    """As ``_prepare``, of rasters, whose number of bands and range is known once they are decoded."""
    size, seed, checked = config.data.size, config.training.seed, LEAST_CHECKED << config.training.growing.levels
    sizes = {"smallest": size, "smallest_validation": checked}
    pictures, checks = photographs(data, validation, cache, **sizes, decode=decode_whole, by=config.data.validation_by, most=most)
    spec, masks = spec_of(pictures), config.data.masks
    if checks.channels != spec.channels:
        raise DataError(f"the rasters to train on have {spec.channels} bands, those to validate on {checks.channels}: give as many")
    objective = make_objective(config, name, init, spec)
    used = Normalization(offset=spec.offset, scale=spec.scale)
    samples = BandPatches(pictures, size, masks, seed, used)
    crops = BandCrops(checks, config.data.validation_side, _multiple(config), seed, used, per_band=masks.per_band > 0)
    return Setup(objective, samples, crops, {"data": data_record(data, pictures, checks)})
