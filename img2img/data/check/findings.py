"""What a check can find: the kinds, how grave each is, and what to do about it."""

from dataclasses import dataclass, field
from typing import Any, Literal

from img2img.data.sharpness import suggested_threshold

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
        Kind("profile", "warning", "a color profile that is not sRGB", "training converts it to sRGB, which lacks some colors"),
        Kind("mode", "warning", "colors that are not RGB", "convert to sRGB, or be sure that the colors come out right"),
        Kind("sequence", "warning", "frames of one sequence, by name and look", "hold out whole ones: --val-by prefix or folder, or --val"),
        Kind("blurred", "warning", "less sharp than the others", "look at it; data pack --least-sharpness leaves it out"),
        Kind("palette", "warning", "a palette", "colors are read, not indices: label maps are sides of pairs whose files all have one"),
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
    """What a check found in the folder ``root``.

    Attributes:
        description: the layout's. pictures: how many files there are.
        sharpness: the score of each file by its path below the folder, blurred first; empty if it was not asked for.
    """

    root: str
    description: str
    pictures: int
    findings: tuple[Finding, ...]
    sharpness: dict[str, float] = field(default_factory=dict)

    def suggested_threshold(self) -> float:
        """Below which sharpness a picture is blurred beside the others."""
        return suggested_threshold(list(self.sharpness.values()))

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
        scores = {"sharpness": self.sharpness, "suggested_threshold": self.suggested_threshold()} if self.sharpness else {}
        return {"root": self.root, "layout": self.description, "pictures": self.pictures, **counts, "findings": findings, **scores}
