"""Schedules, the averaged weights and the report's parts."""

from pathlib import Path

import pytest
import torch
from torch import nn
from toy import Samples, Toy

from img2img.training import Images, Losses, TrainerConfig
from img2img.training.distributed import make_fabric
from img2img.training.dry_run import measure_steps
from img2img.training.ema import Ema
from img2img.training.events import Events
from img2img.training.history import History
from img2img.training.monitor import Monitor, grid
from img2img.training.objective import Batch
from img2img.training.report import chart, spread
from img2img.training.schedule import learning_rate_factor


@pytest.mark.parametrize(
    ("settings", "seen", "factor"),
    [
        ({"schedule": "constant"}, 70, 1.0),
        ({"schedule": "cosine"}, 0, 1.0),
        ({"schedule": "cosine"}, 50, 0.5),
        ({"schedule": "cosine"}, 100, 0.0),
        ({"schedule": "step", "milestones": (0.5, 0.75)}, 49, 1.0),
        ({"schedule": "step", "milestones": (0.5, 0.75)}, 50, 0.5),
        ({"schedule": "step", "milestones": (0.5, 0.75)}, 80, 0.25),
        ({"schedule": "constant", "warmup": 10}, 4, 0.5),
    ],
)
def test_learning_rate_by_hand(settings: dict, seen: int, factor: float) -> None:  # type: ignore[type-arg]
    assert learning_rate_factor(TrainerConfig(images=100, **settings), seen) == pytest.approx(factor)


def test_ema_by_hand() -> None:
    module = nn.Linear(1, 1, bias=False)
    nn.init.constant_(module.weight, 0.0)
    ema = Ema(module, decay=0.5)
    nn.init.constant_(module.weight, 11.0)
    ema.update(module)  # decay (1 + 1) / (10 + 1): 0 + 9 / 11 * 11
    assert ema.average["weight"].item() == pytest.approx(9.0)
    with ema.applied(module):
        assert module.weight.item() == pytest.approx(9.0)
    assert module.weight.item() == 11.0


def test_ema_without_decay_follows_at_once_and_takes_buffers_over() -> None:
    module = nn.BatchNorm2d(2)
    ema = Ema(module, decay=0.9)
    module.running_mean = torch.tensor([3.0, 4.0])
    ema.update(module)
    assert torch.equal(ema.average["running_mean"], torch.tensor([3.0, 4.0]))


def test_grid_has_a_row_for_each_picture_and_white_gaps() -> None:
    black = torch.zeros(3, 4, 6)
    sheet = grid([{"a": black, "b": black}, {"a": black}], gap=2)
    assert sheet.shape == (3, 12, 16)
    assert sheet[0, 0, 6] == 1
    assert sheet[0, 0, 0] == 0


def test_chart_draws_every_point_inside_the_frame(tmp_path: Path) -> None:
    history = History(tmp_path / "m.jsonl", 0)
    for images, value in ((10, 5.0), (20, 1.0), (30, 3.0)):
        history.append(images=images, loss=value)
    svg = chart(history, ["loss"], "a < b")
    points = [tuple(map(float, pair.split(","))) for pair in svg.split('points="')[1].split('"')[0].split()]
    assert len(points) == 3
    assert points[0][1] < points[2][1] < points[1][1]  # SVG counts downwards: the highest value has the smallest y
    assert "a &lt; b" in svg
    assert chart(history, ["absent"], "t") == ""


def test_spread_keeps_first_and_last() -> None:
    paths = [Path(str(i)) for i in range(100)]
    chosen = spread(paths, 5)
    assert (chosen[0], chosen[-1], len(chosen)) == (paths[0], paths[-1], 5)
    assert spread(paths[:3], 5) == paths[:3]


def test_ema_leaves_buffers_alone_that_are_no_part_of_the_state() -> None:
    module = nn.Linear(1, 1)
    module.register_buffer("scratch", torch.zeros(1), persistent=False)
    ema = Ema(module, 0.9)
    module.scratch += 1
    ema.update(module)
    with ema.applied(module):
        assert module.scratch.item() == 1


def test_dry_run_counts_lazy_penalties_as_often_as_a_run_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a clock that the objective moves: 1 s for a step, 8 s more for one with R1; 0.5 s for each sample."""
    now = [0.0]
    monkeypatch.setattr("img2img.training.dry_run.time.perf_counter", lambda: now[0])

    class Slow(Toy):
        def discriminator_losses(self, batch: Batch, images: Images) -> Losses:
            found = super().discriminator_losses(batch, images)
            now[0] += 9 if "r1" in found else 1
            return found

    class Costly(Samples):
        def __getitem__(self, index: int) -> Batch:
            now[0] += 0.5
            return super().__getitem__(index)

    for workers, seconds in ((0, 3 + 2), (1, 3), (4, 3)):  # 1 + 8 / 4 for a step, 4 x 0.5 for its samples
        config = TrainerConfig(images=100, batch=4, workers=workers, device="cpu")
        found = measure_steps(Slow(r1=0.1, penalty_every=4), Costly(), config, make_fabric(config))
        assert found.seconds_per_step == pytest.approx(3)
        assert found.seconds_per_sample == pytest.approx(0.5)
        assert found.images_per_second == pytest.approx(4 / seconds)


def test_the_share_of_time_that_steps_wait_for_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("img2img.training.monitor.time.monotonic", lambda: now[0])
    history = History(tmp_path / "metrics.jsonl", 0)
    monitor = Monitor(tmp_path, history, Events(tmp_path / "events.jsonl", 0), nn.Linear(1, 1), 0, 100)
    for seen, waited in ((4, 1.0), (8, 2.0)):
        monitor.stepped(seen, 4, {"generator/loss": torch.tensor(1.0)}, 0.1, waited=waited)
    now[0] += 4
    monitor.log(8)
    monitor.stepped(12, 4, {"generator/loss": torch.tensor(1.0)}, 0.1, waited=0.5)
    now[0] += 2
    monitor.log(12)
    monitor.close()
    assert history.series("speed") == [(8, 2.0), (12, 2.0)]
    assert history.series("waiting") == [(8, 0.75), (12, 0.25)]
