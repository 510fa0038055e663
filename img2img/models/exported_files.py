"""Exported models as files: which are, and what lies in them."""

from pathlib import Path
from typing import Literal

from img2img.errors import ModelError
from img2img.models.exported import Exported, ExportedFile
from img2img.models.formats import is_ncnn, is_onnx, is_openvino
from img2img.models.info import Model
from img2img.models.ncnn_file import is_ours, read_ncnn
from img2img.models.onnx_file import read_onnx
from img2img.models.openvino_file import read_openvino

BESIDE = {"onnx": (), "openvino": (".bin",), "ncnn": (".bin", ".json")}  # endings of the files that belong to one of the format


def exported_format(path: Path) -> Literal["onnx", "openvino", "ncnn"] | None:
    """The format of the file ``path``, by its content, ncnn's also by the JSON beside it; None for another kind, or what cannot be read."""
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except OSError:
        return None
    if is_ncnn(head):
        return "ncnn" if is_ours(path) else None
    return "onnx" if is_onnx(head) else "openvino" if is_openvino(head) else None


def read_exported(path: Path) -> ExportedFile:
    """The file ``path``, checked; nothing of it is run.

    Raises:
        ModelError: its runtime is not installed, it is damaged, was not exported by img2img, or holds what no export of ours holds.
    """
    match exported_format(path):
        case "onnx":
            return read_onnx(path)
        case "ncnn":
            return read_ncnn(path)
        case _:
            return read_openvino(path)


def load_exported(path: Path) -> Model:
    """The model in the file ``path``, and in the one of its style encoder beside it; errors as ``read_exported``."""
    file = read_exported(path)
    if file.about.part == "style":
        raise ModelError(f"{str(path)!r} makes style codes; the model is the file beside it, {path.name.replace('.style.', '.')!r}")
    styles = None
    if file.about.style_dim:
        beside = style_path(path)
        if not beside.is_file():
            raise ModelError(f"{str(path)!r} takes style codes, and {beside.name!r}, which makes them, is not beside it")
        encoder = read_exported(beside)
        if encoder.about.part != "style" or encoder.about.channels != file.about.style_dim:
            raise ModelError(f"{str(beside)!r} makes no style codes for {path.name!r}")
        styles = Exported(encoder, encoder.info.name)
    network = Exported(file, file.info.name, styles)
    return Model(network.eval(), file.info, path)


def files_of(path: Path) -> list[Path]:
    """All files of the model ``path``: itself, and those of an export beside it."""
    if not (format := exported_format(path)):
        return [path]
    mains = [path, *([style] if (style := style_path(path)).is_file() else [])]
    return [file for main in mains for file in (main, *(main.with_suffix(ending) for ending in BESIDE[format]))]


def style_path(path: Path) -> Path:
    """Where the style encoder of the exported model ``path`` lies: ``any.onnx``, ``any.style.onnx``."""
    return path.with_name(f"{path.stem}.style{path.suffix}")
