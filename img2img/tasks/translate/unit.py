"""Unpaired translation in both directions through one latent space (UNIT)."""

from torch import Tensor

from img2img import losses
from img2img.tasks.translate.bidirectional import SharedNetworkTranslator
from img2img.training import Images, Losses
from img2img.training.objective import Batch


class UnitObjective(SharedNetworkTranslator):
    """Two variational autoencoders and two discriminators; what is translated there and back must come back unchanged.

    Liu et al. 2017 (arXiv 1703.00848), section 3: each side's reconstruction and the code's divergence from the prior (the VAE's loss),
    the adversarial losses of the translations, and cycle consistency, which has the divergences of the codes of both ways, so that the
    first one counts twice. Deviation: distances and divergences are per pixel and per element of the code, so that no weight depends
    on the size.
    """

    def generate(self, batch: Batch) -> Images:
        network = self.translator
        images: Images = {}
        for source, target in (("a", "b"), ("b", "a")):
            mean = network.encode(batch[source], source)
            code = network.sample(mean)
            fake = network.decode(code, target)
            mean_of_fake = network.encode(fake, target)
            images |= {
                f"mean_{source}": mean,
                f"idt_{source}": network.decode(code, source),
                f"fake_{target}": fake,
                f"mean_fake_{target}": mean_of_fake,
                f"rec_{source}": network.decode(network.sample(mean_of_fake), source),
            }
        return images

    def generator_losses(self, batch: Batch, images: Images) -> Losses:
        loss = self.config.loss
        result = self.adversarial_losses(batch, images)
        for side in ("a", "b"):
            if loss.identity:
                result[f"reconstruction_{side}"] = loss.identity * losses.l1(images[f"idt_{side}"], batch[side])
            if loss.cycle:
                result[f"cycle_{side}"] = loss.cycle * losses.l1(images[f"rec_{side}"], batch[side])
            if loss.kl:
                result[f"kl_{side}"] = loss.kl * 2 * divergence(images[f"mean_{side}"])
                result[f"kl_fake_{side}"] = loss.kl * divergence(images[f"mean_fake_{side}"])
        return result


def divergence(mean: Tensor) -> Tensor:
    """The Kullback-Leibler divergence of normal codes of unit variance from the standard normal, per element of the code; a scalar.

    KL(N(m, 1) || N(0, 1)) = m^2 / 2 (Kingma & Welling 2014, arXiv 1312.6114, appendix B, with the variance 1).
    """
    return mean.float().square().mean() / 2
