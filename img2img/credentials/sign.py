"""Signing a finished file, and what becomes of credentials that an input has."""

import contextlib
import mmap
import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from img2img.credentials.identity import MISSING, Identity
from img2img.errors import Img2ImgError, cause_of
from img2img.images.label import TERMS, Label

SIGNED = {name: f"image/{name.lower()}" for name in ("PNG", "JPEG", "WEBP", "TIFF", "AVIF", "HEIF", "JXL", "GIF")}  # their media types
NOT_SIGNED = "cannot hold content credentials: written without"  # the end of a note
DAMAGED = "the input's content credentials are damaged: the result names the input by its hash alone"
ANYTHING = "application/octet-stream"
ENDING = "the input's content credentials end here; --credentials would keep and continue them"
MARK = bytes.fromhex("63327061 0011 0010 8000 00AA00389B71")  # the type of C2PA's JUMBF boxes (specification 2.2, section 11.1.4)


@dataclass(frozen=True)
class Making:
    """How a file was made: its label, None where no network changed anything; and what else is said, as JSON holds it, of the model and
    the options.
    """

    label: Label | None
    about: Mapping[str, Any]


def sign(path: Path, format: str, source: Path | None, source_format: str, making: Making, identity: Identity) -> str | None:
    """Sign the file at ``path``, of Pillow's ``format``, in place; a note where that format cannot be signed, or ``source`` is damaged.

    The manifest says that ``source`` was opened (with its own manifest, if it has one that is whole) and edited by the model. No
    thumbnails (they would be the largest part of it), no time-stamp server (which would be told of every picture), no names of files.

    Raises:
        Img2ImgError: the file cannot be signed; the extra is missing.
    """
    if format not in SIGNED:
        return f"{format} {NOT_SIGNED}"
    try:
        import c2pa
    except ModuleNotFoundError as error:
        raise Img2ImgError(MISSING) from error
    media, note = SIGNED[format], None
    signed = path.with_name(path.name + ".signed")
    try:
        with contextlib.ExitStack() as stack:
            settings = {
                "builder": {"thumbnail": {"enabled": False}},
                "verify": {"verify_after_sign": False, "remote_manifest_fetch": False},
            }
            context = stack.enter_context(c2pa.Context.from_dict(settings))
            pem = identity.certificates.encode(), identity.key.encode()
            signer = stack.enter_context(c2pa.Signer.from_info(c2pa.C2paSignerInfo(identity.algorithm, *pem, None)))
            builder = stack.enter_context(c2pa.Builder(_manifest(making), context=context))
            builder.set_intent(c2pa.C2paBuilderIntent.EDIT)
            if source is not None:
                ingredient, parent = {"title": "input", "relationship": "parentOf"}, stack.enter_context(open(source, "rb"))
                try:
                    builder.add_ingredient(ingredient, SIGNED.get(source_format, ANYTHING), parent)
                except c2pa.C2paError:
                    parent.seek(0)
                    builder.add_ingredient(ingredient, ANYTHING, parent)
                    note = DAMAGED
            builder.sign(signer, media, stack.enter_context(open(path, "rb")), stack.enter_context(open(signed, "w+b")))
        os.replace(signed, path)
    except c2pa.C2paError as error:
        raise Img2ImgError(f"the result cannot be signed: {str(error).splitlines()[0][:200]}") from error
    except OSError as error:
        raise Img2ImgError(f"the result cannot be signed: {cause_of(error) or error.strerror}") from error
    finally:
        signed.unlink(missing_ok=True)
    return note


def _manifest(making: Making) -> Mapping[str, Any]:
    action: dict[str, Any] = {"action": "c2pa.transcoded"}
    if (label := making.label) is not None:
        agent = {"name": label.system, "version": label.version}
        action = {"action": "c2pa.edited", "digitalSourceType": TERMS + label.source, "softwareAgent": agent}
        action["parameters"] = dict(making.about)
    return {
        "claim_generator_info": [{"name": "img2img", "version": version("img2img-toolkit")}],
        "title": "result",
        "assertions": [{"label": "c2pa.actions", "data": {"actions": [action]}}],
    }


def has_credentials(path: Path) -> bool:
    """Whether the file at ``path`` has a C2PA manifest in it, valid or not. Needs no extra."""
    try:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return content.find(MARK) >= 0
    except (OSError, ValueError):  # empty, or gone
        return False
