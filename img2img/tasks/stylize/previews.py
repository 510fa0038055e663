"""Where an optimization can be watched."""

from collections.abc import Sequence
from pathlib import Path

from img2img import images
from img2img.errors import ConfigError


def preview_files(
    jobs: Sequence[tuple[Path | None, Path | None]], given: str | None, *, overwrite: bool = False
) -> dict[Path | None, Path]:
    """The preview file for the source of each of ``jobs``: ``given``, or NAME.preview.png beside the target, or none without a target.

    Args:
        jobs: pairs of source and target, None for standard input and output.

    Raises:
        ConfigError: ``given`` for several jobs; a preview that would replace a file. PictureError: ``given`` names no format.
    """
    if given is not None:
        images.check_format(given)
        if len(jobs) > 1:
            raise ConfigError(f"--preview {given!r} is one file for {len(jobs)} pictures; leave it out: each gets its own")
    found = dict[Path | None, Path]()
    for source, target in jobs:
        if given is not None:
            found[source] = Path(given)
        elif target is not None:
            found[source] = target.with_name(f"{target.stem}.preview.png")
    results = {target for _, target in jobs}
    for path in found.values():
        if path in results or (path.exists() and not overwrite):
            raise ConfigError(f"the preview {str(path)!r} would replace a file, and is removed at the end: --preview names another")
    return found
