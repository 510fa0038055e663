"""What all tasks prepare in the same way: a start from another model's weights, photographs, the record of a run."""

import logging
from pathlib import Path

import pytest
import torch
from pydantic import BaseModel
from scenes import save, scene
from torch import nn
from toy import Samples, Toy

from img2img.errors import ConfigError, DataError
from img2img.training.initialize import load_fitting
from img2img.training.setup import Setup, photographs, run_record


def network() -> nn.Sequential:
    """20 parameters in "0.weight" (8), "0.bias" (2), "1.weight" (8) and "1.bias" (2), all 0."""
    made = nn.Sequential(nn.Linear(4, 2), nn.Conv1d(4, 2, 1))
    for parameter in made.parameters():
        nn.init.zeros_(parameter)
    return made


def test_what_fits_is_copied_and_the_rest_is_named(caplog: pytest.LogCaptureFixture) -> None:
    made = network()
    with caplog.at_level(logging.WARNING):
        load_fitting(made, {"0.weight": torch.ones(2, 4), "1.bias": torch.full((2,), 3.0)}, "old")
    assert made.state_dict()["0.weight"].unique().tolist() == [1]
    assert made.state_dict()["1.bias"].tolist() == [3, 3]
    assert "--init old: 2 of 4 tensors fit; started anew: 0.bias, 1.weight" in caplog.text


def test_a_complete_state_is_copied_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    made, other = network(), nn.Sequential(nn.Linear(4, 2), nn.Conv1d(4, 2, 1))
    load_fitting(made, other.state_dict(), "old")
    assert all(torch.equal(value, other.state_dict()[key]) for key, value in made.state_dict().items())
    assert not caplog.text


def test_less_than_a_quarter_of_the_parameters_is_refused() -> None:
    made = network()
    with pytest.raises(ConfigError, match="init 'old' has 4 of 20 parameters in common with the network to be trained"):
        load_fitting(made, {"0.bias": torch.ones(2), "1.bias": torch.ones(2)}, "old")
    assert not made.state_dict()["0.bias"].any()
    load_fitting(made, {"0.weight": torch.ones(2, 4)}, "old")  # 8 of 20


def folder(root: Path, count: int, side: int) -> Path:
    for number in range(count):
        save(root / f"{number:02}.png", scene(number, side, side))
    return root


def test_photographs_are_held_out_or_come_from_a_folder_of_their_own(tmp_path: Path) -> None:
    data, other = folder(tmp_path / "data", 20, 16), folder(tmp_path / "other", 3, 24)

    def names(validation: Path | None, most: int | None = None) -> list[list[str]]:
        sets = photographs(data, validation, tmp_path / "cache", smallest=16, smallest_validation=16, most=most)
        return [[entry.path.name for entry in pictures.entries] for pictures in sets]

    everything = [f"{number:02}.png" for number in range(20)]
    assert names(None) == [[name for name in everything if name not in ("00.png", "10.png")], ["00.png", "10.png"]]
    assert names(other) == [everything, everything[:3]]
    assert names(other, most=2) == [everything[:2], everything[:2]]
    with pytest.raises(DataError, match="smaller than the patch of 32 px"):
        photographs(data, other, tmp_path / "cache", smallest=16, smallest_validation=32)


def test_a_record_has_the_parts_of_a_run_in_order() -> None:
    class Config(BaseModel):
        width: int = 3

    setup = Setup(Toy(), Samples(), Samples(2), {"data": {"pictures": 5}, "styles": {"pictures": 1}})
    record = run_record("any", None, setup, Config())
    assert list(record.items()) == [
        ("preset", "any"),
        ("init", None),
        ("data", {"pictures": 5}),
        ("styles", {"pictures": 1}),
        ("config", {"width": 3}),
    ]
