"""What decides how an upscaler is trained: one configuration, and the presets."""

from typing import Any, Literal

from pydantic import Field

from img2img.config import Strict
from img2img.data.degrade import Degradation
from img2img.data.splits import HoldOutBy
from img2img.training import TrainerConfig
from img2img.training.adversary import AdversaryConfig


class LossConfig(Strict):
    """Weights of the losses; 0 leaves a loss out."""

    pixel: Literal["l1", "charbonnier", "mse"] = "l1"
    pixel_weight: float = Field(1.0, ge=0)
    perceptual: float = Field(0.0, ge=0)
    perceptual_layers: dict[str, float] = Field({"relu1_2": 0.5, "relu2_2": 0.5, "relu3_3": 1.0})
    perceptual_every: int = Field(1, ge=1, description="steps between perceptual losses, each of which counts for so many steps")
    lpips: float = Field(0.0, ge=0, description="weight of LPIPS (AlexNet), a tenth of the cost of VGG16's features; 0.3 to 0.5 is usual")
    phase: float = Field(0.0, ge=0, description="against a grid with the pixel shuffle's period; 4 is much")
    backbone: Literal["vgg16", "vgg16-torchvision", "vgg19"] = "vgg16"


class DataConfig(Strict):
    """What a sample is."""

    patch: int = Field(48, ge=8, description="side of the low-resolution patch in pixels")
    degradation: Degradation = Field("bicubic", description="bicubic, photo, or heavy: photo with more noise and stronger JPEG")
    validation_side: int = Field(384, ge=32, description="side of the validation crops in high-resolution pixels")
    validation_by: HoldOutBy = Field("picture", description="what is held out together, as --val-by says")


class TeacherConfig(Strict):
    """What is learned from a teacher, the model of --teacher; without one this is of no effect."""

    weight: float = Field(1.0, gt=0, description="of the losses against its output: so many times loss.pixel_weight and loss.lpips")
    share: float = Field(
        0.0, ge=0, le=1, description="share of crops at their own size as low-resolution inputs, for which it alone knows an output"
    )
    crops: int = Field(4096, ge=1, description="different crops, each enlarged once and kept on disk: 3 (patch * scale)^2 bytes each")
    license: str = Field("", description="license of its weights, where its file says none")


class UpscaleConfig(Strict):
    """Everything that decides how an upscaler is trained."""

    scale: Literal[2, 3, 4] = 4
    network: dict[str, Any] = Field({"name": "resnet", "width": 48, "blocks": 16})
    loss: LossConfig = LossConfig()
    teacher: TeacherConfig = TeacherConfig()
    adversary: AdversaryConfig = AdversaryConfig()
    data: DataConfig = DataConfig()
    training: TrainerConfig = TrainerConfig()


PRESETS: dict[str, UpscaleConfig] = {
    # Pixel loss, bicubic: the highest PSNR (SRResNet, Ledig et al. 2017, arXiv 1609.04802, without batch norm).
    "srresnet": UpscaleConfig(),
    # Perceptual and adversarial, on photographs degraded as real ones are (SRGAN; Real-ESRGAN's degradations). Start it from the first.
    "srgan": UpscaleConfig(
        loss=LossConfig(pixel_weight=1.0, perceptual=0.2, phase=8.0),
        adversary=AdversaryConfig(weight=0.015),
        data=DataConfig(patch=32, degradation="photo"),
        training=TrainerConfig(images=26_000, learning_rate=2e-4, discriminator_learning_rate=5e-4, validate_every=4_000),
    ),
}
