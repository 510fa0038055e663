"""The label that says how a picture was made, in its XMP, as IPTC Photo Metadata 2025.1 has it."""

from dataclasses import dataclass, replace

from img2img.images.picture import Metadata
from img2img.images.xmp import BrokenXmpError, Packet, new_packet

SOFTWARE = "img2img"  # as labels call it
TERMS = "http://cv.iptc.org/newscodes/digitalsourcetype/"
# IPTC's terms (cv.iptc.org/newscodes/digitalsourcetype) for what networks make.
ENHANCED, COMPOSITE, TRAINED = "algorithmicallyEnhanced", "compositeWithTrainedAlgorithmicMedia", "trainedAlgorithmicMedia"
# How much of a picture is made up. What is not named, as of cameras and of people, gives way to all of these.
_STRENGTH = {
    ENHANCED: 1,
    "composite": 2,  # synthetic, but not, or not surely, by a trained model
    "compositeSynthetic": 2,
    "algorithmicMedia": 2,
    "dataDrivenMedia": 2,
    "virtualRecording": 2,
    COMPOSITE: 3,
    TRAINED: 4,
    "trainedAlgorithmicData": 4,  # C2PA's own
}
_SOURCE, _SYSTEM, _VERSION = "DigitalSourceType", "AISystemUsed", "AISystemVersionUsed"
_NAMES = frozenset({_SOURCE, _SYSTEM, _VERSION})
_BETWEEN = "; "  # systems that worked on a picture one after the other
BROKEN = "the XMP cannot be read, and was replaced by a new one with the label"
_UNKNOWN = "?"  # the version of a system that gave none


@dataclass(frozen=True)
class Label:
    """How a picture was made: a term of IPTC, and the systems with their versions that made it, one after the other."""

    source: str
    system: str
    version: str

    def over(self, before: "Label | None") -> "Label":
        """This label for a picture that had ``before``.

        A stronger label that is there stays: what was once made by a network is not made less so by one that enhances it. The systems that
        are named already stay too, each with its version.
        """
        if before is None:
            return self
        made = replace(self, source=before.source) if _strength(before.source) > _strength(self.source) else self
        systems = [each for each in before.system.split(_BETWEEN) if each]
        versions = [each for each in before.version.split(_BETWEEN) if each]
        versions = (versions + [_UNKNOWN] * len(systems))[: len(systems)]
        if (self.system, self.version) not in zip(systems, versions, strict=True):
            systems, versions = [*systems, self.system], [*versions, self.version]
        return replace(made, system=_BETWEEN.join(systems), version=_BETWEEN.join(versions))

    def _values(self) -> dict[str, str]:
        address = self.source if "/" in self.source or ":" in self.source else TERMS + self.source
        return {_SOURCE: address, _SYSTEM: self.system, _VERSION: self.version}


def put_label(xmp: bytes | None, label: Label, before: Label | None = None) -> tuple[bytes, bool]:
    """``xmp`` with ``label`` over what it says, or else over ``before``; and whether it could be read, or else was replaced.

    All else in ``xmp`` stays, byte for byte.
    """
    try:
        packet = Packet(xmp, _NAMES) if xmp else None
    except BrokenXmpError:
        return new_packet(label.over(before)._values()), False
    values = label.over((_found(packet) if packet else None) or before)._values()
    return (packet.with_values(values) if packet else new_packet(values)), True


def labeled(metadata: Metadata, label: Label) -> Metadata:
    """``metadata`` whose XMP has ``label``; as ``put_label``."""
    return replace(metadata, xmp=put_label(metadata.xmp, label)[0])


def read_label(xmp: bytes | None) -> Label | None:
    """The label in ``xmp``; None where there is none. ``source`` is without IPTC's address where it is one of its terms."""
    try:
        return _found(Packet(xmp, _NAMES)) if xmp else None
    except BrokenXmpError:
        return None


def _found(packet: Packet) -> Label | None:
    strongest = max(packet.values.get(_SOURCE, []), key=_strength, default="")
    system, version = (next(iter(packet.values.get(name, [])), "") for name in (_SYSTEM, _VERSION))
    is_term = strongest.startswith((TERMS, TERMS.replace("http:", "https:"), "digsrctype:"))
    return Label(_term(strongest) if is_term else strongest, system, version) if strongest or system or version else None


def _strength(source: str) -> int:
    return _STRENGTH.get(_term(source), 0)


def _term(source: str) -> str:
    """The last part of an address, or of a name with a prefix."""
    return source.rstrip("/").replace(":", "/").rpartition("/")[2]
