"""Pictures in, pictures out: a route for each task, and for what its options mark."""

import asyncio
from typing import Any

from fastapi import APIRouter
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from img2img.errors import Img2ImgError
from img2img.serve.answers import file_answer, preview_answer
from img2img.serve.asked import asked
from img2img.serve.jobs import Job, Jobs, Kind, plain
from img2img.serve.jobs_routes import Size
from img2img.serve.problems import RefusedError, problem, status_of
from img2img.serve.schemas import PICTURES, PNG, RESULT_HEADERS, JobShown, request_of
from img2img.serve.state import Shared, State
from img2img.serve.uploads import receive
from img2img.tasks import PICTURE_TASKS
from img2img.tasks.task import Task

GONE = 499  # nobody reads it


def picture_routes() -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["Pictures"])
    body = {"multipart/form-data": {"schema": {"type": "object", "properties": {"picture": {"type": "string", "format": "binary"}}}}}

    @router.post("/v1/preview", response_class=Response, responses={200: PNG}, openapi_extra={"requestBody": {"content": body}})
    async def shown(request: Request, state: Shared, size: Size = 2048) -> Response:
        """A picture as browsers can show it: 8 bits, sRGB, PNG."""
        with state.jobs.place() as folder:
            sent = await receive(request, folder, state.settings.max_bytes)
            try:
                answer = await run_in_threadpool(preview_answer, sent.picture, size, state.settings.max_pixels)
            except Img2ImgError as error:
                raise RefusedError(status_of(error), plain(str(error), folder)) from error
            await run_in_threadpool(_remove, folder)
            return answer

    for task in PICTURE_TASKS:
        _add(router, task, "result", f"/v1/{task.name}", task.summary)
        if task.marks:
            _add(router, task, "mask", f"/v1/{task.name}/mask", "What the options mark: white is to be filled.")

    @router.post("/v1/{path:path}", include_in_schema=False)
    async def nothing(path: str) -> Response:
        raise RefusedError(404, f"there is nothing under this address; the tasks are {', '.join(task.name for task in PICTURE_TASKS)}")

    return router


def _add(router: APIRouter, task: Task[Any], kind: Kind, path: str, summary: str) -> None:
    async def answer(request: Request, state: Shared) -> Response:
        return await _answered(request, state, task, kind)

    given = PICTURES if kind == "result" else PNG
    responses: dict[int | str, dict[str, Any]] = {
        200: {**given, "headers": RESULT_HEADERS, "description": "The picture"},
        202: {"model": JobShown, "description": "A job, where Prefer: respond-async asks for one"},
    }
    router.add_api_route(
        path,
        answer,
        methods=["POST"],
        summary=summary,
        operation_id=f"{task.name}_{kind}",
        response_class=Response,
        responses=responses,
        openapi_extra=request_of(task),
    )


async def _answered(request: Request, state: State, task: Task[Any], kind: Kind) -> Response:
    try:
        job = await _received(request, state, task, kind)
    except ClientDisconnect:
        return Response(status_code=GONE)
    except RefusedError:
        state.metrics.refused(task.name)
        raise
    jobs = state.jobs
    if "respond-async" in request.headers.get("prefer", ""):
        headers = {"Location": f"/v1/jobs/{job.id}", "Preference-Applied": "respond-async"}
        return JSONResponse(jobs.shown(job), 202, headers)
    try:
        there = await _waited(request, job)
    except asyncio.CancelledError:
        jobs.free(job)
        raise
    if not there or job.made is None:
        jobs.free(job)
        error = job.error or {"status": 503, "detail": "the request was canceled"}
        headers = {"Retry-After": "10"} if error["status"] == 503 else {}
        return problem(error["status"], error["detail"], headers) if there else Response(status_code=GONE)
    return file_answer(job, BackgroundTask(_free, jobs, job))


async def _received(request: Request, state: State, task: Task[Any], kind: Kind) -> Job:
    """The job that ``request`` asks for."""
    settings = state.settings
    with state.jobs.place() as folder:
        sent = await receive(request, folder, settings.max_bytes)
        try:
            wanted = await run_in_threadpool(asked, task, sent, state.computer.models, settings.runtime, settings.max_pixels)
        except Img2ImgError as error:
            raise RefusedError(status_of(error), plain(str(error), folder)) from error
        if state.jobs.closing:
            raise RefusedError(503, "the server is about to end", {"Retry-After": "10"})
        return state.jobs.submit(wanted, kind, folder)


async def _waited(request: Request, job: Job) -> bool:
    """Wait until ``job`` is over; False if the client has gone before."""

    async def over() -> None:
        async for _ in job.changes():
            pass

    async def gone() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    tasks = {asyncio.create_task(over()), asyncio.create_task(gone())}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
    return job.over


async def _free(jobs: Jobs, job: Job) -> None:
    jobs.free(job)


def _remove(folder: Any) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)
