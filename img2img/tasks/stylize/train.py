"""Training a stylizer: photographs, paintings or one painting, the objective, the loop."""

from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from img2img.data.held_out_list import hold_out_for_good
from img2img.data.pictures import PictureSet, decode_photo, decode_shrunk, to_tensor
from img2img.data.sources import Sources, find_pictures, without_bad
from img2img.errors import ConfigError, DataError, option
from img2img.models import load_info, load_model
from img2img.networks import Stylizer
from img2img.tasks.stylize.config import StylizeConfig
from img2img.tasks.stylize.data import StyleCrops, StylePatches
from img2img.tasks.stylize.fast import STYLE_SIDE
from img2img.tasks.stylize.objective import StylizeObjective
from img2img.training import TrainingResult, train
from img2img.training.distributed import cache_folder, make_fabric
from img2img.training.dry_run import DRY_RUN_PICTURES, DryRun, dry_run
from img2img.training.lock import locked
from img2img.training.setup import Setup, data_record, photographs, run_record

MANY_STYLES = 10  # of so many some are held out; of fewer all are trained on, and validated by
LEAST_CHECKED = 64  # pixels a side of validation pictures
LEAST_STYLE = 64  # pixels a side of a style: smaller ones have no strokes to show


def train_stylizer(
    content: Sources,
    styles: Path,
    run: Path,
    config: StylizeConfig,
    *,
    preset: str,
    init: str | None = None,
    validation: Path | None = None,
    validation_styles: Path | None = None,
) -> TrainingResult:
    """Train a stylizer on the photographs in ``content`` (folders and packs) into the folder ``run``, or go on with the run that is there.

    Args:
        styles: a folder of paintings, for a network that takes any style, or one picture, for a network of that style alone.
        init: a model to start from: of any style, also for a single one; its body takes the place of the configuration's.
        validation, validation_styles: by default every tenth photograph, at most 12, is held out, and of ten paintings or more every tenth.

    Raises:
        DataError, ConfigError, ModelError, TrainingError: with what was wrong and what to do.
    """
    fabric = make_fabric(config.training)
    config = with_body_of(init, config)
    with locked(run, fabric):
        cache = cache_folder(run, fabric)
        setup = without_bad(
            lambda: _prepare(cache, content, styles, config, run.name, init, validation, validation_styles),
            skip=config.training.skip_bad,
        )
        record = run_record(preset, init, setup, config)
        return train(setup.objective, setup.samples, setup.validation, config.training, run, fabric=fabric, record=record)


def dry_run_stylizer(
    content: Sources,
    styles: Path,
    config: StylizeConfig,
    *,
    init: str | None = None,
    validation: Path | None = None,
    validation_styles: Path | None = None,
) -> DryRun:
    """What a few steps of ``train_stylizer`` cost on one device; nothing is kept.

    Raises:
        DataError, ConfigError, ModelError: as ``train_stylizer`` would.
    """
    prepare = partial(
        _prepare,
        content=content,
        styles=styles,
        config=with_body_of(init, config),
        name="dry-run",
        init=init,
        validation=validation,
        validation_styles=validation_styles,
        most=DRY_RUN_PICTURES,
    )
    return dry_run(prepare, config.training)


def with_body_of(init: str | None, config: StylizeConfig) -> StylizeConfig:
    """``config`` with the network and the length of the style code of the model ``init``, if one is given: it is to be continued.

    Raises:
        ModelError: no such model. ConfigError: it is no stylizer.
    """
    if init is None:
        return config
    info = load_info(init)
    if info.network.get("name") != "stylizer":
        raise ConfigError(f"{option('init')} {init!r} is a model for {info.task}, with another network; a stylizer starts from a stylizer")
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
        if not isinstance(given, Stylizer):
            raise ConfigError(f"{option('init')} {init!r} is an exported model: training starts from the PyTorch file it was made from")
        if given.styles and not single:
            raise ConfigError(f"{option('init')} {init!r} has one style of its own; a network for any style starts from one for any style")
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
        raise ConfigError(f"data.size={size} is not a multiple of {objective.stylizer.multiple}, which the network needs")
    if objective.adversary:
        objective.adversary.check_sample_size(3, size)


def _shrunk(picture: Path, side: int) -> Tensor:
    """The picture (1, 3, h, w) with a shorter side of at most ``side`` pixels: at full size VGG's activations would take gigabytes."""
    return to_tensor(decode_shrunk(decode_photo, side)(picture))[None]


def _prepare(
    cache: Path,
    content: Sources,
    styles: Path,
    config: StylizeConfig,
    name: str,
    init: str | None,
    validation: Path | None,
    validation_styles: Path | None,
    most: int | None = None,
) -> Setup:
    """What a run is given, its pictures decoded into the folder ``cache``; with at most ``most`` of each kind in a dry run."""
    objective = make_objective(config, name, init, styles)
    data, seed = config.data, config.training.seed
    contents, checks = photographs(
        content, validation, cache, smallest=data.size, smallest_validation=LEAST_CHECKED, by=data.validation_by, most=most
    )
    paintings, checked_styles = _paintings(styles, validation_styles, cache, most)
    samples = StylePatches(
        contents, paintings, data.size, data.style_size, recolored=data.recolored, photographs=data.photographs, seed=seed
    )
    if init is None and not objective.styles:
        objective.adapt(samples)
    # Only now, as adapting looks at the style of every sample.
    samples.batch, samples.every = config.training.batch, data.contents_per_style
    crops = StyleCrops(checks, checked_styles, data.validation_side, data.validation_side, objective.stylizer.multiple)
    record = {
        "data": data_record(content, contents, checks),
        "styles": {"pictures": len(paintings), "fingerprint": paintings.fingerprint()},
    }
    return Setup(objective, samples, crops, record)


def _paintings(styles: Path, validation: Path | None, cache: Path, most: int | None) -> tuple[PictureSet, PictureSet]:
    """The styles to train on, and those to validate by, which may be the same ones."""
    if not styles.exists():
        raise DataError(f"there is no {str(styles)!r}; styles are a folder of pictures, or one picture")
    paths = find_pictures(styles) if styles.is_dir() else [styles]
    held_out = find_pictures(validation) if validation else []
    if held_out or len(paths) >= MANY_STYLES:
        paths, held_out = hold_out_for_good(paths, cache.parent, validation=held_out, name="styles")
    paintings = PictureSet(paths[:most], cache / "styles.pixels", smallest=LEAST_STYLE)
    if not held_out:
        return paintings, paintings
    return paintings, PictureSet(held_out[:most], cache / "validation-styles.pixels", smallest=LEAST_STYLE)
