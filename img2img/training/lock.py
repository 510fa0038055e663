"""One training in a run folder at a time."""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout
from lightning_fabric import Fabric

from img2img.errors import TrainingError

logger = logging.getLogger(__name__)

FILE_NAME = ".lock"


@contextlib.contextmanager
def locked(run: Path, fabric: Fabric) -> Iterator[None]:
    """Within the block no other training works in the folder ``run``; all processes of a run share it.

    The folder is made if need be, and removed if it stays empty.

    The system holds the lock (``flock`` on Unix, ``msvcrt.locking`` on Windows): one whose process was killed is free at once.

    Raises:
        TrainingError: another training is at work there, or the folder cannot be written to.
    """
    lock, refusal = FileLock(run / FILE_NAME), ""
    if fabric.is_global_zero:
        try:
            run.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=0)
        except Timeout:
            refusal = f"another training is at work in {str(run)!r}: wait for it, stop it, or choose another --run"
        except NotImplementedError:
            logger.warning("the disk of %s knows no locks: nothing prevents a second training there", run)
        except OSError as error:
            refusal = f"cannot write into {str(run)!r}: {error.strerror or error}; choose another --run"
    if refusal := fabric.broadcast(refusal):
        raise TrainingError(refusal)
    try:
        yield
    finally:
        if lock.is_locked:
            with contextlib.suppress(OSError):
                if [path.name for path in run.iterdir()] == [FILE_NAME]:  # a run that could not begin leaves nothing
                    (run / FILE_NAME).unlink()
                    run.rmdir()
            lock.release()
