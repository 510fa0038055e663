"""What a task is to the command line."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel


@dataclass(frozen=True)
class Task:
    """One job of the toolkit: a name and its commands. The commands import torch in their bodies, never before.

    Attributes:
        name: the verb, ``img2img NAME``.
        infer: the Typer command that applies a model.
        train: the Typer command ``img2img train NAME``.
        config: gives the model of the configuration that training takes; a call, because it imports torch.
        evaluate: the Typer command ``img2img evaluate NAME``, if there is one.
        bench: the Typer command ``img2img bench NAME``, if there is one.
    """

    name: str
    infer: Callable[..., Any]
    train: Callable[..., Any]
    config: Callable[[], "type[BaseModel]"]
    evaluate: Callable[..., Any] | None = None
    bench: Callable[..., Any] | None = None
