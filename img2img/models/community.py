"""Models of other projects: community ``.pth`` and safetensors files.

spandrel recognizes the architecture by the tensors' names and brings the network. Nothing in a file is ever run.
"""

import importlib.util
import re
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from img2img.errors import ModelError, cause_of
from img2img.models.community_file import read_state
from img2img.models.community_networks import CommunityInpainter, CommunityNetwork, fold, halo_of
from img2img.models.files import check_state
from img2img.models.info import Model, ModelInfo

# What spandrel calls an architecture's purpose, in words.
PURPOSES = {
    "SR": "super-resolution",
    "FaceSR": "faces, aligned and cut out",
    "Inpainting": "inpainting",
    "Restoration": "restoration (noise, blur, compression)",
}
COLORIZERS = ("DDColor",)  # that make colors of gray
EXTRA = "spandrel_extra_arches"  # architectures with licenses of their own, MAT among them: used where it is installed


def load_community(path: str | Path) -> Model:
    """The network in a file without our metadata: for super-resolution, for inpainting, or for restoration, of scale 1.

    Such a file is a ``.pth`` (zip or pickle) or a safetensors file, told by content. MAT is known where ``EXTRA`` is installed.

    Raises:
        ModelError: the file cannot be read as a list of tensors, holds a network for another task or one that spandrel does not
            know, or its values are not finite or all zero.
    """
    path = Path(path)
    return model_from(read_state(path), name=_name(path), where=str(path))


def describe(path: str | Path) -> dict[str, Any]:
    """What there is to say of the network in a file without our metadata, whether it can be used here or not.

    Raises:
        ModelError: as ``load_community``, but not for a network of another purpose.
    """
    path = Path(path)
    descriptor = _recognized(read_state(path), str(path))
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
        fold(descriptor.model)
    behind = CommunityInpainter if info.task == "inpaint" else CommunityNetwork
    return Model(behind(descriptor).requires_grad_(False).eval(), info)


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
        halo=halo_of(descriptor),
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
