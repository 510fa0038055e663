"""Tiny stylizers, each made once, and small pictures for them."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from scenes import save, scene
from stylize_training import TINY, Trained, command
from stylizing import HEIGHT, WIDTH, stylizer

from img2img.tasks.stylize import objective as objective_module


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stylizer(tmp_path_factory.mktemp("model") / "any.safetensors", 0)


@pytest.fixture(scope="session")
def single(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stylizer(tmp_path_factory.mktemp("model") / "single.safetensors", 1)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return save(tmp_path / "photo.png", scene(7, HEIGHT, WIDTH))


@pytest.fixture
def one(tmp_path: Path) -> Path:
    return save(tmp_path / "styles" / "one.png", scene(1, 40, 50))


@pytest.fixture
def two(tmp_path: Path) -> Path:
    pixels = scene(2, 60, 40)
    pixels[:, :, 0] //= 8
    return save(tmp_path / "styles" / "two.png", pixels)


@pytest.fixture(scope="session", autouse=True)
def _few_styles_are_looked_at() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(objective_module, "ADAPTED", 12)
        yield


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with photographs in ``contents`` and paintings in ``styles``."""
    root = tmp_path_factory.mktemp("data")
    for number in range(4):
        save(root / "contents" / f"{number}.png", scene(number, 80, 90))
    for number in range(3):
        save(root / "styles" / f"{number}.png", scene(20 + number, 100, 70))
    return root


@pytest.fixture(scope="session")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Gives (the run's folder, the command without --run) of a preset, four images long."""

    @cache
    def train(preset: str) -> tuple[Path, list[str]]:
        run = tmp_path_factory.mktemp(preset) / "run"
        source = ["--styles", str(data / "styles")] if preset == "any" else ["--style", str(data / "styles" / "0.png")]
        options = ["--content", str(data / "contents"), *source, *TINY, "--images", "4"]
        done = command(*options, "--run", run)
        assert done.exit_code == 0, (done.output, done.exception)
        return run, options

    return train
