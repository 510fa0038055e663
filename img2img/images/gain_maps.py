"""JPEGs that hold more than one picture: what is left out is named, and the XMP no longer speaks of it."""

import re
from typing import Any

_MARKS = (b"hdrgm:", b"HDRGainMap")  # Ultra HDR (Adobe's gain maps), and Apple's
_PREFIX = re.compile(rb"""xmlns:(\w+)\s*=\s*["']http://ns\.adobe\.com/hdr-gain-map/1\.0/["']""")


def is_gain_map(xmp: bytes | None) -> bool:
    """Whether an XMP packet speaks of a gain map."""
    return any(mark in (xmp or b"") for mark in _MARKS)


def without_gain_map(xmp: bytes) -> bytes:
    """The XMP packet without a gain map's numbers and the list of the pictures in the file (Ultra HDR 1.1, "XMP"): its reader would
    look for a gain map that is not there.
    """
    for prefix in {match[1] for match in _PREFIX.finditer(xmp)} | {b"hdrgm"}:
        name = re.escape(prefix) + rb":\w+"
        xmp = re.sub(rb"<(" + name + rb")\b[^>]*?(?:/>|>.*?</\1\s*>)", b"", xmp, flags=re.DOTALL)
        xmp = re.sub(rb"\s*\b" + name + rb"""\s*=\s*(["'])[^"']*\1""", b"", xmp)
    return re.sub(rb"<Container:Directory\b.*?</Container:Directory\s*>", b"", xmp, flags=re.DOTALL)


def said_of_others(image: Any, xmp: bytes | None) -> str | None:
    """What people should know of the other pictures in an open JPEG (CIPA DC-007) whose XMP is given; None where there are none."""
    count = image.n_frames if image.format == "MPO" else 1
    gain = is_gain_map(xmp)
    for number in range(1, min(count, 8)):  # each has an XMP of its own
        image.seek(number)
        gain |= is_gain_map(image.info.get("xmp"))
    if count == 1:
        return "a gain map, which makes bright parts brighter on displays that can, is left out" if gain else None
    what = "a gain map, which makes bright parts brighter on displays that can" if gain else "previews, other views or depths"
    return f"{count} pictures are in this JPEG, of which the first is read; the others ({what}) are left out"
