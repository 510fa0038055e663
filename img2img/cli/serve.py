"""``img2img serve``: the browser app and the HTTP API."""

from pathlib import Path
from typing import Annotated

import typer

from img2img.credentials.identity import load_identity
from img2img.errors import ConfigError, Img2ImgError, option
from img2img.inference.runtime import Runtime
from img2img.serve.settings import KEEP_MINUTES, MAX_MEGABYTES, MAX_PIXELS, QUEUE, Settings

LOCAL = "127.0.0.1"
LIMITS = "Limits"
WHO = "Who may use it"
CREDENTIALS = "Content credentials"
DEVICE = "Quality and device"


def serve(
    host: Annotated[
        str, typer.Option(help="Address to listen on; others than this machine's own need a token.", rich_help_panel=WHO)
    ] = LOCAL,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0: any that is free.")] = 8765,
    open_: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    model: Annotated[
        list[str] | None, typer.Option("--model", "-m", help="A model file or run folder to offer besides those of the install; several.")
    ] = None,
    token: Annotated[
        str | None, typer.Option(envvar="IMG2IMG_TOKEN", help="What clients must send: Authorization: Bearer TOKEN.", rich_help_panel=WHO)
    ] = None,
    cors: Annotated[
        list[str] | None, typer.Option(metavar="ORIGIN", help="A site whose pages may use the API; several.", rich_help_panel=WHO)
    ] = None,
    allow_host: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Another name of this machine, such as a proxy's.", rich_help_panel=WHO)
    ] = None,
    max_megabytes: Annotated[int, typer.Option(min=1, help="Largest request.", rich_help_panel=LIMITS)] = MAX_MEGABYTES,
    max_pixels: Annotated[int, typer.Option(min=1, help="Largest picture, and largest result.", rich_help_panel=LIMITS)] = MAX_PIXELS,
    queue: Annotated[int, typer.Option(min=1, help="Most requests that wait or are being sent.", rich_help_panel=LIMITS)] = QUEUE,
    keep_minutes: Annotated[
        float, typer.Option(min=0.01, help="How long results of jobs are kept.", rich_help_panel=LIMITS)
    ] = KEEP_MINUTES,
    credentials: Annotated[bool, typer.Option("--credentials", help="Sign results (C2PA).", rich_help_panel=CREDENTIALS)] = False,
    certificate: Annotated[
        Path | None,
        typer.Option(help="PEM chain to sign with.  [default: that of img2img credentials init]", rich_help_panel=CREDENTIALS),
    ] = None,
    key: Annotated[Path | None, typer.Option(help="Its private key, PEM.", rich_help_panel=CREDENTIALS)] = None,
    tile: Annotated[
        int | None, typer.Option("--tile", "-t", min=0, help="Tile size in pixels.  [default: by memory]", rich_help_panel=DEVICE)
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.", rich_help_panel=DEVICE)] = "auto",
    dtype: Annotated[
        str, typer.Option(help="auto, fp32, bf16 or fp16; int8 with --runtime onnx or openvino.", rich_help_panel=DEVICE)
    ] = "auto",
    runtime: Annotated[
        str, typer.Option(help="torch, onnx, openvino, or auto: the fastest by img2img bench runtimes.", rich_help_panel=DEVICE)
    ] = "torch",
    compile: Annotated[
        bool,
        typer.Option(
            "--compile/--no-compile", help="torch.compile of networks: a slow start, then less time; needs g++.", rich_help_panel=DEVICE
        ),
    ] = False,
) -> None:
    """Serve the browser app and the HTTP API. One line on stdout says where; Ctrl-C ends it.

    It reads no address and no path that a client names. One picture is computed at a time.

    Example: `img2img serve --open`
    """
    try:
        from img2img.serve.run import serve as run
    except ModuleNotFoundError as error:
        if error.name in ("img2img", None) or error.name.startswith("img2img."):
            raise
        raise Img2ImgError('img2img serve needs its extra: pip install "img2img-toolkit[serve]"') from error
    import webbrowser

    def started(address: str) -> None:
        shown = f"{address}#token={token}" if token and open_ else address
        typer.echo(address)
        if open_:
            webbrowser.open(shown)

    runs_on = Runtime(device, dtype, tile, runtime=runtime, compile=compile)  # type: ignore[arg-type]  # checked there
    if any("*" in origin for origin in cors or ()):
        raise ConfigError("--cors names one site, such as https://example.org, not all of them")
    if (certificate or key) and not credentials:
        raise ConfigError(f"{option('certificate')} and {option('key')} are for {option('credentials')}")
    settings = Settings(
        host,
        token,
        tuple(model or ()),
        tuple(cors or ()),
        tuple(allow_host or ()),
        runs_on,
        max_bytes=max_megabytes * 1_000_000,
        max_pixels=max_pixels,
        queue=queue,
        keep_minutes=keep_minutes,
        credentials=load_identity(certificate, key) if credentials else None,
    )
    run(settings, port, started)
