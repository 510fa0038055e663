"""Which output each input becomes: names that mirror the inputs, distinct, and decided before anything is computed."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import count, takewhile
from pathlib import Path

from img2img import images
from img2img.batch.manifest import Record
from img2img.errors import ConfigError, PictureError
from img2img.files import ignores_case
from img2img.images.formats import FORMATS
from img2img.options import Options
from img2img.storage.url import Url, absolute, place, resolved


@dataclass(frozen=True, slots=True)  # there may be millions
class Job:
    """One picture to be made: from ``source`` to ``target`` as ``options`` say; ``folder`` is where the record of it is kept.

    Attributes:
        error: why it cannot be made, where that is known.
        relative: the source's path below the input that named it: what shards are made by, as it is the same on every machine.
    """

    source: Path
    target: Path
    folder: Path
    options: Options = field(default_factory=cache(Options))  # one for all
    error: PictureError | None = None
    relative: str = ""


@dataclass(frozen=True)
class Naming:
    """How outputs are named.

    Attributes:
        output: -o: a file (for a single input file), or a folder; None: beside a file, and beside a folder as ``FOLDER + suffix``.
        suffix: stands after the name; None: ``default`` for outputs beside their inputs, nothing for those in a folder of their own.
        default: gives what to take where ``suffix`` is None, such as "_4x"; asked only when it is needed, as it may take a model's file.
        extension: "png" or ".png"; None: as ``needed`` says, else as the input's, or PNG where that cannot be written.
        ending: stands at the end of every name, behind the suffix.
        needed: gives the extension of the only format that can hold what the model makes; None: any can. Asked as ``default``.
        lossless: where the user names no format, PNG takes the place of one that is not exact: JPEG blurs, GIF has 256 colors.
    """

    output: str | None = None
    suffix: str | None = None
    default: Callable[[], str] = lambda: "_4x"
    extension: str | None = None
    ending: str = ""
    needed: Callable[[], str | None] = lambda: None
    lossless: bool = False


def check_naming(inputs: Sequence[str], naming: Naming) -> None:
    """Refuse contradictions between inputs and names, before anything costly is done.

    Raises:
        ConfigError: several inputs or a folder for one output file; an output file and another extension; a suffix with a slash.
        PictureError: an extension that names no format that can be written.
    """
    if naming.extension is not None:
        images.check_format("." + naming.extension.lstrip("."))
    if naming.suffix is not None and Path(naming.suffix).name != naming.suffix and naming.suffix:
        raise ConfigError(f"the suffix {naming.suffix!r} must be a part of a file name")
    if naming.output is None or is_folder(naming.output):
        return
    images.check_format(naming.output)
    if len(inputs) > 1 or place(inputs[0]).is_dir():
        raise ConfigError(f"several inputs cannot become the one file {naming.output!r}; give a folder: {naming.output.rstrip('/')}/")
    if naming.extension is not None and images.check_format("." + naming.extension.lstrip(".")) != images.check_format(naming.output):
        raise ConfigError(f"the output {naming.output!r} and the extension {naming.extension!r} are two formats")


def plan(inputs: Sequence[str], naming: Naming, *, recursive: bool = False, left_out: list[Path] | None = None) -> list[Job]:
    """A job for each picture that ``inputs`` name, in their order.

    Inputs that would get the same output (``a.png`` and ``a.jpg`` with an extension given, or on a disk that ignores case) all get
    their own extension into the name (``a_png.webp``, ``a_jpg.webp``), and numbers where that is not enough. What was finished by an
    earlier run keeps its name, whatever was added since. Outputs that lie in a folder inside an input folder are no inputs.

    Args:
        left_out: as of ``images.collect``.

    Raises:
        PictureError: as ``images.collect``; ConfigError: as ``check_naming``; Img2ImgError: as ``Record``.
    """
    check_naming(inputs, naming)
    jobs: dict[Path, Job] = {}
    real = cache(resolved)  # of the few folders
    for text in inputs:
        is_dir = place(text).is_dir()
        for source in images.collect([text], recursive=recursive, tolerant=True, left_out=left_out):
            job = _job(text, source, naming, is_dir)
            folder = real(job.folder)
            inside = is_dir and folder != real(text) and place(resolved(source.path)).is_relative_to(place(folder))
            if not inside:
                jobs.setdefault(place(absolute(source.path)), job)
    if not jobs:
        raise PictureError(f"nothing to do: all pictures lie in the output folder {naming.output!r}")
    if naming.output is not None and not is_folder(naming.output):
        if len(jobs) > 1:
            raise ConfigError(f"{len(jobs)} inputs cannot become the one file {naming.output!r}; give a folder: {naming.output}/")
        return list(jobs.values())
    return _distinct(list(jobs.values()))


def _job(text: str, source: images.Source, naming: Naming, is_dir: bool) -> Job:
    return replace(_named(text, source, naming, is_dir), relative=source.relative.as_posix())


def _named(text: str, source: images.Source, naming: Naming, is_dir: bool) -> Job:
    if source.error:  # a folder that cannot be entered
        folder = place(naming.output if naming.output is not None else absolute(text) + naming.default())
        return Job(source.path, folder / source.relative, folder, error=source.error)
    extension = naming.ending + _extension(source.path, naming)
    if naming.output is None and not is_dir:
        suffix = naming.default() if naming.suffix is None else naming.suffix
        return Job(source.path, source.path.with_name(source.path.stem + suffix + extension), source.path.parent)
    if naming.output is not None and not is_folder(naming.output):
        return Job(source.path, place(naming.output), place(naming.output).parent)
    folder = place(naming.output if naming.output is not None else absolute(text) + naming.default())
    name = source.relative.stem + (naming.suffix or "") + extension
    return Job(source.path, folder / source.relative.parent / name, folder)


def is_folder(output: str) -> bool:
    """Whether -o means a folder: one that exists, a name with a slash at its end, or a name without an extension."""
    return output.endswith(("/", os.sep)) or not Path(output).suffix or place(output).is_dir()


def _extension(source: Path, naming: Naming) -> str:
    if naming.extension is not None:
        return "." + naming.extension.lstrip(".")
    needed = naming.needed()
    try:
        own = images.check_format(source.suffix or ".")
    except PictureError:
        return needed or ".png"
    if naming.lossless and not FORMATS[own].exact:
        return ".png"
    return source.suffix if needed is None or own == images.check_format(needed) else needed


def _distinct(jobs: list[Job]) -> list[Job]:
    """``jobs`` with a target of its own for each: the one that an earlier run finished, the plain one, or else one that says more."""
    records = {folder: Record(folder) for folder in {job.folder for job in jobs}}
    same = _spelling(jobs)
    finished = [_finished(job, records[job.folder]) for job in jobs]
    taken = {same(name) for name in finished if name}
    wanted = Counter(same(job.target) for job in jobs)
    plain = {name for name, number in wanted.items() if number == 1} - taken
    taken |= plain
    named = []
    for job, name in zip(jobs, finished, strict=True):
        target = name or (job.target if same(job.target) in plain else next(name for name in _longer(job) if same(name) not in taken))
        taken.add(same(target))
        named.append(replace(job, target=target))
    return named


def _finished(job: Job, record: Record) -> Path | None:
    """The output of ``job`` that an earlier run finished, under the plain name or a longer one."""
    if record.is_empty:
        return None
    for name in (job.target, *takewhile(record.knows, _longer(job))):
        if record.is_made_from(job.source, name):
            return name
    return None


def _longer(job: Job) -> Iterator[Path]:
    """Names for the output of ``job`` that say what its input was, with numbers from the second on."""
    end = job.target.stem.removeprefix(job.source.stem)
    stem = f"{job.source.stem}_{job.source.suffix.lstrip('.')}{end}"
    yield job.target.with_name(stem + job.target.suffix)
    yield from (job.target.with_name(f"{stem}-{number}{job.target.suffix}") for number in count(2))


def _spelling(jobs: list[Job]) -> Callable[[Path], str]:
    """What is equal for two names of one file: in small letters where names differ by case alone and a disk takes them for one."""
    names = {absolute(name) for job in jobs for name in (job.target, next(_longer(job)))}
    folders = {job.target.parent for job in jobs if not isinstance(job.target, Url)}
    if len({name.casefold() for name in names}) < len(names) and any(map(ignores_case, folders)):
        return lambda target: absolute(target).casefold()
    return absolute
