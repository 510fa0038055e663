"""A model for other runtimes: written, run beside PyTorch, and only then given its name."""

import importlib.util
import shutil
import tempfile
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import torch

from img2img.errors import ConfigError, ModelError, option
from img2img.export.int8 import Int8, Loss, known_loss, measured_loss, pictures_in, quantized_model
from img2img.export.ncnn_writer import write_ncnn
from img2img.export.onnx_writer import write_onnx
from img2img.export.openvino_writer import write_openvino
from img2img.export.proof import LEAST_STYLE, ON_CPU, Difference, prove, prove_alone, roundings
from img2img.export.spandrel_writer import write_spandrel
from img2img.export.upscayl import check_upscayl
from img2img.files import atomic_path, check_writable
from img2img.inference.exported import ExportedNetwork
from img2img.inference.network import TorchNetwork
from img2img.models import Model, load_model
from img2img.models.exported import Exported, ExportInfo
from img2img.models.exported_files import style_path
from img2img.models.exported_inpainter import attention_text
from img2img.networks.exportable import Part, parts_of
from img2img.networks.quantized import is_quantized

Format = Literal["onnx", "openvino", "ncnn", "spandrel"]
ENDINGS: dict[Format, str] = {"onnx": ".onnx", "openvino": ".xml", "ncnn": ".param", "spandrel": ".safetensors"}
NEEDED: dict[Format, tuple[str, ...]] = {
    "onnx": ("onnx", "onnxscript", "onnxruntime"),
    "openvino": ("onnx", "onnxscript", "openvino"),
    "ncnn": ("ncnn",),
    "spandrel": (),  # comes with every install
}
LARGEST, LARGEST_HALF = 1e-5, 2e-3  # differences from PyTorch, of values in [0, 1]
LARGEST_MATCHED = 1e-4  # with attention, whose sharp softmax makes more of the last bits


class Export(NamedTuple):
    """What was written, how far it is from PyTorch, and what int8 loses against fp32."""

    files: list[Path]
    differences: list[Difference]
    loss: Loss | None = None


def export(
    model: Model,
    target: Path,
    format: str | None = None,
    *,
    half: bool = False,
    program: str | None = None,
    int8: Int8 | None = None,
) -> Export:
    """Write ``model`` to ``target`` for another runtime, if that gives what PyTorch gives; else nothing.

    Args:
        target: ends in .onnx, .xml (OpenVINO, with its weights in .bin beside it), .param (ncnn, with .bin and .json beside it) or
            .safetensors (spandrel). A style encoder goes beside it: ``any.style.onnx``.
        format: a key of ``ENDINGS``; None: as ``target`` ends.
        half: weights are stored as float16.
        program: "upscayl": what it wants of a model and of its name is checked.
        int8: convolutions compute with 8-bit integers: as they were trained to (``training.quantize=int8``), or with ranges that
            are found by its pictures or stand in the model's file; without pictures the loss is what that file says.

    Raises:
        ConfigError: an unknown format, a name that does not end as it, or what does not go with ``int8``. DataError: no pictures.
        ModelError: no exporter, an extra that is missing, a difference from PyTorch above 1e-5 (``half``: 2e-3; ``int8``: twice what
            roundings make), or a loss above that of ``int8``. FileError: it cannot be written.
    """
    chosen = _format(target, format)
    if int8 and (half or chosen not in ("onnx", "openvino")):
        raise ConfigError(f"{option('int8')} is for onnx and openvino, without {option('fp16')}: its weights are integers")
    if program not in (None, "upscayl"):
        raise ConfigError(f"{option('for')} must be upscayl, got {program!r}")
    if program:
        check_upscayl(model.info, target, chosen)
    check_exportable(model, chosen, int8=int8 is not None)
    pairs, loss = [], None
    if int8:
        if int8.pictures is None:
            loss = known_loss(model, int8.max_loss)
        else:
            pairs = pictures_in(int8.pictures, model)
        model = quantized_model(model, pairs)
    parts = parts_of(model.network)
    check_writable(target.parent)
    with tempfile.TemporaryDirectory(prefix="img2img-export-") as folder:
        main = Path(folder) / f"model{ENDINGS[chosen]}"
        for part in parts:
            _write(model, part, style_path(main) if part.name == "style" else main, chosen, half)
        largest = LARGEST_MATCHED if getattr(model.network, "attention", None) is not None else LARGEST
        if int8:
            largest = max(2 * roundings(model, parts[0]), LARGEST)
        differences = _proved(model, parts, main, LARGEST_HALF if half else largest)
        if int8 and pairs:
            loss = measured_loss(model, ExportedNetwork(load_model(main), ON_CPU), pairs, int8.max_loss)
        written = []
        for file in sorted(Path(folder).glob("model*"), key=lambda file: (file.suffix == ENDINGS[chosen], file.stem == "model")):
            final = target.with_name(target.stem + file.name.removeprefix("model"))  # the target last: what it needs is there
            with atomic_path(final) as temporary:
                shutil.copyfile(file, temporary)
            written.append(final)
    return Export(written[::-1], differences, loss)


def check_exportable(model: Model, format: Format, *, int8: bool = False) -> None:
    """ModelError where ``model`` cannot become a file of ``format`` here: no exporter, or an extra that is missing."""
    lacking = [name for name in NEEDED[format] if importlib.util.find_spec(name) is None]
    if lacking:
        raise ModelError(f'{format} needs {", ".join(lacking)}: pip install "img2img-toolkit[{format}]"')
    if isinstance(model.network, Exported):
        raise ModelError(f"model {model.info.name!r} is an export itself: export the PyTorch file it was made from")
    if is_quantized(model.network) and not int8:
        raise ModelError(
            f"model {model.info.name!r} was trained with quantization: export it with {option('int8')} {option('calibrate')} DIR"
        )
    part = parts_of(model.network)[0]
    if part.style_dim and format in ("ncnn", "spandrel"):
        raise ModelError(f"model {model.info.name!r} takes style codes, which files of {format} do not: take ONNX")
    if part.name != "network" and format == "spandrel":
        raise ModelError(f"model {model.info.name!r} is more than a network that spandrel knows: take ONNX")


def _format(target: Path, format: str | None) -> Format:
    if format is not None and format not in get_args(Format):
        raise ConfigError(f"{option('format')} must be one of {', '.join(ENDINGS)}, got {format!r}")
    found = next((name for name, ending in ENDINGS.items() if target.suffix == ending and format in (None, name)), None)
    if found is None:
        wanted = " or ".join(f"{ending} ({name})" for name, ending in ENDINGS.items() if format in (None, name))
        raise ConfigError(f"{str(target)!r} must end in {wanted}")
    return found


def _write(model: Model, part: Part, path: Path, format: Format, half: bool) -> None:
    if format == "spandrel":
        write_spandrel(part, model.info, path, half=half)
        return
    if format == "ncnn":
        write_ncnn(part, model.info, _about(model, part), path, half=half)
        return
    source = path.with_suffix(".onnx")
    write_onnx(part, model.info, _about(model, part), source, half=half and format == "onnx")
    if format == "openvino":
        write_openvino(source, path, half=half)
        source.unlink()


def _about(model: Model, part: Part) -> ExportInfo:
    if part.name == "style":
        with torch.inference_mode():
            return ExportInfo(part=part.name, channels=part.module(torch.zeros(1, 3, LEAST_STYLE, LEAST_STYLE)).shape[1], bytes_per_pixel=1)
    network, side = TorchNetwork(model, ON_CPU, part.call), 2 * (part.multiple or model.info.multiple)
    given = {"style": torch.zeros(1, part.style_dim)} if part.style_dim else {}
    with torch.inference_mode():
        channels = part.module(torch.zeros(1, network.in_channels, side, side), *given.values()).shape[1]
    return ExportInfo(
        part=part.name,
        channels=channels,
        style_dim=part.style_dim,
        work=getattr(model.network, "work", 0),
        attention=attention_text(model.network),
        normalizes=network.normalizes,
        bytes_per_pixel=network.bytes_per_pixel(network.in_channels, given),
        int8=is_quantized(part.module),
    )


def _proved(model: Model, parts: list[Part], file: Path, allowed: float) -> list[Difference]:
    """The differences of the exported ``file``. ModelError, with all of them, where one is above ``allowed``."""
    exported = load_model(file)
    found = prove(model, parts[0], exported)
    if isinstance(exported.network, Exported) and exported.network.styles is not None:
        found += prove_alone(parts[1], exported.network.styles)
    if all(each.largest <= allowed for each in found):
        return found
    numbers = ", ".join(f"{each.largest:.1e} ({each.part}, {each.what})" for each in found)
    raise ModelError(f"the export of {model.info.name!r} differs from PyTorch by {numbers}; at most {allowed:.0e}: nothing was written")
