"""The server's life: it listens, says where, and ends well."""

import contextlib
import signal
import socket
from collections.abc import Callable, Iterator
from types import FrameType

import uvicorn
from fastapi import FastAPI

from img2img.errors import ConfigError, option
from img2img.serve.app import GRACE_SECONDS, create_app
from img2img.serve.security import is_loopback
from img2img.serve.settings import Settings

SHORTEST_TOKEN = 12


def serve(settings: Settings, port: int, started: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; ``started`` is told the address once connections are taken.

    Raises:
        ConfigError: another host than this machine without a token, a short token, or an address that cannot be listened on.
    """
    if settings.token is None and not is_loopback(settings.host):
        raise ConfigError(f"{option('host')} {settings.host}: others can reach it, so a {option('token')} is needed")
    if settings.token is not None and (len(settings.token) < SHORTEST_TOKEN or not settings.token.isascii()):
        raise ConfigError(f"{option('token')}: at least {SHORTEST_TOKEN} ASCII characters are wanted, so that it cannot be guessed")
    with listen(settings.host, port) as listening:
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        address = f"http://{host}:{listening.getsockname()[1]}/"
        app = create_app(settings)
        config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=GRACE_SECONDS)
        _Server(app, config, lambda: started(address)).run(sockets=[listening])


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; its connections send at once: otherwise the second part of an answer waits 40 ms for the first's receipt.

    Raises:
        ConfigError: an address that cannot be listened on.
    """
    try:
        listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise ConfigError(f"cannot listen on {host}, port {port}: {error.strerror}; choose another {option('port')}") from error
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


class _Server(uvicorn.Server):
    """Uvicorn's, which would end by the signal that stopped it: this one ends with 0."""

    def __init__(self, app: FastAPI, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self.app, self._started = app, started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._started()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        state = getattr(self.app.state, "img2img", None)
        if state is not None:  # what waits is answered now; what is computed may end
            state.jobs.loop.call_soon_threadsafe(state.jobs.begin_closing)
