"""The layers of the package: who may import whom, and what a mere ``--help`` may not import."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "img2img"

# A layer may import the layers named here, and what those may import.
ARROWS: dict[str, set[str]] = {
    "images": set(),
    "networks": {"images"},
    "metrics": {"networks"},
    "data": {"images"},
    "losses": {"networks"},
    "models": {"networks"},
    "training": {"losses", "data", "models"},
    "inference": {"models", "images"},
    "credentials": {"images"},
    "batch": {"inference", "credentials"},
    "engines": {"batch"},
    "export": {"inference", "evaluation"},
    "evaluation": {"data", "metrics"},
    "tasks": {"training", "inference", "export", "batch", "engines", "evaluation"},
    "api": {"tasks"},
    "serve": {"tasks"},
    "cli": {"tasks", "serve"},
    "__init__": {"api"},
    "__main__": {"cli"},
}
FOR_ALL = {"errors", "files", "config", "options", "recent", "storage"}


def allowed(layer: str) -> set[str]:
    """Every layer that ``layer`` may import: those upstream of it, itself, and those for all."""
    reached, waiting = FOR_ALL | {layer}, [layer]
    while waiting:
        new = ARROWS[waiting.pop()] - reached
        reached |= new
        waiting += new
    return reached


def imports(path: Path) -> Iterator[str]:
    """The modules and names of img2img that the file imports, anywhere in it but for types alone."""

    def walk(node: ast.AST) -> Iterator[ast.AST]:
        for child in ast.iter_child_nodes(node):
            if not (isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING"):
                yield child
                yield from walk(child)

    for node in walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "img2img")
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            if (node.module or "").split(".")[0] == "img2img":
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def module_of(name: str) -> str:
    """The module that an import of ``name`` loads: itself, or the one that has the name in it."""
    place = PACKAGE.parent.joinpath(*name.split("."))
    return name if place.is_dir() or place.with_suffix(".py").is_file() else name.rpartition(".")[0]


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_imports_only_from_upstream(path: Path) -> None:
    layer = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    found = {[*module_of(name).split("."), "__init__"][1] for name in imports(path)}
    assert found <= (FOR_ALL if layer in FOR_ALL else allowed(layer))


def circle_in(graph: dict[str, set[str]]) -> list[str] | None:
    """Modules that import each other in a circle, if there are any."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle: list[str] = error.args[1]
        return circle
    return None


def test_no_circles() -> None:
    """Not even through an import inside a function. A package's ``__init__`` is a module of its own: it may import what is below it."""
    graph = {module_name(path): {module_of(name) for name in imports(path)} - {module_name(path)} for path in PACKAGE.rglob("*.py")}
    assert circle_in(graph) is None


def test_a_circle_would_be_found() -> None:
    found = circle_in({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})
    assert found is not None
    assert set(found) == {"a", "b", "c"}


def test_the_arrows_themselves() -> None:
    assert allowed("losses") == FOR_ALL | {"losses", "networks", "images"}
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
    heavy = {
        "torch",
        "torchvision",
        "numpy",
        "scipy",
        "PIL",
        "pyvips",
        "safetensors",
        "spandrel",
        "yaml",
        "lightning_fabric",
        "kornia",
        "lpips",
        "fastapi",
        "uvicorn",
        "ray",
        "onnx",
        "onnxruntime",
        "openvino",
    }
    commands = ["upscale", "inpaint", "stylize", "translate", "train", "train upscale", "train inpaint", "train schema", "evaluate"]
    commands += [
        "evaluate upscale",
        "evaluate inpaint",
        "evaluate stylize",
        "data check",
        "data convert",
        "data pack",
        "weights",
        "export",
        "inspect",
        "serve",
    ]
    loaded = modules_after_help("", *commands, "inspect", "bench upscale", "bench stylize")
    assert "img2img.cli" in loaded
    assert not heavy & loaded
