"""Models of other projects: community ``.pth`` and safetensors files.

spandrel recognizes the architecture by the tensors' names and brings the network. Nothing in a file is ever run.
"""

import importlib.util
import pickle
import re
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from img2img.errors import ModelError, cause_of
from img2img.models.files import check_state
from img2img.models.formats import named_kind, picture_kind
from img2img.models.info import Model, ModelInfo
from img2img.networks.weights import read_tensors

LARGEST_FILE = 8 * 2**30
WINDOW_HALO, LARGEST_HALO = 32, 96  # see _halo
# What spandrel calls an architecture's purpose, in words.
PURPOSES = {
    "SR": "super-resolution",
    "FaceSR": "faces, aligned and cut out",
    "Inpainting": "inpainting",
    "Restoration": "restoration (noise, blur, compression)",
}
COLORIZERS = ("DDColor",)  # that make colors of gray
EXTRA = "spandrel_extra_arches"  # architectures with licenses of their own, MAT among them: used where it is installed


class CommunityNetwork(nn.Module):
    """A spandrel network behind our contract: (N, 3, H, W) in [0, 1] -> (N, 3, H * scale, W * scale) in [0, 1].

    spandrel pads sizes that the network cannot take and cuts the result back. A network for gray pictures gets each channel in turn.
    """

    def __init__(self, descriptor: Any) -> None:
        super().__init__()
        self.model: nn.Module = descriptor.model
        self.descriptor = descriptor
        self.channels: int = descriptor.input_channels

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.descriptor(x.reshape(-1, self.channels, *x.shape[2:]))
        return y.reshape(*x.shape[:2], *y.shape[2:])


class CommunityInpainter(nn.Module):
    """A spandrel network that fills holes, behind our contract.

    Shapes: x (N, 4, H, W), RGB in [0, 1] with anything in the hole, and the mask, 1 = hole -> (N, 3, H, W) in [0, 1], the known pixels
    bit-exact. What the network sees of the hole is 0. spandrel pads sizes that the network cannot take and cuts the result back.

    Computed in float32 under any autocast, as LaMa's Fourier transforms take no bfloat16 and spandrel calls neither it nor MAT fit for
    float16. Draws that a network makes are the same each time.
    """

    def __init__(self, descriptor: Any) -> None:
        super().__init__()
        self.model: nn.Module = descriptor.model
        self.descriptor = descriptor
        if descriptor.architecture.id == "MAT":  # its style is drawn on loading, and would stay on the CPU
            style = torch.randn(1, 512, generator=torch.Generator().manual_seed(0))
            del self.model.z
            self.model.register_buffer("z", style, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        hole = x[:, 3:] > 0
        image, mask = x[:, :3].float().masked_fill(hole, 0), hole.float()
        devices = [x.device] if x.device.type == "cuda" else []
        with torch.autocast(x.device.type, enabled=False), torch.random.fork_rng(devices):
            torch.manual_seed(0)  # MAT has a dropout that never rests
            filled = [self.descriptor(image[n : n + 1], mask[n : n + 1]) for n in range(len(x))]  # it takes one picture at a time
        return torch.where(hole, torch.cat(filled), image)


def load_community(path: str | Path) -> Model:
    """The network in a file without our metadata: for super-resolution, for inpainting, or for restoration, of scale 1.

    Such a file is a ``.pth`` (zip or pickle) or a safetensors file, told by content. MAT is known where ``EXTRA`` is installed.

    Raises:
        ModelError: the file cannot be read as a list of tensors, holds a network for another task or one that spandrel does not
            know, or its values are not finite or all zero.
    """
    path = Path(path)
    return model_from(_read_state(path), name=_name(path), where=str(path))


def describe(path: str | Path) -> dict[str, Any]:
    """What there is to say of the network in a file without our metadata, whether it can be used here or not.

    Raises:
        ModelError: as ``load_community``, but not for a network of another purpose.
    """
    path = Path(path)
    descriptor = _recognized(_read_state(path), str(path))
    facts = {
        "architecture": descriptor.architecture.name,
        "purpose": PURPOSES[descriptor.purpose],
        "parameters": sum(parameter.numel() for parameter in descriptor.model.parameters()),
        "scale": descriptor.scale,
        "channels": [descriptor.input_channels, descriptor.output_channels],
        "tags": descriptor.tags,
    }
    try:
        return {**facts, **_info(descriptor, _name(path), str(path), "").model_dump()}
    except ModelError as error:
        return {**facts, "cannot_be_used": str(error)}


def _name(path: Path) -> str:
    return re.sub(r"[^\w.+-]", "_", path.stem, flags=re.ASCII)[:200] or "model"


def model_from(state: dict[str, Tensor], *, name: str, where: str, license: str = "") -> Model:
    """The network that spandrel recognizes in ``state``, its tensors by name, behind our contract.

    Args:
        where: what the errors call it.

    Raises:
        ModelError: as ``load_community``.
    """
    descriptor = _recognized(state, where)
    info = _info(descriptor, name, where, license)
    if descriptor.architecture.id == "SPAN":
        _fold(descriptor.model)
    behind = CommunityInpainter if info.task == "inpaint" else CommunityNetwork
    return Model(behind(descriptor).requires_grad_(False).eval(), info)


def _fold(span: nn.Module) -> None:
    """Put one convolution in place of each of SPAN's branches, which spandrel folds anew at every call."""
    branch: Any
    for module in list(span.modules()):
        for name, branch in module.named_children():
            if hasattr(branch, "eval_conv"):
                branch.update_params()
                setattr(module, name, branch.eval_conv)


def _info(descriptor: Any, name: str, where: str, license: str) -> ModelInfo:
    """What our model files would say of the network. ModelError for one that cannot be used."""
    import spandrel

    kind, channels, scale = descriptor.architecture.name, descriptor.input_channels, descriptor.scale
    inpaints = isinstance(descriptor, spandrel.MaskedImageModelDescriptor)
    restores = not inpaints and scale == 1 and descriptor.purpose in ("Restoration", "SR")
    if not (inpaints or restores) and (descriptor.purpose != "SR" or not 2 <= scale <= 16):
        raise ModelError(
            f"{where!r} is a {kind} network for {PURPOSES[descriptor.purpose]}, scale {scale}; networks for super-resolution (2 to 16), "
            "inpainting and restoration (1) can be used"
        )
    if channels not in ((3,) if inpaints else (1, 3)) or descriptor.output_channels != channels:
        expected = "3 to 3" if inpaints else "3 to 3, or 1 to 1"
        raise ModelError(f"{where!r} maps {channels} channels to {descriptor.output_channels}; expected {expected}")
    network: dict[str, Any] = {"name": kind, "purpose": PURPOSES[descriptor.purpose], "tags": descriptor.tags}
    if inpaints:
        # Fed whole, sizes are left to spandrel, which knows more of them than a multiple: at least so much, or square.
        return ModelInfo(name=name, task="inpaint", in_channels=4, halo=None, multiple=1, network=network, license=license)
    return ModelInfo(
        name=name,
        task="translate" if restores else "upscale",
        scale=scale,
        keeps_gray=descriptor.architecture.id not in COLORIZERS,
        halo=_halo(descriptor),
        multiple=descriptor.size_requirements.multiple_of,
        network=network,
        license=license,
    )


def _recognized(state: dict[str, Tensor], where: str) -> Any:
    """spandrel's descriptor of the network that it recognizes in ``state``."""
    import spandrel

    check_state(state, state, where)
    budget = 4 * sum(value.numel() for value in state.values()) + 100_000

    def spend(module: nn.Module, key: str, parameter: nn.Parameter | None) -> None:
        # spandrel sizes the network by the tensors' names and shapes: "body.1000000000.weight" must not fill the memory.
        nonlocal budget
        budget -= parameter.numel() if parameter is not None else 0
        if budget < 0:
            raise ModelError(f"{where!r}: its tensors' names ask for a network far larger than they fill")

    extra = importlib.util.find_spec(EXTRA) is not None
    if extra:
        importlib.import_module(EXTRA).install(ignore_duplicates=True)
    hook = register_module_parameter_registration_hook(spend)
    try:
        return spandrel.ModelLoader().load_from_state_dict(state)
    except spandrel.UnsupportedModelError:
        first = f"its first tensor is {next(iter(state))[:100]!r}"
        more = "" if extra else f"; MAT and some others, with licenses of their own, need: pip install {EXTRA}"
        raise ModelError(f"{where!r} is no architecture that spandrel knows; {first}{more}") from None
    except ModelError:
        raise
    except Exception as error:  # whatever the code of 40 architectures raises on tensors that do not fit
        if cause := cause_of(error):
            raise ModelError(f"{where!r} cannot be loaded: {cause}") from error
        raise ModelError(f"{where!r}: tensors do not fit the architecture: {' '.join(str(error).split())[:200]!r}") from error
    finally:
        hook.remove()


def _halo(descriptor: Any) -> int | None:
    """Context in input pixels for tiles: the receptive field's radius where we know it, else what such networks are tiled with.

    At most ``LARGEST_HALO``: the 349 pixels of a 23-block RRDBNet would leave tiles that are nearly all context. Measured on two
    photographs, realesrgan-x4plus in tiles with 96 pixels is within 0.05/255 of the whole picture (64 pixels: 1.7/255).
    """
    import spandrel

    match descriptor.architecture.id:
        case "Compact":
            return min(_compact_radius(descriptor.model.hyperparameters), LARGEST_HALO)
        case "ESRGAN":
            return min(_rrdb_radius(descriptor.model.hyperparameters), LARGEST_HALO)
    # The rest mostly mix windows of 8 to 16 pixels layer after layer: formally everything sees everything, in effect little beyond
    # two windows counts. Their authors tile with 10 to 32 pixels. Those for restoration see farther, most of them as U-Nets.
    context = LARGEST_HALO if descriptor.scale == 1 else WINDOW_HALO
    return context if descriptor.tiling is spandrel.ModelTiling.SUPPORTED else None


def _compact_radius(hyper: dict[str, Any]) -> int:
    """SRVGGNetCompact's receptive field in input pixels: a pixel for each convolution."""
    return int(hyper["num_conv"]) + 2


def _rrdb_radius(hyper: dict[str, Any]) -> int:
    """RRDBNet's receptive field in input pixels: one before, 15 in each block, one after, and the tail's behind nearest doublings."""
    radius = 2  # the last two convolutions, in output pixels
    for _ in range(int(hyper["scale"]).bit_length() - 1):
        radius = -(-(radius + 1) // 2)  # a convolution, then half as many pixels before the doubling
    return (1 + 15 * int(hyper["num_blocks"]) + 1 + radius) * int(hyper.get("shuffle_factor") or 1)


def _read_state(path: Path) -> dict[str, Tensor]:
    """The tensors in ``path`` by name, in float32; the kind of file is told by its first bytes."""
    import spandrel

    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(9)
    except OSError as error:
        raise ModelError(f"cannot read {str(path)!r}: {error.strerror}") from error
    try:
        kind = named_kind(path) or (picture_kind(path) and "a picture, not a model")
    except OSError as error:
        raise ModelError(f"cannot read {str(path)!r}: {error.strerror}") from error
    if kind:
        raise ModelError(f"{str(path)!r} is {kind}")
    if size > LARGEST_FILE:
        raise ModelError(f"{str(path)!r} has {size / 2**30:.1f} GiB; expected a model file of at most {LARGEST_FILE / 2**30:.0f} GiB")
    try:
        if head[8:9] == b"{":
            content: Any = read_tensors(path)
        elif head.startswith((b"PK\x03\x04", b"\x80")):
            _check_zip(path, size)
            with path.open("rb") as file:  # by its path, torch would decide by the suffix again
                content = torch.load(file, map_location="cpu", weights_only=True)
        else:
            raise ModelError(f"{str(path)!r} is neither a safetensors file nor a PyTorch checkpoint (.pth); its first bytes are {head!r}")
        state = spandrel.canonicalize_state_dict(content)
        state = {str(key): value for key, value in state.items() if isinstance(value, Tensor)}
    except ModelError:
        raise
    except Exception as error:  # damaged files make these readers raise anything; their messages advise unsafe reading
        if cause := cause_of(error):
            raise ModelError(f"{str(path)!r} cannot be read: {cause}") from error
        if (code := re.search(r"GLOBAL (\w[\w.]*)", str(error))) and isinstance(error, pickle.UnpicklingError):
            raise ModelError(
                f"{str(path)!r} is a pickle of Python objects ({code[1][:100]}), which could run code, and not a list of tensors; nothing "
                "in it was run: ask its author for the state dict (torch.save(model.state_dict(), ...) or safetensors)"
            ) from error
        raise ModelError(f"{str(path)!r} is damaged, or holds more than a list of tensors; nothing in it was run") from error
    if not state:
        raise ModelError(f"{str(path)!r} holds no tensors")
    if any(value.layout != torch.strided or value.device.type != "cpu" for value in state.values()):
        raise ModelError(f"{str(path)!r} holds tensors without plain values (sparse or on no device)")
    # A view may repeat one stored number without end.
    if sum(value.numel() * value.element_size() for value in state.values()) > 2 * size:
        raise ModelError(f"{str(path)!r}: its tensors claim more values than the file holds")
    return {key: value.float() if value.is_floating_point() else value for key, value in state.items()}


def _check_zip(path: Path, size: int) -> None:
    """PyTorch stores its zip entries uncompressed: entries that together pass the file's size are a bomb."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > size:
                raise ModelError(f"{str(path)!r}: its entries unpack to more than the file's size")
