"""Small random models, for exports."""

import torch

from img2img import networks
from img2img.models import Model, ModelInfo


def model_of(spec: dict[str, object], task: str, *, scale: int = 1, in_channels: int = 3) -> Model:
    torch.manual_seed(5)
    network = networks.build(spec).eval().requires_grad_(False)
    info = ModelInfo(
        name="small",
        task=task,
        scale=scale,
        in_channels=in_channels,
        halo=network.halo,  # type: ignore[arg-type]
        multiple=getattr(network, "multiple", 1),
        style_dim=int(getattr(network, "style_dim", 0)),  # type: ignore[arg-type]
        network=spec,
        license="CC0-1.0",
    )
    return Model(network, info)


def upscaler() -> Model:
    return model_of({"name": "resnet", "width": 8, "blocks": 2, "scale": 2}, "upscale", scale=2)
