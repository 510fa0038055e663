"""Where a result takes its name: on a disk by renaming, in object storage by one write; in both whole, or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from img2img.batch.decide import foreign
from img2img.batch.manifest import RecordWriter, same_content
from img2img.batch.outcome import Outcome
from img2img.files import atomic_path, temporary_path
from img2img.storage.objects import put
from img2img.storage.url import Url


@contextmanager
def placed(outcome: Outcome, record: RecordWriter, strange: set[Path], *, overwrite: bool) -> Iterator[Path]:
    """A path to write the result of ``outcome`` to; when the block ends well it takes its name, and ``record`` its line.

    In object storage it takes the name only where nothing is there, or what is there may be replaced. Where another process was
    faster, what it wrote must be the same; then it counts as made.

    Args:
        strange: gets the folders of files that look like lost outputs, and are none. overwrite: whether anything may be replaced.

    Raises:
        PictureError: what is there is not ours. FileError: it cannot be written.
    """
    job = outcome.job
    if not isinstance(job.target, Url):
        with atomic_path(job.target) as path:
            yield path
            if outcome.doubtful:
                _check_same(path, outcome, strange)
            record.add(job.target, path, outcome.key, job.source)
        return
    with temporary_path(job.target) as path:
        yield path
        if outcome.doubtful or not put(job.target, path.read_bytes(), replace=overwrite or outcome.replaces):
            _check_same(path, outcome, strange)
        record.add(job.target, path, outcome.key, job.source)


def _check_same(path: Path, outcome: Outcome, strange: set[Path]) -> None:
    if not same_content(path, outcome.job.target):
        strange |= {outcome.job.folder} if outcome.doubtful else set()
        raise foreign(outcome.job)
