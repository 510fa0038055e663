"""``img2img stylize``: what is refused."""

from pathlib import Path

import numpy as np
import pytest
from scenes import save, scene
from stylizing import QUICK, said, stylize


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--style is missing: give a picture, a folder of pictures, or the name of a built-in style"),
        (["--style", "none.jpg"], "no style 'none.jpg': neither a picture, nor a folder of them, nor one of"),
        (["--style", "C:\\wave.jpg"], "no style 'C:\\\\wave.jpg'"),
        (["--style", "{one}:much"], "the weight 'much' is not a number from 0 on"),
        (["--style", "{one}:"], "the weight '' is not a number"),
        (["--style", "{one}:-1"], "the weight '-1' is not a number from 0 on"),
        (["--style", "{one}:nan"], "the weight 'nan' is not a number"),
        (["--style", "{one}:0", "--style", "{one}:0"], "the weights of --style add up to 0"),
        (["--style", "{styles}:2"], "the pictures of a folder are used one after the other"),
        (["--style", "{dot}"], "the style '{dot}' has 1x1 pixels; at least 16 a side"),
        (["--style", "{one}", "--alpha", "1.2"], "--alpha must be <= 1, got 1.2"),
        (["--style", "{one}", "--alpha", "nan"], "--alpha must be <= 1, got nan"),
        (["--style", "{one}", "--smooth", "-1"], "--smooth must be >= 0, got -1"),
        (["--style", "{one}", "--style-scale", "0"], "--style-scale must be > 0, got 0"),
        (["--style", "{one}", "--preserve-color", "all"], "--preserve-color must be one of 'none', 'luminance', 'histogram', got 'all'"),
        (["--style", "{one}", "--sweep", "101"], "--sweep must be <= 100, got 101"),
        (["--style", "{one}:2", "--style", "{one}", "--sweep", "3"], "--sweep goes from"),
        (["--style", "{one}", "--mask", "a.png", "--mask", "b.png"], "2 masks were given for 1 style; give"),
        (["--style", "{one}", "--seed", "3", "--init", "noise"], "--init, --seed: only with --method optimize"),
        (["--style", "{one}", "--preview", "p.png"], "--preview: only with --method optimize"),
        (["--style", "{one}", "--method", "slow"], "--method must be one of 'fast', 'optimize', got 'slow'"),
        (
            ["--style", "{one}", "--method", "optimize", "--init", "fast", "--optimizer", "sgd"],
            "--optimizer must be one of 'adam', 'lbfgs', got 'sgd'",
        ),
        (
            ["--style", "{one}", "--method", "optimize", "--init", "fast", "--backbone", "resnet"],
            "--backbone must be one of 'vgg16', 'vgg16-torchvision', 'vgg19', got 'resnet'",
        ),
        (["--style", "{one}", "--backbone", "vgg19"], "--backbone: only with --method optimize"),
        (["--style", "{one}", "--method", "optimize", "--init", "fast", "--iterations", "0"], "--iterations must be >= 1, got 0"),
        (["--style", "{one}", "--method", "optimize", "--init", "fast", "--tile", "20"], "--tile 20"),
    ],
)
def test_usage_errors(arguments: list[str], message: str, model: Path, photo: Path, one: Path) -> None:
    places = {"one": one, "styles": one.parent, "dot": save(one.with_name("dot.png"), scene(1)[:1, :1])}
    result = stylize(photo, "-m", model, *[text.format(**places) for text in arguments])
    assert result.exit_code == 2, (result.output, result.exception)
    assert "".join(message.format(**places).split()) in "".join(said(result).split())
    assert sorted(path.name for path in photo.parent.iterdir()) == ["photo.png", "styles"]


def test_a_style_that_cannot_be_read(model: Path, photo: Path, one: Path) -> None:
    one.write_bytes(one.read_bytes()[:100])
    result = stylize(photo, "--style", one, "-m", model)
    assert result.exit_code == 1
    assert result.stderr.startswith("img2img: ")
    assert "one.png" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("way", [[], QUICK])
def test_a_mask_of_another_size_and_one_that_is_none(
    way: list[object], model: Path, photo: Path, one: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for mask, message in (
        (
            save(photo.with_name("small.png"), np.full((40, 40, 1), 255, np.uint8)),
            "has 40x40 pixels, the content 62x45: they must be equal",
        ),
        (photo.with_name("none.png"), "there is no mask file or folder"),
        (one, "looks like a photograph"),
    ):
        caplog.clear()
        assert stylize(photo, "--style", one, "--mask", mask, *(way or ["-m", model])).exit_code == 1
        assert message in caplog.text
    assert not photo.with_name("photo_stylized.png").exists()


def test_models_of_other_tasks_are_refused(photo: Path, one: Path) -> None:
    result = stylize(photo, "--style", one, "-m", "inpaint-photo")
    assert result.exit_code == 1
    assert "is for inpaint, not for stylize: use img2img inpaint" in said(result)
