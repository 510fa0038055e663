"""Labels and content credentials, format by format: whether others find them, whether a flipped bit is found, and what they cost."""

import io
import re
import tempfile
import time
from pathlib import Path
from xml.etree import ElementTree

import torch
import typer

from img2img import images
from img2img.credentials.identity import ANCHOR, CERTIFICATE, KEY, create, load_identity
from img2img.credentials.sign import Making, sign
from img2img.credentials.validate import validate
from img2img.images import Frame, Picture
from img2img.images.formats import FORMATS
from img2img.images.label import COMPOSITE, TERMS, Label
from img2img.images.label import labeled as add
from img2img.images.picture import Metadata
from img2img.images.xmp import IPTC_EXT

LABEL = Label(COMPOSITE, "img2img upscale-4x-photo", "0.1.0")
TURNS = 200


def main() -> None:
    torch.manual_seed(0)
    picture = Picture((Frame(torch.rand(3, 256, 256)),))
    for name in FORMATS:
        plain, labeled = (_written(picture, name, label) for label in (None, LABEL))
        signed = _signed(labeled, name)
        typer.echo(f"| {name} | {'yes' if found(labeled) else 'written without XMP'} | {len(labeled) - len(plain)} | {signed} |")
    began = time.perf_counter()
    for _ in range(TURNS):
        add(Metadata(), LABEL)
    typer.echo(f"{(time.perf_counter() - began) / TURNS * 1000:.2f} ms a picture")


def found(data: bytes) -> bool:
    """Whether an XMP packet in ``data``, found by its marks alone, has the label."""
    packets = re.findall(rb"<x:xmpmeta.*?</x:xmpmeta>", data, re.DOTALL)
    values = [element.text for packet in packets for element in ElementTree.fromstring(packet).iter() if IPTC_EXT in element.tag]
    return values == [TERMS + LABEL.source, LABEL.system, LABEL.version]


def _signed(data: bytes, name: str) -> str:
    """Whether the credentials of a signed file hold, whether one flipped bit is found, and what they cost: cells of the table."""
    with tempfile.TemporaryDirectory() as folder:
        create(Path(folder))
        identity, path = load_identity(Path(folder, CERTIFICATE), Path(folder, KEY)), Path(folder, "result")
        path.write_bytes(data)
        began = time.perf_counter()
        if sign(path, name, None, name, Making(LABEL, {"model": "upscale-4x-photo", "model_sha256": "0" * 64, "options": {}}), identity):
            return "not signed | | |"
        seconds, signed = time.perf_counter() - began, bytearray(path.read_bytes())
        valid = validate(path, name, Path(folder, ANCHOR))
        signed[len(signed) // 2] ^= 1  # of the pixels, which are most of the file
        path.write_bytes(signed)
        changed = validate(path, name, Path(folder, ANCHOR))
        assert valid is not None
        assert changed is not None
        return f"{valid['state']} | {'yes' if changed['state'] == 'invalid' else 'no'} | {len(signed) - len(data)} | {seconds * 1000:.0f}"


def _written(picture: Picture, name: str, label: Label | None) -> bytes:
    stream = io.BytesIO()
    images.write(picture, stream, format=name, label=label)
    return stream.getvalue()


if __name__ == "__main__":
    main()
