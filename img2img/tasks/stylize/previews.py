"""Where an optimization can be watched."""

from collections.abc import Sequence
from pathlib import Path

from img2img import images
from img2img.errors import ConfigError, option
from img2img.storage.url import is_url, refuse_url


def preview_files(targets: Sequence[Path | None], given: str | None, *, overwrite: bool = False) -> list[Path | None]:
    """The preview file for each of ``targets``: ``given``, or NAME.preview.png beside the target, or none without a target or for one
    in object storage.

    Args:
        targets: the results; None for standard output.

    Raises:
        ConfigError: ``given`` for several results, or a URL; a preview that would replace a file. PictureError: ``given`` names no format.
    """
    refuse_url("preview", given)
    if given is not None:
        images.check_format(given)
        if len(targets) > 1:
            raise ConfigError(f"{option('preview')} {given!r} is one file for {len(targets)} pictures; leave it out: each gets its own")
    found = [
        Path(given) if given is not None else None if target is None or is_url(target) else target.with_name(f"{target.stem}.preview.png")
        for target in targets
    ]
    for path in found:
        if path is not None and (path in targets or (path.exists() and not overwrite)):
            raise ConfigError(
                f"the preview {str(path)!r} would replace a file, and is removed at the end: {option('preview')} names another"
            )
    return found
