"""Commands, and the errors of ours behind what they printed."""

from typing import Any

from typer.testing import CliRunner, Result

from img2img.cli import app
from img2img.errors import Img2ImgError


def invoke(*words: Any) -> Result:
    """``img2img WORDS...``, which must go well; raises as ``raise_error``."""
    result = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=True)
    raise_error(result)
    assert result.exit_code == 0, result.output
    return result


def raise_error(result: Result) -> None:
    """Raise the ``Img2ImgError`` that ended the command, if one did, with the message that was printed."""
    error: BaseException | None = result.exception
    while error is not None and not isinstance(error, Img2ImgError):
        error = error.__cause__ or error.__context__
    if error is not None:
        raise type(error)(result.stderr.strip()) from error
