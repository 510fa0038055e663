"""Answers that hold pictures."""

import json
import threading
from pathlib import Path

from starlette.background import BackgroundTask
from starlette.responses import FileResponse, Response

from img2img.images.formats import FORMATS
from img2img.serve.asked import probed
from img2img.serve.jobs import Job, media_type
from img2img.serve.previews import preview

SIZE = "Img2Img-Size"
LONGEST_NOTES = 4000  # characters of the header
_one_preview = threading.Semaphore(1)  # a large picture takes much memory


def file_answer(job: Job, background: BackgroundTask | None = None) -> FileResponse:
    """The result of ``job``, with its notes and size as headers, and a name that is ours."""
    assert job.made is not None
    probe, notes = job.made.probe, list(job.made.notes)
    while len(text := json.dumps(notes)) > LONGEST_NOTES:
        notes.pop()
    headers = {"Img2Img-Notes": text, SIZE: f"{probe.width}x{probe.height}"}
    name = f"{job.asked.task.name}{'-mask' if job.kind == 'mask' else ''}{FORMATS[probe.format].suffixes[0]}"
    return FileResponse(job.made.path, 200, headers, media_type(probe.format), background, name)


def preview_answer(path: Path, size: int, max_pixels: int) -> Response:
    """The picture at ``path`` as an 8-bit sRGB PNG, with its own size as a header.

    Raises:
        RefusedError: as ``probed``. PictureError: for what only decoding finds.
    """
    probe = probed(path, max_pixels, "the picture")
    with _one_preview:
        return Response(preview(path, size, max_pixels), 200, {SIZE: f"{probe.width}x{probe.height}"}, "image/png")
