"""Stylization by a network: one pass, whatever the style."""

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor

from img2img.models import Model
from img2img.tasks.stylize.color import PreserveColor, prepared
from img2img.tasks.stylize.options import Wish
from img2img.tasks.stylize.pipeline import Shown, Stylization
from img2img.tasks.stylize.style_images import StyleImage

STYLE_SIDE = 192  # pixels of the shorter side at which a style picture is looked at: strokes are those of a painting of twice that


class FastStylization(Stylization):
    """A ``networks.Stylizer`` on a device. Several styles are one: the weighted mean of their codes (Huang & Belongie 2017,
    arXiv 1703.06868, section 7.2 mix features likewise). With a mask for each the network runs once a style, and the results are blended.

    A large picture in tiles has one code and one set of statistics, so that its tiles are painted alike.
    """

    def __init__(self, model: Model, paintings: Sequence[StyleImage], wish: Wish, **options: Any) -> None:
        self.style_side = round(STYLE_SIDE * wish.style_scale)
        super().__init__(model, [painting.with_shorter_side(self.style_side) for painting in paintings], wish, **options)
        self._code: Tensor | None = None
        self._known: dict[int, Tensor] = {}

    def painted(self, content: Tensor, paintings: Sequence[StyleImage], masks: Sequence[Tensor], shown: Shown) -> Tensor:
        preserve = cast(PreserveColor, self.wish.preserve)
        pairs = [prepared(content, look, preserve) for look in [painting.pixels for painting in paintings] or [content]]
        target = pairs[0][0]
        if not paintings:
            return self._passed(target, None)
        codes = torch.stack([self._encoded(look) for _, look in pairs])  # (styles, 1, style_dim)
        weights = torch.tensor([painting.weight for painting in paintings])
        if len(masks) < 2:
            return self._passed(target, torch.einsum("s,snd->nd", (weights / weights.sum()).to(codes), codes))
        shares = torch.stack([weight * mask for weight, mask in zip(weights, masks, strict=True)])
        shares /= shares.sum(0).clamp_min(torch.finfo(shares.dtype).tiny)
        made = torch.zeros_like(target)
        for share, code in zip(shares, codes, strict=True):
            made += share * self._passed(target, code)
        return made

    def _passed(self, x: Tensor, code: Tensor | None) -> Tensor:
        """What the network gives for ``x`` (3, H, W) with the style ``code`` (1, style_dim)."""
        self._code = code
        height, width = x.shape[1:]
        bands = self._network_bands(lambda top, bottom: x[None, :, top:bottom], (height, width), torch.Size((1, 3)), _clamped, 4)
        return torch.cat([band[0] for band in bands], dim=1)

    @torch.inference_mode()
    def _encoded(self, look: Tensor) -> Tensor:
        """The code of the style picture ``look`` (3, h, w), (1, style_dim); of those that never change it is found once."""
        known = self._known.get(id(look))
        if known is None:
            known = self.model.network.encode_style(look[None].to(self.device)).float()  # type: ignore[operator]
            if any(look is painting.pixels for painting in self.paintings):
                self._known[id(look)] = known
        return known

    def _network(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.model.network(x) if self._code is None else self.model.network(x, self._code))


def _clamped(piece: Tensor) -> Tensor:
    return piece.clamp(0, 1)
