"""Labels and content credentials in each format: whether they are there, read back by others, found to be broken; and what they cost.

Needs the extra credentials, and pyexiv2 as a reader of XMP that is not ours.
"""

import argparse
import io
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyexiv2
from PIL import Image

from img2img import images
from img2img.credentials.identity import ANCHOR, CERTIFICATE, KEY, Identity, create, load_identity
from img2img.credentials.sign import MARK, SIGNED, Making, sign
from img2img.credentials.validate import validate
from img2img.images import Frame, Picture
from img2img.images.formats import WRITABLE, Format
from img2img.images.label import COMPOSITE, Label, put_label, read_label

SAMPLE = Path(__file__).parents[1] / "samples" / "cat.jpg"
SCALE = 4
LABEL = Label(COMPOSITE, "img2img upscale-4x-photo", "0.1.0")
MAKING = Making(LABEL, {"model": "upscale-4x-photo", "model_sha256": "0" * 64, "options": {}})
MARGIN = 200  # of the manifest's surroundings: the headers of its boxes, and of AVIF's file type, which its hash leaves out
HEADINGS = (
    "format",
    "label written",
    "read by Exiv2",
    "credentials",
    "with its anchor",
    "one flipped byte",
    "label, bytes",
    "label, ms",
    "credentials, bytes",
    "credentials, ms",
    "the file, bytes",
    "the file, ms",
)


def exiv2(data: bytes) -> bool:
    """Whether Exiv2 finds the label in the file's content."""
    with pyexiv2.ImageData(data) as image:
        found = image.read_xmp()
    wanted = {"DigitalSourceType": LABEL.source, "AISystemUsed": LABEL.system, "AISystemVersionUsed": LABEL.version}
    return all(str(found.get(f"Xmp.iptcExt.{name}", "")).rpartition("/")[2] == value for name, value in wanted.items())


def flipped(path: Path, times: int, manifest: int) -> str:
    """How many of ``times`` files, each with one flipped bit, are no longer taken as valid.

    The bit lies outside of the manifest, of so many bytes, which has padding that nothing depends on.
    """
    data, draw, found = path.read_bytes(), random.Random(0), 0
    start = data.find(MARK)
    places = [*range(max(start - MARGIN, 0)), *range(start + manifest + MARGIN, len(data))]
    for _ in range(times):
        changed = bytearray(data)
        changed[draw.choice(places)] ^= 1 << draw.randrange(8)
        path.write_bytes(changed)
        result = validate(path, None)
        found += result is None or result["state"] == "invalid"
    path.write_bytes(data)
    return f"{found} of {times} found"


def milliseconds(call: Callable[[], object], turns: int, digits: int) -> str:
    """The median time of ``call``, with so many digits."""
    seconds = []
    for _ in range(turns):
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return f"{1e3 * statistics.median(seconds):.{digits}f}"


def row(entry: Format, picture: Picture, identity: Identity, folder: Path, turns: int, flips: int) -> list[str]:
    """A line of the table."""
    path = folder / f"signed{entry.suffixes[0]}"
    signs = entry.name in SIGNED

    def written(label: Label | None) -> bytes:
        stream = io.BytesIO()
        images.write(picture, stream, format=entry.name, label=label)
        return stream.getvalue()

    data = [written(None), written(LABEL)]
    labeling = milliseconds(lambda: put_label(None, LABEL), turns, 3)
    there = read_label(images.read(data[1]).metadata.xmp) == LABEL
    line = [entry.name, "yes" if there else "no XMP", ("yes" if exiv2(data[1]) else "no") if there else "-"]
    if signs:
        seconds = []
        for _ in range(turns):
            path.write_bytes(data[1])
            started = time.perf_counter()
            sign(path, entry.name, SAMPLE, "JPEG", MAKING, identity)
            seconds.append(time.perf_counter() - started)
        more, signing = path.stat().st_size - len(data[1]), f"{1e3 * statistics.median(seconds):.1f}"
        states = [(validate(path, None, anchors) or {"state": "none"})["state"] for anchors in (None, folder / ANCHOR)]
        line += [*states, flipped(path, flips, more)]
    else:
        more, signing = 0, "-"
        line += ["-"] * 3
    line += [str(len(data[1]) - len(data[0])), labeling if there else "-"]
    line += [str(more) if signs else "-", signing]
    return [*line, str(len(data[0])), milliseconds(lambda: written(None), min(turns, 5), 0)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=25, help="how often each file is labeled and signed")
    parser.add_argument("--flips", type=int, default=50, help="how many changed copies of each signed file are checked")
    asked = parser.parse_args()
    small = Image.open(SAMPLE)
    large = np.asarray(small.resize((SCALE * small.width, SCALE * small.height), Image.Resampling.BICUBIC))
    picture = Picture((Frame(images.from_integers(large)),))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        create(folder)
        identity = load_identity(folder / CERTIFICATE, folder / KEY)
        fitting = [entry for entry in WRITABLE.values() if max(picture.width, picture.height) <= entry.limit]
        lines = [row(entry, picture, identity, folder, asked.turns, asked.flips) for entry in fitting]
    table = [list(HEADINGS), ["---"] * len(HEADINGS), *lines]
    sys.stdout.write(f"{picture.width}x{picture.height} px\n\n" + "".join(f"| {' | '.join(line)} |\n" for line in table))


if __name__ == "__main__":
    main()
