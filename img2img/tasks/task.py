"""What a task is to the command line."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Task:
    """One job of the toolkit: a name and its commands. The commands import torch in their bodies, never before.

    Attributes:
        name: the verb, ``img2img NAME``.
        infer: the Typer command that applies a model.
        train: the Typer command ``img2img train NAME``.
    """

    name: str
    infer: Callable[..., Any]
    train: Callable[..., Any]
