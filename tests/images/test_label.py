"""The label that says how a picture was made: what is written, kept, never weakened, and read back by another reader."""

import io
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest
import torch
from PIL import Image

from img2img import images
from img2img.images import Frame, Picture
from img2img.images.formats import WRITABLE
from img2img.images.label import COMPOSITE, ENHANCED, TERMS, TRAINED, Label, labeled, put_label, read_label
from img2img.images.picture import Metadata
from img2img.images.xmp import IPTC_EXT, RDF

MADE = Label(COMPOSITE, "img2img tiny", "1.0")
WITH_XMP = [name for name, entry in WRITABLE.items() if entry.xmp]
OTHER = (
    b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>\n<x:xmpmeta xmlns:x="adobe:ns:meta/"><r:RDF '
    b'xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><r:Description r:about="uuid:1" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    b'xmlns:e="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" %s><dc:title><r:Alt><r:li xml:lang="x-default">H\xc3\xa4user &amp; B\xc3\xa4ume'
    b"</r:li></r:Alt></dc:title>%s</r:Description></r:RDF></x:xmpmeta>\n<?xpacket end='w'?>"
)


def picture(metadata: Metadata | None = None, channels: int = 3) -> Picture:
    return Picture((Frame(torch.rand(channels, 8, 9)),), metadata=metadata or Metadata())


def independent(xmp: bytes) -> dict[str, list[str]]:
    """The label's properties as ElementTree finds them: by name, each value."""
    found: dict[str, list[str]] = {}
    space = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"
    for element in ElementTree.fromstring(xmp.decode().lstrip("\ufeff")).iter():
        if element.tag.startswith(space):
            found.setdefault(element.tag.removeprefix(space), []).append(element.text or "")
        for name, value in element.attrib.items():
            if name.startswith(space):
                found.setdefault(name.removeprefix(space), []).append(value)
    return found


@pytest.mark.parametrize("format", WITH_XMP)
@pytest.mark.parametrize("strip", [False, True])
def test_every_format_with_xmp_holds_it(format: str, strip: bool) -> None:
    stream = io.BytesIO()
    notes = images.write(picture(), stream, format=format, strip_metadata=strip, label=MADE)
    assert not [note for note in notes if "label" in note]
    read = images.read(stream.getvalue())
    assert read_label(read.metadata.xmp) == MADE
    if format in ("HEIF", "JXL"):
        return  # Pillow alone reads neither
    with Image.open(io.BytesIO(stream.getvalue())) as image:  # where Pillow looks for it, and anybody else
        seen: Any = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or image.getxmp() or image.tag_v2[700]  # type: ignore[attr-defined]
    xmp = seen.encode() if isinstance(seen, str) else seen
    if isinstance(xmp, bytes):
        assert independent(xmp) == {
            "DigitalSourceType": [TERMS + COMPOSITE],
            "AISystemUsed": ["img2img tiny"],
            "AISystemVersionUsed": ["1.0"],
        }


@pytest.mark.parametrize("format", [name for name in WRITABLE if name not in WITH_XMP])
def test_formats_without_xmp_say_so(format: str) -> None:
    notes = images.write(picture(), io.BytesIO(), format=format, label=MADE)
    assert [note for note in notes if "label" in note] == [f"{format} cannot hold the label that says that a model made the picture"]
    assert not [note for note in notes if "XMP" in note], "there was none to lose"


def test_everything_else_stays() -> None:
    before = OTHER % (b"", b"")
    made = labeled(Metadata(xmp=before), MADE)
    assert made.xmp is not None
    assert read_label(made.xmp) == MADE
    text = made.xmp.decode()
    assert "Häuser &amp; Bäume" in text
    assert text.count("W5M0MpCehiHzreSzNTczkc9d") == 1
    assert [element.attrib for element in ElementTree.fromstring(text).iter() if element.tag.endswith("}Description")] == [
        {"{http://www.w3.org/1999/02/22-rdf-syntax-ns#}about": "uuid:1"}
    ] * 2
    again = labeled(made, MADE)
    assert again.xmp == made.xmp, "a second time changes nothing"
    start = next(place for place in range(len(before)) if before[place] != made.xmp[place])
    assert made.xmp[:start] + made.xmp[start + len(made.xmp) - len(before) :] == before, "byte for byte"


@pytest.mark.parametrize(
    ("attributes", "children"),
    [
        (b'e:DigitalSourceType="%s"', b""),
        (b"", b"<e:DigitalSourceType>%s</e:DigitalSourceType>"),
        (b"", b'<e:DigitalSourceType r:resource="%s"/>'),
    ],
)
@pytest.mark.parametrize(
    ("there", "ours", "expected"),
    [
        (TRAINED, COMPOSITE, TRAINED),
        (TRAINED, ENHANCED, TRAINED),
        (COMPOSITE, ENHANCED, COMPOSITE),
        (ENHANCED, COMPOSITE, COMPOSITE),
        ("digitalCapture", ENHANCED, ENHANCED),
        ("compositeSynthetic", ENHANCED, "compositeSynthetic"),
        ("compositeSynthetic", COMPOSITE, COMPOSITE),
    ],
)
def test_a_stronger_label_is_never_weakened(attributes: bytes, children: bytes, there: str, ours: str, expected: str) -> None:
    value = (TERMS + there).encode()
    xmp = OTHER % (attributes.replace(b"%s", value), children.replace(b"%s", value))
    assert read_label(xmp) == Label(there, "", "")
    made = labeled(Metadata(xmp=xmp), replace(MADE, source=ours)).xmp
    assert made is not None
    assert independent(made)["DigitalSourceType"] == [TERMS + expected]
    for strip in (False, True):
        stream = io.BytesIO()
        images.write(picture(Metadata(xmp=xmp)), stream, format="PNG", strip_metadata=strip, label=replace(MADE, source=ours))
        label = read_label(images.read(stream.getvalue()).metadata.xmp)
        assert label is not None
        assert label.source == expected


def test_the_systems_before_stay() -> None:
    xmp = OTHER % (b'e:AISystemUsed="Other" e:AISystemVersionUsed="3"', b"")
    once = labeled(Metadata(xmp=xmp), MADE)
    assert read_label(once.xmp) == Label(COMPOSITE, "Other; img2img tiny", "3; 1.0")
    assert read_label(labeled(once, MADE).xmp) == read_label(once.xmp)


@pytest.mark.parametrize(
    "damaged",
    [
        b"<x:xmpmetadata",
        b"\xff\xfe\x00",
        b"<a/>",
        b'<!DOCTYPE a [<!ENTITY b "c">]><x:xmpmeta xmlns:x="adobe:ns:meta/"/>',
        b"<r:RDF xmlns:r='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>&lol;</r:RDF>",
    ],
)
def test_damaged_xmp_is_replaced(damaged: bytes) -> None:
    assert read_label(damaged) is None
    made = labeled(Metadata(xmp=damaged), MADE)
    assert read_label(made.xmp) == MADE
    assert damaged not in (made.xmp or b"")


def test_xmp_that_is_too_long_for_a_jpeg_goes_and_the_label_stays() -> None:
    long = OTHER % (b"", b"<dc:description>" + b"x" * 70_000 + b"</dc:description>")
    stream = io.BytesIO()
    notes = images.write(picture(Metadata(xmp=long)), stream, format="JPEG", label=MADE)
    assert any("cannot hold this XMP" in note for note in notes)
    assert read_label(images.read(stream.getvalue()).metadata.xmp) == MADE


def test_a_stronger_label_may_be_spelled_otherwise() -> None:
    for value in (TERMS.replace("http:", "https:") + TRAINED, f"digsrctype:{TRAINED}"):
        xmp = OTHER % (b"", b"<e:DigitalSourceType>" + value.encode() + b"</e:DigitalSourceType>")
        assert independent(labeled(Metadata(xmp=xmp), MADE).xmp or b"")["DigitalSourceType"] == [TERMS + TRAINED]


def test_a_system_without_a_version_has_a_mark_in_its_place() -> None:
    xmp = OTHER % (b'e:AISystemUsed="Other &amp; Co"', b"")
    assert read_label(labeled(Metadata(xmp=xmp), MADE).xmp) == Label(COMPOSITE, "Other & Co; img2img tiny", "?; 1.0")


def test_packets_in_other_spellings() -> None:
    empty = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><R:RDF xmlns:R="{RDF}"/></x:xmpmeta>'.encode()
    assert read_label(put_label(empty, MADE)[0]) == MADE
    before = OTHER % (b"", b"")
    made, _ = put_label(before, MADE)
    wide, readable = put_label(before.decode().encode("utf-16-le"), MADE)
    assert (wide.decode("utf-16-le").encode(), readable) == (made, True)
    assert put_label(before + b"\0\0\0", MADE) == (made + b"\0\0\0", True)
    inside = f'<q:Art xmlns:q="a:b" r:parseType="Resource"><e:AISystemUsed xmlns:e="{IPTC_EXT}">no</e:AISystemUsed></q:Art>'
    assert read_label(OTHER % (b"", inside.encode())) is None, "it speaks of something in the picture"


def test_damaged_xmp_is_told() -> None:
    deep = OTHER % (b"", 5000 * b"<a>" + 5000 * b"</a>")
    for xmp, told in ((b"<broken", True), (deep, False), (b'<!DOCTYPE a [<!ENTITY b "c">]><b/>'.decode().encode("utf-16"), True)):
        stream = io.BytesIO()
        notes = images.write(picture(Metadata(xmp=xmp)), stream, format="PNG", label=MADE)
        assert notes == ["the XMP cannot be read, and was replaced by a new one with the label"] * told
        assert read_label(images.read(stream.getvalue()).metadata.xmp) == MADE


def test_a_full_segment_of_a_jpeg_gives_its_padding_then_its_xmp() -> None:
    limit = 65_504
    for padding, notes in (
        (2000, []),
        (10, ["JPEG cannot hold this XMP and the label: only the label was kept"]),
    ):
        ending = b"</x:xmpmeta>" + b" " * padding
        bare = (OTHER % (b"", b"<dc:x>%b</dc:x>")).replace(b"</x:xmpmeta>", ending)
        full = bare.replace(b"%b", b"x" * (limit - len(bare) - 98))
        assert limit - 200 < len(full) <= limit
        stream = io.BytesIO()
        assert images.write(picture(Metadata(xmp=full)), stream, format="JPEG", label=MADE) == notes
        found = images.read(stream.getvalue()).metadata.xmp or b""
        assert (read_label(found), b"xxxx" in found) == (MADE, not notes)
