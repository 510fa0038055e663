"""What decides how an inpainter is trained: one configuration, and the presets."""

from typing import Any, Literal

from pydantic import Field

from img2img.config import Strict
from img2img.data.masks import MaskConfig
from img2img.data.splits import HoldOutBy
from img2img.training import TrainerConfig
from img2img.training.adversary import AdversaryConfig
from img2img.training.growing import GrowingConfig


class LossConfig(Strict):
    """Weights of the losses; 0 leaves a loss out."""

    pixel: Literal["l1", "charbonnier", "mse"] = Field("l1", description="distance to the ground truth, at every scale")
    hole: float = Field(1.0, ge=0, description="of the distance in the hole; each picture's hole counts the same, whatever its size")
    valid: float = Field(0.1, ge=0, description="of the distance where the picture is known, before the known pixels are put back")
    phase: float = Field(0.0, ge=0, description="against a grid with the period of the network's pixel shuffle, if it has one; 4 is much")
    lpips: float = Field(0.0, ge=0, description="LPIPS (AlexNet) of the filled picture, a tenth of the cost of VGG16's features")
    perceptual: float = Field(0.0, ge=0, description="distance of features of the filled picture")
    perceptual_layers: dict[str, float] = Field({"relu1_2": 0.5, "relu2_2": 0.5, "relu3_3": 1.0})
    backbone: Literal["vgg16", "vgg16-torchvision", "vgg19"] = "vgg16"


class DataConfig(Strict):
    """What a sample is."""

    bands: bool = Field(
        False, description="read rasters: all bands, in full depth, over the range that each uses; false: photographs, as RGB of 8 bits"
    )
    size: int = Field(64, ge=32, description="side in pixels of the square that a sample is cut to")
    masks: MaskConfig = Field(default_factory=MaskConfig, description="the holes")
    validation_side: int = Field(256, ge=64, description="side of the validation crops")
    validation_by: HoldOutBy = Field("picture", description="what is held out together, as --val-by says")


class InpaintConfig(Strict):
    """Everything that decides how an inpainter is trained."""

    network: dict[str, Any] = Field({"name": "resnet", "width": 48, "blocks": 12, "shuffle": 2}, description="the body of the Inpainter")
    attention: int = Field(
        0, ge=0, le=128, description="texture is taken over from known places up to so many cells of 2x2 pixels away at each scale, as 24"
    )
    loss: LossConfig = LossConfig()
    adversary: AdversaryConfig = AdversaryConfig()
    data: DataConfig = DataConfig()
    training: TrainerConfig = TrainerConfig()


DISCRIMINATOR = {"name": "patchgan", "width": 48, "layers": 2, "norm": "none", "spectral_norm": True}
DEEP = {"name": "resnet", "width": 24, "blocks": 6, "downsamplings": 3, "norm": "none", "up": "resize", "conv": "gated"}
ADVERSARIAL = InpaintConfig(
    loss=LossConfig(perceptual=0.6, lpips=0.4, phase=24.0),
    adversary=AdversaryConfig(weight=0.02, network=DISCRIMINATOR, r1=0.00002, feature_matching=0.1),
    data=DataConfig(size=128),
    training=TrainerConfig(images=60_000, batch=4, learning_rate=3e-4, discriminator_learning_rate=5e-4, validate_every=4_000),
)

PRESETS: dict[str, InpaintConfig] = {
    # Pixel loss alone: the highest PSNR, and the place to start the others from.
    "pixel": InpaintConfig(training=TrainerConfig(images=400_000, batch=4, learning_rate=5e-4, validate_every=10_000)),
    # Perceptual and adversarial with R1 and feature matching (Suvorov et al. 2022, LaMa, arXiv 2109.07161, section 2.3).
    "photo": ADVERSARIAL,
    # Gated convolutions (Yu et al. 2019, arXiv 1806.03589) in a network that grows from 32 to 256 pixels with its discriminator.
    "growing": ADVERSARIAL.model_copy(
        update={
            "network": DEEP,
            "adversary": ADVERSARIAL.adversary.model_copy(update={"network": {**DISCRIMINATOR, "layers": 3}}),
            "data": DataConfig(size=256),
            "training": ADVERSARIAL.training.model_copy(update={"growing": GrowingConfig(levels=3), "learning_rate": 1e-3}),
        }
    ),
    # Fast Fourier convolutions, which see the whole picture at once (LaMa).
    "fourier": ADVERSARIAL.model_copy(
        update={"network": {**DEEP, "conv": "plain", "block": "fourier"}, "data": DataConfig(size=256)},
    ),
    # All bands of rasters, with what satellites lose for holes; a hole of one band alone is filled with the others' help.
    "bands": InpaintConfig(
        data=DataConfig(
            bands=True,
            masks=MaskConfig(mix={"scanlines": 3.0, "clouds": 3.0, "box": 1.0, "thick": 1.0}, per_band=0.3),
            validation_side=128,
        ),
        training=TrainerConfig(images=100_000, batch=4, learning_rate=5e-4, validate_every=4_000),
    ),
}
