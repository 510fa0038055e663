"""The application: every route, and the page."""

from pathlib import Path

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from img2img.serve.problems import RefusedError, problem
from img2img.serve.security import Guard, HostAndHeaders
from img2img.serve.settings import Settings

STATIC = Path(__file__).parent / "static"


def create_app(settings: Settings) -> FastAPI:
    """The application of one server."""
    app = FastAPI(title="img2img", docs_url=None, redoc_url=None)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RefusedError, _refused)
    app.mount("/", StaticFiles(directory=STATIC, html=True))
    app.add_middleware(Guard, token=settings.token, origins=settings.cors)
    if settings.cors:
        app.add_middleware(CORSMiddleware, allow_origins=settings.cors, allow_methods=["*"], allow_headers=["*"], expose_headers=["*"])
    app.add_middleware(HostAndHeaders, settings=settings)  # the outermost
    return app


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = "there is nothing under this address" if error.status_code == 404 else error.detail
    return problem(error.status_code, detail, error.headers)


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)
    return problem(error.status, error.detail, error.headers)
