"""Pairs for ``img2img train translate``: samples, and what a translator makes of each."""

from img2img.errors import ConfigError, option
from img2img.images import Picture
from img2img.images.label import Label
from img2img.inference.runtime import Runtime
from img2img.tasks.translate.options import TranslateOptions
from img2img.tasks.translate.pipeline import TranslatePipeline


class Translator:
    """A model of translate, at work on samples with its usual options.

    Raises:
        ModelError: no such model, or one of another task. ConfigError: one that has to be told more than its name.
    """

    def __init__(self, model: str, runtime: Runtime) -> None:
        self.pipeline = TranslatePipeline.open(model, runtime)
        self.options = TranslateOptions()
        try:
            self.pipeline.check(self.options)
        except ConfigError as error:
            raise ConfigError(f"{option('pairs_with')} {model}: {error}; make its pictures with img2img translate") from error

    @property
    def label(self) -> Label:
        """What the files of its results say."""
        return self.pipeline.label_for(self.options)

    def __call__(self, sample: Picture) -> Picture:
        """The sample's partner, of its size.

        Raises:
            PictureError: the model does not take RGB pictures of 8 bits.
        """
        return self.pipeline(sample, self.options).picture
