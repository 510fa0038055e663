"""Training an inpainter: the photographs, the objective, the loop."""

import logging
import tempfile
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from img2img import networks
from img2img.data.pictures import PictureSet, find_pictures
from img2img.data.splits import hold_out
from img2img.errors import ConfigError
from img2img.models import load_model
from img2img.networks import Inpainter
from img2img.tasks.inpaint.config import InpaintConfig
from img2img.tasks.inpaint.data import InpaintCrops, InpaintPatches
from img2img.tasks.inpaint.objective import InpaintObjective
from img2img.training import Outcome, train
from img2img.training.distributed import make_fabric
from img2img.training.dry_run import DryRun, dry_run

logger = logging.getLogger(__name__)

DRY_RUN_PICTURES = 8
LEAST_CHECKED = 64  # pixels a side of validation pictures: LPIPS wants 32, and a thick hole some room


def train_inpainter(
    data: Path, run: Path, config: InpaintConfig, *, preset: str, init: str | None = None, validation: Path | None = None
) -> Outcome:
    """Train an inpainter on the photographs in ``data`` into the folder ``run``, or go on with the run that is there.

    Without ``validation``, every tenth photograph, at most 12, is held out.

    Raises:
        DataError, ConfigError, ModelError, TrainingError: with what was wrong and what to do.
    """
    fabric = make_fabric(config.training)
    objective = make_objective(config, run.name, init)
    pictures, checks = _pictures(data, validation, run / "cache", config)
    record = {
        "preset": preset,
        "init": init,
        "data": {"pictures": len(pictures), "fingerprint": pictures.fingerprint(), "validation": len(checks)},
        "config": config.model_dump(mode="json"),
    }
    crops = InpaintCrops(checks, config.data.validation_side, _multiple(config), config.training.seed)
    return train(objective, _patches(pictures, config), crops, config.training, run, fabric=fabric, record=record)


def dry_run_inpainter(data: Path, config: InpaintConfig, *, init: str | None = None, validation: Path | None = None) -> DryRun:
    """What a few steps of ``train_inpainter`` cost on one device; nothing is kept.

    Raises:
        DataError, ConfigError, ModelError: as ``train_inpainter`` would.
    """
    fabric = make_fabric(config.training.model_copy(update={"devices": 1}))
    with tempfile.TemporaryDirectory() as folder:
        pictures, _ = _pictures(data, validation, Path(folder), config, most=DRY_RUN_PICTURES)
        return dry_run(make_objective(config, "rehearsal", init), _patches(pictures, config), config.training, fabric)


def make_objective(config: InpaintConfig, name: str, init: str | None = None) -> InpaintObjective:
    """The objective at the beginning of a run: seeded, or started from the model ``init``.

    Raises:
        ConfigError, ModelError: the configuration describes no network, its samples are too small for it, or nothing of ``init`` fits.
    """
    torch.manual_seed(config.training.seed)
    objective = InpaintObjective(config, name)
    if init is not None:
        start_from(init, objective)
    _check_sizes(config, objective)
    return objective


def start_from(init: str, objective: InpaintObjective) -> None:
    """Copy the weights of model ``init`` into the objective's network: of an inpainter, or of another task's network of the same form.

    Where that one takes pictures without a mask, the mask's weights in the first layer start at 0. What does not fit starts anew.

    Raises:
        ModelError: no such model. ConfigError: less than a quarter of it fits.
    """
    model, trained = load_model(init), objective.inpainter
    body = trained.body.network if isinstance(trained.body, networks.Growing) else trained.body
    given = model.network.body if isinstance(model.network, Inpainter) else model.network
    own = body.state_dict()
    fitting = {key: found for key, value in given.state_dict().items() if key in own and (found := _with_mask(value, own[key])) is not None}
    shared, total = (sum(value.numel() for value in state.values()) for state in (fitting, own))
    if shared < total / 4:
        raise ConfigError(f"--init {init!r} has {shared:,} of {total:,} numbers in common with the network to be trained; choose its form")
    left = own.keys() - fitting.keys()
    if left:
        logger.warning("--init %s: %d of %d tensors fit; started anew: %s", init, len(fitting), len(own), ", ".join(sorted(left)))
    body.load_state_dict(fitting, strict=False)


def _with_mask(weight: Tensor, own: Tensor) -> Tensor | None:
    """``weight`` in the shape of ``own``: as it is, or with zeros for the mask, which comes behind the colors; None: it does not fit."""
    if weight.shape == own.shape:
        return weight
    if weight.dim() != 4 or weight.shape[:1] + weight.shape[2:] != own.shape[:1] + own.shape[2:] or weight.shape[1] * 4 != own.shape[1] * 3:
        return None
    return F.pad(weight, (0, 0, 0, 0, 0, own.shape[1] - weight.shape[1]))


def _check_sizes(config: InpaintConfig, objective: InpaintObjective) -> None:
    """Refuse samples that are too small for the discriminator, at any stage of growth, or no multiple of what the network needs."""
    size, multiple = config.data.size, _multiple(config)
    if size % multiple:
        raise ConfigError(f"data.size={size} is no multiple of {multiple}, which the network, as it is to grow, needs")
    if objective.judge:
        sample = torch.zeros(1, 4, size >> config.training.growing.levels, size >> config.training.growing.levels)
        stage = objective.stage
        objective.grow(networks.Stage(0))
        try:
            with torch.no_grad():
                objective.judge.judge(sample)
        except (RuntimeError, ValueError) as error:
            raise ConfigError(f"data.size={size} is too small for the discriminator; give it fewer layers, or larger samples") from error
        finally:
            objective.grow(stage)


def _multiple(config: InpaintConfig) -> int:
    return 1 << config.training.growing.levels


def _pictures(
    data: Path, validation: Path | None, cache: Path, config: InpaintConfig, most: int | None = None
) -> tuple[PictureSet, PictureSet]:
    paths, held_out = hold_out(find_pictures(data), find_pictures(validation) if validation else [])
    least = LEAST_CHECKED << config.training.growing.levels
    pictures = PictureSet(paths[:most], cache / "train.pixels", smallest=config.data.size)
    return pictures, PictureSet(held_out[:most], cache / "validation.pixels", smallest=least)


def _patches(pictures: PictureSet, config: InpaintConfig) -> InpaintPatches:
    return InpaintPatches(pictures, config.data.size, config.data.masks, config.training.seed)
