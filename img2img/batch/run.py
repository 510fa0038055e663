"""Many pictures: read, computed and written at once, so that the processor never waits for a disk."""

import contextlib
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from img2img import images
from img2img.batch.jobs import Job
from img2img.batch.manifest import Record, fingerprint, input_state, same_content
from img2img.batch.write import AnyPipeline, Strip, WriteOptions, goes_in_bands, one_ahead, signed, write_bands
from img2img.errors import Img2ImgError, PictureError, is_out_of_memory, option
from img2img.files import atomic_path, check_writable
from img2img.images import Picture
from img2img.images.formats import FORMATS
from img2img.images.probe import Probe
from img2img.inference.pipeline import Stream
from img2img.inference.runtime import Result

Progress = Callable[[int, float], None]
READ_AHEAD = 4
READ_AHEAD_PIXELS = 50_000_000
WRITE_BEHIND = 2
LESS_MEMORY = f"give a smaller {option('tile')}, a smaller picture, or close other programs"


@dataclass
class Outcome:
    """What became of a job; sizes are (width, height) of the first frame, ``notes`` what the format could not hold."""

    job: Job
    status: Literal["ok", "skipped", "failed"] = "ok"
    input_size: tuple[int, int] | None = None
    output_size: tuple[int, int] | None = None
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    error: Img2ImgError | None = None
    key: str = ""  # what the record says the output was made with
    touched: bool = True  # as of the pipeline's result
    doubtful: bool = False  # whether an output is there that may be ours, though the record has lost it


def run(
    jobs: Sequence[Job], open_: Callable[[], AnyPipeline], options: WriteOptions, *, progress: Progress = lambda pixels, share: None
) -> Iterator[Outcome]:
    """The outcomes of ``jobs``, in their order. A job that fails with one of our errors does not stop the others.

    Jobs of one source that follow each other share its header and its decoded picture. An output that was made by the same model and
    options from the same input is skipped. One that exists and is not of our making, or was changed since, fails, and so does an input
    as output, unless ``options.overwrite``; one of the right size that the record does not know is made again, and fails if it differs.
    Leaving the loop early, by Ctrl-C too, leaves no partial file: pictures being written are
    finished, others are dropped.

    Args:
        open_: opens the pipeline; called at the first picture whose header can be read, if there is one.
        progress: told how many pixels of input, and what share of a job, were done since it was last called.

    Raises:
        Img2ImgError: there is something to do, and no folder of outputs can be written to; a record cannot be read.
    """
    batch = _Batch(jobs, open_, options, progress)
    todo, reading, writing = iter(jobs), deque[tuple[Outcome, Future[Picture] | None]](), deque[Future[Outcome]]()
    with ThreadPoolExecutor(READ_AHEAD) as readers, ThreadPoolExecutor(2) as writers:

        def read_ahead() -> None:
            while len(reading) < READ_AHEAD and (not reading or batch.pending < READ_AHEAD_PIXELS) and (job := next(todo, None)):
                reading.append(batch.begin(job, readers))

        try:
            read_ahead()
            while reading:
                current = reading.popleft()
                read_ahead()
                writing.append(batch.compute(*current, writers))
                while writing and (writing[0].done() or len(writing) > WRITE_BEHIND or not reading or not batch.complete):
                    yield writing.popleft().result()
        except BaseException:
            readers.shutdown(wait=False, cancel_futures=True)
            writers.shutdown(wait=False, cancel_futures=True)
            raise


class _Batch:
    def __init__(self, jobs: Sequence[Job], open_: Callable[[], AnyPipeline], options: WriteOptions, progress: Progress) -> None:
        self.options, self.progress = options, progress
        self.sources = {os.path.realpath(job.source) for job in jobs}
        self.folders = [(job.folder, job.target.parent) for job in jobs]
        self.records = {folder: Record(folder) for folder in {job.folder for job in jobs}}
        self.strange: set[Path] = set()  # folders with a file that looks like a lost output, and is none
        self.pending = 0  # pixels that are being read or wait
        self.complete = True  # whether the last picture was finished
        self._open = open_
        self._last: tuple[Path, Probe | PictureError] | None = None
        self._reading: tuple[Path, Future[Picture]] | None = None

    @cached_property
    def pipeline(self) -> AnyPipeline:
        return self._open()

    @cached_property
    def unwritable(self) -> dict[Path, Img2ImgError]:
        """Why nothing can be written into folders of outputs; asked once there is something to write, before anything is computed."""
        found: dict[Path, Img2ImgError] = {}
        for folder in sorted({each for pair in self.folders for each in pair}):
            try:
                check_writable(folder)
                if folder in self.records:
                    self.records[folder].check_writable()
            except Img2ImgError as error:
                found[folder] = error
        if all(record in found or folder in found for record, folder in self.folders):
            raise next(iter(found.values()))
        return found

    def begin(self, job: Job, readers: ThreadPoolExecutor) -> tuple[Outcome, Future[Picture] | None]:
        """Decide about ``job`` by its header and its output, and begin to read it where there is something to do."""
        outcome = Outcome(job)
        with _reported(outcome):
            if job.error:
                raise job.error
            self._probe(job.source)
        if outcome.status == "ok":
            self._decide(outcome, self.pipeline)  # opened here: what goes wrong with a model is not the picture's fault
        unwritable = self.unwritable if outcome.status == "ok" else {}
        if error := unwritable.get(job.folder) or unwritable.get(job.target.parent):
            outcome.status, outcome.error = "failed", error
        if outcome.status != "ok":
            self.progress(0, 1)
            return outcome, None
        self.pending += _area(outcome)
        if self._reading is None or self._reading[0] != job.source:
            reading = readers.submit(self.pipeline.read, job.source, job.options, max_pixels=self.options.max_pixels)
            self._reading = job.source, reading
        return outcome, self._reading[1]

    def _decide(self, outcome: Outcome, pipeline: AnyPipeline) -> None:
        """Fill ``outcome`` with the sizes and the key, and whether there is nothing to do."""
        job = outcome.job
        with _reported(outcome):
            probe = self._probe(job.source)
            height, width = pipeline.output_size(probe.height, probe.width, job.options)
            outcome.input_size, outcome.output_size = (probe.width, probe.height), (width, height)
            entry = FORMATS[images.check_format(job.target)]
            if max(height, width) > entry.limit:
                limit = f"whose sides have at most {entry.limit}; choose --ext png or tif"
                raise PictureError(f"the result, {width}x{height} pixels, does not go into {entry.name}, {limit}")
            # Before the input is read: if it changes from now on, the next run makes the output again.
            states = (input_state(path) for path in (job.source, *pipeline.files(job.source, job.options)))
            label = (pipeline.label.source, pipeline.label.system) if self.options.label else None  # another version changes no result
            how = fingerprint(
                pipeline.identity,
                job.options.recorded(),
                self.options.quality,
                self.options.strip_metadata,
                label,
                bool(self.options.credentials),
            )
            outcome.key = f"{how}-{fingerprint(*(part for state in states for part in state))}"
            if self._is_done(outcome, how) or self._is_result(job):
                outcome.status = "skipped"

    def _probe(self, source: Path) -> Probe:
        """The header of ``source``, read once for jobs that follow each other."""
        if self._last is None or self._last[0] != source:
            try:
                self._last = source, images.probe(source, max_pixels=self.options.max_pixels)
            except PictureError as error:
                self._last = source, error
        if isinstance(self._last[1], PictureError):
            raise self._last[1]
        return self._last[1]

    def compute(self, outcome: Outcome, reading: Future[Picture] | None, writers: ThreadPoolExecutor) -> Future[Outcome]:
        """Compute the picture and begin to write it."""
        started = time.perf_counter()
        if reading is None:
            return _finished(outcome)
        result = None
        with _reported(outcome):
            picture = reading.result()
            outcome.notes += picture.notes
            if outcome.output_size and goes_in_bands(self.pipeline, picture, outcome.job.options, outcome.output_size, self.options):
                self._stream(outcome, picture)
            else:
                result = self._made(outcome, picture)
        self.pending -= _area(outcome)
        outcome.seconds = time.perf_counter() - started
        return _finished(outcome) if result is None else writers.submit(self._write_later, outcome, result)

    def _made(self, outcome: Outcome, picture: Picture) -> Picture:
        told = self._share_told(outcome)
        result = self.pipeline(picture, outcome.job.options, progress=told)
        told(1.0)
        self._note(outcome, result)
        return result.picture

    def _stream(self, outcome: Outcome, picture: Picture) -> None:
        stream = self.pipeline.stream(picture, outcome.job.options, progress=self._share_told(outcome))
        self._note(outcome, stream)
        self._write(outcome, stream.outline, one_ahead(stream.rows))

    def _note(self, outcome: Outcome, result: Result | Stream) -> None:
        outcome.notes += result.notes
        outcome.touched = result.touched
        self.complete = result.complete
        if not result.complete:
            outcome.key += "-incomplete"  # so that it does not count as done

    def _share_told(self, outcome: Outcome) -> Callable[[float], None]:
        """What a pipeline tells the share of ``outcome`` that is done."""
        pixels, done = _area(outcome), 0.0

        def told(share: float) -> None:
            nonlocal done
            self.progress(round(pixels * share) - round(pixels * done), share - done)
            done = share

        return told

    def _write_later(self, outcome: Outcome, picture: Picture) -> Outcome:
        started = time.perf_counter()
        with _reported(outcome):
            self._write(outcome, picture, None)
        outcome.seconds += time.perf_counter() - started
        return outcome

    def _write(self, outcome: Outcome, picture: Picture, bands: Iterator[Strip] | None) -> None:
        """Write ``picture``, or ``bands`` with what else ``picture`` holds, and put it on record."""
        job, options = outcome.job, self.options
        label = self.pipeline.label if options.label and outcome.touched else None
        with atomic_path(job.target) as path:
            if bands is None:
                chosen: dict[str, Any] = {"quality": options.quality, "strip_metadata": options.strip_metadata}
                outcome.notes += images.write(picture, path, **chosen, label=label)
            else:
                outcome.notes += write_bands(picture, path, outcome.output_size or (0, 0), bands, options, label=label)
            name = FORMATS[images.check_format(job.target)].name
            outcome.notes += signed(path, name, job.source, picture.format, self.pipeline, job.options, options.credentials)
            if outcome.doubtful and not same_content(path, job.target):
                self.strange.add(job.folder)
                raise _foreign(job)
            self.records[job.folder].add(job.target, path, outcome.key, job.source)

    def _is_done(self, outcome: Outcome, how: str) -> bool:
        """Whether the output is there and up to date. PictureError where it must not be replaced."""
        job = outcome.job
        if not job.target.exists():
            return False
        found = self.records[job.folder].key(job.target)
        if os.path.realpath(job.target) in self.sources:
            if found is not None and found.startswith(how):
                return True  # replaced by an earlier run
            if not self.options.overwrite:
                raise PictureError(f"the output {str(job.target)!r} is an input; give -o or --suffix, or --overwrite to replace it")
            return False
        if found is None and not self.options.overwrite:
            if not self._may_be_lost(outcome):
                raise _foreign(job)
            outcome.doubtful = True
        return found == outcome.key

    def _may_be_lost(self, outcome: Outcome) -> bool:
        """Whether the output may be ours though no record says so: then it is made again, and what is there must be the same."""
        job = outcome.job
        if job.folder in self.strange or self.records[job.folder].knows(job.target):
            return False
        try:
            there = images.probe(job.target, max_pixels=sys.maxsize)
        except PictureError:
            return False
        return (there.width, there.height) == outcome.output_size and there.format == images.check_format(job.target)

    def _is_result(self, job: Job) -> bool:
        """Whether the input is what an earlier run put beside its inputs, and now matches the same pattern as they."""
        beside = job.target.parent == job.source.parent and job.target != job.source
        return beside and len(self.sources) > 1 and self.records[job.folder].key(job.source) is not None


def _foreign(job: Job) -> PictureError:
    return PictureError(f"{str(job.target)!r} exists, and is not as img2img wrote it; --overwrite replaces it")


@contextlib.contextmanager
def _reported(outcome: Outcome) -> Iterator[None]:
    """What goes wrong inside, with this picture, is put into ``outcome``; errors of the program itself pass."""
    try:
        yield
    except Img2ImgError as error:
        outcome.status, outcome.error = "failed", error
    except OSError as error:
        outcome.status, outcome.error = "failed", PictureError(f"{error.filename or outcome.job.target}: {error.strerror or error}")
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        outcome.status, outcome.error = "failed", PictureError(f"{str(outcome.job.source)!r} does not fit into memory; {LESS_MEMORY}")


def _finished(outcome: Outcome) -> Future[Outcome]:
    future: Future[Outcome] = Future()
    future.set_result(outcome)
    return future


def _area(outcome: Outcome) -> int:
    return outcome.input_size[0] * outcome.input_size[1] if outcome.input_size else 0
