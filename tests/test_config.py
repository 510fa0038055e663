"""The configuration files: their schema, and errors that name every wrong key."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from typer.testing import CliRunner

from img2img.cli import app
from img2img.config import resolve, to_yaml
from img2img.errors import ConfigError
from img2img.tasks.upscale.config import PRESETS


def published() -> dict[str, object]:
    done = CliRunner().invoke(app, ["train", "schema", "upscale"])
    assert done.exit_code == 0
    found: dict[str, object] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_fits_the_published_schema(preset: str) -> None:
    values = yaml.safe_load(to_yaml(PRESETS[preset]))
    jsonschema.Draft202012Validator.check_schema(published())
    jsonschema.validate(values, published())
    jsonschema.validate({"training": {"batch": 4}}, published())  # every key may be left out


@pytest.mark.parametrize(
    "wrong", [{"btach": 1}, {"training": {"batch": 0}}, {"adversary": {"mode": "w"}}, {"loss": {"adversarial": 1}}, {"scale": 5}]
)
def test_what_the_loader_refuses_the_schema_refuses(wrong: dict[str, object], tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(wrong))
    with pytest.raises(ConfigError):
        resolve(PRESETS, "srresnet", tmp_path / "c.yaml", [], {})
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, published())


def test_all_wrong_keys_are_named_with_the_nearest_right_ones(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("training: {lerning_rate: 1, batch: 0}\ndata: {zzz: 1}\n")
    with pytest.raises(ConfigError) as caught:
        resolve(PRESETS, "srresnet", tmp_path / "c.yaml", [], {})
    text = str(caught.value)
    assert "unknown key 'training.lerning_rate' (did you mean 'training.learning_rate'?)" in text
    assert "training.batch = 0: Input should be greater than or equal to 1" in text
    assert "unknown key 'data.zzz';" in text or text.endswith("unknown key 'data.zzz'")


def test_an_unknown_task_is_refused() -> None:
    done = CliRunner().invoke(app, ["train", "schema", "upscael"])
    assert done.exit_code == 2
    assert "upscale" in done.stderr


def test_the_spelling_of_version_0_1_is_accepted() -> None:
    from img2img.tasks.translate.config import PRESETS
    from img2img.tasks.translate.measure import parse_damage

    settings = ["data.damage.grey=0.5", "adversary.weight=1", "adversary.augment=[colour, cutout]"]
    found = resolve(PRESETS, "restore", None, settings, {})
    assert found.data.damage.gray == 0.5
    assert found.adversary.augment == ("color", "cutout")
    assert parse_damage("grey") == parse_damage("gray") == (("gray", 1.0),)
