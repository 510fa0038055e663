"""Training a stylizer: photographs, paintings or one painting, the objective, the loop."""

import tempfile
from pathlib import Path

import torch
from torch import Tensor

from img2img.data.pictures import PictureSet, decode_photo, decode_shrunk, find_pictures, to_tensor
from img2img.data.splits import hold_out
from img2img.errors import ConfigError, DataError
from img2img.models import load_info, load_model
from img2img.networks import Stylizer
from img2img.tasks.stylize.config import StylizeConfig
from img2img.tasks.stylize.data import StyleCrops, StylePatches
from img2img.tasks.stylize.fast import STYLE_SIDE
from img2img.tasks.stylize.objective import StylizeObjective
from img2img.training import Outcome, train
from img2img.training.distributed import make_fabric
from img2img.training.dry_run import DryRun, dry_run

DRY_RUN_PICTURES = 8
MANY_STYLES = 10  # of so many some are held out; of fewer all are trained on, and validated by
LEAST_CHECKED = 64  # pixels a side of validation pictures
LEAST_STYLE = 64  # pixels a side of a style: smaller ones have no strokes to show


def train_stylizer(
    content: Path,
    styles: Path,
    run: Path,
    config: StylizeConfig,
    *,
    preset: str,
    init: str | None = None,
    validation: Path | None = None,
    validation_styles: Path | None = None,
) -> Outcome:
    """Train a stylizer on the photographs in ``content`` into the folder ``run``, or go on with the run that is there.

    Args:
        styles: a folder of paintings, for a network that takes any style, or one picture, for a network of that style alone.
        init: a model to start from: of any style, also for a single one; its body takes the place of the configuration's.
        validation, validation_styles: by default every tenth photograph, at most 12, is held out, and of ten paintings or more every tenth.

    Raises:
        DataError, ConfigError, ModelError, TrainingError: with what was wrong and what to do.
    """
    fabric = make_fabric(config.training)
    config = with_body_of(init, config)
    objective = make_objective(config, run.name, init, styles)
    contents, checks = _contents(content, validation, run / "cache", config)
    paintings, checked_styles = _paintings(styles, validation_styles, run / "cache", config)
    patches = _patches(contents, paintings, config)
    if init is None and not objective.styles:
        objective.adapt(patches)
    record = {
        "preset": preset,
        "init": init,
        "data": {"pictures": len(contents), "fingerprint": contents.fingerprint(), "validation": len(checks)},
        "styles": {"pictures": len(paintings), "fingerprint": paintings.fingerprint()},
        "config": config.model_dump(mode="json"),
    }
    crops = StyleCrops(checks, checked_styles, config.data.validation_side, config.data.validation_side, objective.stylizer.multiple)
    return train(objective, patches, crops, config.training, run, fabric=fabric, record=record)


def dry_run_stylizer(content: Path, styles: Path, config: StylizeConfig, *, init: str | None = None) -> DryRun:
    """What a few steps of ``train_stylizer`` cost on one device; nothing is kept.

    Raises:
        DataError, ConfigError, ModelError: as ``train_stylizer`` would.
    """
    fabric = make_fabric(config.training.model_copy(update={"devices": 1}))
    config = with_body_of(init, config)
    with tempfile.TemporaryDirectory() as folder:
        contents, _ = _contents(content, None, Path(folder), config, most=DRY_RUN_PICTURES)
        paintings, _ = _paintings(styles, None, Path(folder), config, most=DRY_RUN_PICTURES)
        objective = make_objective(config, "rehearsal", init, styles)
        return dry_run(objective, _patches(contents, paintings, config), config.training, fabric)


def with_body_of(init: str | None, config: StylizeConfig) -> StylizeConfig:
    """``config`` with the network and the length of the style code of the model ``init``, if one is given: it is to be continued.

    Raises:
        ModelError: no such model. ConfigError: it is no stylizer.
    """
    if init is None:
        return config
    info = load_info(init)
    if info.network.get("name") != "stylizer":
        raise ConfigError(f"--init {init!r} is a model for {info.task}, with another network; a stylizer starts from a stylizer")
    return config.model_copy(update={"network": info.network["body"], "style_dim": info.network["style_dim"]})


def make_objective(config: StylizeConfig, name: str, init: str | None, styles: Path) -> StylizeObjective:
    """The objective at the beginning of a run: seeded, or started from the model ``init``. For one picture ``styles`` it has one style.

    Raises:
        ConfigError, ModelError: the configuration describes no network, its samples do not fit it, or ``init`` is of one other style.
    """
    torch.manual_seed(config.training.seed)
    single = not styles.is_dir()
    objective = StylizeObjective(config, name, styles=int(single))
    network = objective.stylizer
    _check_size(config.data.size, objective)
    if init is not None:
        given = load_model(init).network
        assert isinstance(given, Stylizer)
        if given.styles and not single:
            raise ConfigError(f"--init {init!r} has one style of its own; a network for any style starts from one for any style")
        network.body.load_state_dict(given.body.state_dict())
        if not single:
            network.encoder.load_state_dict(given.encoder.state_dict())
        else:
            with torch.no_grad():
                network.code.copy_(given.code if given.styles else given.encode_style(_shrunk(styles, STYLE_SIDE)))
    return objective


def _check_size(size: int, objective: StylizeObjective) -> None:
    """Refuse samples that are no multiple of what the network needs, or too small for the discriminator."""
    if size % objective.stylizer.multiple:
        raise ConfigError(f"data.size={size} is no multiple of {objective.stylizer.multiple}, which the network needs")
    if objective.judge:
        try:
            with torch.no_grad():
                objective.judge.judge(torch.zeros(1, 3, size, size))
        except (RuntimeError, ValueError) as error:
            raise ConfigError(f"data.size={size} is too small for the discriminator; give it fewer layers, or larger samples") from error


def _shrunk(picture: Path, side: int) -> Tensor:
    """The picture (1, 3, h, w) with a shorter side of at most ``side`` pixels: at full size VGG's activations would take gigabytes."""
    return to_tensor(decode_shrunk(decode_photo, side)(picture))[None]


def _contents(
    folder: Path, validation: Path | None, cache: Path, config: StylizeConfig, most: int | None = None
) -> tuple[PictureSet, PictureSet]:
    paths, held_out = hold_out(find_pictures(folder), find_pictures(validation) if validation else [])
    contents = PictureSet(paths[:most], cache / "content.pixels", smallest=config.data.size)
    return contents, PictureSet(held_out[:most], cache / "validation.pixels", smallest=LEAST_CHECKED)


def _paintings(
    styles: Path, validation: Path | None, cache: Path, config: StylizeConfig, most: int | None = None
) -> tuple[PictureSet, PictureSet]:
    """The styles to train on, and those to validate by, which may be the same ones."""
    if not styles.exists():
        raise DataError(f"there is no {str(styles)!r}; styles are a folder of pictures, or one picture")
    paths = find_pictures(styles) if styles.is_dir() else [styles]
    held_out = find_pictures(validation) if validation else []
    if not validation and len(paths) >= MANY_STYLES:
        paths, held_out = hold_out(paths)
    paintings = PictureSet(paths[:most], cache / "styles.pixels", smallest=LEAST_STYLE)
    if not held_out:
        return paintings, paintings
    return paintings, PictureSet(held_out[:most], cache / "validation-styles.pixels", smallest=LEAST_STYLE)


def _patches(contents: PictureSet, paintings: PictureSet, config: StylizeConfig) -> StylePatches:
    data, seed = config.data, config.training.seed
    shares = {"recolored": data.recolored, "photographs": data.photographs}
    return StylePatches(contents, paintings, data.size, data.style_size, **shares, seed=seed)
