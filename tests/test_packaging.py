"""What is built is what is needed: the wheel carries the weights and works from elsewhere, the sdist carries the tests."""

import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]


def run(*command: str | Path, cwd: Path | None = None) -> str:
    done = subprocess.run([str(word) for word in command], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--sdist", "--no-isolation", "-o", folder, ROOT)
    return folder


@pytest.fixture(scope="module")
def python(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a new environment that has the wheel, and sees the dependencies of this one but not this checkout."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder)
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    places = dict.fromkeys(sysconfig.get_path(kind) for kind in ("purelib", "platlib"))
    (site / "dependencies.pth").write_text("\n".join(places))
    (wheel,) = built.glob("*.whl")
    run(sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", "--no-index", "--ignore-installed", wheel)
    return python


def test_the_wheel_carries_package_weights_license_and_command(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        entry_points = archive.read(next(name for name in names if name.endswith("entry_points.txt"))).decode()
    shipped = {f"img2img/_weights/{path.name}" for path in (ROOT / "weights").iterdir() if path.is_file()}
    assert shipped
    assert shipped <= names
    assert {"img2img/__init__.py", "img2img/py.typed", "img2img/tasks/upscale/train_cli.py"} <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert "img2img = img2img.cli:main" in entry_points
    assert {name.split("/")[0].split("-")[0] for name in names} == {"img2img", "img2img_toolkit"}  # no tests, no samples
    assert wheel.stat().st_size < 90e6  # PyPI takes 100 MB


def test_the_sdist_carries_what_the_tests_need(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    assert {"pyproject.toml", "README.md", "LICENSE", "img2img/files.py", "tests/test_packaging.py", "samples/cat.jpg"} <= names
    assert {f"benchmarks/{path.name}" for path in (ROOT / "benchmarks").iterdir() if path.is_file()} <= names
    assert {f"weights/{path.name}" for path in (ROOT / "weights").iterdir()} <= names


def test_no_dependency_has_an_upper_pin() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    assert not [line for line in lines if "<" in line or "==" in line or "~=" in line]


@pytest.mark.slow
def test_the_installed_wheel_is_on_its_own(python: Path, tmp_path: Path) -> None:
    place = Path(run(python, "-c", "import img2img; print(img2img.__file__)", cwd=tmp_path).strip())
    assert not place.is_relative_to(ROOT)
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert run(python.with_name("img2img"), "--version", cwd=tmp_path).strip() == version
    assert "upscale-4x-fidelity" in run(python.with_name("img2img"), "weights", "list", cwd=tmp_path)


@pytest.mark.slow
def test_the_installed_wheel_upscales_from_another_folder(python: Path, tmp_path: Path) -> None:
    shutil.copy(ROOT / "samples" / "cat.jpg", tmp_path)
    run(python.with_name("img2img"), "upscale", "cat.jpg", "-o", "large.png", cwd=tmp_path)
    with Image.open(tmp_path / "large.png") as large:
        assert large.size == (1280, 852)
        # The same picture, sharper: reduced again it is the input.
        small = large.convert("RGB").resize((320, 213), Image.Resampling.BOX)
    with Image.open(tmp_path / "cat.jpg") as cat:
        pairs = zip(small.tobytes(), cat.tobytes(), strict=True)
        assert sum(abs(a - b) for a, b in pairs) / len(cat.tobytes()) < 6
