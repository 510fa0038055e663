"""One command for all tasks: inputs, options and a model in; files out."""

import logging
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from img2img.errors import ConfigError, PictureError, option
from img2img.inference.runtime import Runtime
from img2img.options import Options
from img2img.storage.url import is_url, refuse_url
from img2img.tasks.task import Request, Task, flag_of

if TYPE_CHECKING:
    from img2img.batch.outcome import Outcome
    from img2img.batch.run import Progress
    from img2img.batch.write import WriteOptions
    from img2img.credentials.identity import Identity
    from img2img.inference.pipeline import Pipeline
    from img2img.models import ModelInfo

log = logging.getLogger(__name__)

ENGINES = ("local", "ray")


@dataclass(frozen=True)
class Files:
    """What goes in and where results go, as the command line says it; the fields are its options."""

    inputs: tuple[str, ...]
    output: str | None = None
    suffix: str | None = None
    extension: str | None = None
    quality: int | None = None
    recursive: bool = False
    overwrite: bool = False
    strip_metadata: bool = False
    no_label: bool = False
    credentials: bool = False
    certificate: str | None = None
    key: str | None = None
    max_pixels: int | None = None
    as_json: bool = False
    shard: str | None = None
    engine: str = "local"
    address: str | None = None
    workers: int | None = None


def apply(task: Task[Any], files: Files, options: Options, model: str | None, runtime: Runtime) -> bool:
    """Make all results that ``options`` ask for of all inputs; whether all went well. Paths go to stdout, the rest to stderr.

    The model is opened once, and each input is read once, whatever the number of results.

    Raises:
        Img2ImgError: nothing could be begun.
    """
    from img2img import images
    from img2img.batch.console import run_on_console
    from img2img.batch.run import run
    from img2img.batch.write import WriteOptions
    from img2img.inference.devices import choose_device, choose_dtype
    from img2img.inference.runtime import INT8
    from img2img.models import peek_info

    _check_engine(files)
    _check_places(files)
    here = runtime
    if files.engine != "local" and runtime.dtype != INT8:
        here = replace(runtime, device="cpu", dtype="auto", runtime="torch", compile=False)  # elsewhere: what only decides runs here
    if runtime.dtype != INT8:  # which model and runtime decide
        choose_dtype(runtime.dtype, choose_device(here.device))
    name = _model_name(task, options, model)
    variants = task.variants(options)
    most = files.max_pixels or images.DEFAULT_MAX_PIXELS
    write = WriteOptions(files.quality, files.strip_metadata, not files.no_label, _identity(files), most, files.overwrite)

    @cache
    def open_() -> "Pipeline[Any]":
        pipeline = task.open(name, here)
        for _, each in variants:
            pipeline.check(each)
        return pipeline

    @cache
    def info() -> "ModelInfo":
        return peek_info(name) or open_().model.info

    needed = cache(lambda: task.extension(options, info()) if task.extension else None)
    if "-" in (*files.inputs, files.output):
        _stream(task, files, [each for _, each in variants], write, open_, needed)
        return True
    jobs = _jobs(task, files, variants, lambda: task.suffix(options, info), needed)

    def work(progress: "Progress", check: Callable[[], None]) -> "Iterator[Outcome]":
        if files.engine == "local":
            return run(jobs, open_, write, progress=progress)
        from img2img.engines.ray_engine import Cluster, run_on_ray
        from img2img.engines.worker import Setup, read_model_files, sha256_of
        from img2img.export.runtimes import elsewhere

        file, data = read_model_files(name)
        there, exported = elsewhere(name, runtime)
        if exported:
            data |= read_model_files(str(exported))[1]
        setup = Setup(task.pipeline(), there, tuple(each for _, each in variants), write, file, sha256_of(data))
        setup = replace(setup, exported=exported.name if exported else "")
        cluster = Cluster(files.address, files.workers)
        return run_on_ray(jobs, open_, write, setup, data, cluster, progress=progress, check=check)

    return run_on_console(jobs, work, spell=partial(flag_of, task), as_json=files.as_json)


def _check_engine(files: Files) -> None:
    """ConfigError for options that do not fit the engine."""
    if files.engine not in ENGINES:
        raise ConfigError(f"{option('engine')} must be one of {', '.join(ENGINES)}, got {files.engine!r}")
    if files.engine == "local":
        given = [option(name) for name in ("address", "workers") if getattr(files, name) is not None]
        if given:
            raise ConfigError(f"{' and '.join(given)}: only with {option('engine')} ray")
        return
    if "-" in (*files.inputs, files.output):
        raise ConfigError(f"{option('engine')} ray is for files, and standard input (-) and standard output (-o -) are for one picture")
    if files.credentials:
        raise ConfigError(f"{option('credentials')} are signed where their key is: not with {option('engine')} ray")


def _check_places(files: Files) -> None:
    """ConfigError for options that do not fit object storage."""
    if "-" in files.inputs and files.output is not None:
        refuse_url("output", files.output)
    for each in (*files.inputs, files.output or ""):
        if files.credentials and is_url(each):
            raise ConfigError(f"{option('credentials')} are signed on disks: {each!r} is a URL; give files on this machine")


def _identity(files: Files) -> "Identity | None":
    """Who signs the results."""
    if not files.credentials:
        if files.certificate or files.key:
            raise ConfigError(f"{option('certificate')} and {option('key')} are for {option('credentials')}")
        return None
    if "-" in files.inputs:
        raise ConfigError(f"{option('credentials')} name the input as a file, and standard input is none: give the file itself")
    from img2img.credentials.identity import load_identity

    return load_identity(*(Path(given) if given else None for given in (files.certificate, files.key)))


def _model_name(task: Task[Any], options: Options, model: str | None) -> str:
    if model is None and task.default_model is None:
        raise ConfigError(f"{option('model')} is missing: {task.name} has no default; img2img weights list shows the models")
    return model or task.default_model(options)  # type: ignore[misc]


def _jobs(
    task: Task[Any], files: Files, variants: list[tuple[str, Any]], suffix: Callable[[], str], needed: Callable[[], str | None]
) -> list[Any]:
    """A job for each input and variant: all of an input's follow each other."""
    from img2img.batch.jobs import Naming, is_folder, plan
    from img2img.batch.shards import Shard

    shard = Shard.parse(files.shard) if files.shard is not None else None
    if len(variants) > 1 and files.output is not None and not is_folder(files.output):
        raise ConfigError(f"{len(variants)} results of each input cannot become the one file {files.output!r}; give a folder: -o out/")
    own = "" if variants[0][0] and task.variants_replace_suffix and files.suffix is None else files.suffix
    plans: list[list[Any]] = []
    left_out: list[Path] = []
    for ending, options in variants:  # all of them before anything is made: a result may match a pattern
        naming = Naming(files.output, own, suffix, files.extension, ending and f"_{ending}", needed, task.lossless)
        left_out = []
        planned = plan(files.inputs, naming, recursive=files.recursive, left_out=left_out)
        plans.append([replace(job, options=options) for job in planned])
    _tell_left_out(left_out)
    jobs = [job for same_source in zip(*plans, strict=True) for job in same_source]
    prepared = task.prepare([Request(job.source, job.target, job.options) for job in jobs], files.overwrite)
    jobs = [replace(job, options=options) for job, options in zip(jobs, prepared, strict=True)]
    if shard is None:
        return jobs
    mine = [job for job in jobs if job.relative in shard]  # only now: names and checks are those of all pictures
    log.info("shard %s: %d of %d", shard, len(mine), len(jobs))
    return mine


def _tell_left_out(paths: "list[Path]") -> None:
    """One line about the files of folders that are not read, and with -v one about each."""
    from img2img.batch.console import printable
    from img2img.images import in_one_line

    paths = list(dict.fromkeys(paths))
    if paths:
        log.info("left out: %s", printable(in_one_line(paths)))
    for path in paths:
        log.debug("left out: %s", printable(str(path)))


def _stream(
    task: Task[Any],
    files: Files,
    variants: list[Any],
    write: "WriteOptions",
    open_: "Callable[[], Pipeline[Any]]",
    needed: Callable[[], str | None],
) -> None:
    """From standard input, to standard output, or both."""
    from img2img import images
    from img2img.batch.interrupt import interruptible
    from img2img.batch.stdin import check_stream, run_on_stream

    output = None if files.output == "-" else files.output
    if files.shard is not None:
        raise ConfigError(f"{option('shard')} is for files, and standard input (-) and standard output (-o -) are for one picture")
    if len(files.inputs) > 1 or (output is None and (files.as_json or sys.stdout.isatty())):
        raise ConfigError("standard input (-) and standard output (-o -) are for one picture; the result goes to a pipe or to -o FILE")
    if len(variants) > 1:
        raise ConfigError(f"one picture can go to standard output, or come from standard input, and {len(variants)} are asked for")
    path = None
    if files.inputs[0] != "-":
        path, *more = (source.path for source in images.collect(files.inputs, recursive=files.recursive))
        if more:
            raise ConfigError(f"{files.inputs[0]!r} holds {1 + len(more)} pictures, and standard output takes one; give a folder: -o out/")
    elif sys.stdin is None:
        raise PictureError("standard input is closed")
    extension = files.extension or (needed() if output is None else None)
    check_stream(output, extension, write)
    (options,) = task.prepare([Request(path, Path(output) if output else None, variants[0])], files.overwrite)
    source = path or sys.stdin.buffer
    with interruptible():
        notes = run_on_stream(source, sys.stdout.buffer, output, open_(), options, write, extension, lossless=task.lossless)
    for note in notes:
        log.info("%s", note)
