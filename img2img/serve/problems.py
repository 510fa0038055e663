"""Errors as clients see them: problem details (RFC 9457)."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.responses import JSONResponse

from img2img.errors import ConfigError, Img2ImgError, ModelError

MEDIA_TYPE = "application/problem+json"


class RefusedError(Exception):
    """A request that is answered by a problem. ``headers`` go with it."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, headers


def details(status: int, detail: str) -> dict[str, Any]:
    """The members of a problem: ``detail`` says what was given, what was expected and what to do."""
    title = {413: "Content Too Large", 422: "Unprocessable Content"}.get(status) or HTTPStatus(status).phrase
    return {"type": "about:blank", "title": title, "status": status, "detail": detail}


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The answer that says ``details(status, detail)``."""
    return JSONResponse(details(status, detail), status, headers, MEDIA_TYPE)


def status_of(error: Img2ImgError) -> int:
    """422 for what is wrong with a picture or its options, 500 for what is wrong with the server's own files."""
    return 500 if isinstance(error, ModelError) and not isinstance(error, ConfigError) else 422
