"""A real S3 server on loopback, moto's, with an empty bucket for each test that asks; and an empty folder in memory."""

import os
import socket
from collections.abc import Iterator
from uuid import uuid4

import pytest

from img2img.storage.url import Url, _filesystem


@pytest.fixture(scope="module")
def server() -> Iterator[None]:
    """This process, and those that it starts, take it for S3."""
    pytest.importorskip("s3fs")
    pytest.importorskip("moto.server")
    from moto.server import ThreadedMotoServer

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    running.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("NO_PROXY", "127.0.0.1," + os.environ.get("NO_PROXY", ""))
        _filesystem.cache_clear()
        yield
    _filesystem.cache_clear()
    running.stop()


@pytest.fixture
def bucket(server: None) -> Url:
    """An empty bucket of the server."""
    import s3fs

    name = f"b-{uuid4().hex}"
    s3fs.S3FileSystem(skip_instance_cache=True).mkdir(name)
    return Url(f"s3://{name}")


@pytest.fixture
def memory() -> Url:
    """An empty folder in memory."""
    return Url(f"memory://{uuid4().hex}")


@pytest.fixture(params=["memory", "bucket"])
def folder(request: pytest.FixtureRequest) -> Url:
    """An empty folder, of both kinds."""
    found: Url = request.getfixturevalue(request.param)
    return found
