"""What decides how a stylizer is trained: one configuration, and the presets."""

from typing import Any

from pydantic import Field

from img2img.config import Strict
from img2img.data.splits import HoldOutBy
from img2img.training import TrainerConfig
from img2img.training.adversary import AdversaryConfig


class LossConfig(Strict):
    """Weights of the losses, and the layers of the frozen VGG that they compare; distances are relative: 1 is that of no resemblance."""

    content: float = Field(0.06, ge=0, description="of the distance to the content's features; less shows more style")
    content_layer: str = "relu3_3"
    style: float = Field(1.0, gt=0, description="of the distance to the style's Gram matrices")
    style_layers: dict[str, float] = Field({"relu1_1": 0.25, "relu2_1": 0.25, "relu3_1": 0.25, "relu4_1": 0.25}, min_length=1)
    phase: float = Field(4.0, ge=0, description="of what repeats with the period of the up-sampling: a loss against grids")
    total_variation: float = Field(2.0, ge=0, description="of smoothness")
    stability: float = Field(0.02, ge=0, description="of what noise in the content changes: flicker, and a weave in skies")


class DataConfig(Strict):
    """What a sample is."""

    size: int = Field(128, ge=32, description="side in pixels of the squares that contents are cut to")
    style_size: int = Field(192, ge=32, description="side in pixels that squares of styles, half of a painting, are brought to")
    contents_per_style: int = Field(4, ge=1, description="contents of a batch that share a style, which costs more than they do")
    recolored: float = Field(0.3, ge=0, le=1, description="share of styles that get another one's palette")
    photographs: float = Field(0.1, ge=0, le=1, description="share of styles that are photographs of the contents")
    validation_side: int = Field(256, ge=64, description="side of the validation crops")
    validation_by: HoldOutBy = Field("picture", description="what is held out together, as --val-by says")


BODY = {"name": "resnet", "norm": "adain", "width": 32, "blocks": 4, "downsamplings": 1, "shuffle": 2, "up": "bilinear", "up_norm": "adain"}


class StylizeConfig(Strict):
    """Everything that decides how a stylizer is trained."""

    network: dict[str, Any] = Field(BODY, description="the body of the Stylizer")
    style_dim: int = Field(128, ge=1, le=1024, description="length of a style code")
    loss: LossConfig = LossConfig()
    adversary: AdversaryConfig = AdversaryConfig()
    data: DataConfig = DataConfig()
    training: TrainerConfig = TrainerConfig()


PRESETS: dict[str, StylizeConfig] = {
    # Any style, from a folder of paintings (Ghiasi et al. 2017, arXiv 1705.06830).
    "any": StylizeConfig(training=TrainerConfig(images=100_000, batch=4, learning_rate=1e-3, validate_every=4_000)),
    # One style, in minutes (Johnson et al. 2016, arXiv 1603.08155).
    "single": StylizeConfig(
        network={**BODY, "width": 24},
        style_dim=16,
        data=DataConfig(size=96, recolored=0, photographs=0),
        training=TrainerConfig(images=3_000, batch=4, learning_rate=2e-3, validate_every=1_000),
    ),
}
