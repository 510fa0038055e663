"""What decides how a generator is trained: one configuration, and the presets."""

from typing import Any

from pydantic import Field

from img2img.config import Strict
from img2img.training import TrainerConfig
from img2img.training.adversary import AdversaryConfig

MOST_CHECKED = 256


class DataConfig(Strict):
    """What a sample is: a picture shrunk until its shorter side fits the network, and cut to a square."""

    flip: bool = Field(True, description="half of the samples are mirrored; false where left and right differ, as of letters")
    checked: int = Field(MOST_CHECKED, ge=2, description="pictures that a validation compares as many samples with")


class GenerateConfig(Strict):
    """Everything that decides how a generator is trained."""

    network: dict[str, Any] = Field({"name": "dcgan"}, description="the generator; its size is that of the pictures")
    adversary: AdversaryConfig = AdversaryConfig(weight=1.0)
    data: DataConfig = DataConfig()
    training: TrainerConfig = TrainerConfig()


_TRAINING = TrainerConfig(
    images=300_000,
    batch=32,
    optimizer="adam",
    learning_rate=2e-4,
    discriminator_learning_rate=2e-4,
    betas=(0.5, 0.999),
    schedule="constant",
    clip=0,
    validate_every=20_000,
)

PRESETS: dict[str, GenerateConfig] = {
    # Radford et al. 2016 (arXiv 1511.06434), section 3; the discriminator is a PatchGAN whose few logits each see the whole picture.
    "dcgan": GenerateConfig(
        adversary=AdversaryConfig(
            weight=1.0, mode="nonsaturating", network={"name": "patchgan", "width": 64, "layers": 4, "norm": "batch"}
        ),
        training=_TRAINING,
    ),
    # Karras et al. 2019 (arXiv 1812.04948), with the skip connections, lazy R1 and averaged weights of Karras et al. 2020.
    "style": GenerateConfig(
        network={"name": "style"},
        adversary=AdversaryConfig(
            weight=1.0, mode="nonsaturating", r1=0.1, network={"name": "patchgan", "width": 64, "layers": 4, "norm": "none"}
        ),
        training=_TRAINING.model_copy(
            update={"batch": 16, "learning_rate": 1e-3, "discriminator_learning_rate": 1e-3, "betas": (0.0, 0.99)}
        ),
    ),
}
