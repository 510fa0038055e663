"""Files that are no picture that can be read: named for what they are, with what to do."""

_VIDEO = "a video (MP4, MOV): take its frames out as PNG first"
_MAGIC = (
    (b"%PDF", "a PDF document: export its pages as PNG"),
    (b"%!PS", "a PostScript drawing: export it as PNG"),
    (b"\xc5\xd0\xd3\xc6", "an EPS drawing: export it as PNG"),
    (b"8BPS", "a Photoshop document: export it as PNG or TIFF"),
    (b"v/1\x01", "an OpenEXR picture: convert it to float TIFF, or to Radiance HDR"),
    (b"\x1aE\xdf\xa3", "a video (Matroska, WebM): take its frames out as PNG first"),
    (b"FLV\x01", "a video (FLV): take its frames out as PNG first"),
    (b"\x00\x00\x01\xba", "a video (MPEG): take its frames out as PNG first"),
    (b"icns", "a Mac's icon (ICNS): export its largest picture as PNG"),
    (b"gimp xcf", "a GIMP document: export it as PNG or TIFF"),
    (b"0&\xb2u\x8ef\xcf\x11", "a video (WMV): take its frames out as PNG first"),
    (b"Rar!\x1a\x07", "a RAR archive: unpack it"),
    (b"7z\xbc\xaf'\x1c", "a 7z archive: unpack it"),
    (b"PK\x03\x04", "a ZIP archive (also what office documents are): unpack it"),
    (b"\x1f\x8b", "compressed by gzip: unpack it"),
)


def what_it_is(head: bytes) -> str | None:
    """What a file that begins with ``head`` (some hundred bytes) is, and what to do with it; None where that is not known."""
    for magic, what in _MAGIC:
        if head.startswith(magic):
            return what
    if head[4:8] == b"ftyp":
        return None if head[8:12] in (b"avif", b"avis", b"mif1", b"msf1") else _VIDEO  # the first are damaged
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "a video (AVI): take its frames out as PNG first"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(b"<svg") or (text.startswith((b"<?xml", b"<!--", b"<!doctype svg")) and b"<svg" in text):
        return "an SVG drawing: export it as PNG, in the size that is wanted"
    if text.startswith((b"<!doctype html", b"<html")):
        return "a web page, not a picture: download the picture itself"
    return None
