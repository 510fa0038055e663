"""A generator at work: a seed in, a picture out."""

import torch
from torch import Tensor

from img2img.errors import ConfigError, ModelError, option
from img2img.images import Frame, Picture, on_levels
from img2img.images.label import TRAINED
from img2img.inference.network import forward
from img2img.inference.pipeline import Pipeline, Progress
from img2img.inference.runtime import Result, Runtime
from img2img.models import Model
from img2img.networks import StyleGenerator
from img2img.tasks.generate.data import code
from img2img.tasks.generate.options import GenerateOptions

LAYERS = {"coarse": (0, 4), "middle": (4, 8), "fine": (8, 1000)}  # of the sizes 4 and 8, 16 and 32, and larger: two layers each


class GeneratePipeline(Pipeline[GenerateOptions]):
    """A generator. Each seed's picture is made by itself, so that it is the same, bit for bit, whatever else is made."""

    task = "generate"
    Options = GenerateOptions

    def __init__(self, model: Model, runtime: Runtime) -> None:
        super().__init__(model, runtime)
        self.latent, self.styled = model.info.in_channels, isinstance(model.network, StyleGenerator)
        self.classes = model.info.classes
        if len(self.classes) != (known := model.info.network.get("classes", 0)):
            raise ModelError(
                f"model {model.info.name!r} names {len(self.classes)} classes, but its network has {known}: the file is damaged"
            )

    def __call__(self, picture: Picture, options: GenerateOptions, *, progress: Progress | None = None) -> Result:
        raise ConfigError(f"model {self.model.info.name!r} makes pictures from nothing: ask for them by seed, with img2img generate")

    @property
    def digital_source(self) -> str:
        return TRAINED

    def check(self, options: GenerateOptions) -> None:
        for name, given in (("truncation", options.truncation != 1), ("mix", options.mix is not None)):
            if given and not self.styled:
                raise ConfigError(f"{option(name)} is for style generators, and model {self.model.info.name!r} has no styles")
        if options.class_name is not None and options.class_name not in self.classes:
            known = f"it makes {', '.join(self.classes)}" if self.classes else "it was trained without classes"
            raise ConfigError(f"{option('class')} {options.class_name!r} is unknown to model {self.model.info.name!r}: {known}")

    def sample(self, options: GenerateOptions) -> Picture:
        """The picture that ``options`` ask for, RGB of 8 bits, on their levels: what is made of it does not depend on whether it was saved.

        Raises:
            ConfigError: options that the generator does not have.
        """
        self.check(options)
        z = code(options.seed, self.latent)
        if options.to is not None:
            z = between(z, code(options.to, self.latent), options.share)
        conditions: dict[str, object] = {}
        if self.styled:
            conditions = {"truncation": options.truncation, "noise_seed": options.seed}
            if options.mix is not None:
                conditions |= {"other": code(options.mix.seed, self.latent)[None], "mixed": LAYERS[options.mix.layers]}
        if self.classes:
            place = options.seed % len(self.classes) if options.class_name is None else self.classes.index(options.class_name)
            conditions["label"] = torch.tensor([place])
        return Picture((Frame(on_levels(forward(self.network, z[None], conditions)[0].cpu())),))


def between(a: Tensor, b: Tensor, share: float) -> Tensor:
    """The code at ``share`` of the way from ``a`` to ``b``, along a great circle: codes of a normal distribution lie near a sphere.

    White 2016, "Sampling generative networks" (arXiv 1609.04468), section 2.1.
    """
    angle = torch.acos(torch.clamp(torch.sum(a / a.norm() * (b / b.norm())), -1, 1))
    if float(torch.sin(angle)) < 1e-4:
        return torch.lerp(a, b, share)
    return (torch.sin((1 - share) * angle) * a + torch.sin(share * angle) * b) / torch.sin(angle)
