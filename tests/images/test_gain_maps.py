"""Ultra HDR and other JPEGs of several pictures: the gain map is named, dropped, and no longer spoken of."""

import io
import struct
from pathlib import Path

import pytest
from PIL import Image

from img2img import images

ULTRA_HDR = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    b'xmlns:Container="http://ns.google.com/photos/1.0/container/" xmlns:Item="http://ns.google.com/photos/1.0/container/item/" '
    b'xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" dc:rights="Ada" hdrgm:Version="1.0" hdrgm:GainMapMax=\'2.3\'>'
    b"<hdrgm:OffsetSDR><rdf:Seq><rdf:li>0.1</rdf:li></rdf:Seq></hdrgm:OffsetSDR><Container:Directory><rdf:Seq>"
    b'<rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="Primary"/></rdf:li><rdf:li rdf:parseType="Resource">'
    b'<Container:Item Item:Semantic="GainMap" Item:Length="733"/></rdf:li></rdf:Seq></Container:Directory>'
    b"</rdf:Description></rdf:RDF></x:xmpmeta>"
)


APPLE = b'http://ns.adobe.com/xap/1.0/\0<x:xmpmeta xmlns:H="http://ns.apple.com/HDRGainMap/1.0/" H:HDRGainMapVersion="65536"/>'


@pytest.mark.parametrize("of_second", [False, True])
def test_a_gain_map_is_named_once_and_dropped(of_second: bool, tmp_path: Path) -> None:
    stream = io.BytesIO()
    first, second = Image.new("RGB", (16, 8), "red"), Image.new("L", (4, 2), 90)
    first.save(stream, "MPO", save_all=True, append_images=[second], xmp=None if of_second else ULTRA_HDR)
    data = stream.getvalue()
    if of_second:  # as Apple has it: only the second picture says what it is
        place = data.rindex(b"\xff\xd8\xff") + 2
        data = data[:place] + b"\xff\xe1" + struct.pack(">H", len(APPLE) + 2) + APPLE + data[place:]
    found = images.read(data)
    assert (found.format, found.width, found.height) == ("JPEG", 16, 8)
    assert len(found.notes) == 1
    assert "a gain map, which makes bright parts brighter" in found.notes[0]
    assert images.write(found, tmp_path / "b.jpg") == []
    data = (tmp_path / "b.jpg").read_bytes()
    assert data.count(b"\xff\xd8\xff") == 1
    assert not any(mark in data for mark in (b"hdrgm:", b"GainMap", b"Container:Item", b"MPF"))
    assert (b'dc:rights="Ada"' in data) != of_second
    assert images.read(data).notes == ()


def test_a_gain_map_behind_a_jpeg_that_lists_no_pictures_is_named_too() -> None:
    stream = io.BytesIO()
    Image.new("RGB", (16, 8), "red").save(stream, "JPEG", xmp=ULTRA_HDR)
    found = images.read(stream.getvalue() + stream.getvalue())
    assert found.notes == ("a gain map, which makes bright parts brighter on displays that can, is left out",)
