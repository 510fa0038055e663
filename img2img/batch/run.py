"""Many pictures: read, computed and written at once, so that the processor never waits for a disk."""

import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from img2img import images
from img2img.batch.decide import Decisions
from img2img.batch.jobs import Job
from img2img.batch.manifest import RecordWriter
from img2img.batch.outcome import Outcome, area, reported
from img2img.batch.placed import placed
from img2img.batch.write import AnyPipeline, Strip, WriteOptions, goes_in_bands, one_ahead, signed, write_bands
from img2img.images import Picture
from img2img.images.formats import FORMATS
from img2img.inference.pipeline import Stream
from img2img.inference.runtime import Result

Progress = Callable[[int, float], None]
READ_AHEAD = 4
READ_AHEAD_PIXELS = 50_000_000
WRITE_BEHIND = 2


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
    decisions = Decisions(jobs, open_, options)
    decided = map(decisions.begin, jobs)
    yield from make(decided, lambda: decisions.pipeline, decisions.records, options, strange=decisions.strange, progress=progress)


def make(
    decided: Iterator[Outcome],
    open_: Callable[[], AnyPipeline],
    records: Mapping[Path, RecordWriter],
    options: WriteOptions,
    *,
    strange: set[Path],
    progress: Progress = lambda pixels, share: None,
) -> Iterator[Outcome]:
    """Make what was ``decided``: the outcomes of what is "ok" so far, and the others as they are, in their order.

    Args:
        open_: gives the pipeline, always the same one; called where there is something to do.
        records: of each folder that holds a record. strange: gets the folders of files that look like lost outputs, and are none.
    """
    batch = _Batch(open_, records, options, strange, progress)
    reading, writing = deque[tuple[Outcome, Future[Picture] | None]](), deque[Future[Outcome]]()
    with _flushed(records.values()), ThreadPoolExecutor(READ_AHEAD) as readers, ThreadPoolExecutor(2) as writers:

        def read_ahead() -> None:
            while len(reading) < READ_AHEAD and (not reading or batch.pending < READ_AHEAD_PIXELS) and (following := next(decided, None)):
                reading.append(batch.begin(following, readers))

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
    def __init__(
        self,
        open_: Callable[[], AnyPipeline],
        records: Mapping[Path, RecordWriter],
        options: WriteOptions,
        strange: set[Path],
        progress: Progress,
    ) -> None:
        self.records, self.options, self.strange, self.progress = records, options, strange, progress
        self.pending = 0  # pixels that are being read or wait
        self.complete = True  # whether the last picture was finished
        self._open = open_
        self._reading: tuple[Path, Future[Picture]] | None = None

    @property
    def pipeline(self) -> AnyPipeline:
        return self._open()

    def begin(self, outcome: Outcome, readers: ThreadPoolExecutor) -> tuple[Outcome, Future[Picture] | None]:
        """Begin to read the picture where there is something to do."""
        job = outcome.job
        if outcome.status != "ok":
            self.progress(0, 1)
            return outcome, None
        self.pending += area(outcome)
        if self._reading is None or self._reading[0] != job.source:
            reading = readers.submit(self.pipeline.read, job.source, job.options, max_pixels=self.options.max_pixels)
            self._reading = job.source, reading
        return outcome, self._reading[1]

    def compute(self, outcome: Outcome, reading: Future[Picture] | None, writers: ThreadPoolExecutor) -> Future[Outcome]:
        """Compute the picture and begin to write it."""
        started = time.perf_counter()
        if reading is None:
            return _finished(outcome)
        result = None
        with reported(outcome):
            picture = reading.result()
            outcome.notes += picture.notes
            if outcome.output_size and goes_in_bands(self.pipeline, picture, outcome.job.options, outcome.output_size, self.options):
                self._stream(outcome, picture)
            else:
                result = self._made(outcome, picture)
        self.pending -= area(outcome)
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
        pixels, done = area(outcome), 0.0

        def told(share: float) -> None:
            nonlocal done
            self.progress(round(pixels * share) - round(pixels * done), share - done)
            done = share

        return told

    def _write_later(self, outcome: Outcome, picture: Picture) -> Outcome:
        started = time.perf_counter()
        with reported(outcome):
            self._write(outcome, picture, None)
        outcome.seconds += time.perf_counter() - started
        return outcome

    def _write(self, outcome: Outcome, picture: Picture, bands: Iterator[Strip] | None) -> None:
        """Write ``picture``, or ``bands`` with what else ``picture`` holds, and put it on record."""
        job, options = outcome.job, self.options
        label = self.pipeline.label_for(job.options) if options.label and outcome.touched else None
        with placed(outcome, self.records[job.folder], self.strange, overwrite=options.overwrite) as path:
            if bands is None:
                chosen: dict[str, Any] = {"quality": options.quality, "strip_metadata": options.strip_metadata}
                outcome.notes += images.write(picture, path, **chosen, label=label)
            else:
                outcome.notes += write_bands(picture, path, outcome.output_size or (0, 0), bands, options, label=label)
            name = FORMATS[images.check_format(job.target)].name
            identity, touched = options.credentials, outcome.touched
            outcome.notes += signed(path, name, job.source, picture.format, self.pipeline, job.options, identity, touched=touched)


@contextlib.contextmanager
def _flushed(records: Iterable[RecordWriter]) -> Iterator[None]:
    """Afterwards the records are written, however the block ended."""
    try:
        yield
    finally:
        for record in records:
            record.flush()


def _finished(outcome: Outcome) -> Future[Outcome]:
    future: Future[Outcome] = Future()
    future.set_result(outcome)
    return future
