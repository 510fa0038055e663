"""What the routes of one server share."""

import asyncio
import logging
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from img2img.serve.compute import Computer
from img2img.serve.jobs import Jobs
from img2img.serve.metrics import Metrics
from img2img.serve.settings import Settings

log = logging.getLogger(__name__)


@dataclass
class State:
    """One server: what it allows, what it computes with, and what it does. ``ready``: whether the first model is loaded."""

    settings: Settings
    computer: Computer
    metrics: Metrics
    jobs: Jobs
    ready: bool = False

    def warmed(self, future: "asyncio.Future[None]") -> None:
        """Note that the first model was loaded, or why not: requests will say it again."""
        if not future.cancelled() and (error := future.exception()):
            log.error("the model that was to be loaded at the start failed: %s", error)
        self.ready = True


def _state(request: Request) -> State:
    state: State = request.app.state.img2img
    return state


Shared = Annotated[State, Depends(_state)]
