"""What frozen networks see of pictures, and how far two kinds of pictures are from each other by it."""

import importlib.util
import math
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from img2img.images import to_levels
from img2img.metrics.distribution import frechet_distance, kernel_distance
from img2img.networks.features import VGGFeatures

LAYERS = ("relu2_2", "relu3_3", "relu4_3")
GRID = 4
INCEPTION_FILE = "weights-inception-2015-12-05-6726825d.pth"  # as torch-fidelity calls it in torch hub's cache
Features = dict[str, Tensor]


class PictureFeatures(nn.Module):
    """Feature vectors of pictures: {"vgg": (N, 16, 896)}, and "inception": (N, 1, 2048) where torch-fidelity and its weights are there.

    ``vgg``: the shipped VGG16's activations of three layers (edges and colors, textures, parts of things), each averaged over the
    cells of a 4 x 4 grid, so that a validation of a dozen pictures has some two hundred vectors; each layer's vector is then scaled to a
    mean square of 1, because the layers' activations differ a hundredfold. ``inception``: the last pooling of the Inception network
    that FID and KID are defined by, one vector for each picture. It is never downloaded: whoever wants these figures installs the extra
    ``fidelity`` and runs torch-fidelity once.

    Shapes: (N, 3, H, W) RGB in [0, 1]; values outside are clamped.
    """

    def __init__(self) -> None:
        super().__init__()
        self.vgg = VGGFeatures(LAYERS)
        self.inception = _inception() if inception_is_there() else None

    def forward(self, x: Tensor) -> Features:
        x = x.clamp(0, 1)
        pooled = [F.adaptive_avg_pool2d(found, GRID).flatten(2).transpose(1, 2) for found in self.vgg(x).values()]
        result = {"vgg": torch.cat([F.normalize(each, dim=2) * math.sqrt(each.shape[2]) for each in pooled], dim=2)}
        if self.inception is not None:
            (last,) = self.inception(to_levels(x).to(torch.uint8))
            result["inception"] = last[:, None]
        return result


def feature_distances(real: Sequence[Features], fake: Sequence[Features]) -> dict[str, float]:
    """``vgg_kernel`` and ``vgg_frechet`` between true and generated pictures, and ``kid`` and ``fid`` where Inception saw them.

    Lower is better. The first two are for comparing the checkpoints of runs on the same validation pictures; they are neither KID nor
    FID, and figures of other works cannot be set against them. ``fid`` of a dozen pictures says little: its papers take thousands.

    Args:
        real, fake: what ``PictureFeatures`` gave, batch by batch; at least two pictures each.

    Raises:
        DataError: fewer pictures.
    """
    figures: dict[str, float] = {}
    for network, kernel, frechet in (("vgg", "vgg_kernel", "vgg_frechet"), ("inception", "kid", "fid")):
        if network in real[0]:
            x, y = (torch.cat([each[network] for each in side]) for side in (real, fake))
            figures |= {kernel: kernel_distance(x, y), frechet: frechet_distance(x.flatten(0, 1), y.flatten(0, 1))}
    return figures


def inception_is_there() -> bool:
    """Whether torch-fidelity is installed and its Inception weights lie in torch hub's cache."""
    return importlib.util.find_spec("torch_fidelity") is not None and (Path(torch.hub.get_dir()) / "checkpoints" / INCEPTION_FILE).is_file()


def _inception() -> nn.Module:
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    network: nn.Module = FeatureExtractorInceptionV3("inception-v3-compat", ["2048"])
    return network
