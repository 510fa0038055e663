"""The scheduler of ``--engine ray`` at the size of a billion pictures, with machines that fail: simulated, chunk by chunk.

    python benchmarks/cluster_simulation.py --chunks 5000000 --workers 1000 --days-between-failures 30
    python benchmarks/cluster_simulation.py --chunks 200000 --workers 100 --deadly 1e-5

Chunks take ten seconds on average. A machine of eight workers fails at random; what its workers were doing is lost, and handed out again as
``img2img.engines.chunks.after_loss`` says: that is the product's own code. ``--deadly`` is the share of pictures that kill any process
which works on them; such a process is started anew. Nothing is computed and nothing is written.
"""

import argparse
import heapq
import sys
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

from img2img.engines.chunks import SECONDS, TRIES, Chunk, after_loss

PER_MACHINE = 8
RESTART = 5.0  # seconds until a process that was killed works again
REPAIR = 600.0  # until a machine does


def simulate(chunks: int, pictures: int, workers: int, failures: float, deadly: float, seed: int) -> dict[str, float]:
    """Seconds until all is done, and what was lost; ``failures``: a machine's a second, ``pictures``: in a chunk."""
    random = Random(seed)
    events: list[tuple[float, int, int, bool, Chunk | None]] = []  # (when, order, worker, whether it ends well, what; None: it is back)
    again: list[Chunk] = []
    fails_at = [random.expovariate(failures) if failures else float("inf") for _ in range((workers + PER_MACHINE - 1) // PER_MACHINE)]
    begun, order, done, named, tries, now, lost = 0, 0, 0, 0, 0, 0.0, 0.0

    def start(worker: int, at: float) -> bool:
        """Give ``worker`` a chunk at the time ``at``; False where there is none left."""
        nonlocal begun, order, lost
        if again:
            chunk = again.pop()
        elif begun < chunks:
            begun += 1
            deaths = [place for place in range(pictures) if random.random() < deadly] if deadly else []
            chunk = Chunk([_picture(place in deaths) for place in range(pictures)] if deaths else _HARMLESS[:pictures])
        else:
            return False
        order += 1
        seconds = random.lognormvariate(-0.125, 0.5) * SECONDS * len(chunk.outcomes) / pictures
        kills = next((place for place, each in enumerate(chunk.outcomes) if each.kills), None) if deadly else None
        if kills is not None:
            seconds *= (kills + 0.5) / len(chunk.outcomes)
        machine = worker // PER_MACHINE
        while fails_at[machine] < at:  # it failed while it had nothing to do
            fails_at[machine] += random.expovariate(failures)
        end = at + seconds
        if fails_at[machine] < end:
            lost += fails_at[machine] - at
            heapq.heappush(events, (fails_at[machine], order, worker, False, chunk))
        else:
            heapq.heappush(events, (end, order, worker, kills is None, chunk))
        return True

    idle = [worker for worker in range(workers) if not start(worker, 0.0)]
    while events:
        now, _, worker, well, chunk = heapq.heappop(events)
        if chunk is None or well:
            done += len(chunk.outcomes) if chunk else 0
            if not start(worker, now):
                idle.append(worker)
            continue
        failed = now >= fails_at[worker // PER_MACHINE]
        tries += 1
        named += len(chunk.outcomes) == 1 and chunk.losses == TRIES - 1
        again.extend(after_loss(chunk))
        order += 1
        heapq.heappush(events, (now + (REPAIR if failed else RESTART), order, worker, False, None))
        while again and idle and start(idle[-1], now):
            idle.pop()
    return {"hours": now / 3600, "done": done, "named": named, "tries lost": tries, "hours lost": lost / 3600}


def _picture(kills: bool) -> Any:
    return SimpleNamespace(kills=kills, status="", error=None, job=SimpleNamespace(source=Path("picture.png")))


_HARMLESS: list[Any] = [_picture(False)] * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chunks", type=int, default=200_000)
    parser.add_argument("--pictures", type=int, default=20, help="in a chunk")
    parser.add_argument("--workers", type=int, default=1000)
    parser.add_argument("--days-between-failures", type=float, default=30.0, help="of one machine; 0: never")
    parser.add_argument("--deadly", type=float, default=0.0, help="share of pictures that kill their process")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    failures = 1 / (options.days_between_failures * 86400) if options.days_between_failures else 0.0
    found = simulate(options.chunks, options.pictures, options.workers, failures, options.deadly, options.seed)
    total = options.chunks * options.pictures
    ideal = options.chunks * SECONDS / options.workers / 3600
    missing = total - found["done"] - found["named"]
    sys.stdout.write(
        f"{total:,} pictures on {options.workers:,} workers: {found['hours']:.2f} hours, {ideal / found['hours']:.2%} of what they "
        f"could do without a loss; {found['tries lost']:,.0f} chunks lost their process, {found['hours lost']:.2f} hours done twice, "
        f"{found['named']:,.0f} pictures named, {missing:,.0f} missing\n"
    )


if __name__ == "__main__":
    main()
