"""The settings of the loop; what is trained has settings of its own, beside its objective."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class TrainerConfig(BaseModel):
    """How to train. Time is counted in images seen, so that a change of the batch changes no schedule."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    images: int = Field(1_000_000, ge=1, description="training images to see in all")
    batch: int = Field(8, ge=1, description="images per step and device")
    optimizer: Literal["adam", "adamw"] = "adamw"
    learning_rate: float = Field(1e-3, gt=0)
    discriminator_learning_rate: float = Field(1e-4, gt=0)
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = Field(0.0, ge=0)
    schedule: Literal["constant", "cosine", "step"] = "cosine"
    warmup: int = Field(0, ge=0, description="images over which the learning rate rises from zero")
    milestones: tuple[float, ...] = Field((0.5, 0.75, 0.9), description="step schedule: halve at these shares of the run")
    ema: float = Field(0.999, ge=0, lt=1, description="decay per step of the averaged weights; 0: no averaging")
    clip: float = Field(1.0, ge=0, description="largest gradient norm of the generators; 0: no clipping")
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    devices: int = Field(1, ge=1, description="processes, one per device")
    workers: int = Field(1, ge=0, description="processes that prepare samples; the result does not depend on it")
    seed: int = Field(0, ge=0)
    validate_every: int = Field(20_000, ge=1, description="images between validations")
    checkpoint_minutes: float = Field(5.0, gt=0, description="minutes between checkpoints")
    max_minutes: float | None = Field(None, gt=0, description="stop (and save) after so many minutes")
