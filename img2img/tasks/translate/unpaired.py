"""What the methods without pairs have in common: validation and previews without a ground truth."""

from abc import abstractmethod
from typing import Any

from torch import Tensor

from img2img.metrics import PictureFeatures, feature_distances
from img2img.tasks.translate.config import TranslateConfig
from img2img.tasks.translate.datasets import Datasets
from img2img.tasks.translate.objective import Translator, shown
from img2img.training import Images
from img2img.training.objective import Batch, HealthSample


class UnpairedTranslator(Translator):
    """The base of translators between two unpaired sets of pictures, in ``directions``.

    The figures are distances between real and generated validation pictures, as ``metrics.feature_distances`` says:
    averaged over the directions, and, where there are two, of each. The best checkpoint is that of the lowest ``vgg_kernel``. No
    validation item may come twice: a picture compared with itself would count as two that agree.

    Batches: {"a": (N, C, H, W), "b": (N, C', H', W')}, both in [0, 1].

    Raises:
        DataError: fewer than two validation items.
    """

    metric = "vgg_kernel"
    higher_is_better = False

    def __init__(self, config: TranslateConfig, name: str, datasets: Datasets) -> None:
        super().__init__(config, name, datasets)
        self.features = PictureFeatures()
        self.upsampling = upsampling(config)

    @abstractmethod
    def translate(self, x: Tensor, direction: str) -> Tensor:
        """``x`` (N, C, H, W) of A ("a2b") or of B ("b2a") translated to the other side."""

    def variants(self, x: Tensor, made: Tensor, direction: str) -> list[Tensor]:
        """The translations of ``x`` that a preview shows: ``made``, which ``translate`` gave, alone, or others."""
        return [made]

    def back(self, made: Tensor, x: Tensor, direction: str) -> Tensor:
        """``made``, to which ``direction`` has translated ``x``, on its way back to ``x``."""
        return self.translate(made, direction[::-1])

    def infer(self, batch: Batch) -> Images:
        return {way: self.translate(batch[way[0]], way) for way in self.directions}

    def validate(self, batch: Batch, images: Images) -> dict[str, Any]:
        row: dict[str, Any] = {}
        for way in self.directions:
            _, (target, spec) = self._ends(batch, way)
            row[way] = {"real": self.features(shown(target, spec)), "fake": self.features(shown(images[way], spec))}
        return row

    def summary(self, rows: list[dict[str, Any]]) -> dict[str, float]:
        found = {way: feature_distances([row[way]["real"] for row in rows], [row[way]["fake"] for row in rows]) for way in self.directions}
        figures = {key: sum(each[key] for each in found.values()) / len(found) for key in found[self.directions[0]]}
        if len(found) > 1:
            figures |= {f"{key}_{way}": value for way, each in found.items() for key, value in each.items()}
        return figures

    def preview(self, batch: Batch, images: Images) -> dict[str, Tensor]:
        columns: dict[str, Tensor] = {}
        for way in self.directions:
            (source, spec), (_, target_spec) = self._ends(batch, way)
            columns[way[0]] = shown(source, spec)
            for number, made in enumerate(self.variants(source, images[way], way)):
                columns[f"{way[0]} as {way[2]}" + (f", {number + 1}" if number else "")] = shown(made, target_spec)
            if len(self.directions) > 1:
                columns[f"{way[0]} again"] = shown(self.back(images[way], source, way), spec)
        height, width = (min(column.shape[axis] for column in columns.values()) for axis in (2, 3))
        return {name: column[..., :height, :width] for name, column in columns.items()}

    def health_sample(self, batch: Batch, images: Images) -> HealthSample:
        way = self.directions[0]
        (source, spec), (_, target_spec) = self._ends(batch, way)
        return HealthSample(shown(images[way], target_spec), None, shown(source, spec))

    def _ends(self, batch: Batch, way: str) -> Any:
        """((source pictures, their spec), (target pictures, their spec)) of the direction ``way``."""
        ends = ((batch["a"], self.a), (batch["b"], self.b))
        return ends if way == "a2b" else ends[::-1]


def upsampling(config: TranslateConfig) -> int:
    """The period of a checkerboard that the network could leave."""
    return 2 if "levels" in config.network or config.network.get("downsamplings") else 1
