"""Networks: parts and numbers in, ``nn.Module`` out. ``build`` makes one from the spec that a model file carries."""

from collections.abc import Mapping

from torch import Tensor, nn

from img2img.networks.adapt_channels import adapted_state
from img2img.networks.bidirectional import Bidirectional
from img2img.networks.class_conditional import ClassConditionalGenerator
from img2img.networks.colorizer import Colorizer
from img2img.networks.dcgan import DCGAN
from img2img.networks.fastgan import FastGAN
from img2img.networks.fastgan_discriminator import FastGANDiscriminator
from img2img.networks.growing import Growing, Stage, at_stage, grow
from img2img.networks.inpainter import Inpainter
from img2img.networks.munit import MUNIT
from img2img.networks.patchgan import PatchGAN
from img2img.networks.registry import NETWORKS, build
from img2img.networks.resnet import ResNetGenerator
from img2img.networks.style_generator import StyleGenerator
from img2img.networks.stylizer import Stylizer
from img2img.networks.unet import UNetGenerator
from img2img.networks.unit import UNIT

__all__ = [
    "DCGAN",
    "MUNIT",
    "NETWORKS",
    "UNIT",
    "Bidirectional",
    "ClassConditionalGenerator",
    "Colorizer",
    "FastGAN",
    "FastGANDiscriminator",
    "Growing",
    "Inpainter",
    "PatchGAN",
    "ResNetGenerator",
    "Stage",
    "StyleGenerator",
    "Stylizer",
    "UNetGenerator",
    "adapted_state",
    "at_stage",
    "build",
    "fitting_state",
    "grow",
]

NETWORKS.update(
    {
        "resnet": ResNetGenerator,
        "unet": UNetGenerator,
        "bidirectional": Bidirectional,
        "colorizer": Colorizer,
        "unit": UNIT,
        "munit": MUNIT,
        "class-conditional": ClassConditionalGenerator,
        "inpainter": Inpainter,
        "stylizer": Stylizer,
        "dcgan": DCGAN,
        "style": StyleGenerator,
        "fastgan": FastGAN,
        "patchgan": PatchGAN,
        "fastgan-discriminator": FastGANDiscriminator,
    }
)


def fitting_state(state: Mapping[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """Those tensors of ``state`` that fit ``network`` by name and shape: to start a x2 network from a x4 one, say."""
    own = network.state_dict()
    return {key: value for key, value in state.items() if key in own and own[key].shape == value.shape}
