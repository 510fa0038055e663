"""The application: every route, and the page."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

from img2img.errors import Img2ImgError
from img2img.serve import schemas
from img2img.serve.compute import Computer
from img2img.serve.jobs import Jobs
from img2img.serve.jobs_routes import jobs_routes
from img2img.serve.listings import listings
from img2img.serve.metrics import Metrics
from img2img.serve.picture_routes import picture_routes
from img2img.serve.problems import RefusedError, problem, status_of
from img2img.serve.reference import reference_page
from img2img.serve.security import Guard, HostAndHeaders
from img2img.serve.settings import Settings
from img2img.serve.state import State

STATIC = Path(__file__).parent / "static"
GRACE_SECONDS = 30  # that the picture being computed gets once the server is to end


def create_app(settings: Settings) -> FastAPI:
    """The application of one server. Its jobs live from its start to its end.

    Raises:
        ModelError: a model of ``settings`` that cannot be used.
    """
    computer, metrics = Computer(settings), Metrics()

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        jobs = Jobs(settings, lambda job: computer.do(job, jobs.told), metrics.ended)
        state = app.state.img2img = State(settings, computer, metrics, jobs)
        warming = asyncio.get_running_loop().run_in_executor(jobs.pool, computer.warm_up)
        warming.add_done_callback(state.warmed)
        yield
        await jobs.close(GRACE_SECONDS)

    app = FastAPI(
        title="img2img",
        summary="Upscale, inpaint, stylize and translate pictures.",
        version=version("img2img-toolkit"),
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        responses=schemas.PROBLEMS,
    )
    for kind, handler in ((HTTPException, _http_error), (RefusedError, _refused), (Img2ImgError, _known), (Exception, _unknown)):
        app.add_exception_handler(kind, handler)
    app.add_exception_handler(RequestValidationError, _invalid)
    for router in (listings(), jobs_routes(), picture_routes()):
        app.include_router(router)

    @app.get("/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        return HTMLResponse(reference_page(app.openapi()))

    app.mount("/", StaticFiles(directory=STATIC, html=True))
    app.add_middleware(Guard, token=settings.token, origins=settings.cors)
    if settings.cors:
        exposed = ["Img2Img-Notes", "Img2Img-Size", "Location", "Retry-After"]
        app.add_middleware(CORSMiddleware, allow_origins=settings.cors, allow_methods=["*"], allow_headers=["*"], expose_headers=exposed)
    app.add_middleware(HostAndHeaders, settings=settings)  # the outermost
    return app


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = "there is nothing under this address" if error.status_code == 404 else error.detail
    return problem(error.status_code, detail, error.headers)


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)
    return problem(error.status, error.detail, error.headers)


def _known(request: Request, error: Exception) -> Response:
    assert isinstance(error, Img2ImgError)
    return problem(status_of(error), str(error))


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    return problem(422, f"{first['loc'][-1]}: {first['msg']}")


def _unknown(request: Request, error: Exception) -> Response:
    return problem(500, "the request failed for a reason that the server's log tells")
