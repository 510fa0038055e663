"""Translate: a picture of one kind becomes a picture of another kind."""

from typing import TYPE_CHECKING

from img2img.tasks.task import Task
from img2img.tasks.translate.cli import train_translate, translate
from img2img.tasks.translate.evaluate import evaluate_translate

if TYPE_CHECKING:
    from pydantic import BaseModel


def _config() -> "type[BaseModel]":
    from img2img.tasks.translate.config import TranslateConfig

    return TranslateConfig


TRANSLATE = Task(name="translate", infer=translate, train=train_translate, config=_config, evaluate=evaluate_translate)
