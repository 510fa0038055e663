"""What decides how a translator is trained: one configuration for all methods, and the presets."""

from typing import Any, Literal

from pydantic import Field

from img2img.config import Strict
from img2img.data.splits import HoldOutBy, LayoutName
from img2img.data.transforms import AugmentConfig
from img2img.tasks.translate.restoration import DamageConfig
from img2img.training import TrainerConfig
from img2img.training.adversary import AdversaryConfig
from img2img.training.growing import GrowingConfig

Method = Literal["paired", "restore", "colorize", "cyclegan", "cut", "unit", "munit", "multi-domain"]


class LossConfig(Strict):
    """Weights of the losses; 0 leaves a loss out. A method uses those that its paper has, as the descriptions say."""

    pixel: Literal["l1", "charbonnier", "mse"] = Field("l1", description="paired, restore: distance to the ground truth")
    pixel_weight: float = Field(100.0, ge=0, description="paired, restore")
    cross_entropy: float = Field(1.0, ge=0, description="paired, where B is a label map")
    perceptual: float = Field(0.0, ge=0, description="paired, restore: distance of features; of three-channel pictures only")
    perceptual_layers: dict[str, float] = Field({"relu1_2": 0.5, "relu2_2": 0.5, "relu3_3": 1.0})
    backbone: Literal["vgg16", "vgg16-torchvision", "vgg19"] = "vgg16"
    cycle: float = Field(10.0, ge=0, description="cyclegan, unit, munit, multi-domain: cycle consistency")
    identity: float = Field(5.0, ge=0, description="cyclegan: a picture of B should stay as it is; unit, munit: reconstruction")
    contrastive: float = Field(1.0, ge=0, description="cut: a patch of the output belongs to the same patch of the input")
    contrastive_identity: float = Field(1.0, ge=0, description="cut: the same for pictures of B; FastCUT has 0 here and contrastive 10")
    kl: float = Field(0.01, ge=0, description="unit: the latent code should be normal")
    content: float = Field(1.0, ge=0, description="munit: the content code comes back")
    style: float = Field(1.0, ge=0, description="munit: the style code comes back")
    mode_seeking: float = Field(0.0, ge=0, description="munit: two styles should give two pictures")
    classification: float = Field(1.0, ge=0, description="multi-domain: outputs should be classified as their target")
    lpips: float = Field(0.0, ge=0, description="colorize: LPIPS (AlexNet) of the colors that are chosen")
    balance: float = Field(0.5, ge=0, le=1, description="colorize: how much rare colors count; 1: all colors alike")


class DataConfig(Strict):
    """What a sample is."""

    size: int = Field(256, ge=16, description="side in pixels of the square that a sample is cut to")
    load: int = Field(0, ge=0, description="pictures are first shrunk until their shorter side has so many pixels; 0: never")
    augment: AugmentConfig = Field(default_factory=AugmentConfig, description="changes of samples; its crop is set by size")
    layout: LayoutName | None = Field(None, description="how the folder is laid out; null: detected automatically")
    labels: Literal["auto", "always", "never"] = Field(
        "auto", description="whether the output is a label map; auto: if its files have palettes"
    )
    void: int | None = Field(
        None, ge=-1, le=65535, description="label of pixels that belong to no class; null: 255 if it stands apart from the others; -1: none"
    )
    damage: DamageConfig = Field(default_factory=DamageConfig, description="restore: the damage to undo")
    bits: int | None = Field(
        None, ge=8, le=16, description="bits that pictures of 16 bits use, such as 12; 16: all; null: by the unused high bits of the set"
    )
    validation_side: int = Field(256, ge=32, description="side of the validation crops")
    validation_by: HoldOutBy = Field("picture", description="what is held out together, as --val-by says")


class TranslateConfig(Strict):
    """Everything that decides how a translator is trained."""

    method: Method = "paired"
    direction: Literal["a2b", "b2a"] = Field("a2b", description="which way to translate; cyclegan, unit and munit learn both")
    network: dict[str, Any] = Field({"name": "unet", "width": 64, "levels": 6, "dropout": 0.5})
    loss: LossConfig = LossConfig()
    adversary: AdversaryConfig = AdversaryConfig()
    data: DataConfig = DataConfig()
    training: TrainerConfig = TrainerConfig()


DISCRIMINATOR = {"name": "patchgan", "width": 64, "layers": 3, "norm": "instance"}
# Steps up by resizing: with an adversary, a pixel shuffle that starts without a grid may learn one.
RESNET = {"name": "resnet", "width": 64, "blocks": 9, "downsamplings": 2, "norm": "instance", "up": "resize"}
RESTORER = {"name": "resnet", "width": 48, "blocks": 12, "shuffle": 2}
GAN = TrainerConfig(
    images=200_000,
    batch=1,
    optimizer="adam",
    learning_rate=2e-4,
    discriminator_learning_rate=2e-4,
    betas=(0.5, 0.999),
    schedule="linear",
    clip=0.0,
    validate_every=5_000,
)
LATENT = GAN.model_copy(  # of UNIT and MUNIT: halved every 100,000 steps
    update={"learning_rate": 1e-4, "discriminator_learning_rate": 1e-4, "schedule": "step", "milestones": (0.5,)}
)

PRESETS: dict[str, TranslateConfig] = {
    # Isola et al. 2017 (arXiv 1611.07004): conditional PatchGAN of 70 pixels, 100 times L1.
    "pix2pix": TranslateConfig(adversary=AdversaryConfig(weight=1.0, mode="nonsaturating", network=DISCRIMINATOR), training=GAN),
    # Wang et al. 2018 (arXiv 1711.11585): discriminators at two scales, feature matching and perceptual loss instead of L1, coarse to fine.
    "pix2pix-hd": TranslateConfig(
        network={**RESNET, "downsamplings": 3},
        loss=LossConfig(pixel_weight=0.0, perceptual=1.0),
        adversary=AdversaryConfig(weight=1.0, mode="lsgan", network={**DISCRIMINATOR, "scales": 2}, feature_matching=10.0),
        data=DataConfig(size=512, validation_side=512),
        training=GAN.model_copy(update={"growing": GrowingConfig(levels=1)}),
    ),
    # Zhu et al. 2017 (arXiv 1703.10593): 1 : 10 : 5 of (f - 1)^2, which here has a half, cycle and identity.
    "cyclegan": TranslateConfig(
        method="cyclegan", network=RESNET, adversary=AdversaryConfig(weight=2.0, mode="lsgan", network=DISCRIMINATOR, pool=50), training=GAN
    ),
    # Park et al. 2020 (arXiv 2007.15651): one generator and one discriminator, so about half the memory of CycleGAN.
    # As in their code 1 : 1 of (f - 1)^2, which here has a half, and the mean of the two contrastive losses.
    "cut": TranslateConfig(
        method="cut",
        network=RESNET,
        loss=LossConfig(contrastive=0.5, contrastive_identity=0.5),
        adversary=AdversaryConfig(weight=2.0, mode="lsgan", network=DISCRIMINATOR),
        training=GAN,
    ),
    # Liu et al. 2017 (arXiv 1703.00848): the proportions 10 : 100 : 0.1 of adversarial loss, pictures and codes; as in their code, the
    # adversarial one is the sum of (f - 1)^2 over 3 scales, here the mean of their halves.
    "unit": TranslateConfig(
        method="unit",
        network={"name": "unit", "width": 64, "blocks": 4, "shared": 1, "downsamplings": 2},
        loss=LossConfig(identity=10.0, cycle=10.0, kl=0.01),
        adversary=AdversaryConfig(weight=6.0, mode="lsgan", network={**DISCRIMINATOR, "scales": 3, "norm": "none"}),
        training=LATENT,
    ),
    # Huang et al. 2018 (arXiv 1804.04732): (f - 1)^2 is summed over the 3 scales there, here it is the mean of their halves.
    "munit": TranslateConfig(
        method="munit",
        network={"name": "munit", "width": 64, "blocks": 4, "downsamplings": 2, "style_dim": 8},
        loss=LossConfig(identity=10.0, content=1.0, style=1.0, cycle=0.0),
        adversary=AdversaryConfig(weight=6.0, mode="lsgan", network={**DISCRIMINATOR, "scales": 3, "norm": "none"}),
        training=LATENT,
    ),
    # One generator for several domains, told which by a label (Choi et al. 2018, StarGAN, arXiv 1711.09020).
    "multi-domain": TranslateConfig(
        method="multi-domain",
        network={**RESNET, "blocks": 6, "norm": "adain"},
        adversary=AdversaryConfig(weight=1.0, mode="hinge", network={**DISCRIMINATOR, "norm": "none", "spectral_norm": True}),
        data=DataConfig(size=128, load=143, validation_side=128),
        training=GAN.model_copy(update={"batch": 8, "learning_rate": 1e-4, "discriminator_learning_rate": 1e-4}),
    ),
    # Gray to color as a classification of colors (Zhang et al. 2016, arXiv 1603.08511), on features of VGG16.
    "colorize": TranslateConfig(
        method="colorize",
        network={"name": "colorizer", "depth": 3},
        data=DataConfig(size=160, load=192, validation_side=192, augment=AugmentConfig(scale=(0.85, 1.2))),
        training=TrainerConfig(images=40_000, weight_decay=0.05, validate_every=2_000),
    ),
    # Colored sketches to photographs, on pairs that are made of any photographs; start it from a restorer.
    "sketch": TranslateConfig(
        method="restore",
        network=RESTORER,
        loss=LossConfig(pixel_weight=1.0, perceptual=0.2, perceptual_layers={"relu2_2": 1.0}),
        adversary=AdversaryConfig(weight=0.015, network={**DISCRIMINATOR, "width": 32, "norm": "none", "spectral_norm": True}),
        data=DataConfig(size=96, load=256, validation_side=256, damage=DamageConfig(noise=None, jpeg=None, sketch=(0.7, 1.3), gray=0.0)),
        training=TrainerConfig(images=100_000, learning_rate=5e-4, discriminator_learning_rate=2e-4, validate_every=4_000),
    ),
    # Noise and JPEG, of unknown strength, undone by a plain residual network at half the resolution.
    "restore": TranslateConfig(
        method="restore",
        network=RESTORER,
        loss=LossConfig(pixel="charbonnier", pixel_weight=1.0),
        data=DataConfig(size=96),
        training=TrainerConfig(images=400_000, validate_every=4_000),
    ),
}
