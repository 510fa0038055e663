"""``img2img doctor``: facts of this machine, found by other means than the command's."""

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
import yaml
from typer.testing import CliRunner

from img2img.cli import app
from img2img.cli.doctor import _extras, _matrix_product_rate, _version_or_error

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def facts() -> dict[str, Any]:
    result = CliRunner().invoke(app, ["doctor", "--json"])
    assert result.exit_code == 0, result.output
    loaded: dict[str, Any] = json.loads(result.stdout)
    return loaded


def test_versions(facts: dict[str, Any]) -> None:
    found = facts["versions"]
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert {name: found[name] for name in ("torch", "pillow")} == {name: version(name) for name in ("torch", "pillow")}
    assert found["img2img"] == version("img2img-toolkit")
    assert [int(part) for part in found["libvips"].split(".")] >= [8, 10, 0]


def test_devices_and_memory(facts: dict[str, Any]) -> None:
    assert facts["default_device"] in {name.split(":")[0] for name in facts["devices"]}
    assert sum(name.startswith("cuda") for name in facts["devices"]) == torch.cuda.device_count()
    cpu = facts["devices"]["cpu"]
    assert cpu["total_gib"] == pytest.approx(psutil.virtual_memory().total / 2**30, abs=0.01)
    assert 0 < cpu["free_gib"] <= cpu["total_gib"]
    assert facts["matrix_product_gflop_s"].keys() == {"fp32"} | ({"bf16"} if facts["default_device"] != "mps" else set())
    assert all(rate > 0 for rate in facts["matrix_product_gflop_s"].values())


def test_models_are_counted(facts: dict[str, Any]) -> None:
    folder = Path(facts["models"]["folder"])
    assert folder == ROOT / "weights"
    backbones = {"lpips-alex", "vgg16-features"}  # of the metrics and losses: nothing that a task could open
    assert facts["models"]["count"] == len({path.stem for path in folder.glob("*.safetensors")} - backbones)


def test_without_json_it_is_the_same_facts_as_yaml(facts: dict[str, Any]) -> None:
    plain = yaml.safe_load(CliRunner().invoke(app, ["doctor"]).stdout)
    assert plain.keys() == facts.keys()
    assert plain["versions"] == facts["versions"]


def test_a_matrix_product_is_timed_in_two_operations_for_each_product(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(100))
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))  # each product takes one second
    assert _matrix_product_rate(torch.device("cpu"), torch.float32, side=10) == pytest.approx(2 * 10**3 / 1e9)


def test_an_extra_is_found_where_all_of_its_packages_are(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib import metadata

    class Ours:
        metadata = type("Message", (), {"get_all": lambda self, name: ["whole", "half", "none", "alias", "several"]})()
        requires = (
            "torch>=2",
            "pillow>=1; extra == 'whole'",
            'numpy; extra == "half"',
            "no-such-package; extra == 'half'",
            "img2img-toolkit[half]; extra == 'alias'",
            "img2img-toolkit[none,whole]; extra == 'several'",
        )

    real = metadata.distribution
    monkeypatch.setattr(metadata, "distribution", lambda name: Ours() if name == "img2img-toolkit" else real(name))
    assert _extras() == {"whole": True, "half": False, "none": True, "alias": False, "several": True}


def test_a_library_that_cannot_be_imported_is_a_fact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_library.py").write_text("raise OSError('libbroken.so.1: no such file')")
    monkeypatch.syspath_prepend(tmp_path)
    assert _version_or_error("pillow", "PIL") == version("pillow")
    assert _version_or_error("pillow", "broken_library") == "cannot be imported: libbroken.so.1: no such file"
