"""Training a generator: the pictures, the objective, the loop."""

import logging
from functools import partial
from pathlib import Path

import torch

from img2img import networks
from img2img.data.pictures import PictureSet, decode_photo, decode_shrunk
from img2img.data.sources import Sources, find_class_folders, find_pictures, skipped, sources_record, without_bad
from img2img.errors import ConfigError, DataError
from img2img.models import load_model
from img2img.tasks.generate.config import GenerateConfig
from img2img.tasks.generate.data import MiddleSquares, PoissonSquares, Squares
from img2img.tasks.generate.objective import GenerateObjective
from img2img.training import TrainingResult, train
from img2img.training.distributed import cache_folder, make_fabric
from img2img.training.dry_run import DRY_RUN_PICTURES, DryRun, dry_run
from img2img.training.initialize import load_fitting
from img2img.training.lock import locked
from img2img.training.privacy import Privacy, begin, plan
from img2img.training.private_adversary import check_private
from img2img.training.setup import Setup, run_record

logger = logging.getLogger(__name__)

FEW_PICTURES = 2000  # below, the discriminator sees changed pictures (Zhao et al. 2020, arXiv 2006.10738: 100 to 10 % of CIFAR)
AUGMENT = ("color", "translation", "cutout")


def train_generator(data: Sources, run: Path, config: GenerateConfig, *, preset: str, init: str | None = None) -> TrainingResult:
    """Train a generator on the pictures in ``data`` (folders and packs) into the folder ``run``, or go on with the run that is there.

    Nothing is held out: samples are compared with the pictures that were trained on, as is usual for generators.

    Raises:
        DataError, ConfigError, ModelError, TrainingError: with what was wrong and what to do.
    """
    fabric = make_fabric(config.training)
    if config.privacy.epsilon is not None and fabric.world_size > 1:
        raise ConfigError("with privacy.epsilon there is one process: each of several would sample and add noise of its own")
    with locked(run, fabric):
        cache = cache_folder(run, fabric)
        setup, config = without_bad(lambda: _prepare(cache, data, config, run.name, init), skip=config.training.skip_bad)
        record = run_record(preset, init, setup, config)
        return train(setup.objective, setup.samples, setup.validation, config.training, run, fabric=fabric, record=record)


def dry_run_generator(data: Sources, config: GenerateConfig, *, init: str | None = None) -> DryRun:
    """What a few steps of ``train_generator`` cost on one device; nothing is kept. Errors as ``train_generator``."""
    prepare = partial(_prepare, data=data, config=config, name="dry-run", init=init, most=DRY_RUN_PICTURES)
    return dry_run(lambda cache: prepare(cache)[0], config.training)


def make_objective(
    config: GenerateConfig, name: str, init: str | None = None, privacy: Privacy | None = None, classes: tuple[str, ...] = ()
) -> GenerateObjective:
    """The objective at the beginning of a run: seeded, or started from the model ``init``; errors as ``train_generator``."""
    torch.manual_seed(config.training.seed)
    objective = GenerateObjective(config, name, privacy, classes)
    if init is not None:
        load_fitting(objective.network, networks.fitting_state(load_model(init).network.state_dict(), objective.network), init)
    return objective


def _prepare(
    cache: Path, data: Sources, config: GenerateConfig, name: str, init: str | None, most: int | None = None
) -> tuple[Setup, GenerateConfig]:
    """What a run is given, and its configuration with the choices that depend on the data."""
    paths = find_pictures(data)
    if len(paths) < 2:
        raise DataError(f"a generator learns from many pictures, some hundreds at least; {len(paths)} came")
    if config.adversary.augment is None:
        few = len(paths) < FEW_PICTURES
        config = config.model_copy(update={"adversary": config.adversary.model_copy(update={"augment": AUGMENT if few else ()})})
        if few:
            logger.info("%d pictures: the discriminator sees them with DiffAugment, or it would soon know them by heart", len(paths))
    privacy = None
    if config.privacy.epsilon is not None:
        check_private(config.adversary, networks.build(config.adversary.network))
        budget = plan(config.privacy, len(paths), config.training.batch, config.training.images)
        privacy = begin(cache.parent, budget)
        logger.info(
            "epsilon %.4g at delta %.3g: noise of %.3g clipped gradients in each of %d steps, which take %.3g pictures on average. "
            "That covers latest.safetensors; the rest of the run folder holds the pictures, and figures of them, as they are",
            *(budget.spent(budget.steps), budget.delta, budget.noise_multiplier, budget.steps, config.training.batch),
        )
    folders = find_class_folders(data) if config.data.classes else None
    labels = folders.labels(paths)[:most] if folders else ()
    objective = make_objective(config, name, init, privacy, folders.classes if folders else ())
    size, latent, seed = objective.size, objective.latent, config.training.seed
    pictures = PictureSet(paths[:most], cache / "train.pixels", smallest=size, decode=decode_shrunk(decode_photo, size))
    if privacy:
        samples: Squares = PoissonSquares(
            pictures, size, latent, privacy.key, flip=config.data.flip, batch=config.training.batch, rate=privacy.budget.rate
        )
    else:
        samples = Squares(pictures, size, latent, seed, flip=config.data.flip, labels=labels)
    record = {
        "pictures": len(pictures),
        "fingerprint": pictures.fingerprint(),
        **({"classes": {each: labels.count(number) for number, each in enumerate(folders.classes)}} if folders else {}),
        **({"skipped": names} if (names := skipped()) else {}),
        "sources": sources_record(data, [entry.path for entry in pictures.entries]),
    }
    checks = MiddleSquares(pictures, size, latent, config.data.checked, labels)
    return Setup(objective, samples, checks, {"data": record}), config
