"""What there is: tasks, models, styles, health and figures."""

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from img2img.files import shipped_styles
from img2img.images.formats import WRITABLE
from img2img.serve.asked import RUNTIME, common, schema_of
from img2img.serve.jobs import media_type
from img2img.serve.metrics import MEDIA_TYPE
from img2img.serve.problems import RefusedError
from img2img.serve.schemas import BINARY
from img2img.serve.state import Shared
from img2img.tasks import PICTURE_TASKS
from img2img.tasks.task import Task


def listings() -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["What there is"])

    @router.get("/v1/tasks")
    def tasks(state: Shared) -> dict[str, Any]:
        """The tasks with the schema of their options, the formats of results, and the limits."""
        limits = {name: getattr(state.settings, name) for name in ("max_bytes", "max_pixels", "queue", "keep_minutes")}
        return {"tasks": [_shown(task) for task in PICTURE_TASKS], "formats": _formats(), "limits": limits}

    @router.get("/v1/models")
    def models(state: Shared) -> dict[str, Any]:
        """The models that a request may name."""
        return {"models": state.computer.listed()}

    @router.get("/v1/styles")
    def styles() -> dict[str, Any]:
        """The built-in styles."""
        return {"styles": [{"name": name, "url": f"/v1/styles/{name}"} for name in shipped_styles()]}

    @router.get("/v1/styles/{name}", response_class=FileResponse, responses={200: {"content": {"image/jpeg": {"schema": BINARY}}}})
    def style(name: str) -> FileResponse:
        """The painting of a built-in style."""
        if name not in (known := shipped_styles()):
            raise RefusedError(404, "there is no such style; /v1/styles lists them")
        return FileResponse(known[name], media_type="image/jpeg", headers={"Cache-Control": "private, max-age=3600"})

    @router.get("/healthz", responses={503: {"description": "The first model is being loaded, or the server ends"}})
    def health(request: Request, state: Shared) -> JSONResponse:
        """Whether the server is ready, and which models are loaded."""
        status = "ending" if state.jobs.closing else "ok" if state.ready else "starting"
        found = {"status": status, "loaded": list(state.computer.loaded), "device": state.computer.device, "version": request.app.version}
        headers = None if status == "ok" else {"Retry-After": "2"}
        return JSONResponse(found, 200 if status == "ok" else 503, headers)

    @router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}})
    async def metrics(state: Shared) -> Response:
        """The figures, as Prometheus reads them."""
        jobs = state.jobs
        return Response(state.metrics.text(len(jobs.queue) + jobs.receiving, jobs.running is not None), media_type=MEDIA_TYPE)

    return router


def _shown(task: Task[Any]) -> dict[str, Any]:
    return {
        "name": task.name,
        "summary": task.summary,
        "default_model": task.default_model(task.options()) if task.default_model else None,
        "lossless": task.lossless,
        "marks": task.marks,
        "runtime": [name for name in RUNTIME if name in task.runtime],
        "common": common(task),
        "options": schema_of(task),
    }


def _formats() -> list[dict[str, Any]]:
    return [
        {"name": name, "extension": entry.suffixes[0].lstrip("."), "media_type": media_type(name), "lossy": entry.lossy}
        for name, entry in WRITABLE.items()
    ]
