"""Jobs: watched, fetched, canceled, bounded, forgotten."""

import json
import socket
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from serving import served, wait_until

from img2img import images

ASYNC = {"Prefer": "respond-async"}
LONG = {"ensemble": "true"}


def post(client: httpx.Client, picture: bytes, **fields: str) -> dict[str, Any]:
    answer = client.post("/v1/upscale", files={"picture": picture}, data=fields, headers=ASYNC)
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/v1/jobs/{job['id']}"
    return job


def events(client: httpx.Client, job: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    with client.stream("GET", f"/v1/jobs/{job['id']}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        text = "".join(stream.iter_text())
    found = [block.split("\n") for block in text.strip().split("\n\n") if not block.startswith(":")]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in found]


def folder(client: httpx.Client) -> Path:
    path: Path = client.app.state.img2img.jobs.folder.path  # type: ignore[attr-defined]
    return path


def test_a_job_from_its_beginning_to_its_end(client: httpx.Client, small: bytes) -> None:
    job = post(client, small, scale="2")
    assert (job["task"], job["model"], job["options"], job["kind"]) == ("upscale", "upscale-2x-photo", {"scale": 2}, "result")
    assert job["input"] == {"width": 16, "height": 12, "frames": 1, "format": "PNG", "bit_depth": 8, "bytes": len(small)}
    told = events(client, job)
    assert [name for name, _ in told][-1] == "done"
    assert {name for name, _ in told[:-1]} <= {"progress"}
    last = told[-1][1]
    assert (last["status"], last["progress"], last["error"]) == ("done", 1, None)
    assert (last["result"]["width"], last["result"]["height"], last["result"]["media_type"]) == (32, 24, "image/png")
    assert last["expires"] > last["created"]
    fetched = client.get(f"/v1/jobs/{job['id']}/result")
    direct = client.post("/v1/upscale", files={"picture": small}, data={"scale": "2"})
    assert fetched.content == direct.content
    assert len(fetched.content) == last["result"]["bytes"]
    sizes = {of: client.get(f"/v1/jobs/{job['id']}/preview?of={of}&size=8").content for of in ("input", "result")}
    assert {of: (images.read(data).width, images.read(data).height) for of, data in sizes.items()} == {"input": (8, 6), "result": (8, 6)}
    assert client.get(f"/v1/jobs/{job['id']}/preview?size=5000").status_code == 422
    assert client.delete(f"/v1/jobs/{job['id']}").status_code == 204
    assert [client.get(f"/v1/jobs/{job['id']}{path}").status_code for path in ("", "/events", "/result", "/preview")] == [404] * 4


def test_a_job_that_fails_says_why(client: httpx.Client, small: bytes) -> None:
    answer = client.post("/v1/inpaint", files={"picture": small}, data={"boxes": "90,90,5,5"}, headers=ASYNC)
    name, job = events(client, answer.json())[-1]
    assert (name, job["status"], job["error"]["status"]) == ("failed", "failed", 422)
    assert job["error"]["detail"].startswith("the box 90,90,5,5 lies outside of 'picture', which has 16x12 pixels")
    assert client.get(f"/v1/jobs/{job['id']}/result").status_code == 409


def test_a_running_job_is_canceled_and_the_next_one_goes_on(small: bytes, slow: bytes) -> None:
    with served() as client:
        first, second = post(client, slow, **LONG), post(client, small)
        wait_until(lambda: client.get(f"/v1/jobs/{first['id']}").json()["status"] == "running")
        assert client.get(f"/v1/jobs/{first['id']}/result").status_code == 409
        assert client.get(f"/v1/jobs/{second['id']}").json()["position"] == 1
        with ThreadPoolExecutor(1) as pool:
            watched = pool.submit(events, client, first)
            wait_until(lambda: bool(client.app.state.img2img.jobs.find(first["id"]).watchers))  # type: ignore[attr-defined]
            assert client.delete(f"/v1/jobs/{first['id']}").status_code == 204
            assert watched.result()[-1][0] == "canceled"
        assert events(client, second)[-1][0] == "done"
        wait_until(lambda: len(list(folder(client).glob("*/"))) == 1)  # the second's
        text = client.get("/metrics").text
        assert 'img2img_requests_total{outcome="canceled",task="upscale"} 1.0' in text
        assert 'img2img_pixels_total{outcome="done",task="upscale"} 192.0' in text


def test_a_client_that_goes_away_cancels_its_request(slow: bytes) -> None:
    with served() as client:
        jobs = client.app.state.img2img.jobs  # type: ignore[attr-defined]
        request = client.build_request("POST", "/v1/upscale", files={"picture": slow}, data=LONG)
        with socket.create_connection((client.base_url.host, client.base_url.port)) as connection:
            head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
            connection.sendall(f"POST /v1/upscale HTTP/1.1\r\n{head}\r\n".encode() + request.read())
            wait_until(lambda: jobs.running is not None)
        wait_until(lambda: jobs.running is None)
        assert jobs.all == {}
        assert list(folder(client).glob("*/")) == []


def test_half_an_upload_leaves_nothing(client: httpx.Client) -> None:
    jobs = client.app.state.img2img.jobs  # type: ignore[attr-defined]
    before = len(list(folder(client).glob("*/")))
    with socket.create_connection((client.base_url.host, client.base_url.port)) as connection:
        head = f"POST /v1/upscale HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: {10**6}\r\n\r\n"
        connection.sendall(head.encode() + b"x" * 1000)
        wait_until(lambda: jobs.receiving == 1)
    wait_until(lambda: jobs.receiving == 0)
    assert len(list(folder(client).glob("*/"))) == before


def test_two_hundred_at_once_are_bounded_and_the_server_answers_meanwhile(small: bytes, slow: bytes) -> None:
    with served(queue=8) as client:
        running = post(client, slow, **LONG)
        wait_until(lambda: client.get(f"/v1/jobs/{running['id']}").json()["status"] == "running")
        start = threading.Barrier(50)

        def send(number: int) -> httpx.Response:
            if number < 50:
                start.wait()
            return client.post("/v1/upscale?scale=1", files={"picture": small}, headers=ASYNC)

        with ThreadPoolExecutor(50) as pool:
            answers = list(pool.map(send, range(200)))
        assert client.get("/v1/tasks").status_code == 200
        count = Counter(answer.status_code for answer in answers)
        assert count == {202: 8, 429: 192}
        refused = next(answer for answer in answers if answer.status_code == 429)
        assert int(refused.headers["retry-after"]) >= 1
        client.delete(f"/v1/jobs/{running['id']}")
        assert {events(client, answer.json())[-1][0] for answer in answers if answer.status_code == 202} == {"done"}


def test_results_expire(small: bytes) -> None:
    with served(keep_minutes=0.01) as client:
        job = post(client, small, scale="1")
        wait_until(lambda: client.get(f"/v1/jobs/{job['id']}").status_code == 404)
        assert list(folder(client).glob("*/")) == []


@pytest.mark.parametrize("path", ["/v1/jobs/..", "/v1/jobs/%2e%2e%2f", "/v1/styles/..%2f..%2fREADME"])
def test_names_of_jobs_and_styles_are_no_paths(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == 404
