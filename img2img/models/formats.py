"""What a file is that was given as a model, told by its first bytes: users save pointers, web pages and other runtimes' files as models."""

import struct
import zipfile
from pathlib import Path

NCNN_PARAM = 7767517  # ncnn's magic number, as text and as binary
PICTURES = {
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF8": "GIF",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"BM": "BMP",
}
ARCHIVES = {
    b"\x1f\x8b": "a gzip archive: unpack it",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive: unpack it",
    b"Rar!": "a RAR archive: unpack it",
    b"\x89HDF\r\n\x1a\n": "an HDF5 file, as Keras writes them: convert it to a PyTorch state dict",
    b"GGUF": "a GGUF file, of llama.cpp and its kin: no image-to-image network that can be used here",
    b"\x93NUMPY": "a NumPy array: save tensors by name as safetensors",
}
HEAD = 512


def named_kind(path: Path) -> str | None:
    """What the file ``path`` is and what to do about it, where it is of a kind that is known and no model can be read from; else None.

    Known: Git LFS pointers, web pages, ncnn, TensorFlow Lite, TorchScript, archives, HDF5, GGUF and NumPy files.
    Nothing in it is run.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(HEAD)
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer, a few lines in place of the file: get the file itself with git lfs pull, or by its download link"
    if text.startswith((b"<!doctype html", b"<html", b"<head")) or (text.startswith(b"<?xml") and b"<html" in text):
        return "a web page that was saved in place of the file: use the page's download link (raw, not the page that shows the file)"
    if is_ncnn(head) or head.startswith(struct.pack("<i", NCNN_PARAM)) or _is_ncnn_bin(path, head):
        return "a part of an ncnn model (.param, .bin): take the PyTorch file it was made from"
    if head[4:8] == b"TFL3":
        return "a TensorFlow Lite model: take a PyTorch file of the network"
    for start, kind in ARCHIVES.items():
        if head.startswith(start):
            return kind
    return _zip_kind(path) if head.startswith(b"PK\x03\x04") else None


def picture_kind(path: Path) -> str | None:
    """The format of the picture that ``path`` is, told by its first bytes, where it is one of the usual; else None."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    return next((name for start, name in PICTURES.items() if head.startswith(start)), None)


def is_openvino(head: bytes) -> bool:
    """Whether a file begins as the description of an OpenVINO model does."""
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    return text.startswith((b"<?xml", b"<net ")) and b"<net " in text


def is_onnx(head: bytes) -> bool:
    """Whether a file begins as ONNX does: a protobuf message with field 1, its version, a small number, then one of its fields 2 to 8."""
    return len(head) > 3 and head[0] == 0x08 and 1 <= head[1] <= 30 and head[2] in (0x12, 0x1A, 0x22, 0x28, 0x32, 0x3A, 0x42)


def is_ncnn(head: bytes) -> bool:
    """Whether a file begins as the layers of an ncnn model do (.param)."""
    return head.startswith(str(NCNN_PARAM).encode())


def _is_ncnn_bin(path: Path, head: bytes) -> bool:
    """ncnn's weights begin with a mark for float16 or with noughts for float32, and have the layers in a .param file beside them."""
    return path.suffix == ".bin" and head[:4] in (b"\x47\x6b\x30\x01", b"\0\0\0\0") and path.with_suffix(".param").is_file()


def _zip_kind(path: Path) -> str | None:
    """What a ZIP file is that PyTorch's ``torch.save`` did not write; None if it did, or if it is damaged."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, NotImplementedError):
        return None
    inside = {name.partition("/")[2] for name in names}
    if "constants.pkl" in inside or any(name.startswith("code/") for name in inside):
        return "a TorchScript program, which holds code; nothing was run: take the weights it was made from (a state dict)"
    if "data.pkl" in inside:
        return None
    return f"a ZIP archive that holds {', '.join(names[:3]) or 'nothing'}{' and more' if len(names) > 3 else ''}: unpack it"
