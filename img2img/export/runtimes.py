"""Models of PyTorch in the runtime that was asked for: exported once, with the proof, and kept in the user's cache."""

import hashlib
import logging
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import torch

from img2img.errors import ConfigError, ModelError, option
from img2img.export import speeds
from img2img.export.int8 import MAX_LOSS, Int8, known_loss
from img2img.export.write import ENDINGS, NEEDED, Format, check_exportable, export
from img2img.files import cache_folder
from img2img.inference.devices import choose_device
from img2img.inference.exported import check_device
from img2img.inference.runtime import INT8, Runtime
from img2img.inference.statistics import instance_norms
from img2img.models import Model, load_model
from img2img.models.exported import Exported
from img2img.models.exported_files import exported_format, load_exported
from img2img.networks.exportable import parts_of
from img2img.networks.quantized import is_quantized

log = logging.getLogger(__name__)
RUNTIMES: tuple[Format, ...] = ("onnx", "openvino")  # besides PyTorch


def in_runtime(model: Model, runtime: Runtime) -> tuple[Model, Runtime]:
    """``model`` with its export, where ``runtime`` names another than PyTorch, and ``runtime`` without "auto".

    Raises:
        ConfigError: an export that is to run in another runtime than its own. ModelError: no exporter, a missing extra, or an export
            that differs. FileError: the cache cannot be written.
    """
    asked = runtime.runtime
    if isinstance(model.network, Exported):
        own = exported_format(model.file) if model.file else None
        if asked in RUNTIMES and asked != own:
            raise ConfigError(f"{option('runtime')} {asked}: model {model.info.name!r} is an export for {own}; take the PyTorch file")
        return model, replace(runtime, runtime="torch")  # an export runs in its own
    if asked == "auto" and runtime.dtype == INT8:
        raise ConfigError(f"{option('dtype')} int8 is not for {option('runtime')} auto, which compares fp32: take onnx or openvino")
    chosen = speeds.fastest(model.info) if asked == "auto" and _may_be_exported(model, runtime) else asked
    if chosen == "auto" or chosen == "torch":
        return model, replace(runtime, runtime="torch")
    check_device(runtime)
    return replace(model, exported=exported(model, chosen, int8=runtime.dtype == INT8)), replace(runtime, runtime=chosen)


def elsewhere(name: str, runtime: Runtime) -> tuple[Runtime, Path | None]:
    """How other machines run the model called ``name``, and the export that they need. "auto" is PyTorch: nothing was measured there.

    Raises: as ``in_runtime``.
    """
    if runtime.runtime in ("auto", "torch"):
        return replace(runtime, runtime="torch"), None
    model, there = in_runtime(load_model(name), runtime)
    return there, model.exported.file if model.exported else None


def exported(model: Model, format: Format, *, int8: bool = False) -> Model:
    """The export of ``model`` in the cache, made where it is not there. Errors as ``export.write.export``."""
    name = f"{model.info.name}-{INT8}" if int8 else model.info.name
    path = cache_folder() / "exports" / f"{name}-{_key(model, format)}{ENDINGS[format]}"
    if path.is_file():
        try:
            return load_exported(path)
        except ModelError as error:
            log.warning("%s: made again", error)
    check_exportable(model, format, int8=int8)
    if int8:
        known_loss(model, MAX_LOSS)
    log.info("exporting %s for %s, once: this takes some seconds", name, format)
    copied = replace(model, network=deepcopy(model.network))  # measuring it changes its layout in memory
    export(copied, path, format, int8=Int8() if int8 else None)
    return load_exported(path)


def _may_be_exported(model: Model, runtime: Runtime) -> bool:
    """Whether "auto" may choose: on the CPU, in fp32, for networks that have an exporter and can be fed tiles as PyTorch's are.

    Not for colorizers: the search for colors that sRGB has, around the export, makes 5e-5 of its last bits.
    Nor for quantized networks, whose export needs pictures to be measured by.
    """
    if choose_device(runtime.device).type != "cpu" or runtime.dtype not in ("auto", "fp32"):
        return False
    try:
        part = parts_of(model.network)[0]
    except ModelError:
        return False
    return part.name in ("network", "body") and not instance_norms(model.network) and not is_quantized(model.network)


def _key(model: Model, format: Format) -> str:
    """What tells the export of ``model`` from others: weights, what its file says, and the versions of all that makes and runs it."""
    digest = hashlib.sha256(model.info.model_dump_json().encode())
    for package in ("img2img-toolkit", "torch", *NEEDED[format]):
        digest.update(f" {package} {speeds.installed(package)}".encode())
    for name, tensor in sorted(model.network.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]
