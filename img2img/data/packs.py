"""Packs: many crops of pictures in one file, with a manifest of where each comes from. Written by ``packing``, read here.

A pack is a ZIP file without compression, whose first member, MANIFEST.tsv, has a row for each of the others. A picture in it is
named by a path, such as ``photos.zip/00012-1.avif``, and is read by seeking: nothing is ever unpacked.
"""

import csv
import io
import os
import zipfile
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from img2img.errors import DataError, PictureError

SUFFIX = ".zip"
MANIFEST = "MANIFEST.tsv"
_HEADER = 30  # bytes of a member's own header before its name


@dataclass(frozen=True)
class _Member:
    offset: int
    size: int
    checksum: int


@dataclass(frozen=True)
class Pack:
    """What is in a pack: a row of its manifest for each picture, by the picture's name and in the order of the file."""

    rows: dict[str, dict[str, str]]
    members: dict[str, _Member]


def is_pack(path: Path) -> bool:
    """Whether ``path`` is a file that ends as packs do."""
    return path.suffix.lower() == SUFFIX and path.is_file()


def pack_of(path: Path) -> Path | None:
    """The pack that the picture called ``path`` is in; None for a file of its own."""
    return path.parent if is_pack(path.parent) else None


def pictures_in_pack(pack: Path) -> list[Path]:
    """The paths of the pictures in ``pack``, in the order of the file.

    Raises:
        DataError: it is no pack, or a damaged one.
    """
    return [pack / name for name in open_pack(pack).rows]


def open_pack(pack: Path) -> Pack:
    """What is in ``pack``. DataError: it is no pack, or a damaged one."""
    status = pack.stat()
    return _open(pack, status.st_size, status.st_mtime_ns)


def read_packed(path: Path) -> bytes:
    """The file of the picture ``path``, as ``pictures_in_pack`` names it.

    Raises:
        PictureError: the pack has no such picture, or its bytes are not those that were written.
        DataError: the pack is damaged.
    """
    member = open_pack(path.parent).members.get(path.name)
    if member is None:
        raise PictureError(f"{str(path.parent)!r} holds no picture {path.name!r}")
    with open(path.parent, "rb") as file:  # a file of each reader's own: worker processes would share the position of an open one
        file.seek(member.offset)
        header = file.read(_HEADER)
        file.seek(int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little"), os.SEEK_CUR)
        data = file.read(member.size)
    if len(data) != member.size or zlib.crc32(data) != member.checksum:
        raise PictureError(f"{path.name!r} in {str(path.parent)!r} is damaged: its checksum is wrong; pack it again")
    return data


def size_and_time(path: Path) -> tuple[int, int]:
    """(bytes, time of the last change in ns) of the picture ``path``, in a pack or a file of its own: they tell whether it has changed."""
    if pack := pack_of(path):
        return open_pack(pack).members[path.name].size, pack.stat().st_mtime_ns
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def checksum(path: Path) -> int:
    """The CRC-32 of the file of the picture ``path``, in a pack or of its own."""
    if pack := pack_of(path):
        return open_pack(pack).members[path.name].checksum
    found = 0
    with open(path, "rb") as file:
        while part := file.read(2**20):
            found = zlib.crc32(part, found)
    return found


@lru_cache(maxsize=16)
def _open(pack: Path, size: int, changed: int) -> Pack:
    """As ``open_pack``, for the file as it is now; read once, as a pack of 10,000 pictures has a long directory."""
    try:
        with zipfile.ZipFile(pack) as file:
            names = [info.filename for info in file.infolist()]
            if names[:1] != [MANIFEST] or any(info.compress_type != zipfile.ZIP_STORED for info in file.infolist()):
                raise DataError(f"{str(pack)!r} is not a pack: it must begin with {MANIFEST} and be uncompressed, as data pack writes it")
            table = csv.DictReader(io.StringIO(file.read(MANIFEST).decode()), delimiter="\t")
            rows = {row["file"]: {key: value or "" for key, value in row.items() if key} for row in table}
            members = {info.filename: _Member(info.header_offset, info.file_size, info.CRC) for info in file.infolist()}
    except (OSError, zipfile.BadZipFile, UnicodeDecodeError, KeyError, csv.Error) as error:
        raise DataError(f"{str(pack)!r} is not a pack, or is damaged: {type(error).__name__}; write it again by data pack") from error
    if not rows or set(rows) != set(names[1:]):
        raise DataError(f"{str(pack)!r} is damaged: its manifest names {len(rows)} pictures, and it holds {len(names) - 1}")
    return Pack(rows, members)
