"""``img2img serve`` as a program: where it is, how it ends, what it leaves."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from serving import wait_until
from typer.testing import CliRunner

from img2img.cli import app
from img2img.serve.run import listen


@contextlib.contextmanager
def program(folder: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    """A server that keeps its files in ``folder``, and a client of it."""
    command = [sys.executable, "-m", "img2img", "serve", "--port", "0", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(folder)}) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            assert address.startswith("http://127.0.0.1:")
            with httpx.Client(base_url=address, timeout=60) as client:
                yield process, client
        finally:
            process.kill()


def left(folder: Path) -> list[str]:
    return [path.name for path in folder.glob("img2img-serve-*")]


@pytest.mark.slow
def test_it_ends_well_after_sigterm_and_cleans_up_after_a_crash(tmp_path: Path, slow: bytes) -> None:
    with program(tmp_path) as (process, client):
        client.post("/v1/upscale", files={"picture": slow}, headers={"Prefer": "respond-async"})
        process.kill()
        process.wait()
    (dead,) = left(tmp_path)
    with program(tmp_path) as (process, client):
        (living,) = left(tmp_path)
        assert living != dead
        assert (tmp_path / living).stat().st_mode & 0o777 == 0o700
        wait_until(lambda: client.get("/healthz").status_code == 200)
        jobs = [client.post("/v1/upscale?scale=1", files={"picture": slow}, headers={"Prefer": "respond-async"}).json() for _ in range(3)]
        with client.stream("GET", f"/v1/jobs/{jobs[-1]['id']}/events") as stream:
            process.send_signal(signal.SIGTERM)
            assert "event: canceled" in "".join(stream.iter_text())
        assert process.wait(60) == 0
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--host", "0.0.0.0"], "--token is needed"),
        (["--host", "0.0.0.0", "--token", "short"], "at least 12"),
        (["--cors", "*"], "names one site"),
        (["--model", "no-such-model"], "no model 'no-such-model'"),
        (["--device", "gpu"], "gpu"),
        (["--host", "192.0.2.1", "--token", "long enough to be one"], "cannot listen on 192.0.2.1"),
    ],
)
def test_what_cannot_be_served(words: list[str], said: str) -> None:
    done = CliRunner().invoke(app, ["serve", "--port", "0", *words])
    assert done.exit_code in (1, 2)
    assert said in done.stderr


def test_connections_send_at_once() -> None:
    """Asyncio sees to that for sockets of its own making alone."""
    with listen("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname()), listening.accept()[0] as taken:
        assert taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_its_help_names_the_limits() -> None:
    text = CliRunner().invoke(app, ["serve", "--help"]).stdout
    for name in ("--max-megabytes", "--max-pixels", "--queue", "--keep-minutes", "200000000"):
        assert name in text
