"""``img2img inspect``: what a file is, picture or model."""

from pathlib import Path
from typing import Annotated, Any

import typer


def inspect(
    path: Annotated[Path, typer.Argument(help="A picture, a model file or a run folder.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    anchors: Annotated[
        Path | None, typer.Option(metavar="FILE", help="PEM certificates of authorities whose content credentials are trusted.")
    ] = None,
) -> None:
    """Show what a picture (size, depth, profile, frames, label, content credentials) or a model file is.

    Example: `img2img inspect photo.tif`
    """
    import json

    import yaml

    from img2img.errors import ModelError
    from img2img.models.exported_files import exported_format
    from img2img.models.formats import named_kind

    try:
        kind = named_kind(path) if path.is_file() and not exported_format(path) else None
    except OSError:
        kind = None  # reading it as a picture says why
    if kind:
        raise ModelError(f"{str(path)!r} is {kind}")
    facts = _model(path) if _is_model(path) or (path.is_file() and exported_format(path)) else _picture(path, anchors)
    typer.echo(json.dumps(facts, indent=2) if as_json else yaml.safe_dump(facts, sort_keys=False, allow_unicode=True), nl=as_json)


def _is_model(path: Path) -> bool:
    """Whether ``path`` is a run folder, or begins as safetensors, PyTorch's zip or a pickle does."""
    if not path.is_file():  # nor a FIFO, which would block: reading it as a picture refuses it
        return path.is_dir()
    try:
        with path.open("rb") as file:
            head = file.read(9)
    except OSError:
        return False  # reading it as a picture says why
    return head[8:9] == b"{" or head.startswith((b"PK\x03\x04", b"\x80"))


def _model(path: Path) -> dict[str, Any]:
    from img2img.models import community, find_model, load_model
    from img2img.models.exported_files import exported_format, read_exported
    from img2img.models.files import describes_itself

    file = find_model(path)
    if file is not None and (format := exported_format(file)):
        exported = read_exported(file)
        return {"kind": "model", "format": format, "export": exported.about.model_dump(exclude={"attention"}), **exported.info.model_dump()}
    if file is not None and not describes_itself(file):
        return {"kind": "model", **community.describe(file)}
    model = load_model(path)
    parameters = sum(parameter.numel() for parameter in model.network.parameters())
    return {"kind": "model", "parameters": parameters, **model.info.model_dump()}


def _picture(path: Path, anchors: Path | None) -> dict[str, Any]:
    from dataclasses import asdict

    from img2img.errors import PictureError
    from img2img.images import read
    from img2img.images.label import read_label
    from img2img.images.used_bits import bits_of

    try:
        picture = read(path)
    except PictureError as error:
        signed = _credentials(path, None, anchors) if path.is_file() else None
        if signed is None:
            raise
        return {"kind": "picture", "error": str(error), "credentials": signed}  # a changed byte may end the reading, too
    metadata = picture.metadata
    durations = [frame.duration for frame in picture.frames if frame.duration is not None]
    return {
        "kind": "picture",
        "format": picture.format,
        "width": picture.width,
        "height": picture.height,
        "color": "gray" if picture.channels == 1 else "RGB",
        "alpha": picture.alpha is not None,
        "bit_depth": picture.bit_depth,
        "used_bits": bits_of(picture) if picture.bit_depth == 16 else picture.bit_depth,
        "frames": len(picture.frames),
        "seconds": sum(durations) / 1000 if durations else None,
        "profile": _profile_name(metadata.icc) if metadata.icc else None,
        "dpi": list(metadata.dpi) if metadata.dpi else None,
        "exif_bytes": len(metadata.exif or b""),
        "label": asdict(label) if (label := read_label(metadata.xmp)) else None,
        "credentials": _credentials(path, picture.format, anchors),
        "xmp_bytes": len(metadata.xmp or b""),
        "notes": list(picture.notes),
    }


def _credentials(path: Path, format: str | None, anchors: Path | None) -> dict[str, Any] | None:
    from importlib.util import find_spec

    from img2img.credentials.identity import MISSING
    from img2img.credentials.sign import has_credentials
    from img2img.credentials.validate import validate

    if not has_credentials(path):
        return None
    if find_spec("c2pa") is None:
        return {"state": "not checked", "explanation": MISSING}
    return validate(path, format, anchors)


def _profile_name(icc: bytes) -> str:
    from io import BytesIO

    from PIL import ImageCms

    try:
        return ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(BytesIO(icc))).strip()
    except (ImageCms.PyCMSError, OSError):
        return f"unreadable ({len(icc)} bytes)"
