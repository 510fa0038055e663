"""What decides how a generator is trained: one configuration, and the presets."""

from typing import Any

from pydantic import Field, model_validator

from img2img.config import Strict
from img2img.training import TrainerConfig
from img2img.training.adversary import AdversaryConfig
from img2img.training.privacy import PrivacyConfig

MOST_CHECKED = 256


class DataConfig(Strict):
    """What a sample is: a picture shrunk until its shorter side fits the network, and cut to a square."""

    flip: bool = Field(True, description="half of the samples are mirrored; false where left and right differ, as of letters")
    classes: bool = Field(False, description="each folder of the data is a class, and the generator is told which to make")
    checked: int = Field(MOST_CHECKED, ge=2, description="pictures that a validation compares as many samples with")


class GenerateConfig(Strict):
    """Everything that decides how a generator is trained."""

    network: dict[str, Any] = Field({"name": "dcgan"}, description="the generator; its size is that of the pictures")
    adversary: AdversaryConfig = AdversaryConfig(weight=1.0)
    data: DataConfig = DataConfig()
    privacy: PrivacyConfig = PrivacyConfig()
    training: TrainerConfig = TrainerConfig()

    @model_validator(mode="after")
    def _private(self) -> "GenerateConfig":
        training, wrong = self.training, []
        if training.accumulate > 1:
            wrong.append("training.accumulate must be 1: give a larger training.batch, whose pictures are taken in small parts anyway")
        if training.precision != "fp32":
            wrong.append("training.precision must be fp32: a lower one skips steps by what it sees")
        if training.on_plateau != "nothing":
            wrong.append("training.on_plateau must be nothing: it changes the run by figures that nothing hides")
        if training.allow_changed_data:
            wrong.append("training.allow_changed_data must be false: the budget is that of one set of pictures")
        if self.data.classes:
            wrong.append("data.classes must be false: samples are made of the classes of the real pictures, which would tell of them")
        if self.privacy.epsilon is not None and wrong:
            raise ValueError(f"with privacy.epsilon {'; '.join(wrong)}")
        return self


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
            update={"batch": 16, "learning_rate": 3e-4, "discriminator_learning_rate": 3e-4, "betas": (0.0, 0.99)}
        ),
    ),
    # Liu et al. 2021 (arXiv 2101.04775), for 100 to 1,000 pictures; the discriminator's size is that of the generator.
    "fastgan": GenerateConfig(
        network={"name": "fastgan"},
        adversary=AdversaryConfig(
            weight=1.0,
            mode="hinge",
            reconstruction=1.0,
            network={"name": "fastgan-discriminator", "width": 64, "norm": "batch", "spectral_norm": True},
        ),
        training=_TRAINING.model_copy(update={"batch": 8}),
    ),
}
