"""Every error is a problem (RFC 9457) that says what to do, and harms nobody else."""

import io
import socket
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from serving import png, served, wait_until

from img2img.serve import jobs, uploads
from img2img.serve.jobs import problem_of

FORM = {"Content-Type": "multipart/form-data; boundary=x"}


def problem(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found = answer.json()
    assert (found["type"], found["status"]) == ("about:blank", status)
    assert "/tmp" not in found["detail"]
    return str(found["detail"])


REQUESTS: list[tuple[int, str, dict[str, Any], str]] = [
    (400, "/v1/upscale", {"files": {"mask": b"x"}, "data": {}}, "one file is wanted in the field 'picture', and 0 came"),
    (400, "/v1/upscale", {"content": b"nothing of a form", "headers": FORM}, "no form"),
    (400, "/v1/upscale", {"content": b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb', "headers": FORM}, "cut short"),
    (400, "/v1/upscale?options={", {}, "no JSON"),
    (400, "/v1/upscale?options=[1]", {}, "must be a JSON object"),
    (400, '/v1/upscale?options={"scale": NaN}', {}, "no JSON"),
    (400, "/v1/upscale?scale=2&scale=3", {}, "scale was given 2 times"),
    (404, "/v1/enlarge", {}, "nothing under this address"),
    (404, "/v1/upscale/mask", {}, "nothing under this address"),
    (415, "/v1/upscale", {"content": b"{}", "headers": {"Content-Type": "application/json"}}, "send multipart/form-data"),
    (415, "/v1/upscale", {"files": {"picture": b"%!PS-Adobe-3.0 EPSF-3.0"}}, "a PostScript drawing"),
    (422, "/v1/upscale?scale=9", {}, "scale must be <= 8, got 9"),
    (422, "/v1/upscale?scale=two", {}, "scale must be a number, got 'two'"),
    (422, "/v1/upscale?scale=nan", {}, "scale must be a number"),
    (422, "/v1/upscale?sclae=2", {}, "unknown field 'sclae' of upscale"),
    (422, "/v1/upscale?model=/etc/passwd", {}, "no model '/etc/passwd' for upscale; there are"),
    (422, "/v1/upscale?model=inpaint-photo", {}, "no model 'inpaint-photo' for upscale"),
    (422, "/v1/translate", {}, "model is missing"),
    (422, "/v1/translate?model=translate-restore&samples=3", {}, "unknown field 'samples'"),
    (422, "/v1/inpaint", {}, "nothing says where to fill"),
    (422, "/v1/inpaint?mask=/etc/passwd", {}, "mask '/etc/passwd': send a file in this field, or one of alpha"),
    (422, "/v1/inpaint?mask_out=/tmp/x.png&scratches=true", {}, "unknown field 'mask_out'"),
    (422, "/v1/stylize?style=../../etc", {}, "style '../../etc': send a file"),
    (422, "/v1/stylize?style=@1", {}, "no such file"),
    (422, "/v1/stylize?style=harvest:-1", {}, "weight"),
    (422, "/v1/upscale?quality=0", {}, "quality must be a whole number from 1 to 100"),
    (422, "/v1/upscale?format=exe", {}, "names no format"),
]


@pytest.mark.parametrize(("status", "path", "sent", "said"), REQUESTS)
def test_requests_that_cannot_be(client: httpx.Client, small: bytes, status: int, path: str, sent: dict[str, Any], said: str) -> None:
    answer = client.post(path, **(sent or {"files": {"picture": small}}))
    assert said in problem(answer, status)


def test_damaged_pictures_fail_alone(client: httpx.Client, small: bytes) -> None:
    cut = png(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))[:4000]
    assert "'picture' cannot be decoded" in problem(client.post("/v1/upscale", files={"picture": cut}), 422)
    assert client.post("/v1/upscale", files={"picture": small}).status_code == 200


def test_a_file_name_is_neither_used_nor_echoed(client: httpx.Client, small: bytes) -> None:
    name = "../../../tmp/<script>.png"
    answer = client.post("/v1/upscale", files={"picture": (name, small)})
    assert answer.status_code == 200
    assert "script" not in str(answer.headers)


def test_bytes_and_pixels_have_limits(small: bytes) -> None:
    with served(max_bytes=10_000, max_pixels=1000) as client:
        large = b"\0" * 10_001
        assert "0.01 MB" in problem(client.post("/v1/upscale", content=large, headers={"Content-Type": "image/png"}), 413)

        def endless() -> Any:  # no Content-Length: counted while it streams
            for _ in range(11):
                yield b"\0" * 1000

        problem(client.post("/v1/upscale", content=endless(), headers={"Content-Type": "image/png"}), 413)
        black = io.BytesIO()
        Image.new("RGB", (50, 21)).save(black, "PNG")
        assert "megapixels" in problem(client.post("/v1/upscale", files={"picture": black.getvalue()}), 422)
        said = problem(client.post("/v1/upscale?scale=4", files={"picture": small}), 422)
        assert "the result would have 64x48 pixels, and 1,000 are allowed" in said
        problem(client.post("/v1/inpaint", files={"picture": small, "mask": black.getvalue()}), 422)
        assert client.post("/v1/upscale?scale=2", files={"picture": small}).status_code == 200
        assert list(client.app.state.img2img.jobs.folder.path.glob("*/*")) == []  # type: ignore[attr-defined]


def test_an_upload_that_stands_still_is_ended(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "LONGEST_WAIT", 0.1)
    with socket.create_connection((client.base_url.host, client.base_url.port)) as connection:
        connection.sendall(b"POST /v1/upscale HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: 1000\r\n\r\nx")
        assert connection.recv(100).startswith(b"HTTP/1.1 408 ")
    wait_until(lambda: client.app.state.img2img.jobs.receiving == 0)  # type: ignore[attr-defined]


def test_a_disk_that_is_nearly_full_takes_no_more(client: httpx.Client, small: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "FREE_BYTES", 2**62)
    answer = client.post("/v1/upscale", files={"picture": small})
    assert "disk" in problem(answer, 503)
    assert answer.headers["retry-after"] == "60"


def test_what_runs_out_of_memory_or_breaks_says_so_without_secrets() -> None:
    assert problem_of(RuntimeError("DefaultCPUAllocator: can't allocate memory"), Path("/x"))["status"] == 422
    found = problem_of(KeyError("/home/ada"), Path("/x"))
    assert (found["status"], "ada" in found["detail"]) == (500, False)
