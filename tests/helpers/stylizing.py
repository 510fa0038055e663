"""A tiny stylizer of random weights, and ``img2img stylize`` on small pictures."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import ImageCms
from scenes import load, save
from typer.testing import CliRunner, Result

from img2img import networks
from img2img.cli import app
from img2img.models import ModelInfo, save_model

HEIGHT, WIDTH = 45, 62
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
QUICK = ["--method", "optimize", "--iterations", 2]
SMALL = 0.25  # scale of styles, so that a test does not take as long as a user


def stylizer(path: Path, styles: int) -> Path:
    torch.manual_seed(1)
    body = {
        "name": "resnet",
        "norm": "adain",
        "width": 4,
        "blocks": 1,
        "downsamplings": 1,
        "shuffle": 2,
        "up": "resize",
        "up_norm": "adain",
    }
    spec = {"name": "stylizer", "body": body, "styles": styles, "style_dim": 8}
    network: Any = networks.build(spec)
    info = ModelInfo(
        name=path.stem,
        task="stylize",
        keeps_gray=False,
        halo=network.halo,
        multiple=network.multiple,
        style_dim=0 if styles else 8,
        network=spec,
    )
    save_model(path, network, info)
    return path


def stylize(*arguments: object, data: bytes | None = None) -> Result:
    scale = [] if "--style-scale" in arguments or "optimize" in arguments else ["--style-scale", str(SMALL)]
    return CliRunner().invoke(app, ["stylize", *map(str, arguments), *scale, "--device", "cpu"], input=data)


def made(*arguments: object) -> list[Path]:
    """The files that a run writes; it must go well."""
    result = stylize(*arguments)
    assert result.exit_code == 0, (result.output, result.exception)
    return [Path(line) for line in result.stdout.splitlines()]


def pixels(*arguments: object) -> np.ndarray:
    """The pixels of the only file that a run writes, made anew."""
    (path,) = made(*arguments, "--overwrite")
    return load(path)


def said(result: Result) -> str:
    return " ".join(result.stderr.replace("│", " ").split())


def masks(folder: Path) -> tuple[Path, Path]:
    """Masks of the left 20 columns and of those from 30 on."""
    left = np.zeros((HEIGHT, WIDTH, 1), np.uint8)
    right = left.copy()
    left[:, :20], right[:, 30:] = 255, 255
    return save(folder / "left.png", left), save(folder / "right.png", right)
