"""What a process of an engine does with a chunk of jobs. Knows no engine."""

import contextlib
import hashlib
import logging
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path

from img2img.batch.manifest import RecordWriter
from img2img.batch.outcome import Outcome
from img2img.batch.run import make
from img2img.batch.write import AnyPipeline, WriteOptions
from img2img.errors import EngineError, ModelError
from img2img.inference.runtime import Runtime
from img2img.models import find_model
from img2img.models.exported_files import files_of
from img2img.options import Options
from img2img.recent import Recent

Files = dict[str, bytes]  # the content of a model's files, by name


@dataclass(frozen=True)
class Setup:
    """What all chunks share.

    Attributes:
        pipeline, runtime: what is opened, and how. options: those that the pipeline must fit.
        model: the name of its file, or of a model of an optional package. exported: of the file that runs it, if that is another.
        sha256: of all files that are sent; "" without any.
        version: img2img's. folder: where relative paths begin. identity: the pipeline's; "" as long as it is not known.
    """

    pipeline: type[AnyPipeline]
    runtime: Runtime
    options: tuple[Options, ...]
    write: WriteOptions
    model: str
    sha256: str
    version: str = field(default_factory=lambda: version("img2img-toolkit"))
    folder: str = field(default_factory=os.getcwd)
    identity: str = ""
    exported: str = ""


@dataclass
class Done:
    """What became of a chunk.

    Attributes:
        seconds: it took. strange: as of ``Decisions``. messages: what was logged: logger, level, text.
    """

    outcomes: list[Outcome]
    seconds: float
    strange: set[Path]
    messages: list[tuple[str, int, str]]


def read_model_files(name: str) -> tuple[str, Files]:
    """The name of the file of the model called ``name``, and what it consists of; for a model of an optional package its name, and nothing.

    Raises:
        ModelError: no such model, or it cannot be read.
    """
    path = find_model(name)
    if path is None:
        return name, {}
    try:
        return path.name, {file.name: file.read_bytes() for file in files_of(path)}
    except OSError as error:
        raise ModelError(f"cannot read {error.filename!r}: {error.strerror}") from error


def sha256_of(files: Files) -> str:
    """SHA-256 of a model's files, with their names; "" of none."""
    digest = hashlib.sha256()
    for name, data in sorted(files.items()):
        digest.update(f"{name} {len(data)} ".encode() + data)
    return digest.hexdigest() if files else ""


_opened = Recent[tuple[type[AnyPipeline], Runtime, str, str], AnyPipeline](1)


def pipeline_of(setup: Setup, fetch: Callable[[], Files]) -> AnyPipeline:
    """The pipeline of ``setup``, opened once in a process. ``fetch`` gives the model's files.

    Raises:
        EngineError: this machine's img2img, its model or its precision are not those of the machine that asks.
    """
    here = version("img2img-toolkit")
    if here != setup.version:
        raise EngineError(f"img2img {here} is installed on {platform.node()!r}, and {setup.version} where the command runs; install one")
    pipeline = _opened.get((setup.pipeline, setup.runtime, setup.model, setup.sha256), lambda: _open(setup, fetch()))
    if setup.identity not in ("", pipeline.identity):
        raise EngineError(f"model {pipeline.model.info.name!r} is another one on {platform.node()!r}, or runs in another precision there")
    for options in setup.options:
        pipeline.check(options)
    return pipeline


def _open(setup: Setup, files: Files) -> AnyPipeline:
    if not setup.sha256:
        return setup.pipeline.open(setup.model, setup.runtime)
    if sha256_of(files) != setup.sha256:
        raise EngineError(f"the model that came to {platform.node()!r} has another SHA-256 than the one that was sent")
    with tempfile.TemporaryDirectory(prefix="img2img-") as folder:
        for name, data in files.items():
            Path(folder, name).write_bytes(data)
        exported = Path(folder, setup.exported) if setup.exported else None
        return setup.pipeline.open(Path(folder, setup.model), setup.runtime, exported)


def work(setup: Setup, fetch: Callable[[], Files], outcomes: list[Outcome]) -> Done:
    """Make what was decided. Errors of pictures are outcomes; errors as ``pipeline_of``."""
    started = time.perf_counter()
    pipeline = pipeline_of(setup, fetch)
    records = {folder: _record(folder) for folder in {outcome.job.folder for outcome in outcomes}}
    strange = set[Path]()
    with _in_folder(setup.folder), _messages() as messages:
        made = list(make(iter(outcomes), lambda: pipeline, records, setup.write, strange=strange))
    return Done(made, time.perf_counter() - started, strange, messages)


@cache
def _record(folder: Path) -> RecordWriter:
    """One for all chunks of the process: in object storage it fills objects of many lines."""
    return RecordWriter(folder)


@contextlib.contextmanager
def _in_folder(folder: str) -> Iterator[None]:
    """Inside, relative paths of options begin in ``folder``, if this machine has it."""
    with contextlib.chdir(folder) if os.path.isdir(folder) else contextlib.nullcontext():
        yield


class _Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.messages: list[tuple[str, int, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append((record.name, record.levelno, record.getMessage()))


@contextlib.contextmanager
def _messages() -> Iterator[list[tuple[str, int, str]]]:
    """What img2img logs inside, from information on."""
    logger, kept = logging.getLogger("img2img"), _Kept()
    before = logger.level, logger.propagate
    logger.addHandler(kept)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield kept.messages
    finally:
        logger.removeHandler(kept)
        logger.level, logger.propagate = before
