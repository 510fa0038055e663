"""What the results of one inpaint command must not do to each other, found before anything is computed."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from img2img.errors import ConfigError, option
from img2img.storage.url import refuse_url
from img2img.tasks.inpaint.options import InpaintOptions, check_says_where

if TYPE_CHECKING:
    from img2img.tasks.task import Request


def prepare(requests: "Sequence[Request]", overwrite: bool) -> list[InpaintOptions]:
    """The options of ``requests``, checked together.

    Raises:
        ConfigError: nothing says where to fill; the masks of several pictures would go into one file, or over an input or a mask;
            masks are given as URLs.
        PictureError: a mask is to be written to a file of an unknown format.
    """
    options: InpaintOptions = requests[0].options
    check_says_where(options)
    if isinstance(options.mask, str):
        refuse_url("mask", options.mask)
    if options.mask_out is None:
        return [request.options for request in requests]
    refuse_url("mask_out", options.mask_out)
    from img2img.batch.jobs import is_folder
    from img2img.images import check_format
    from img2img.tasks.inpaint.mask_out import mask_path

    shown = f"{option('mask_out')} {options.mask_out!r}"
    sources = [request.source for request in requests if request.source is not None]
    if not is_folder(options.mask_out):
        check_format(options.mask_out)
        if len(sources) > 1:
            raise ConfigError(f"{shown} is one file for {len(sources)} pictures; give a folder: {options.mask_out}/")
    read: list[str | Path] = [*sources, *([options.mask] if isinstance(options.mask, str) else [])]
    given = {os.path.realpath(path) for path in read}
    for target, count in Counter(mask_path(options.mask_out, source) for source in sources).items():
        if count > 1:
            raise ConfigError(f"{shown}: the masks of {count} pictures would go into one file, {str(target)!r}; take one at a time")
        if os.path.realpath(target) in given:
            raise ConfigError(f"{option('mask_out')} {str(target)!r} is an input or the mask itself; give another folder")
    return [request.options.with_values(mask_overwrite=overwrite) for request in requests]
