"""Stylization by a network: one pass, whatever the style."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from img2img.inference.engine import Engine, joined
from img2img.recent import Recent
from img2img.tasks.stylize.color import prepared
from img2img.tasks.stylize.options import StylizeOptions
from img2img.tasks.stylize.style_images import StyleImage

STYLE_SIDE = 192  # pixels of the shorter side at which a style picture is looked at: strokes are those of a painting of twice that


class FastMethod:
    """One request to a ``networks.Stylizer``. Several styles are one: the weighted mean of their codes (Huang & Belongie 2017,
    arXiv 1703.06868, section 7.2 mix features likewise). With a mask for each the network runs once a style, and the results are blended.

    A large picture in tiles has one code and one set of statistics, so that its tiles are painted alike.

    Args:
        network: what ``engine`` runs; encodes styles. codes: of styles seen before, shared by requests.
    """

    notes: tuple[str, ...] = ()
    complete = True

    def __init__(self, engine: Engine, network: nn.Module, options: StylizeOptions, codes: Recent[str, Tensor]) -> None:
        self.engine, self.network, self.options, self.codes = engine, network, options, codes

    def painted(self, content: Tensor, styles: Sequence[StyleImage], masks: Sequence[Tensor], shown: Callable[[Tensor], Tensor]) -> Tensor:
        side = round(STYLE_SIDE * self.options.style_scale)
        looks = [style.with_shorter_side(side).pixels for style in styles]
        pairs = [prepared(content, look, self.options.preserve_color) for look in looks or [content]]
        target = pairs[0][0]
        if not styles:
            return self._passed(target, {})
        codes = torch.stack([self._encoded(look) for _, look in pairs])  # (styles, 1, style_dim)
        weights = torch.tensor([style.weight for style in styles])
        if len(masks) < 2:
            return self._passed(target, {"style": torch.einsum("s,snd->nd", (weights / weights.sum()).to(codes), codes)})
        shares = torch.stack([weight * mask for weight, mask in zip(weights, masks, strict=True)])
        shares /= shares.sum(0).clamp_min(torch.finfo(shares.dtype).tiny)
        made = torch.zeros_like(target)
        for share, code in zip(shares, codes, strict=True):
            made += share * self._passed(target, {"style": code})
        return made

    def _passed(self, x: Tensor, conditions: dict[str, Any]) -> Tensor:
        """What the network gives for ``x`` (3, H, W) with a style code (1, style_dim), if any."""
        height, width = x.shape[1:]
        return joined(self.engine.bands(lambda top, bottom: x[None, :, top:bottom], (height, width), (1, 3), conditions=conditions))[0]

    def _encoded(self, look: Tensor) -> Tensor:
        """The code of the style picture ``look`` (3, h, w), (1, style_dim)."""
        return self.codes.get(StyleImage(look).identity, lambda: self._encode(look))

    @torch.inference_mode()
    def _encode(self, look: Tensor) -> Tensor:
        code: Tensor = self.network.encode_style(look[None].to(self.engine.network.device))  # type: ignore[operator]
        return code.float()
