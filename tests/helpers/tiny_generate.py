"""Trainings of tiny generators, by the command."""

from pathlib import Path
from typing import Any

import torch
from cli_errors import invoke
from safetensors.torch import load_file

_WIDTHS = ("--set", "network.width=4", "--set", "network.latent=8", "--set", "adversary.network.width=4")
_COMMON = (*_WIDTHS, "--set", "data.checked=4", "--batch", "2", "--workers", "0", "--device", "cpu")
# fastgan's discriminator decodes what LPIPS compares, so that it begins at 64 pixels.
TINY = {"fastgan": ("--size", "64", *_COMMON)}
SMALL = ("--size", "16", "--set", "adversary.network.layers=2", *_COMMON)


def train(folder: Path, run: Path, preset: str, count: int, *more: Any) -> None:
    """Train on ``count`` samples of the pictures in ``folder``."""
    invoke("train", "generate", "--data", folder, "--preset", preset, *TINY.get(preset, SMALL), "--run", run, "--images", count, *more)


def assert_resumes(folder: Path, place: Path, preset: str, *more: Any) -> None:
    """A run that was stopped half-way and resumed has the weights of one that was not stopped, bit for bit."""
    for name, counts in (("whole", (12,)), ("parts", (6, 12))):
        for count in counts:
            train(folder, place / name, preset, count, "--set", "training.validate_every=100", *more)
    whole, parts = (load_file(place / name / "latest.safetensors") for name in ("whole", "parts"))
    assert whole.keys() == parts.keys()
    assert all(torch.equal(whole[key], parts[key]) for key in whole)
