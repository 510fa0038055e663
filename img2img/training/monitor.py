"""What a run shows while it goes on: a progress bar, TensorBoard, rows in the history, preview pictures."""

import logging
import sys
import time
from pathlib import Path

import torch
from PIL import Image
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, nn

from img2img import images
from img2img.files import atomic_path
from img2img.training.events import Events
from img2img.training.health import Alarm
from img2img.training.history import History

logger = logging.getLogger(__name__)


class Monitor:
    """Collects losses without waiting for the device: they are summed where they are and read every few steps."""

    def __init__(self, run: Path, history: History, events: Events, generators: nn.Module, images_seen: int, images_planned: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.run, self.history, self.events, self.generators, self.planned = run, history, events, generators, images_planned
        self.board = SummaryWriter(str(run / "tensorboard"), purge_step=images_seen)
        self.sums: dict[str, Tensor] = {}
        self.counts: dict[str, int] = {}
        self.images, self.skipped, self.since, self.waited, self.learning_rate = 0, 0, time.monotonic(), 0.0, 0.0
        self.weights = self._weights()
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

    def stepped(
        self,
        images_seen: int,
        step_images: int,
        figures: dict[str, Tensor],
        learning_rate: float,
        *,
        waited: float = 0.0,
        skipped: bool = False,
    ) -> None:
        """Take note of one step, that ``waited`` so many seconds for its samples; the figures of a skipped one would spoil the means."""
        if skipped:
            self.skipped += 1
        else:
            for key, value in figures.items():
                self.sums[key] = self.sums[key] + value if key in self.sums else value.clone()
                self.counts[key] = self.counts.get(key, 0) + 1
        self.images += step_images
        self.waited += waited
        self.learning_rate = learning_rate
        self.progress.update(self.task, completed=images_seen)

    def log(self, images_seen: int) -> dict[str, float]:
        """Write the mean figures since the last call, each over the steps that had it; {} when there was no step."""
        if not self.images:
            return {}
        means = {key: float(value) / self.counts[key] for key, value in self.sums.items()}
        seconds = max(time.monotonic() - self.since, 1e-9)
        speed, waiting = self.images / seconds, self.waited / seconds
        text = "  ".join(f"{key} {value:.4f}" for key, value in means.items())
        before, self.weights = self.weights, self._weights()
        means["generator/change"] = float((self.weights - before).norm() / self.weights.norm().clamp_min(1e-12))
        means["skipped"] = self.skipped
        pace = {"speed": speed, "waiting": waiting, "learning_rate": self.learning_rate}
        self.history.append(images=images_seen, **pace, **means)
        for key, value in {**means, **pace}.items():
            self.board.add_scalar(key, value, images_seen)
        self.progress.update(self.task, completed=images_seen, speed=speed, losses=text)
        if self.progress.disable:
            left = (self.planned - images_seen) / speed / 60
            logger.info(
                "%d/%d images, %.1f images/s (%.0f %% of the time waiting for samples), %.0f min left: %s",
                *(images_seen, self.planned, speed, 100 * waiting, left, text),
            )
        self._forget()
        return means

    def alarm(self, alarm: Alarm) -> None:
        """Show ``alarm`` in the terminal and in TensorBoard, and keep it."""
        self.events.append(alarm)
        self.board.add_text(f"alarm/{alarm.kind}", f"{alarm.saw} {alarm.advice}", alarm.images)
        logger.warning("%s, at %d images (since %d): %s. %s", alarm.kind, alarm.images, alarm.since, alarm.saw, alarm.advice)

    def rolled_back(self, images_seen: int) -> None:
        """Forget what came after ``images_seen``."""
        self.history.cut(images_seen)
        self._forget()
        self.weights = self._weights()

    def _forget(self) -> None:
        self.sums, self.counts, self.images, self.skipped, self.since, self.waited = {}, {}, 0, 0, time.monotonic(), 0.0

    def _weights(self) -> Tensor:
        return torch.cat([parameter.detach().flatten() for parameter in self.generators.parameters()])

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
