"""Training a translator: the data, the method's objective, the loop."""

import logging
from pathlib import Path

import torch

from img2img import networks
from img2img.data.sources import Sources, without_bad
from img2img.models import load_model
from img2img.tasks.translate.colorize import ColorizeObjective
from img2img.tasks.translate.config import TranslateConfig
from img2img.tasks.translate.cut import CutObjective
from img2img.tasks.translate.cyclegan import CycleObjective
from img2img.tasks.translate.datasets import Datasets, prepare
from img2img.tasks.translate.domains import DomainObjective
from img2img.tasks.translate.munit import MunitObjective
from img2img.tasks.translate.objective import Translator, planes
from img2img.tasks.translate.paired import PairedObjective
from img2img.tasks.translate.unit import UnitObjective
from img2img.training import TrainingResult, train
from img2img.training.distributed import cache_folder, make_fabric
from img2img.training.dry_run import DRY_RUN_PICTURES, DryRun, dry_run
from img2img.training.initialize import load_fitting
from img2img.training.lock import locked
from img2img.training.setup import Setup, run_record

logger = logging.getLogger(__name__)

FEW_PICTURES = 500  # DiffAugment was shown on sets of 100 to 389 (Zhao et al. 2020, arXiv 2006.10738, section 4.3)
OBJECTIVES: dict[str, type[Translator]] = {
    "paired": PairedObjective,
    "restore": PairedObjective,
    "colorize": ColorizeObjective,
    "unit": UnitObjective,
    "munit": MunitObjective,
    "cyclegan": CycleObjective,
    "cut": CutObjective,
    "multi-domain": DomainObjective,
}


def train_translator(
    data: Sources, run: Path, config: TranslateConfig, *, preset: str, init: str | None = None, validation: Path | None = None
) -> TrainingResult:
    """Train a translator on the pictures in ``data`` into the folder ``run``, or go on with the run that is there.

    Raises:
        DataError, ConfigError, ModelError, TrainingError: with what was wrong and what to do.
    """
    fabric = make_fabric(config.training)
    with locked(run, fabric):
        cache = cache_folder(run, fabric)
        datasets = without_bad(lambda: prepare(data, config, cache, validation=validation), skip=config.training.skip_bad)
        logger.info("%s", datasets.described)
        config = with_augmentation(config, datasets)
        setup = _setup(datasets, config, run.name, init)
        record = run_record(preset, init, setup, config)
        return train(setup.objective, setup.samples, setup.validation, config.training, run, fabric=fabric, record=record)


def dry_run_translator(data: Sources, config: TranslateConfig, *, init: str | None = None, validation: Path | None = None) -> DryRun:
    """What a few steps of ``train_translator`` cost on one device; nothing is kept.

    Raises:
        DataError, ConfigError, ModelError: as ``train_translator`` would.
    """

    def setup(cache: Path) -> Setup:
        return _setup(prepare(data, config, cache, validation=validation, most=DRY_RUN_PICTURES), config, "dry-run", init)

    return dry_run(setup, config.training)


def with_augmentation(config: TranslateConfig, datasets: Datasets) -> TranslateConfig:
    """``config`` with DiffAugment where it leaves that open and a discriminator would soon memorize a small set; logs that.

    Colors change only where the discriminator sees RGB pictures alone: stacked as channels, A's and B's colors would be mixed.
    """
    adversary = config.adversary
    if not adversary.weight or adversary.augment is not None or datasets.pictures >= FEW_PICTURES:
        return config
    colors = config.method not in ("paired", "restore") and datasets.a.channels == datasets.b.channels == 3
    augment = ("color", "translation", "cutout") if colors else ("translation", "cutout")
    logger.info(
        "%d pictures to train on: the discriminator sees them through DiffAugment (%s); --set adversary.augment=[] for none",
        datasets.pictures,
        ", ".join(augment),
    )
    return config.model_copy(update={"adversary": adversary.model_copy(update={"augment": augment})})


def make_objective(config: TranslateConfig, name: str, datasets: Datasets, init: str | None = None) -> Translator:
    """The objective at the beginning of a run: seeded, or started from the model ``init``."""
    torch.manual_seed(config.training.seed)
    objective = OBJECTIVES[config.method](config, name, datasets)
    if init is not None:
        start_from(init, objective)
    return objective


def start_from(init: str, objective: Translator) -> None:
    """Copy the weights of model ``init`` into the objective's network, and say what does not come over as it is.

    First and last layers are adapted to other channels (``networks.adapted_state``); other tensors that do not fit start anew.

    Raises:
        ModelError: no such model. ConfigError: less than a quarter of it fits.
    """
    model, network = load_model(init), objective.exported
    before = {planes(model.info.a), planes(model.info.b), model.info.in_channels}
    fitting, adapted = networks.adapted_state(model.network.state_dict(), network, before, {planes(objective.a), planes(objective.b)})
    if adapted:
        logger.warning("--init %s: adapted to other numbers of channels: %s", init, ", ".join(adapted))
    load_fitting(network, fitting, init)


def _setup(datasets: Datasets, config: TranslateConfig, name: str, init: str | None) -> Setup:
    return Setup(make_objective(config, name, datasets, init), datasets.samples, datasets.validation, {"data": datasets.record})
