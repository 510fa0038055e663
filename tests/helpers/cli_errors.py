"""Errors of ours behind what a command printed."""

from typer.testing import Result

from img2img.errors import Img2ImgError


def raise_error(result: Result) -> None:
    """Raise the ``Img2ImgError`` that ended the command, if one did, with the message that was printed."""
    error: BaseException | None = result.exception
    while error is not None and not isinstance(error, Img2ImgError):
        error = error.__cause__ or error.__context__
    if error is not None:
        raise type(error)(result.stderr.strip()) from error
