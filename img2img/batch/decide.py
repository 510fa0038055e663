"""Whether there is anything to do for a job: by its header, by the output that is there, and by the record of what was made."""

import sys
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

from img2img import images
from img2img.batch.jobs import Job
from img2img.batch.manifest import Record, fingerprint, input_state
from img2img.batch.outcome import Outcome, reported
from img2img.batch.write import AnyPipeline, WriteOptions
from img2img.errors import Img2ImgError, PictureError
from img2img.files import check_writable
from img2img.images.formats import FORMATS
from img2img.images.probe import Probe
from img2img.storage.url import Url, resolved


class Decisions:
    """Decides about jobs of one batch.

    Args:
        open_: opens the pipeline; called at the first picture whose header can be read, if there is one.
        identity: the pipeline's, where other machines than this one compute, and in another precision; by default that of ``open_``'s.

    Attributes:
        records: what was made, of each folder that holds a record.
        strange: folders with a file that looks like a lost output, and is none.
    """

    def __init__(self, jobs: Sequence[Job], open_: Callable[[], AnyPipeline], options: WriteOptions, identity: str | None = None) -> None:
        self.options = options
        self.sources = {resolved(job.source) for job in jobs}
        self.records = {folder: Record(folder) for folder in {job.folder for job in jobs}}
        self.strange: set[Path] = set()
        self._folders = {(job.folder, job.target.parent) for job in jobs}
        self._open, self._identity = open_, identity
        self._last: tuple[Path, Probe | PictureError] | None = None

    @cached_property
    def pipeline(self) -> AnyPipeline:
        return self._open()

    @cached_property
    def unwritable(self) -> dict[Path, Img2ImgError]:
        """Why nothing can be written into folders of outputs; asked once there is something to write, before anything is computed.

        Raises:
            Img2ImgError: nothing can be written into any of them.
        """
        found: dict[Path, Img2ImgError] = {}
        for folder in sorted({each for pair in self._folders for each in pair}):
            try:
                if not isinstance(folder, Url):
                    check_writable(folder)
                if folder in self.records:
                    self.records[folder].check_writable()
            except Img2ImgError as error:
                found[folder] = error
        if all(record in found or folder in found for record, folder in self._folders):
            raise next(iter(found.values()))
        return found

    def begin(self, job: Job) -> Outcome:
        """Decide about ``job`` by its header and its output: "ok" where there is something to do."""
        outcome = Outcome(job)
        with reported(outcome):
            if job.error:
                raise job.error
            self.probe(job.source)
        if outcome.status == "ok":
            self._decide(outcome, self.pipeline)  # opened here: what goes wrong with a model is not the picture's fault
        unwritable = self.unwritable if outcome.status == "ok" else {}
        if error := unwritable.get(job.folder) or unwritable.get(job.target.parent):
            outcome.status, outcome.error = "failed", error
        return outcome

    def probe(self, source: Path) -> Probe:
        """The header of ``source``, read once for jobs that follow each other."""
        if self._last is None or self._last[0] != source:
            try:
                self._last = source, images.probe(source, max_pixels=self.options.max_pixels)
            except PictureError as error:
                self._last = source, error
        if isinstance(self._last[1], PictureError):
            raise self._last[1]
        return self._last[1]

    def _decide(self, outcome: Outcome, pipeline: AnyPipeline) -> None:
        """Fill ``outcome`` with the sizes and the key, and whether there is nothing to do."""
        job = outcome.job
        with reported(outcome):
            probe = self.probe(job.source)
            height, width = pipeline.output_size(probe.height, probe.width, job.options)
            outcome.input_size, outcome.output_size = (probe.width, probe.height), (width, height)
            entry = FORMATS[images.check_format(job.target)]
            if max(height, width) > entry.limit:
                limit = f"whose sides have at most {entry.limit}; choose --ext png or tif"
                raise PictureError(f"the result, {width}x{height} pixels, does not go into {entry.name}, {limit}")
            # Before the input is read: if it changes from now on, the next run makes the output again.
            states = (input_state(path) for path in (job.source, *pipeline.files(job.source, job.options)))
            made_by = pipeline.label_for(job.options)
            label = (made_by.source, made_by.system) if self.options.label else None  # another version changes no result
            how = fingerprint(
                self._identity or pipeline.identity,
                job.options.recorded(),
                self.options.quality,
                self.options.strip_metadata,
                label,
                self.options.credentials and self.options.credentials.fingerprint,
            )
            outcome.key = f"{how}-{fingerprint(*(part for state in states for part in state))}"
            if self._is_done(outcome, how) or self._is_result(job):
                outcome.status = "skipped"

    def _is_done(self, outcome: Outcome, how: str) -> bool:
        """Whether the output is there and up to date. PictureError where it must not be replaced."""
        job = outcome.job
        if not job.target.exists():
            return False
        found = self.records[job.folder].key(job.target)
        if resolved(job.target) in self.sources:
            if found is not None and found.startswith(how):
                return True  # replaced by an earlier run
            if not self.options.overwrite:
                raise PictureError(f"the output {str(job.target)!r} is an input; give -o or --suffix, or --overwrite to replace it")
            outcome.replaces = True
            return False
        if found is None and not self.options.overwrite:
            if not self._may_be_lost(outcome):
                raise foreign(job)
            outcome.doubtful = True
        outcome.replaces = not outcome.doubtful
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


def foreign(job: Job) -> PictureError:
    """The error for an output that is there and not of our making."""
    return PictureError(f"{str(job.target)!r} exists, and is not as img2img wrote it; --overwrite replaces it")
