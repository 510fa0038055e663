"""What a server is started with, and what it allows. Imports neither torch nor a web framework."""

from dataclasses import dataclass, field

from img2img.credentials.identity import Identity
from img2img.inference.runtime import Runtime

MAX_MEGABYTES = 200
MAX_PIXELS = 200_000_000
QUEUE = 16
KEEP_MINUTES = 60.0


@dataclass(frozen=True)
class Settings:
    """How a server runs.

    Attributes:
        host: the address that it listens on: it decides which ``Host`` headers are right.
        token: what clients must know; None: nothing.
        models: files and run folders that are offered besides the models of the install, and loaded at the start.
        cors: origins whose pages may use the API. allow_hosts: more names of this machine.
        runtime: where and how models run.
        max_bytes, max_pixels: of one request, and of a picture and its result. queue: jobs that may wait or be sent.
        keep_minutes: how long the files of a job that has ended are kept. credentials: who signs results; None: nobody.
    """

    host: str = "127.0.0.1"
    token: str | None = None
    models: tuple[str, ...] = ()
    cors: tuple[str, ...] = ()
    allow_hosts: tuple[str, ...] = ()
    runtime: Runtime = field(default_factory=Runtime)
    max_bytes: int = MAX_MEGABYTES * 1_000_000
    max_pixels: int = MAX_PIXELS
    queue: int = QUEUE
    keep_minutes: float = KEEP_MINUTES
    credentials: Identity | None = None
