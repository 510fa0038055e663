"""Training throughput compared with plain loops, in one run, by turns: ``python benchmarks/training.py [--data DIR]``."""

import itertools
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Annotated

import torch
import typer
from contests import CONTESTS, loaded_batches, ready_batches
from rich.table import Table

from img2img.data.sources import find_pictures
from img2img.evaluation.table import show
from img2img.evaluation.timing import Job, TimedProcess, by_turns, synchronize
from img2img.training import TrainerConfig
from img2img.training.allocator import keep_freed_memory
from img2img.training.distributed import make_fabric


@dataclass(frozen=True)
class Result:
    """Images a second of both sides, and the median, smallest and largest ratio of the turns: above 1, ours is faster."""

    name: str
    ours: float
    plain: float
    ratio: float
    lowest: float
    highest: float


def race(name: str, data: Path | None, cache: Path, *, device: str, turns: int, steps: int, batch: int) -> Result:
    """The result of the contest called ``name``: ``turns`` turns of ``steps`` steps each, after one that warms up and does not count.

    Each side has a process of its own, because an allocator's settings and a library's caches are a process's.

    Args:
        data: folder of photographs, for contests with loading.
        cache: folder for the decoded photographs of our side, which may be gigabytes; they are decoded before the clock starts.
    """
    ours = TimedProcess(f"{name}, ours", _prepare, name, True, data, cache, device, steps, batch)
    plain = TimedProcess(f"{name}, plain", _prepare, name, False, data, cache, device, steps, batch)
    with ours, plain:
        for process in (ours, plain):
            process.ready()
        found = by_turns({"ours": ours.turn, "plain": plain.turn}, turns)
    ratios = [theirs.seconds / own.seconds for own, theirs in zip(found["ours"], found["plain"], strict=True)]
    speeds = {side: steps * batch / median(turn.seconds for turn in taken) for side, taken in found.items()}
    return Result(name, speeds["ours"], speeds["plain"], median(ratios), min(ratios), max(ratios))


def _prepare(name: str, ours: bool, data: Path | None, cache: Path, device: str, steps: int, batch: int) -> Job:
    torch.manual_seed(0)
    config = TrainerConfig(device=device, batch=batch)
    contest, place = CONTESTS[name], make_fabric(config).device
    side = contest.sides(config)[0 if ours else 1]
    batches = loaded_batches(name, find_pictures(data), cache, batch, ours=ours) if contest.loading and data else ready_batches(name, batch)
    if ours:
        keep_freed_memory(place)

    def train() -> None:
        for one in itertools.islice(batches, steps):
            side.step({key: value.to(place) for key, value in one.items()})
        synchronize(place)

    return train


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    data: Annotated[Path | None, typer.Option(help="Folder of photographs: also runs the contests with their loading.")] = None,
    contest: Annotated[list[str] | None, typer.Option(help="Only this one, by name; may be repeated.")] = None,
    steps: Annotated[int, typer.Option(min=1, help="Steps in a turn.")] = 2,
    turns: Annotated[int, typer.Option(min=1, help="Turns of each side.")] = 3,
    batch: Annotated[int, typer.Option(min=1, help="Images in a step.")] = 8,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON in place of a table.")] = False,
) -> None:
    """Train with img2img and with loops as they are usually written, by turns, with the same networks, losses and batches."""
    found = []
    with tempfile.TemporaryDirectory() as cache:
        for name in _chosen(contest, data):
            found.append(race(name, data, Path(cache), device=device, turns=turns, steps=steps, batch=batch))
            typer.echo(f"{name}: {found[-1].ratio:.2f}", err=True)
    if as_json:
        typer.echo(json.dumps([asdict(result) for result in found], indent=2))
        return
    table = Table("", "ours, images/s", "plain, images/s", "ours / plain", "in the turns", title="above 1: ours is faster")
    for one in found:
        table.add_row(one.name, f"{one.ours:.2f}", f"{one.plain:.2f}", f"{one.ratio:.2f}", f"{one.lowest:.2f} to {one.highest:.2f}")
    show(table)


def _chosen(names: Sequence[str] | None, data: Path | None) -> Iterator[str]:
    possible = [name for name, contest in CONTESTS.items() if data or not contest.loading]
    for name in names or possible:
        if name not in possible:
            raise typer.BadParameter(f"{name!r} is none of {', '.join(possible)}" + ("" if data else "; some need --data"))
        yield name


if __name__ == "__main__":
    app()
