"""Many pictures on several processes: the Ray engine against the local one, one worker against two, and the plan of a million names.

All runs of a figure take turns on the same pictures, model and cores; their files are compared byte for byte. The start of Ray, and the
opening of the model in its processes, are not counted: a run before warms them.
"""

import argparse
import os
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import typer

from img2img.batch.jobs import Job, Naming, plan
from img2img.batch.manifest import NAME
from img2img.batch.run import run
from img2img.batch.write import WriteOptions
from img2img.engines.ray_engine import Cluster, run_on_ray
from img2img.engines.worker import Setup, read_model_files, sha256_of
from img2img.inference.runtime import Runtime
from img2img.tasks.upscale.options import UpscaleOptions
from img2img.tasks.upscale.pipeline import UpscalePipeline

SAMPLES = Path(__file__).parents[1] / "samples"
MODEL = "upscale-2x-fidelity"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=24)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--cores", type=int, default=os.cpu_count())
    parser.add_argument("--names", type=int, help="only plan so many names")
    asked = parser.parse_args()
    if asked.names:
        plan_of(asked.names)
    else:
        engines(asked.pictures, asked.turns, asked.cores)


def engines(count: int, turns: int, cores: int) -> None:
    """Print the megapixels a second of each engine, medians of ``turns``."""
    import ray
    import torch

    torch.set_num_threads(cores)
    name, data = read_model_files(MODEL)
    options, write = UpscaleOptions(), WriteOptions()
    setup = Setup(UpscalePipeline, Runtime(device="cpu"), (options,), write, name, sha256_of(data))
    pipeline = UpscalePipeline.open(MODEL, Runtime(device="cpu"))
    quiet: Any = {"progress": lambda pixels, share: None, "check": lambda: None}

    def on_ray(jobs: list[Job], workers: int) -> Iterator[Any]:
        return run_on_ray(jobs, lambda: pipeline, write, setup, data, Cluster(workers=workers), **quiet)

    kinds: dict[str, Callable[[list[Job]], Iterator[Any]]] = {
        f"local, {cores} threads": lambda jobs: run(jobs, lambda: pipeline, write),
        f"ray, 1 worker of {cores} threads": partial(on_ray, workers=1),
        f"ray, {cores} workers of 1 thread": partial(on_ray, workers=cores),
    }
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init("local", num_cpus=cores, include_dashboard=False, log_to_driver=False)
    rates: dict[str, list[float]] = {kind: [] for kind in kinds}
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        (folder / "in").mkdir()
        for number in range(count):
            shutil.copy(SAMPLES / "coffee.png", folder / "in" / f"{number:04}.png")
        files: set[bytes] = set()
        for turn in range(turns + 1):
            for number, (kind, work) in enumerate(kinds.items()):
                out = folder / f"{turn}-{number}"
                jobs = [replace(job, options=options) for job in plan([str(folder / "in")], Naming(str(out)))]
                began = time.perf_counter()
                outcomes = list(work(jobs))
                seconds = time.perf_counter() - began
                assert {outcome.status for outcome in outcomes} == {"ok"}
                files |= {path.read_bytes() for path in out.iterdir() if path.name != NAME}
                if turn:
                    rates[kind].append(sum(width * height for width, height in (o.input_size for o in outcomes)) / 1e6 / seconds)
                shutil.rmtree(out)
    medians = {kind: statistics.median(each) for kind, each in rates.items()}
    base = next(iter(medians.values()))
    for kind, rate in medians.items():
        typer.echo(f"{kind}: {rate:.3f} megapixels/s, {100 * (base / rate - 1):+.1f} % time")
    typer.echo(f"results byte for byte the same: {'yes' if len(files) == 1 else f'no, {len(files)} kinds'}")


def plan_of(names: int) -> None:
    """Print what the plan of so many names takes; there are no files behind them."""
    listed = [f"{number:09}.jpg" for number in range(names)]
    walk = os.walk
    with tempfile.TemporaryDirectory() as folder:
        os.walk = lambda top, **options: iter([(str(top), [], listed)])  # type: ignore[assignment]
        before, began = _peak(), time.perf_counter()
        jobs = plan([folder], Naming(folder + "/out"), recursive=True)
        seconds = time.perf_counter() - began
        os.walk = walk
    typer.echo(f"{len(jobs):,} names: planned in {seconds:.1f} s, {_peak() - before:.0f} MB at the peak")


def _peak() -> float:
    """The most memory that this process had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


if __name__ == "__main__":
    main()
