"""The layers of the package: who may import whom, and what a mere ``--help`` may not import."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "img2img"

# A layer may import the layers named here, and what those may import.
ARROWS: dict[str, set[str]] = {
    "images": set(),
    "networks": set(),
    "metrics": {"networks"},
    "data": {"images"},
    "losses": {"networks"},
    "weights": {"networks"},
    "training": {"losses", "data", "weights"},
    "inference": {"weights", "images"},
    "tasks": {"training", "inference", "metrics"},
    "evaluation": {"tasks"},
    "cli": {"tasks", "evaluation"},
    "__init__": {"tasks"},
    "__main__": {"cli"},
}
FOR_ALL = {"errors", "files", "config"}
SAME_LAYER = {"foreign": "weights", "realesrgan": "weights"}  # models of other projects


def allowed(layer: str) -> set[str]:
    """Every layer that ``layer`` may import: those upstream of it, itself, and those for all."""
    reached, waiting = FOR_ALL | {layer}, [layer]
    while waiting:
        new = ARROWS[waiting.pop()] - reached
        reached |= new
        waiting += new
    return reached


def imported_layers(path: Path) -> set[str]:
    """The layers of img2img that the file ``path`` imports, anywhere in it."""
    modules: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            modules |= {f"{node.module}.{alias.name}" for alias in node.names}
    parts = [module.split(".") for module in modules]
    names = {part[1] for part in parts if part[0] == "img2img" and len(part) > 1}
    layers = {path.stem for path in PACKAGE.glob("*.py")} | {path.name for path in PACKAGE.iterdir() if path.is_dir()}
    return {SAME_LAYER.get(name, name) if name in layers else "__init__" for name in names}


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_imports_only_from_upstream(path: Path) -> None:
    name = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    layer = SAME_LAYER.get(name, name)
    permitted = FOR_ALL if layer in FOR_ALL else allowed(layer)
    assert imported_layers(path) <= permitted


def test_the_arrows_themselves() -> None:
    assert allowed("losses") == FOR_ALL | {"losses", "networks"}
    assert "training" not in allowed("inference")
    assert "tasks" not in allowed("training")
    assert not any("cli" in allowed(layer) for layer in ARROWS.keys() - {"cli", "__main__"})


def modules_after_help(*commands: str) -> set[str]:
    """What Python has imported after the help of ``commands`` was shown."""
    code = """
import contextlib, io, sys
from img2img.cli import app
for command in sys.argv[1:]:
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()) as out:
        app([*command.split(), "--help"])
    assert "Usage" in out.getvalue(), command
print(*sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code, *commands], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_help_imports_nothing_heavy() -> None:
    heavy = {"torch", "torchvision", "numpy", "scipy", "PIL", "pyvips", "safetensors", "spandrel", "yaml", "lightning_fabric"}
    heavy |= {"kornia", "lpips"}
    loaded = modules_after_help("")
    assert "img2img.cli" in loaded
    assert not (heavy | {"pydantic"}) & loaded
    # Typer itself imports pydantic for a command's own options.
    assert not heavy & modules_after_help(
        "upscale",
        "inpaint",
        "stylize",
        "train",
        "train upscale",
        "train inpaint",
        "train schema",
        "evaluate",
        "evaluate upscale",
        "evaluate inpaint",
        "evaluate stylize",
        "data check",
        "data convert",
        "weights",
        "inspect",
        "bench upscale",
        "bench stylize",
        "bench training",
    )
