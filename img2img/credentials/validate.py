"""Whether a file's content credentials hold."""

import json
from pathlib import Path
from typing import Any

from img2img.credentials.identity import MISSING
from img2img.credentials.sign import SIGNED
from img2img.errors import Img2ImgError

# What c2pa calls it: the words for people.
STATES = {
    "Valid": "valid; signed by somebody whom nobody vouches for",
    "Untrusted": "valid; none of the authorities vouches for who signed it",
    "Trusted": "valid and trusted",
    "Invalid": "invalid: the file was changed after it was signed, or the signature is none",
}


def validate(path: Path, format: str | None, anchors: Path | None = None) -> dict[str, Any] | None:
    """What the content credentials of the file at ``path`` say and whether they hold; None where it has none.

    -> {"state": "valid" | "untrusted" | "trusted" | "invalid", "explanation", "signer", "failed": [codes of C2PA], "actions": [...]}

    Args:
        format: Pillow's name of its format; None: as its bytes say.
        anchors: PEM certificates of authorities that are trusted; without them nobody's trust is asked, and "valid" says no more.

    Raises:
        Img2ImgError: credentials that cannot be read, anchors that are none, or a missing extra.
    """
    try:
        import c2pa
    except ModuleNotFoundError as error:
        raise Img2ImgError(MISSING) from error
    settings: dict[str, Any] = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}}
    if anchors is not None:
        try:
            text = anchors.read_text("latin-1")
        except OSError as error:
            raise Img2ImgError(f"cannot read {str(anchors)!r}: {error.strerror}") from error
        if "-----BEGIN CERTIFICATE-----" not in text:
            raise Img2ImgError(f"{str(anchors)!r} holds no certificates as PEM (-----BEGIN CERTIFICATE-----)")
        settings |= {"trust": {"trust_anchors": text}}
        settings["verify"] |= {"verify_trust": True}
    try:
        with open(path, "rb") as file, c2pa.Context.from_dict(settings) as context:
            reader = c2pa.Reader(SIGNED.get(format or ""), file, context=context)
            with reader:
                state, report = str(reader.get_validation_state()), json.loads(reader.json())
    except c2pa.C2paError.ManifestNotFound:
        return None
    except c2pa.C2paError as error:
        return {"state": "invalid", "explanation": STATES["Invalid"], "signer": None, "failed": [str(error)[:200]], "actions": []}
    state = "Untrusted" if anchors is not None and state == "Valid" else state
    active = report["manifests"].get(report.get("active_manifest"), {})
    failures = report.get("validation_results", {}).get("activeManifest", {}).get("failure", [])
    actions = [
        each for found in active.get("assertions", []) if found["label"].startswith("c2pa.actions") for each in found["data"]["actions"]
    ]
    return {
        "state": state.lower(),
        "explanation": STATES.get(state, state),
        "signer": active.get("signature_info", {}).get("issuer"),
        "failed": sorted({each["code"] for each in failures}) if state == "Invalid" else [],
        "actions": [
            {
                "action": each["action"],
                "source": str(each.get("digitalSourceType", "")).rpartition("/")[2] or None,
                "software": (each.get("softwareAgent") or {}).get("name"),
                **{key: value for key, value in (each.get("parameters") or {}).items() if key != "ingredients"},
            }
            for each in actions
        ],
    }
