"""The settings of the training loop; each task has a configuration of its own for what is trained."""

from typing import Literal

from pydantic import Field

from img2img.config import Strict
from img2img.training.growing import GrowingConfig


class TrainerConfig(Strict):
    """How to train. Time is counted in images seen, so that a change of the batch changes no schedule."""

    images: int = Field(1_000_000, ge=1, description="training images to see in all")
    batch: int = Field(8, ge=1, description="images per step and device")
    accumulate: int = Field(1, ge=1, description="batches in a step: a larger batch in the memory of a small one")
    critic_steps: int = Field(0, ge=0, description="discriminator steps per generator step; 0: 5 for wgan and wgan-gp, else 1")
    optimizer: Literal["auto", "adam", "adamw", "rmsprop"] = Field("auto", description="auto: rmsprop for wgan, adamw for all others")
    learning_rate: float = Field(1e-3, gt=0)
    discriminator_learning_rate: float = Field(1e-4, gt=0)
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = Field(0.0, ge=0)
    schedule: Literal["constant", "linear", "cosine", "step"] = Field(
        "cosine", description="linear: constant for the first half, then straight to 0"
    )
    warmup: int = Field(0, ge=0, description="images over which the learning rate rises from zero")
    growing: GrowingConfig = Field(GrowingConfig(), description="progressive growing, for networks that can")
    milestones: tuple[float, ...] = Field((0.5, 0.75, 0.9), description="step schedule: halve at these shares of the run")
    ema: float = Field(0.999, ge=0, lt=1, description="decay per step of the averaged weights; 0: no averaging")
    clip: float = Field(1.0, ge=0, description="largest gradient norm of the generators; 0: no clipping")
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    quantize: Literal["none", "int8"] = Field(
        "none", description="int8: the generator's convolutions but the first and the last compute as 8-bit integers do, for a fast export"
    )
    tf32: bool = Field(True, description="CUDA: fp32 products and convolutions on tensor cores, which keep 10 bits of the mantissa")
    cudnn_benchmark: bool = Field(False, description="CUDA: time cuDNN's algorithms for each shape and take the fastest, another each run")
    compile: bool = Field(False, description="torch.compile of the generators: slow first steps, then less time on CUDA; needs g++")
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    devices: int = Field(1, ge=1, description="processes on each node, one per device")
    nodes: int = Field(1, ge=1, description="machines that train together; torchrun and Slurm say it themselves")
    workers: int = Field(1, ge=0, description="processes that prepare samples; the result does not depend on it")
    augment_on: Literal["auto", "cpu", "device"] = Field(
        "auto", description="where upscale degrades photographs: in the workers, or on the device, in batches; auto: there on CUDA"
    )
    seed: int = Field(0, ge=0)
    log_every: int = Field(50, ge=1, description="steps between lines of the log, each of which the health check examines")
    validate_every: int = Field(20_000, ge=1, description="images between validations")
    checkpoint_minutes: float = Field(5.0, gt=0, description="minutes between checkpoints")
    on_plateau: Literal["nothing", "learning-rate", "batch"] = Field(
        "nothing", description="after patience validations without a better one: halve the learning rate, or double accumulate"
    )
    patience: int = Field(5, ge=1, description="validations without a better one that on_plateau waits for")
    skip_bad: bool = Field(False, description="train without the pictures that cannot be read, and their partners")
    allow_changed_data: bool = Field(False, description="go on with other data than the run was begun with")
    max_minutes: float | None = Field(None, gt=0, description="stop (and save) after so many minutes")
