"""The mask that was found, written to a file of its own."""

from pathlib import Path

from torch import Tensor

from img2img import images
from img2img.batch.jobs import is_folder
from img2img.errors import PictureError, option
from img2img.files import atomic_path
from img2img.images import Frame, Picture


def mask_path(mask_out: str, source: Path | None) -> Path:
    """Where ``mask_out`` wants the mask of the picture at ``source``: the file itself, or NAME.png in the folder."""
    return Path(mask_out, f"{source.stem if source else 'mask'}.png") if is_folder(mask_out) else Path(mask_out)


def write_mask(weight: Tensor, target: Path, *, overwrite: bool = False) -> None:
    """Write ``weight`` (1, H, W) in [0, 1] as a mask file, atomically. PictureError where another one is there."""
    with atomic_path(target) as temporary:
        images.write(Picture((Frame(weight),)), temporary)
        if target.exists() and not overwrite and target.read_bytes() != temporary.read_bytes():
            raise PictureError(f"{option('mask_out')} {str(target)!r} exists and is another mask; {option('overwrite')} replaces it")
