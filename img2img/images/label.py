"""The label that says how a picture was made, in its XMP, as IPTC Photo Metadata 2025.1 has it."""

from dataclasses import dataclass, replace
from typing import Any
from xml.dom import minidom
from xml.dom.minidom import Document, Element
from xml.parsers.expat import ExpatError

from img2img.images.picture import Metadata

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
EXTENSION = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
TERMS = "http://cv.iptc.org/newscodes/digitalsourcetype/"
# IPTC's terms (cv.iptc.org/newscodes/digitalsourcetype) for what networks make, the weakest first. Others, as of a camera, come before.
ENHANCED, COMPOSITE, TRAINED = "algorithmicallyEnhanced", "compositeWithTrainedAlgorithmicMedia", "trainedAlgorithmicMedia"
_STRENGTH = (ENHANCED, COMPOSITE, TRAINED)
_SOURCE, _SYSTEM, _VERSION = "DigitalSourceType", "AISystemUsed", "AISystemVersionUsed"
_LONGEST = 4_000_000  # bytes of XMP that are taken apart
_EMPTY = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    f'<rdf:RDF xmlns:rdf="{RDF}"/></x:xmpmeta><?xpacket end="w"?>'
).encode()


@dataclass(frozen=True)
class Label:
    """How a picture was made: a term of IPTC, and the systems with their versions that made it."""

    source: str
    system: str
    version: str


def labeled(metadata: Metadata, label: Label) -> Metadata:
    """``metadata`` whose XMP has ``label``, and all else that it had; of damaged XMP nothing is kept.

    A stronger label that is there stays: what was once made by a network is not made less so by one that enhances it. The systems that
    are named already stay too.
    """
    document = _parsed(metadata.xmp) if metadata.xmp else None
    if document is None:
        document = minidom.parseString(_EMPTY)
    before = _taken_out(document)
    if _rank(before.get(_SOURCE, "")) > _rank(label.source):
        label = replace(label, source=before[_SOURCE].removeprefix(TERMS))
    system, version = (_joined(before.get(name, ""), new) for name, new in ((_SYSTEM, label.system), (_VERSION, label.version)))
    if label.system in before.get(_SYSTEM, "").split("; "):
        system, version = before[_SYSTEM], before.get(_VERSION, label.version)
    (root,) = document.getElementsByTagNameNS(RDF, "RDF")[:1]
    prefix = str(root.tagName).rpartition(":")[0]
    description = document.createElement(f"{prefix}:Description" if prefix else "Description")
    description.setAttribute(f"{prefix}:about" if prefix else "about", _about(root))
    description.setAttribute("xmlns:Iptc4xmpExt", EXTENSION)
    for name, value in ((_SOURCE, TERMS + label.source), (_SYSTEM, system), (_VERSION, version)):
        element = document.createElement(f"Iptc4xmpExt:{name}")
        element.appendChild(document.createTextNode(value))
        description.appendChild(element)
    root.appendChild(description)
    return replace(metadata, xmp="".join(node.toxml() for node in document.childNodes).encode())


def read_label(xmp: bytes | None) -> Label | None:
    """The label in ``xmp``; None where there is none. ``source`` is without IPTC's address where it is one of its terms."""
    document = _parsed(xmp) if xmp else None
    found = _taken_out(document) if document else {}
    if _SOURCE not in found:
        return None
    return Label(found[_SOURCE].removeprefix(TERMS), found.get(_SYSTEM, ""), found.get(_VERSION, ""))


def without_label(xmp: bytes | None) -> bytes | None:
    """``xmp`` less its label; None where nothing else is in it."""
    document = _parsed(xmp) if xmp else None
    if document is None:
        return xmp
    _taken_out(document)
    if not document.getElementsByTagNameNS(RDF, "Description"):
        return None
    return "".join(node.toxml() for node in document.childNodes).encode()


def _parsed(xmp: bytes) -> Document | None:
    """XMP as a document with ``rdf:RDF`` in it; None where it is none. Document types, whose entities could grow, are not read."""
    text = xmp.strip(b"\0 \t\r\n")
    if len(text) > _LONGEST or b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        return None
    try:
        document = minidom.parseString(text)
    except (ExpatError, ValueError, LookupError):
        return None
    return document if document.getElementsByTagNameNS(RDF, "RDF") else None


def _taken_out(document: Document) -> dict[str, str]:
    """The values of the label's properties, which are removed: as elements or attributes of any ``rdf:Description``."""
    found: dict[str, str] = {}
    for description in document.getElementsByTagNameNS(RDF, "Description"):
        for name in (_SOURCE, _SYSTEM, _VERSION):
            if description.hasAttributeNS(EXTENSION, name):
                found.setdefault(name, description.getAttributeNS(EXTENSION, name).strip())
                description.removeAttributeNS(EXTENSION, name)
            for child in [*description.childNodes]:
                if isinstance(child, Element) and (child.namespaceURI, child.localName) == (EXTENSION, name):
                    resource = child.getAttributeNS(RDF, "resource")
                    found.setdefault(name, (resource or _text(child)).strip())
                    description.removeChild(child)
        if _is_empty(description):
            parent: Any = description.parentNode
            parent.removeChild(description)
    return found


def _is_empty(description: Any) -> bool:
    """Whether a description says nothing but what it is about."""
    said = [name for name in description.attributes.keys() if not name.startswith("xmlns")]  # noqa: SIM118 (no dict)
    return not description.childNodes and len(said) <= description.hasAttributeNS(RDF, "about")


def _text(node: Any) -> str:
    return "".join(each.data if each.nodeType == each.TEXT_NODE else _text(each) for each in node.childNodes)


def _about(root: Any) -> str:
    """What the packet is about, which all its descriptions say alike."""
    descriptions = root.getElementsByTagNameNS(RDF, "Description")
    return str(descriptions[0].getAttributeNS(RDF, "about")) if descriptions else ""


def _rank(source: str) -> int:
    term = source.removeprefix(TERMS)
    return _STRENGTH.index(term) if term in _STRENGTH else -1


def _joined(before: str, new: str) -> str:
    return f"{before}; {new}" if before else new
