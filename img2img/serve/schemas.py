"""The shapes of requests and answers, for OpenAPI."""

from typing import Any, Literal

from pydantic import BaseModel

from img2img.images.formats import WRITABLE
from img2img.serve.asked import common, picture_schema, schema_of
from img2img.serve.jobs import media_type
from img2img.serve.problems import MEDIA_TYPE
from img2img.serve.uploads import PICTURE
from img2img.tasks.task import Task

BINARY = {"type": "string", "format": "binary"}


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str


class Sizes(BaseModel):
    width: int
    height: int
    frames: int
    format: str
    bit_depth: int
    bytes: int


class ResultSizes(Sizes):
    media_type: str


class JobShown(BaseModel):
    """A job: queued, running, or over."""

    id: str
    task: str
    kind: Literal["result", "mask"]
    model: str
    options: dict[str, Any]
    status: Literal["queued", "running", "done", "failed", "canceled"]
    position: int
    progress: float
    seconds: float
    seconds_left: float | None
    created: float
    expires: float | None
    input: Sizes
    result: ResultSizes | None
    notes: list[str]
    error: Problem | None


PROBLEMS: dict[int | str, dict[str, Any]] = {
    "default": {"description": "What was wrong", "content": {MEDIA_TYPE: {"schema": Problem.model_json_schema()}}}
}
PICTURES = {"content": {media_type(name): {"schema": BINARY} for name in WRITABLE}}
PNG = {"content": {"image/png": {"schema": BINARY}}}
RESULT_HEADERS = {
    "Img2Img-Notes": {"description": "A JSON array of texts that people should read", "schema": {"type": "string"}},
    "Img2Img-Size": {"description": "WIDTHxHEIGHT", "schema": {"type": "string"}},
}
PREFER = {
    "name": "Prefer",
    "in": "header",
    "description": "respond-async: answer 202 and a job at once",
    "schema": {"type": "string"},
}


def request_of(task: Task[Any]) -> dict[str, Any]:
    """The body, as a form or as a picture, and the query of a request for ``task``."""
    options = schema_of(task)["properties"]
    others = common(task)
    form = {PICTURE: {**BINARY, "description": "The picture."}}
    form |= {name: _as_file(about) if picture_schema(about) else about for name, about in options.items()} | others
    form["options"] = {"type": "string", "contentMediaType": "application/json", "description": "Options as one JSON object."}
    query = [
        {"name": name, "in": "query", "description": about.get("description", ""), "schema": about}
        for name, about in {**options, **others}.items()
        if not picture_schema(about) or about.get("names")
    ]
    body = {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": {"type": "object", "properties": form, "required": [PICTURE]}},
            "image/*": {"schema": BINARY},
            "application/octet-stream": {"schema": BINARY},
        },
    }
    return {"requestBody": body, "parameters": [PREFER, *query]}


def _as_file(about: dict[str, Any]) -> dict[str, Any]:
    described = {"description": about.get("description", "")}
    return {**described, "type": "array", "items": BINARY} if about.get("type") == "array" else {**described, **BINARY}
