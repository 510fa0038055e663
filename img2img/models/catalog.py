"""Models by name: a shipped one, one of an optional package, a file, or a run folder."""

from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

from img2img.errors import ModelError
from img2img.files import shipped_folder
from img2img.models import community, optional
from img2img.models.exported_files import exported_format, load_exported, read_exported
from img2img.models.files import describes_itself, read_info, read_model
from img2img.models.info import Model, ModelInfo

NEAR = 0.6  # as similar as difflib wants close matches to be


def catalog() -> dict[str, Path]:
    """The models that come with the install, by name: every ``.safetensors`` in the shipped folder that describes itself."""
    return {path.stem: path for path in sorted(shipped_folder().glob("*.safetensors")) if describes_itself(path)}


def load_model(name_or_path: str | Path) -> Model:
    """The model called ``name_or_path``: a shipped name, an optional-package name, a file, or a run folder (its best model).

    Raises:
        ModelError: no such model; a damaged file; tensors that lack, that are too many, of another shape, or not finite.
    """
    path = find_model(name_or_path)
    if path is None:
        return optional.load(str(name_or_path))
    if exported_format(path):
        return load_exported(path)
    return replace(read_model(path) if describes_itself(path) else community.load_community(path), file=path)


def peek_info(name_or_path: str | Path) -> ModelInfo | None:
    """What ``load_model(name_or_path).info`` would be; None where only loading tells, as of other projects' files. Errors as that."""
    path = find_model(name_or_path)
    if path is not None and exported_format(path):
        return read_exported(path).info
    return read_info(path) if path is not None and describes_itself(path) else None


def load_info(name_or_path: str | Path) -> ModelInfo:
    """What ``load_model(name_or_path).info`` would be; the tensors of our own files are not read. Errors as ``load_model``."""
    return peek_info(name_or_path) or load_model(name_or_path).info


def find_model(name_or_path: str | Path) -> Path | None:
    """The file of the model called ``name_or_path``; None: it is that of an optional package. Errors as ``load_model``."""
    name = str(name_or_path)
    if name in (shipped := catalog()):
        return shipped[name]
    if name in optional.MODELS:
        return None
    path = Path(name_or_path)
    if path.is_dir():
        found = [path / file for file in ("best.safetensors", "latest.safetensors") if (path / file).is_file()]
        if not found:
            raise ModelError(f"{name!r} is a folder without best.safetensors or latest.safetensors: not a training run that has saved")
        path = found[0]
    if not path.is_file():
        known = [*shipped, *optional.MODELS]
        near = get_close_matches(_plain(Path(name).stem), [_plain(each) for each in known], 1, NEAR)
        meant = next((each for each in known if near and _plain(each) == near[0]), None)
        hint = f"did you mean {meant!r}? There" if meant else "there"
        raise ModelError(f"no model {name!r}, which is neither a file nor a run folder; {hint} are {', '.join(known)}")
    return path


def _plain(name: str) -> str:
    """``name`` without what spellings differ in: ``RealESRGAN_x4plus`` as ``realesrgan-x4plus``."""
    return "".join(char for char in name.lower() if char.isalnum())
