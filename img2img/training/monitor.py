"""What a run shows while it goes: a progress line, TensorBoard, rows in the history, preview pictures."""

import logging
import sys
import time
from pathlib import Path

import torch
from PIL import Image
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor

from img2img import images
from img2img.files import atomic_path
from img2img.training.history import History

logger = logging.getLogger(__name__)


class Monitor:
    """Collects losses without waiting for the device: they are summed where they are and read every few steps."""

    def __init__(self, run: Path, history: History, images_seen: int, images_planned: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.run, self.history, self.planned = run, history, images_planned
        self.board = SummaryWriter(str(run / "tensorboard"), purge_step=images_seen)
        self.sums: dict[str, Tensor] = {}
        self.steps, self.images, self.since, self.learning_rate = 0, 0, time.monotonic(), 0.0
        self.progress = Progress(
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("images  {task.fields[speed]:.1f} images/s"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[losses]}"),
            console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
        )
        self.task = self.progress.add_task("", total=images_planned, completed=images_seen, speed=0.0, losses="")
        self.progress.start()

    def stepped(self, images_seen: int, step_images: int, losses: dict[str, Tensor], learning_rate: float) -> None:
        """Take note of one step."""
        for key, value in losses.items():
            self.sums[key] = self.sums[key] + value if key in self.sums else value.clone()
        self.steps += 1
        self.images += step_images
        self.learning_rate = learning_rate
        self.progress.update(self.task, completed=images_seen)

    def log(self, images_seen: int) -> None:
        """Write the mean losses since the last call."""
        if not self.steps:
            return
        means = {key: float(value) / self.steps for key, value in self.sums.items()}
        speed = self.images / max(time.monotonic() - self.since, 1e-9)
        self.history.append(images=images_seen, speed=speed, learning_rate=self.learning_rate, **means)
        for key, value in {**means, "speed": speed, "learning_rate": self.learning_rate}.items():
            self.board.add_scalar(key, value, images_seen)
        text = "  ".join(f"{key} {value:.4f}" for key, value in means.items())
        self.progress.update(self.task, speed=speed, losses=text)
        if self.progress.disable:
            left = (self.planned - images_seen) / speed / 60
            logger.info("%d/%d images, %.1f images/s, %.0f min left: %s", images_seen, self.planned, speed, left, text)
        self.sums, self.steps, self.images, self.since = {}, 0, 0, time.monotonic()

    def validated(self, images_seen: int, figures: dict[str, float], preview: list[dict[str, Tensor]]) -> None:
        """Write a validation's figures and its preview grid."""
        self.log(images_seen)
        columns = " | ".join(preview[0])
        self.history.append(images=images_seen, columns=columns, **{f"validation/{key}": value for key, value in figures.items()})
        for key, value in figures.items():
            self.board.add_scalar(f"validation/{key}", value, images_seen)
        sheet = grid(preview)
        self.board.add_image("preview", sheet, images_seen)
        with atomic_path(self.run / "previews" / f"{images_seen:010d}.png") as temporary:
            Image.fromarray(images.quantize(sheet, 8)).save(temporary)
        logger.info("validation at %d images: %s", images_seen, "  ".join(f"{key} {value:.4f}" for key, value in figures.items()))
        self.since = time.monotonic()  # validation does not count as training speed

    def close(self) -> None:
        """End the progress line and flush TensorBoard."""
        self.progress.stop()
        self.board.close()


def grid(rows: list[dict[str, Tensor]], gap: int = 4) -> Tensor:
    """One (3, H, W) picture of rows of equally named pictures, white between them; rows may differ in size."""
    strips = [torch.cat([torch.nn.functional.pad(x.clamp(0, 1), (0, gap), value=1.0) for x in row.values()], dim=2) for row in rows]
    width = max(strip.shape[2] for strip in strips)
    return torch.cat([torch.nn.functional.pad(strip, (0, width - strip.shape[2], 0, gap), value=1.0) for strip in strips], dim=1)
