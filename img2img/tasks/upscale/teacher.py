"""Distillation: a model that is better, or larger, says what an upscaler should make of a fixed set of crops."""

import hashlib
import logging
import time
from pathlib import Path
from zlib import crc32

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset

from img2img.data.crops import symmetry, textured_crop
from img2img.data.sampling import mix, seeded_rng, shuffled
from img2img.errors import ConfigError, DataError, cause_of, option
from img2img.images import to_levels
from img2img.inference.runtime import Runtime
from img2img.models import load_model
from img2img.tasks.upscale.config import TeacherConfig, UpscaleConfig
from img2img.tasks.upscale.data import UpscalePatches, degrade
from img2img.tasks.upscale.options import UpscaleOptions
from img2img.tasks.upscale.pipeline import UpscalePipeline

logger = logging.getLogger(__name__)

TOGETHER = 16  # crops that the teacher is given at once
SUM = 4  # bytes of the checksum before an output


class Teacher:
    """The upscaler ``name`` (whatever ``load_model`` takes) as a teacher of the training that ``config`` describes.

    Attributes:
        record: its name, its license and a hash of its weights, for the record of the run.

    Raises:
        ModelError: no such model. ConfigError: it does something else, says no license, or nothing can be learned from it.
    """

    def __init__(self, name: str, config: UpscaleConfig, device: str) -> None:
        model, asked = load_model(name), f"{option('teacher')} {name!r}"
        info, loss = model.info, config.loss
        if (info.task, info.scale) != ("upscale", config.scale):
            raise ConfigError(f"{asked} is a model for {info.task}, scale {info.scale}; expected one for upscale, scale {config.scale}")
        if not (found := info.license or config.teacher.license):
            raise ConfigError(
                f"{asked} does not say what license its weights have, which the record of a run names: give it as teacher.license, "
                "or 'unknown' for weights that you will not hand on"
            )
        if not loss.pixel_weight and not loss.lpips:
            raise ConfigError(f"{asked} teaches by loss.pixel_weight and loss.lpips, which are both 0")
        if config.teacher.share and config.adversary.feature_matching:
            raise ConfigError("adversary.feature_matching compares with the ground truth, which teacher.share leaves out: set either to 0")
        self.pipeline = UpscalePipeline(model, Runtime(device, config.training.precision))
        self.record = {"model": info.name, "license": found, "weights": self.pipeline.identity[:12]}

    def __call__(self, lr: Tensor) -> npt.NDArray[np.uint8]:
        """``lr`` (N, 3, h, w) in [0, 1] enlarged, (N, 3, h * scale, w * scale), on 8-bit levels."""
        return to_levels(self.pipeline.run(lr, UpscaleOptions())).to(torch.uint8).numpy()


class TaughtPatches(Dataset[dict[str, Tensor]]):
    """Patches of which a teacher has said what to make; sample ``i`` is a pure function of ``(seed, i)``.

    {"lr": (3, patch, patch), "hr", "teacher": (3, patch * scale, patch * scale), "known": ()}. ``known`` is False for the ``share`` of
    crops that were taken at their own size, and degraded, as low-resolution inputs: no ground truth exists of them, and ``hr`` is
    another crop of the picture, for an adversary. They are ``crops`` crops in an endless shuffled sequence, each time newly
    flipped and turned, as running the teacher costs more than a training step.

    The outputs are in a file in ``folder``, a record each: a checksum, then the pixels. Missing and damaged ones are made when this is,
    in groups that do not depend on what is missing; of ``world`` processes each makes a part, and all need to be done before a
    sample is read.

    Raises:
        DataError: the outputs cannot be written.
    """

    def __init__(
        self, patches: UpscalePatches, config: TeacherConfig, crops: int, teacher: Teacher, folder: Path, rank: int = 0, world: int = 1
    ) -> None:
        self.patches, self.share, self.crops = patches, config.share, crops
        self.side = patches.patch * patches.scale
        decides = (teacher.record["weights"], patches.pictures.state(), patches.patch, patches.degradation, patches.seed, config.share)
        self.path = folder / f"teacher-{hashlib.sha256(repr(decides).encode()).hexdigest()[:12]}.outputs"
        try:
            self._learn(teacher, rank, world)
        except OSError as error:
            raise DataError(
                f"cannot write the teacher's outputs into {str(self.path)!r}: {cause_of(error) or error}; they take "
                f"{self.crops * self._record_bytes / 1e6:,.0f} MB: make room, set fewer teacher.crops, or choose --run on another disk"
            ) from error

    def __getitem__(self, position: int) -> dict[str, Tensor]:
        seed = self.patches.seed
        number = shuffled(position, self.crops, mix(seed, 4))
        turn = int(torch.randint(8, (), generator=seeded_rng(seed, 5, position)))
        crop = {**self._crop(number), "teacher": self._output(number)}
        return {**{key: symmetry(x, turn) for key, x in crop.items()}, "known": torch.tensor(self._known(number))}

    @property
    def _record_bytes(self) -> int:
        return SUM + 3 * self.side**2

    def _known(self, number: int) -> bool:
        return float(torch.rand((), generator=seeded_rng(self.patches.seed, 6, number))) >= self.share

    def _crop(self, number: int) -> dict[str, Tensor]:
        """The crop ``number``: {"lr", "hr"}."""
        patches = self.patches
        if self._known(number):
            return patches[number]
        rng = seeded_rng(patches.seed, 7, number)
        index = shuffled(number, len(patches.pictures), patches.seed)
        hr = textured_crop(patches.pictures, index, self.side, rng)
        own = textured_crop(patches.pictures, index, patches.patch, rng, largest_shrink=1)
        return {"lr": degrade(own, 1, patches.degradation, rng), "hr": hr}

    def _output(self, number: int) -> Tensor:
        """What the teacher made of the crop ``number``."""
        shape, offset = (3, self.side, self.side), number * self._record_bytes + SUM
        return torch.from_numpy(np.array(np.memmap(self.path, np.uint8, "r", offset, shape))).float().div_(255)

    def _learn(self, teacher: Teacher, rank: int, world: int) -> None:
        groups = [range(start, min(start + TOGETHER, self.crops)) for start in range(0, self.crops, TOGETHER)][rank::world]
        self.path.touch()
        with open(self.path, "r+b") as file:

            def whole(number: int) -> bool:
                file.seek(number * self._record_bytes)
                found = file.read(self._record_bytes)
                return len(found) == self._record_bytes and int.from_bytes(found[:SUM], "little") == crc32(found[SUM:])

            missing = [group for group in groups if not all(map(whole, group))]
            if missing:
                logger.info("the teacher %s enlarges %d crops", teacher.record["model"], sum(map(len, missing)))
            told = time.monotonic()
            for done, group in enumerate(missing):
                if time.monotonic() > told + 60:
                    logger.info("%d of %d groups of crops", done, len(missing))
                    told = time.monotonic()
                outputs = teacher(torch.stack([self._crop(number)["lr"] for number in group]))
                file.seek(group[0] * self._record_bytes)
                for output in outputs:
                    pixels = output.tobytes()
                    file.write(crc32(pixels).to_bytes(SUM, "little") + pixels)
                file.flush()
