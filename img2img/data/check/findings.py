"""What a check can find: the kinds, how grave each is, and what to do about it."""

from dataclasses import dataclass
from typing import Any, Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Kind:
    """One thing that can be wrong: what to call it and what the user should do."""

    name: str
    severity: Severity
    title: str
    advice: str


KINDS = {
    kind.name: kind
    for kind in (
        Kind("unreadable", "error", "cannot be read", "replace or remove the file"),
        Kind("unmatched", "error", "no partner of the same name", "add the partner, rename it, or remove the file"),
        Kind("small", "error", "too small", "remove it, or train on smaller crops and give --smallest"),
        Kind("size", "error", "the sizes of a pair do not fit", "crop or resize one of the two so that they show the same"),
        Kind("leak", "error", "the same picture to train and to test on", "remove it from one of the splits, or figures will be too good"),
        Kind("duplicate", "warning", "nearly the same picture within a split", "keep one, or the model will see it more often than others"),
        Kind("misaligned", "warning", "the halves of a pair are shifted", "look at the pair; move one by the shift, or remove the pair"),
        Kind("channels", "warning", "gray among color, or color among gray", "convert them, or be sure that the mixture is meant"),
        Kind("depth", "warning", "another bit depth than most", "export all with the same number of bits"),
        Kind("alpha", "warning", "has transparency", "training ignores it: lay the picture on the ground you want"),
        Kind("gray", "warning", "gray, saved as RGB among color pictures", "remove it, or be sure that gray is meant"),
        Kind("profile", "warning", "a color profile that is not sRGB", "convert to sRGB: training takes the numbers as sRGB"),
        Kind("mode", "warning", "colors that are not RGB", "convert to sRGB, or be sure that the colors come out right"),
        Kind("palette", "warning", "a palette", "its colors are read, not its indices: save label maps that count by index as gray"),
    )
}


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        files: paths below the data folder; for duplicates the first is the one that the others are like.
        detail: what was given and what was expected, in a few words.
    """

    kind: Kind
    files: tuple[str, ...]
    detail: str


@dataclass(frozen=True)
class Report:
    """What a check found in the folder ``root``; ``description`` is the layout's, ``pictures`` counts its files."""

    root: str
    description: str
    pictures: int
    findings: tuple[Finding, ...]

    def of(self, kind: Kind) -> list[Finding]:
        """The findings of one kind."""
        return [finding for finding in self.findings if finding.kind == kind]

    def count(self, severity: Severity) -> int:
        """How many findings are that grave."""
        return sum(finding.kind.severity == severity for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """The report as plain data."""
        findings = [
            {"severity": kind.severity, "kind": kind.name, "files": list(one.files), "detail": one.detail, "advice": kind.advice}
            for one in self.findings
            for kind in [one.kind]
        ]
        counts = {"errors": self.count("error"), "warnings": self.count("warning")}
        return {"root": self.root, "layout": self.description, "pictures": self.pictures, **counts, "findings": findings}
