"""Training: one loop for every task. ``Objective`` says what is trained, ``train`` trains it."""

from img2img.training.config import TrainerConfig
from img2img.training.loop import TrainingResult
from img2img.training.objective import AdversarialModule, Images, Losses, Objective
from img2img.training.trainer import train

__all__ = ["AdversarialModule", "Images", "Losses", "Objective", "TrainerConfig", "TrainingResult", "train"]
