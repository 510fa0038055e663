"""One training in a run folder at a time."""

import contextlib
import logging
import secrets
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout
from lightning_fabric import Fabric

from img2img.errors import TrainingError
from img2img.training.distributed import agree

logger = logging.getLogger(__name__)

FILE_NAME = ".lock"
SHARED = ".shared"  # what the first process writes, to see whether the others find it


@contextlib.contextmanager
def locked(run: Path, fabric: Fabric) -> Iterator[None]:
    """Within the block no other training works in the folder ``run``; all processes of a run share it.

    The folder is made if need be, and removed if it stays empty.

    The system holds the lock (``flock`` on Unix, ``msvcrt.locking`` on Windows): one whose process was killed is free at once.

    Raises:
        TrainingError: another training is at work there, the folder cannot be written to, or not all nodes have the same one.
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
        _check_shared(run, fabric)
        yield
    finally:
        if lock.is_locked:
            with contextlib.suppress(OSError):
                if [path.name for path in run.iterdir()] == [FILE_NAME]:  # a run that could not begin leaves nothing
                    (run / FILE_NAME).unlink()
                    run.rmdir()
            lock.release()


def _check_shared(run: Path, fabric: Fabric) -> None:
    """Raise TrainingError in all processes where one of them does not see what the first writes into ``run``."""
    if fabric.world_size == 1:
        return
    path = run / SHARED
    if fabric.is_global_zero:
        path.write_text(secrets.token_hex(8), encoding="utf-8")
    written = fabric.broadcast(path.read_text(encoding="utf-8") if fabric.is_global_zero else "")
    seen = path.is_file() and path.read_text(encoding="utf-8") == written
    (blind,) = agree(fabric, not seen)
    if fabric.is_global_zero:
        path.unlink()
    if blind:
        raise TrainingError(f"not all nodes see the same folder {str(run)!r}: give a --run on a disk that they share")
