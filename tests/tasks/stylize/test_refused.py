"""``img2img stylize``: what is refused."""

from pathlib import Path

import numpy as np
import pytest
from scenes import save, scene
from stylizing import QUICK, said, stylize

from img2img.errors import ModelError, PictureError


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
        (["--style", "{one}:0", "--style", "{one}:0"], "the weights of the styles add up to 0"),
        (["--style", "{styles}:2"], "the pictures of a folder are used one after the other"),
        (["--style", "{dot}"], "the style '{dot}' has 1x1 pixels; at least 16 a side"),
        (["--style", "{one}", "--alpha", "1.2"], "--alpha 1.2 is not between 0 and 1"),
        (["--style", "{one}", "--alpha", "nan"], "--alpha nan is not between 0 and 1"),
        (["--style", "{one}", "--smooth", "-1"], "--smooth -1 is not between 0 and 1"),
        (["--style", "{one}", "--style-scale", "0"], "--style-scale 0 is not above 0"),
        (["--style", "{one}", "--preserve-color", "all"], "--preserve-color 'all' is unknown; known are none, luminance, histogram"),
        (["--style", "{one}", "--sweep", "101"], "--sweep 101 is not between 1 and 100"),
        (["--style", "{one}:2", "--style", "{one}", "--sweep", "3"], "--sweep goes from"),
        (["--style", "{one}", "--mask", "a.png", "--mask", "b.png"], "2 masks were given for 1 style; give"),
        (["--style", "{one}", "--seed", "3", "--init", "noise"], "--init, --seed: only with --method optimize"),
        (["--style", "{one}", "--preview", "p.png"], "--preview: only with --method optimize"),
        (["--style", "{one}", "--method", "slow"], "--method 'slow' is unknown; known are fast, optimize"),
        (["--style", "{one}", "--method", "optimize"], "the method optimize needs no model"),
        (["--style", "{one}", "--method", "optimize", "--init", "fast", "--optimizer", "sgd"], "--optimizer 'sgd'"),
        (["--style", "{one}", "--method", "optimize", "--init", "fast", "--backbone", "resnet"], "--backbone 'resnet'"),
        (["--style", "{one}", "--backbone", "vgg19"], "--backbone: only with --method optimize"),
        (["--style", "{one}", "--method", "optimize", "--init", "fast", "--iterations", "0"], "--iterations 0"),
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
    assert isinstance(result.exception, PictureError)
    assert "one.png" in str(result.exception)


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
    assert isinstance(result.exception, ModelError)
    assert "is for inpaint, not for stylize: use img2img inpaint" in str(result.exception)
