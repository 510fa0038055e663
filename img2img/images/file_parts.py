"""Metadata as parts of files: what Pillow is told, and what libvips leaves out and is added to its JPEG, PNG or TIFF."""

import io
import os
import struct
import zlib
from typing import Any, BinaryIO

from PIL import Image, TiffImagePlugin, TiffTags

from img2img.images.formats import XMP_KEYWORD
from img2img.images.picture import Metadata
from img2img.images.sized import GEO_TAGS


def jpeg_head(metadata: Metadata) -> bytes:
    """The begin of a JPEG up to its tables, with all metadata, which libvips would write only in part and anew."""
    stream = io.BytesIO()
    Image.new("L", (1, 1)).save(stream, "JPEG", **save_options(metadata))
    data, place = stream.getvalue(), 2
    while data[place + 1] in (*range(0xE0, 0xF0), 0xFE):  # the application segments and the comment
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return data[:place]


def save_options(metadata: Metadata) -> dict[str, Any]:
    """What Pillow's ``save`` is told of the metadata."""
    kept = {"icc_profile": metadata.icc, "exif": metadata.exif, "xmp": metadata.xmp, "dpi": metadata.dpi, "comment": metadata.comment}
    if metadata.iptc:  # in JPEG: resource 0x0404 of Photoshop's in APP13
        body = b"Photoshop 3.0\x008BIM\x04\x04\0\0" + struct.pack(">I", len(metadata.iptc)) + metadata.iptc + bytes(len(metadata.iptc) % 2)
        kept["extra"] = b"\xff\xed" + struct.pack(">H", len(body) + 2) + body
    return {key: value for key, value in kept.items() if value is not None}


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def finish_png(file: BinaryIO, metadata: Metadata, chunks: bytes) -> None:
    """Add what libvips cannot write, to its PNG that begins behind as many bytes as ``chunks`` has: those chunks go behind the header,
    before the pixels, and texts, XMP and EXIF before the closing ``IEND`` (PNG specification, third edition, 5.6).
    """
    start = 8 + 25  # the signature and IHDR
    if chunks:
        file.seek(len(chunks))
        head = file.read(start)
        file.seek(0)
        file.write(head + chunks)
    if metadata.dpi is None:  # libvips says 72 dpi then: square pixels of unknown size take its place
        file.seek(place := start + len(chunks))
        while len(header := file.read(8)) == 8 and header[4:] != b"IDAT":
            if header[4:] == b"pHYs":
                file.seek(place)
                file.write(png_chunk(b"pHYs", struct.pack(">IIB", 1, 1, 0)))
                break
            place += 12 + int.from_bytes(header[:4], "big")
            file.seek(place)
    behind = [_text_chunk(keyword, text) for keyword, text in metadata.text]
    if metadata.xmp:  # libvips would write it compressed, where no reader looks for it
        behind.append((b"iTXt", _itxt(XMP_KEYWORD, metadata.xmp)))
    if metadata.exif:
        behind.append((b"eXIf", metadata.exif.removeprefix(b"Exif\0\0")))
    file.seek(-12, os.SEEK_END)
    end = file.read(12)
    file.seek(-12, os.SEEK_END)
    file.write(b"".join(png_chunk(*each) for each in behind) + end)


def _text_chunk(keyword: str, text: str) -> tuple[bytes, bytes]:
    """tEXt, which every reader knows, where Latin-1 has all of ``text``; else iTXt."""
    try:
        return b"tEXt", keyword.encode("latin-1", "replace") + b"\0" + text.encode("latin-1")
    except UnicodeEncodeError:
        return b"iTXt", _itxt(keyword, text.encode())


def _itxt(keyword: str, text: bytes) -> bytes:
    return keyword.encode("latin-1", "replace") + b"\0\0\0\0\0" + text


def append_to_tiff(file: BinaryIO, metadata: Metadata, extra: int, *, alpha: bool = False) -> None:
    """Add EXIF, IPTC and GeoTIFF to a TIFF's first directory: libvips writes none; take out a resolution that nobody gave; and say of
    ``extra`` samples that they are no alpha, but for the last where ``alpha`` says so: libvips says that up to 64 of them are
    (ExtraSamples, TIFF 6.0, section 18).

    The directory is written anew behind the pixels, with the old entries as they are (offsets count from the file's begin)
    and the new ones merged in by number; then the header is pointed at it.
    """
    file.seek(0)
    header = file.read(16)
    order = "<" if header[:2] == b"II" else ">"
    big = header[2:4] in (b"+\0", b"\0+")
    count_code, offset_code, size, pointer_at = ("Q", "Q", 20, 8) if big else ("H", "I", 12, 4)
    count_bytes = struct.calcsize("<" + count_code)
    start = struct.unpack_from(order + offset_code, header, pointer_at)[0]
    file.seek(start)
    count = struct.unpack(order + count_code, file.read(count_bytes))[0]
    entries = {entry[:2]: entry for entry in (file.read(size) for _ in range(count))}
    following = file.read(struct.calcsize("<" + offset_code))

    without = () if metadata.dpi else (282, 283, 296)
    entries = {key: entry for key, entry in entries.items() if struct.unpack(order + "H", key)[0] not in without}
    tags = Image.Exif()
    if metadata.exif:
        tags.load(metadata.exif)
    added = TiffImagePlugin.ImageFileDirectory_v2(header[:8])
    added._bigtiff = big
    for tag in tags:
        if struct.pack(order + "H", tag) not in entries:
            added[tag] = tags.get_ifd(tag) if tag in (0x8769, 0x8825) else tags[tag]
    if extra:
        added[338] = (*(0,) * (extra - alpha), *(2,) * alpha)
    for tag, values in metadata.geo:
        added.tagtype[tag] = GEO_TAGS[tag]
        added[tag] = values
    if metadata.iptc:
        added.tagtype[33723] = TiffTags.UNDEFINED
        added[33723] = metadata.iptc
    if not len(added) and len(entries) == count:
        return
    file.seek(0, os.SEEK_END)
    file.write(bytes(file.tell() % 2))
    if len(added):
        blob = added.tobytes(file.tell())
        file.write(blob + bytes(len(blob) % 2))
        for i in range(struct.unpack_from(order + count_code, blob)[0]):
            entry = blob[count_bytes + size * i : count_bytes + size * (i + 1)]
            entries[entry[:2]] = entry
    directory_at = file.tell()
    file.write(struct.pack(order + count_code, len(entries)))
    file.writelines(entries[key] for key in sorted(entries, key=lambda key: struct.unpack(order + "H", key)))
    file.write(following)
    file.seek(pointer_at)
    file.write(struct.pack(order + offset_code, directory_at))
