"""Training a translator: the material, the method's objective, the loop."""

import json
import logging
import tempfile
from pathlib import Path

import torch

from img2img import weights
from img2img.errors import ConfigError
from img2img.files import atomic_path
from img2img.tasks.translate.colorize import ColorizeObjective
from img2img.tasks.translate.config import TranslateConfig
from img2img.tasks.translate.cut import CutObjective
from img2img.tasks.translate.cyclegan import CycleObjective
from img2img.tasks.translate.domains import DomainObjective
from img2img.tasks.translate.material import Material, prepare
from img2img.tasks.translate.munit import MunitObjective
from img2img.tasks.translate.objective import Translator
from img2img.tasks.translate.paired import PairedObjective
from img2img.tasks.translate.unit import UnitObjective
from img2img.training import Outcome, train
from img2img.training.processes import make_fabric
from img2img.training.rehearsal import Rehearsal, rehearse

logger = logging.getLogger(__name__)

REHEARSAL_PICTURES = 8
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
    objective = make_objective(config, run.name, material, init)
    record = {"preset": preset, "init": init, "data": material.record, "config": config.model_dump(mode="json")}
    if fabric.is_global_zero:
        with atomic_path(run / "config.json") as temporary:
            temporary.write_text(json.dumps(record, indent=2))
    return train(objective, material.samples, material.checks, config.training, run, fabric=fabric, record=record)


def rehearse_translator(data: Path, config: TranslateConfig, *, init: str | None = None, validation: Path | None = None) -> Rehearsal:
    """What a few steps of ``train_translator`` cost on one device; nothing is kept.

    Raises:
        DataError, ConfigError, ModelError: as ``train_translator`` would.
    """
    fabric = make_fabric(config.training.model_copy(update={"devices": 1}))
    with tempfile.TemporaryDirectory() as folder:
        material = prepare(data, config, Path(folder), validation=validation, most=REHEARSAL_PICTURES)
        return rehearse(make_objective(config, "rehearsal", material, init), material.samples, config.training, fabric)


def make_objective(config: TranslateConfig, name: str, material: Material, init: str | None = None) -> Translator:
    """The objective at the beginning of a run: seeded, or started from the model ``init``."""
    torch.manual_seed(config.training.seed)
    objective = OBJECTIVES[config.method](config, name, material)
    if init is not None:
        start_from(init, objective)
    return objective


def start_from(init: str, objective: Translator) -> None:
    """Copy the weights of model ``init`` into the objective's network; tensors that do not fit start anew, and it says so.

    Raises:
        ModelError: no such model. ConfigError: less than a quarter of it fits.
    """
    network = objective.exported
    fitting = objective.start_from(weights.load_model(init).network.state_dict())
    own = network.state_dict()
    shared, total = (sum(value.numel() for value in state.values()) for state in (fitting, own))
    if shared < total / 4:
        raise ConfigError(f"--init {init!r} has {shared:,} of {total:,} numbers in common with the network to be trained; choose its kind")
    left = own.keys() - fitting.keys()
    if left:
        logger.warning("--init %s: %d of %d tensors fit; started anew: %s", init, len(fitting), len(own), ", ".join(sorted(left)))
    network.load_state_dict(fitting, strict=False)
