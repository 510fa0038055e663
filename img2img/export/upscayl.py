"""What Upscayl, and the program upscayl-ncnn in it, want of an ncnn model: read from their code (github.com/upscayl)."""

from pathlib import Path

from img2img.errors import ConfigError, ModelError
from img2img.models import ModelInfo

SCALES = (2, 3, 4)  # for which it enlarges alpha
READ = (1, 2, 3, 4, 8, 16)  # in this order, from the name


def check_upscayl(info: ModelInfo, target: Path, format: str) -> None:
    """Raise ModelError for a model that Upscayl cannot run, and ConfigError for a name that it would misread.

    Blobs ``data`` and ``output``, RGB in [0, 1] and any size, which it wants as well, are what every ncnn file of ours has.
    """
    if format != "ncnn":
        raise ConfigError(f"Upscayl takes ncnn models: the name must end in .param, not as {target.name!r}")
    if info.task != "upscale" or info.scale not in SCALES or info.in_channels != 3 or info.multiple != 1:
        raise ModelError(
            f"Upscayl takes upscalers of RGB pictures by 2, 3 or 4; model {info.name!r} is for {info.task}, scale {info.scale}, "
            f"{info.in_channels} channels"
        )
    found = _factor(target.stem)
    if found != info.scale:
        says = f"reads the factor {found} from" if found else "finds no factor in"
        names = (info.name, f"{info.name}-{info.scale}x", f"model-{info.scale}x")
        named = next(name for name in names if _factor(name) == info.scale)
        raise ConfigError(
            f"Upscayl {says} the name {target.name!r}, and the model enlarges by {info.scale}: call it like {named + '.param'!r}"
        )


def _factor(name: str) -> int | None:
    """The factor that Upscayl reads from ``name``: the first of ``READ`` that stands in it as ``x4`` or ``4x``."""
    return next((factor for factor in READ if f"x{factor}" in name.lower() or f"{factor}x" in name.lower()), None)
