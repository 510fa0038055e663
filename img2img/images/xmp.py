"""Simple properties in an XMP packet: found and set, with everything else in it left as it is, byte for byte (ISO 16684-1)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
IPTC_EXT = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
PREFIX = "Iptc4xmpExt"
_EMPTY = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
    f'<rdf:RDF xmlns:rdf="{RDF}">\n</rdf:RDF>\n</x:xmpmeta>\n<?xpacket end="w"?>'
)
_TAG = re.compile(rb"<[^>\"']*(?:\"[^\"]*\"[^>\"']*|'[^']*'[^>\"']*)*>")
_ATTRIBUTE = re.compile(rb"\s([^\s=]+)\s*=\s*(\"[^\"]*\"|'[^']*')")
_PADDING = re.compile(rb"\s+(?=<\?xpacket end=)")


class BrokenXmpError(ValueError):
    """What should be an XMP packet is none."""


@dataclass
class _Place:
    """Where a property stands: the span of its element, or of an attribute's value with its quotes."""

    start: int
    end: int
    is_attribute: bool


class Packet:
    """A packet in which the properties ``names`` of IPTC's extension schema were looked for.

    Attributes:
        values: those found, by name; of a property that stands in several places, all of its values.

    Raises:
        BrokenXmpError: it is not well-formed, holds no ``rdf:RDF``, or declares a document type: no entity is ever expanded.
    """

    def __init__(self, xmp: bytes, names: frozenset[str]) -> None:
        self._codec = _codec(xmp)
        try:
            self._data = xmp if self._codec == "utf-8" else xmp.decode(self._codec).encode()
        except UnicodeError as error:
            raise BrokenXmpError(str(error)) from error
        self._names = names
        self._path: list[str] = []
        self._starts: list[int] = []
        self._text: list[str] = []
        self._prefixes: set[bytes] = set()
        self._places: dict[str, list[_Place]] = {}
        self._rdf: tuple[int, int] | None = None  # where the tag of rdf:RDF, and that which closes it, begin
        self._about = ""
        self.values: dict[str, list[str]] = {}
        self._parse()

    def with_values(self, values: Mapping[str, str]) -> bytes:
        """The packet with ``values`` by name: in place of those that stand there, or else in a description of their own."""
        edits = []
        for name, value in values.items():
            for place in self._places.get(name, []):
                old = self._data[place.start : place.end]
                edits.append((place.start, place.end, quoteattr(value).encode() if place.is_attribute else _element(old, value)))
        new = {name: value for name, value in values.items() if name not in self._places}
        if new:
            edits.append(self._description(new))
        data = self._data
        for start, end, text in sorted(edits, reverse=True):
            data = data[:start] + text + data[end:]
        return data if self._codec == "utf-8" else data.decode().encode(self._codec)

    def _description(self, values: Mapping[str, str]) -> tuple[int, int, bytes]:
        """The edit that adds ``values`` at the end of rdf:RDF."""
        start, close = self._rdf or (0, 0)
        tag = _tag_at(self._data, start)
        name = re.split(rb"[\s/>]", tag[1:], maxsplit=1)[0]
        lines = "".join(f"\n  <{PREFIX}:{key}>{escape(value)}</{PREFIX}:{key}>" for key, value in values.items())
        declared = "" if name.startswith(b"rdf:") else f' xmlns:rdf="{RDF}"'
        about = f"rdf:about={quoteattr(self._about)}"
        text = f' <rdf:Description{declared} {about} xmlns:{PREFIX}="{IPTC_EXT}">{lines}\n </rdf:Description>\n'.encode()
        if tag.endswith(b"/>"):
            return start, start + len(tag), tag[:-2] + b">\n" + text + b"</" + name + b">"
        return close, close, text

    def _parse(self) -> None:
        parser = expat.ParserCreate("utf-8", " ")
        parser.StartElementHandler = lambda name, attributes: self._begin(parser.CurrentByteIndex, name, attributes)
        parser.EndElementHandler = lambda name: self._finish(parser.CurrentByteIndex, name)
        parser.CharacterDataHandler = self._text.append
        parser.StartNamespaceDeclHandler = self._declare
        parser.StartDoctypeDeclHandler = _refuse
        try:
            parser.Parse(self._data.rstrip(b"\0"), True)
        except expat.ExpatError as error:
            raise BrokenXmpError(str(error)) from error
        if self._rdf is None:
            raise BrokenXmpError("no rdf:RDF")

    def _declare(self, prefix: str | None, uri: str | None) -> None:
        if uri == IPTC_EXT:
            self._prefixes.add((prefix or "").encode())

    def _begin(self, at: int, name: str, attributes: dict[str, str]) -> None:
        self._path.append(name)
        self._starts.append(at)
        if name == f"{RDF} RDF" and self._rdf is None:
            self._rdf = at, at
        if self._is_description(len(self._path)):
            self._about = self._about or attributes.get(f"{RDF} about") or attributes.get("about") or ""
            for key in self._names & {key.removeprefix(f"{IPTC_EXT} ") for key in attributes if key.startswith(f"{IPTC_EXT} ")}:
                self.values.setdefault(key, []).append(attributes[f"{IPTC_EXT} {key}"])
                self._places.setdefault(key, []).extend(self._attributes(at, key))
        elif self._property(name):
            self._text.clear()
            if resource := attributes.get(f"{RDF} resource"):
                self._text.append(resource)

    def _finish(self, at: int, name: str) -> None:
        start = self._starts[-1]
        if name == f"{RDF} RDF" and self._rdf == (start, start):
            self._rdf = start, at
        if key := self._property(name):
            self.values.setdefault(key, []).append(" ".join("".join(self._text).split()))
            tag = _tag_at(self._data, start)
            end = start + len(tag) if tag.endswith(b"/>") else at + len(_tag_at(self._data, at))
            self._places.setdefault(key, []).append(_Place(start, end, False))
        self._starts.pop()
        self._path.pop()

    def _is_description(self, depth: int) -> bool:
        return depth >= 2 and self._path[depth - 2 : depth] == [f"{RDF} RDF", f"{RDF} Description"]

    def _property(self, name: str) -> str | None:
        """The name that was asked for, where the element at the end of the path is that property of the picture."""
        key = name.removeprefix(f"{IPTC_EXT} ")
        return key if key != name and key in self._names and self._is_description(len(self._path) - 1) else None

    def _attributes(self, at: int, key: str) -> list[_Place]:
        names = {prefix + b":" + key.encode() for prefix in self._prefixes if prefix}
        found = _ATTRIBUTE.finditer(_tag_at(self._data, at))
        return [_Place(at + each.start(2), at + each.end(2), True) for each in found if each[1] in names]


def new_packet(values: Mapping[str, str]) -> bytes:
    """A packet that holds ``values``, properties of IPTC's extension schema, and nothing else."""
    return Packet(_EMPTY.encode(), frozenset()).with_values(values)


def without_padding(xmp: bytes) -> bytes:
    """The packet without the white space at its end, which is there to be used up by additions."""
    return _PADDING.sub(b"\n", xmp)


def _refuse(*_: Any) -> None:
    raise BrokenXmpError("it declares a document type")


def _codec(xmp: bytes) -> str:
    """UTF-8, or UTF-16 by its first bytes."""
    head = xmp.removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff")[:2]
    return {b"<\0": "utf-16-le", b"\0<": "utf-16-be"}.get(head, "utf-8")


def _tag_at(data: bytes, at: int) -> bytes:
    found = _TAG.match(data, at)
    if found is None:
        raise BrokenXmpError(f"no tag at byte {at}")
    return found[0]


def _element(old: bytes, value: str) -> bytes:
    """The element ``old`` with ``value`` in it alone."""
    tag = _tag_at(old, 0)
    name = re.split(rb"[\s/>]", tag[1:], maxsplit=1)[0]
    prefix = name.rpartition(b":")[0]
    declared = b""
    if b"xmlns" in tag:
        declared = b" xmlns" + (b":" + prefix if prefix else b"") + b'="' + IPTC_EXT.encode() + b'"'
    return b"<" + name + declared + b">" + escape(value).encode() + b"</" + name + b">"
