"""Training a translator: the material, the method's objective, the loop."""

import logging
import tempfile
from pathlib import Path

import torch

from img2img import networks
from img2img.errors import ConfigError
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
from img2img.training import Outcome, train
from img2img.training.distributed import make_fabric
from img2img.training.dry_run import DryRun, dry_run

logger = logging.getLogger(__name__)

DRY_RUN_PICTURES = 8
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
    data: Path, run: Path, config: TranslateConfig, *, preset: str, init: str | None = None, validation: Path | None = None
) -> Outcome:
    """Train a translator on the pictures in ``data`` into the folder ``run``, or go on with the run that is there.

    Raises:
        DataError, ConfigError, ModelError, TrainingError: with what was wrong and what to do.
    """
    fabric = make_fabric(config.training)
    material = prepare(data, config, run / "cache", validation=validation)
    logger.info("%s", material.described)
    config = with_augmentation(config, material)
    objective = make_objective(config, run.name, material, init)
    record = {"preset": preset, "init": init, "data": material.record, "config": config.model_dump(mode="json")}
    return train(objective, material.samples, material.checks, config.training, run, fabric=fabric, record=record)


def dry_run_translator(data: Path, config: TranslateConfig, *, init: str | None = None, validation: Path | None = None) -> DryRun:
    """What a few steps of ``train_translator`` cost on one device; nothing is kept.

    Raises:
        DataError, ConfigError, ModelError: as ``train_translator`` would.
    """
    fabric = make_fabric(config.training.model_copy(update={"devices": 1}))
    with tempfile.TemporaryDirectory() as folder:
        material = prepare(data, config, Path(folder), validation=validation, most=DRY_RUN_PICTURES)
        return dry_run(make_objective(config, "rehearsal", material, init), material.samples, config.training, fabric)


def with_augmentation(config: TranslateConfig, material: Datasets) -> TranslateConfig:
    """``config`` with DiffAugment where it leaves that open and a discriminator would soon know a small set by heart; says so.

    Colors change only where the discriminator sees RGB pictures alone: beside each other, A's and B's colors would be mixed.
    """
    adversary = config.adversary
    if not adversary.weight or adversary.augment is not None or material.pictures >= FEW_PICTURES:
        return config
    colors = config.method not in ("paired", "restore") and material.a.channels == material.b.channels == 3
    augment = ("color", "translation", "cutout") if colors else ("translation", "cutout")
    logger.info(
        "%d pictures to train on: the discriminator sees them through DiffAugment (%s); --set adversary.augment=[] for none",
        material.pictures,
        ", ".join(augment),
    )
    return config.model_copy(update={"adversary": adversary.model_copy(update={"augment": augment})})


def make_objective(config: TranslateConfig, name: str, material: Datasets, init: str | None = None) -> Translator:
    """The objective at the beginning of a run: seeded, or started from the model ``init``."""
    torch.manual_seed(config.training.seed)
    objective = OBJECTIVES[config.method](config, name, material)
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
    own = network.state_dict()
    shared, total = (sum(value.numel() for value in state.values()) for state in (fitting, own))
    if shared < total / 4:
        raise ConfigError(f"--init {init!r} has {shared:,} of {total:,} numbers in common with the network to be trained; choose its kind")
    if adapted:
        logger.warning("--init %s: adapted to other numbers of channels: %s", init, ", ".join(adapted))
    left = own.keys() - fitting.keys()
    if left:
        logger.warning("--init %s: %d of %d tensors fit; started anew: %s", init, len(fitting), len(own), ", ".join(sorted(left)))
    network.load_state_dict(fitting, strict=False)
