"""`img2img serve` measured: requests a second, what HTTP adds to a picture, memory over many requests, the start.

Both sides of "what HTTP adds" take turns in one run, on the same picture, the same model and the same machine: the pipeline with reading
and writing, as the command line does it once its model is open, and a request over loopback.
"""

import argparse
import contextlib
import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.metadata import files, requires
from pathlib import Path

import httpx
import psutil
import typer
from packaging.requirements import Requirement
from PIL import Image

from img2img import images
from img2img.batch.one import make_one, own_format
from img2img.batch.write import WriteOptions
from img2img.images import Frame, Picture
from img2img.tasks.upscale import UPSCALE
from img2img.tasks.upscale.options import UpscaleOptions

os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")  # as the commands do, the server's too; torch reads it at its first allocation
SAMPLES = Path(__file__).parents[1] / "samples"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--picture", type=Path, default=SAMPLES / "cat.jpg")
    parser.add_argument("--scale", default="2")
    parser.add_argument("--turns", type=int, default=15)
    parser.add_argument("--requests", type=int, default=500, help="for memory, after a tenth of them and after all")
    asked = parser.parse_args()
    with server() as (client, process, listening, ready):
        typer.echo(f"start: {listening:.1f} s until it listens, {ready:.1f} s until the model is loaded")
        added(client, asked.picture, asked.scale, asked.turns)
        many(client, process, asked.requests)
    typer.echo(f"install size of the extra: {install_megabytes():.1f} MB")


@contextlib.contextmanager
def server() -> Iterator[tuple[httpx.Client, psutil.Process, float, float]]:
    """A client of a new server, its process, and the seconds until it listened and until its model was loaded."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "img2img", "serve", "--port", "0", "--queue", "64"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        listening = time.perf_counter() - began
        try:
            with httpx.Client(base_url=address, timeout=600) as client:
                while client.get("/healthz").status_code != 200:
                    time.sleep(0.05)
                yield client, psutil.Process(process.pid), listening, time.perf_counter() - began
        finally:
            process.terminate()


def added(client: httpx.Client, picture: Path, scale: str, turns: int) -> None:
    """Print the seconds of a picture on both sides, and their difference, for a picture and for a tiny one."""
    options, write = UpscaleOptions(scale=float(scale)), WriteOptions()
    assert UPSCALE.default_model is not None
    pipeline = UPSCALE.open(UPSCALE.default_model(options))
    with tempfile.TemporaryDirectory() as folder:
        tiny = Path(folder, "tiny.png")
        coffee = images.read(SAMPLES / "coffee.png")
        images.write(coffee.with_frames([_corner(coffee)]), tiny)
        for path in (picture, tiny):

            def direct(path: Path = path) -> bytes:
                read = pipeline.read(path, options, max_pixels=write.max_pixels)
                make_one(read, Path(folder, "out"), pipeline, options, write, own_format(read))
                return Path(folder, "out").read_bytes()

            def over_http(path: Path = path) -> bytes:
                return client.post("/v1/upscale", files={"picture": path.read_bytes()}, data={"scale": scale}).content

            assert direct() == over_http()
            pairs = [(_seconds(direct), _seconds(over_http)) for _ in range(turns)]
            one, other = (statistics.median(side) for side in zip(*pairs, strict=True))
            more = statistics.median(b - a for a, b in pairs)
            typer.echo(f"{path.name}: {one * 1000:.1f} ms without, {other * 1000:.1f} ms over HTTP; difference {more * 1000:+.1f} ms")


def many(client: httpx.Client, process: psutil.Process, requests: int) -> None:
    """Print requests a second, one after the other and by eight clients, and the memory of the server after a tenth and after all."""
    small = (SAMPLES / "coffee.png").read_bytes()

    def send(_: int) -> int:
        answer = client.post("/v1/preview?size=64", files={"picture": small})
        return answer.status_code

    picture = _tiny_png()

    def compute(_: int) -> int:
        return client.post("/v1/upscale?scale=1", files={"picture": picture}).status_code

    memory = {}
    for count in (requests // 10, requests - requests // 10):
        began = time.perf_counter()
        assert {compute(number) for number in range(count)} == {200}
        rate = count / (time.perf_counter() - began)
        memory[len(memory)] = process.memory_info().rss / 1e6
    typer.echo(f"{rate:.1f} requests/s one after the other (16 x 12 pixels, upscaled)")
    typer.echo(f"memory: {memory[0]:.0f} MB after {requests // 10} requests, {memory[1]:.0f} MB after {requests}")
    for name, one in (("upscaled", compute), ("preview of 0.24 megapixels", send)):
        with ThreadPoolExecutor(8) as pool:
            began = time.perf_counter()
            assert set(pool.map(one, range(100))) == {200}
            typer.echo(f"{100 / (time.perf_counter() - began):.1f} requests/s from eight clients at once ({name})")


def install_megabytes() -> float:
    """What the packages of the extra take that the toolkit does not bring anyway."""

    def closure(names: list[str]) -> set[str]:
        found, waiting = set[str](), list(names)
        while waiting:
            name = waiting.pop().lower().replace("_", "-")
            if name not in found:
                found.add(name)
                with contextlib.suppress(Exception):
                    needs = map(Requirement, requires(name) or [])
                    waiting += [need.name for need in needs if need.marker is None or need.marker.evaluate({"extra": ""})]
        return found

    extra = closure(["fastapi", "prometheus-client", "python-multipart", "uvicorn"])
    base = closure(["pydantic", "typer", "torch", "tensorboard", "lightning-fabric", "kornia", "spandrel", "torchvision"])
    paths = [Path(str(file.locate())) for name in extra - base for file in files(name) or []]
    return sum(path.stat().st_size for path in paths if path.is_file()) / 1e6


def _tiny_png() -> bytes:
    file = io.BytesIO()
    Image.effect_noise((16, 12), 50).save(file, "PNG")
    return file.getvalue()


def _corner(picture: Picture) -> Frame:
    return replace(picture.frames[0], pixels=picture.pixels[:, :32, :32].clone(), alpha=None)


def _seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
