"""Jobs on a Ray cluster: this process plans and gathers, stateless tasks compute. The one place that imports Ray."""

import contextlib
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from img2img.batch.decide import Decisions
from img2img.batch.jobs import Job
from img2img.batch.outcome import Outcome, area
from img2img.batch.run import Progress
from img2img.batch.write import AnyPipeline, WriteOptions
from img2img.engines.chunks import Chunk, Chunks, after_loss
from img2img.engines.worker import Done, Files, Setup, pipeline_of, work
from img2img.errors import ConfigError, EngineError, Img2ImgError, option
from img2img.storage.url import absolute, place

log = logging.getLogger(__name__)

INSTALL = 'pip install "img2img-toolkit[ray]"'
PATIENCE = 0.2  # seconds between looks for a signal
GRACE = 15  # seconds for what is being written when the command is interrupted


@dataclass(frozen=True)
class Cluster:
    """Which cluster: ``address`` as Ray takes it (None: that of RAY_ADDRESS, else one of this machine's, for this command alone), and
    with how many processes at once (None: one for each GPU, or for each core where there is none).
    """

    address: str | None = None
    workers: int | None = None


@dataclass(frozen=True)
class _Slots:
    """What a task asks for, how many run at once, and how many may be under way."""

    cpus: int
    gpus: int
    window: int


def run_on_ray(
    jobs: Sequence[Job],
    open_: Callable[[], AnyPipeline],
    options: WriteOptions,
    setup: Setup,
    model: Files,
    cluster: Cluster,
    *,
    progress: Progress,
    check: Callable[[], None],
) -> Iterator[Outcome]:
    """The outcomes of ``jobs`` as they come, as ``batch.run.run`` gives them, and the same files. Leaving early leaves no partial file.

    Args:
        open_: opens the pipeline here, for decisions alone. setup, model: what other machines open: all but its identity, and its files.
        check: called often; raises where the command is to end.

    Raises:
        EngineError: Ray is not installed, or the cluster cannot be reached or does not fit.
    """
    ray = _import()
    with _connected(ray, cluster):
        slots = _slots(ray, cluster.workers, setup.runtime.device)
        run = _Run(ray, slots, setup, ray.put(model), progress, check)
        try:
            decisions = Decisions(jobs, open_, options, run.identity())
            yield from run.all(decisions, jobs)
        except ray.exceptions.RayError as error:
            raise EngineError(f"Ray: {str(error).strip().splitlines()[-1]}") from error
        finally:
            run.cancel()


class _Run:
    def __init__(self, ray: Any, slots: _Slots, setup: Setup, model: Any, progress: Progress, check: Callable[[], None]) -> None:
        self.ray, self.slots, self.setup, self.model, self.progress, self.check = ray, slots, setup, model, progress, check
        # Lost tasks are submitted again here and not by Ray, which would try one for ever that kills each process: see ``after_loss``.
        how = {"max_retries": 0, "max_calls": 0, "num_cpus": slots.cpus, "num_gpus": slots.gpus}
        self._work, self._describe = ray.remote(**how)(_work), ray.remote(**how)(_describe)
        e = ray.exceptions
        self._losses = (e.WorkerCrashedError, e.NodeDiedError, e.OutOfMemoryError, e.ObjectLostError)
        self.flying: dict[Any, Chunk] = {}
        self.chunks = Chunks()

    def identity(self) -> str:
        """The pipeline's, as the cluster opens it; that it can be opened at all is found before anything is planned."""
        for left in (2, 1, 0):
            reference = self._describe.remote(self.setup, [self.model])
            while not self.ray.wait([reference], timeout=PATIENCE)[0]:
                self.check()
            try:
                identity: str = self._get(reference)
                break
            except self._losses:
                if not left:
                    raise
        self.setup = replace(self.setup, identity=identity)
        return identity

    def all(self, decisions: Decisions, jobs: Sequence[Job]) -> Iterator[Outcome]:
        """The outcomes of ``jobs``."""
        for job in jobs:
            self.check()
            outcome = decisions.begin(job)
            if outcome.status != "ok":
                self.progress(0, 1)
                yield outcome
            elif chunk := self.chunks.add(outcome):
                self._submit(chunk)
                while len(self.flying) >= self.slots.window:
                    yield from self._some(decisions)
        if chunk := self.chunks.rest():
            self._submit(chunk)
        while self.flying:
            yield from self._some(decisions)

    def cancel(self) -> None:
        """End what is under way; pictures that are being written are finished."""
        for reference in self.flying:
            self.ray.cancel(reference, force=False)
        if self.flying:
            self.ray.wait(list(self.flying), num_returns=len(self.flying), timeout=GRACE)

    def _submit(self, chunk: Chunk) -> None:
        outcomes = [replace(outcome, job=_absolute(outcome.job)) for outcome in chunk.outcomes]
        self.flying[self._work.remote(self.setup, [self.model], outcomes)] = chunk

    def _some(self, decisions: Decisions) -> Iterator[Outcome]:
        """The outcomes of the chunk that ends next, if one does within ``PATIENCE``."""
        ready, _ = self.ray.wait(list(self.flying), timeout=PATIENCE)
        self.check()
        for reference in ready:
            chunk = self.flying.pop(reference)
            try:
                done: Done = self._get(reference)
            except self._losses as error:
                log.debug("a chunk of %d pictures was lost: %s", len(chunk.outcomes), error)
                yield from self._lost(chunk, decisions)
                continue
            self.chunks.learn(chunk.pixels, done.seconds)
            decisions.strange |= done.strange
            for name, level, text in done.messages:
                logging.getLogger(name).log(level, "%s", text)
            for made, given in zip(done.outcomes, chunk.outcomes, strict=True):
                yield self._told(replace(made, job=given.job))

    def _lost(self, chunk: Chunk, decisions: Decisions) -> Iterator[Outcome]:
        """What was made before the process died, and the rest once more."""
        left = []
        for outcome in chunk.outcomes:
            now = decisions.begin(outcome.job)
            if now.status == "ok":
                left.append(now)
            else:
                yield self._told(replace(now, status="ok") if now.status == "skipped" else now)
        if not left:
            return
        rest = Chunk(left, chunk.losses)
        again = after_loss(rest)
        for each in again:
            self._submit(each)
        if not again:
            yield from map(self._told, rest.outcomes)

    def _told(self, outcome: Outcome) -> Outcome:
        self.progress(area(outcome), 1)
        return outcome

    def _get(self, reference: Any) -> Any:
        try:
            return self.ray.get(reference)
        except self.ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, Img2ImgError):
                raise error.cause from error
            raise


def _work(setup: Setup, model: list[Any], outcomes: list[Outcome]) -> Done:
    """Runs on the cluster. The model stands in a list so that Ray does not fetch it where it is open."""
    return work(setup, lambda: _import().get(model[0]), outcomes)


def _describe(setup: Setup, model: list[Any]) -> str:
    """Runs on the cluster."""
    return pipeline_of(setup, lambda: _import().get(model[0])).identity


def _absolute(job: Job) -> Job:
    source, target, folder = (place(absolute(path)) for path in (job.source, job.target, job.folder))
    return replace(job, source=source, target=target, folder=folder)


def _import() -> Any:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # as Ray will do, and warns until then
    try:
        import ray
    except ModuleNotFoundError as error:
        raise EngineError(f"{option('engine')} ray needs its extra: {INSTALL}") from error
    return ray


@contextlib.contextmanager
def _connected(ray: Any, cluster: Cluster) -> Iterator[None]:
    """Inside, a cluster is there; one that was there before stays."""
    if ray.is_initialized():
        yield
        return
    address = cluster.address or os.environ.get("RAY_ADDRESS") or "local"
    own: dict[str, Any] = {"include_dashboard": False} if address == "local" else {}
    try:
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR, configure_logging=False, **own)
    except (ConnectionError, ValueError, RuntimeError, OSError, ray.exceptions.RayError) as error:
        raise EngineError(f"no Ray cluster at {address!r}: {str(error).splitlines()[0]}") from error
    try:
        yield
    finally:
        ray.shutdown()


def _slots(ray: Any, workers: int | None, device: str) -> _Slots:
    """What tasks ask for: a GPU each where there are any, else the cores of the cluster shared evenly among ``workers``."""
    if device not in ("auto", "cpu", "cuda"):
        raise ConfigError(
            f"{option('device')} {device!r} names a device of one machine; with {option('engine')} ray it is auto, cpu or cuda"
        )
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    gpus = sum(int(node.get("GPU", 0)) for node in nodes) if device != "cpu" else 0
    if device == "cuda" and not gpus:
        raise EngineError(f"the Ray cluster has no GPU; {option('device')} auto takes what it has")
    cores = [int(node.get("CPU", 0)) for node in nodes if node.get("CPU", 0) >= 1]
    if not gpus and not cores:
        raise EngineError("the Ray cluster has neither GPUs nor CPU cores for tasks")
    cpus = max(min(sum(cores) // workers, *cores), 1) if workers and not gpus else 1
    capacity = gpus or sum(count // cpus for count in cores)
    return _Slots(cpus, int(bool(gpus)), workers if workers and workers < capacity else 2 * capacity)
