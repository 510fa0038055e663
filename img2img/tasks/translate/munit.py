"""Unpaired translation in both directions with a choice of styles (MUNIT)."""

import torch
from torch import Tensor

from img2img import losses
from img2img.data.sampling import seeded_rng
from img2img.tasks.translate.bidirectional import SharedNetworkTranslator
from img2img.training import Images, Losses
from img2img.training.objective import Batch

PREVIEW_STYLES = 3


class MunitObjective(SharedNetworkTranslator):
    """Contents are translated with styles drawn from the prior; pictures, contents and styles must come back unchanged.

    Huang et al. 2018 (arXiv 1804.04732): reconstruction of pictures (eq. 1), of contents (eq. 2) and of styles (eq. 3), and the
    adversarial losses of the translations (eq. 4). With a weight, style-augmented cycle consistency, which they use for some data, and
    the mode seeking of Mao et al. 2019 (arXiv 1903.05628), for which each content is translated with a second style.
    """

    def generate(self, batch: Batch) -> Images:
        network, loss = self.translator, self.config.loss
        images: Images = {}
        for source, target in (("a", "b"), ("b", "a")):
            x = batch[source]
            content, style = network.encode_content(x, source), network.encode_style(x, source)
            drawn = self.draw(x)
            fake = network.decode(content, drawn, target)
            content_again = network.encode_content(fake, target)
            images |= {
                f"idt_{source}": network.decode(content, style, source),
                f"fake_{target}": fake,
                f"content_{source}": content,
                f"content_{source}_again": content_again,
                f"style_{target}": drawn,
                f"style_{target}_again": network.encode_style(fake, target),
            }
            if loss.cycle:
                images[f"rec_{source}"] = network.decode(content_again, style, source)
            if loss.mode_seeking:
                second = self.draw(x)
                images |= {f"second_style_{target}": second, f"second_fake_{target}": network.decode(content, second, target)}
        return images

    def generator_losses(self, batch: Batch, images: Images) -> Losses:
        loss = self.config.loss
        result = self.adversarial_losses(batch, images)
        for side in ("a", "b"):
            if loss.identity:
                result[f"reconstruction_{side}"] = loss.identity * losses.l1(images[f"idt_{side}"], batch[side])
            if loss.content:
                result[f"content_{side}"] = loss.content * losses.l1(images[f"content_{side}_again"], images[f"content_{side}"])
            if loss.style:
                result[f"style_{side}"] = loss.style * losses.l1(images[f"style_{side}_again"], images[f"style_{side}"])
            if loss.cycle:
                result[f"cycle_{side}"] = loss.cycle * losses.l1(images[f"rec_{side}"], batch[side])
            if loss.mode_seeking:
                pictures = images[f"fake_{side}"], images[f"second_fake_{side}"]
                styles = images[f"style_{side}"], images[f"second_style_{side}"]
                result[f"mode_seeking_{side}"] = loss.mode_seeking * losses.mode_seeking(*pictures, *styles)
        return result

    def draw(self, x: Tensor) -> Tensor:
        """A style for each of the pictures ``x``, from the prior N(0, 1), by the global generator of their device."""
        return torch.randn(len(x), self.translator.style_dim, device=x.device)

    def back(self, made: Tensor, x: Tensor, direction: str) -> Tensor:
        back: Tensor = self.translator(made, direction[::-1], self.translator.encode_style(x, direction[0]))
        return back

    def variants(self, x: Tensor, made: Tensor, direction: str) -> list[Tensor]:
        styles = torch.randn(PREVIEW_STYLES, 1, self.translator.style_dim, generator=seeded_rng(0)).to(x.device)
        return [self.translator(x, direction, style) for style in styles]
