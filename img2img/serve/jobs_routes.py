"""Jobs over HTTP: watched, fetched, canceled."""

import json
from collections.abc import AsyncIterator
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, Response, StreamingResponse

from img2img.serve.answers import file_answer, preview_answer
from img2img.serve.jobs import Job, Jobs
from img2img.serve.previews import LARGEST
from img2img.serve.problems import RefusedError
from img2img.serve.schemas import PICTURES, PNG, RESULT_HEADERS, JobShown
from img2img.serve.state import Shared

Size = Annotated[int, Query(ge=1, le=LARGEST, description="Most pixels a side")]


def jobs_routes() -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/v1/jobs", tags=["Jobs"])

    @router.get("/{id}", response_model=JobShown)
    async def job(id: str, state: Shared) -> object:
        """How far a job is."""
        return state.jobs.shown(state.jobs.find(id))

    stream = {"content": {"text/event-stream": {"schema": {"type": "string"}}}}

    @router.get("/{id}/events", response_class=StreamingResponse, responses={200: stream})
    async def events(id: str, state: Shared) -> StreamingResponse:
        """Server-sent events `progress`, and at the end `done`, `failed` or `canceled`; their data is the job."""
        return StreamingResponse(_events(state.jobs, state.jobs.find(id)), media_type="text/event-stream")

    @router.get("/{id}/result", response_class=FileResponse, responses={200: {**PICTURES, "headers": RESULT_HEADERS}})
    async def result(id: str, state: Shared) -> FileResponse:
        """The picture."""
        return file_answer(_done(state.jobs.find(id)))

    @router.get("/{id}/preview", response_class=Response, responses={200: PNG})
    async def shown(id: str, state: Shared, of: Literal["result", "input"] = "result", size: Size = 2048) -> Response:
        """The result, or what was sent, as an 8-bit sRGB PNG."""
        job = state.jobs.find(id)
        made = None if of == "input" else _done(job).made
        return await run_in_threadpool(preview_answer, made.path if made else job.asked.source, size, state.settings.max_pixels)

    @router.delete("/{id}", status_code=204)
    async def delete(id: str, state: Shared) -> None:
        """Cancel a job, and free its files."""
        state.jobs.free(state.jobs.find(id))

    return router


def _done(job: Job) -> Job:
    if job.made is None:
        raise RefusedError(409, f"the job is {job.status}: it has no result")
    return job


async def _events(jobs: Jobs, job: Job) -> AsyncIterator[str]:
    async for changed in job.changes():
        if not changed:
            yield ": still here\n\n"
            continue
        name = job.status if job.over else "progress"
        yield f"event: {name}\ndata: {json.dumps(jobs.shown(job))}\n\n"
