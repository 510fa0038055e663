"""``img2img stylize``."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from img2img.tasks import cli_options as o


def stylize(
    inputs: o.Inputs,
    style: Annotated[
        list[str] | None,
        typer.Option(
            "--style",
            metavar="WHAT[:WEIGHT]",
            help="A picture; several: a mixture. Or a folder: each picture of it by itself. Or a built-in style ('?' lists them).",
        ),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            help="File, or folder that mirrors the inputs.  [default: NAME_stylized.EXT, FOLDER_stylized beside the input]",
        ),
    ] = None,
    method: Annotated[str, typer.Option(help="fast (a network, about a second), or optimize (minutes).")] = "fast",
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="A name, a model file or a training run.  [default: stylize-any]")
    ] = None,
    alpha: Annotated[float, typer.Option(help="From 0, the input, to 1, stylized in full.")] = 1.0,
    preserve_color: Annotated[
        str, typer.Option(metavar="WHICH", help="Keep the input's colors: none, luminance (exactly) or histogram (their range).")
    ] = "none",
    style_scale: Annotated[float, typer.Option(help="Size of the brush strokes.")] = 1.0,
    mask: Annotated[
        list[str] | None,
        typer.Option(help="White is stylized: a picture, or a folder with the inputs' names; several: one a style."),
    ] = None,
    sweep: Annotated[
        int, typer.Option(min=1, metavar="N", help="N results side by side: from one style to another, or from the input to one style.")
    ] = 1,
    smooth: Annotated[float, typer.Option(help="Animations: 0 to 1, how much of a frame stays in the next where nothing changes.")] = 0.8,
    init: Annotated[str | None, typer.Option(help="optimize: begin with content, noise or fast.  [default: content]")] = None,
    iterations: Annotated[int | None, typer.Option(help="optimize: steps at the last scale.  [default: 50]")] = None,
    optimizer: Annotated[str | None, typer.Option(help="optimize: adam or lbfgs.  [default: adam]")] = None,
    seed: Annotated[int | None, typer.Option(help="optimize: number of the noise.  [default: 0]")] = None,
    backbone: Annotated[
        str | None, typer.Option(help="optimize: vgg16, or vgg19 or vgg16-torchvision, fetched on first use.  [default: vgg16]")
    ] = None,
    preview: Annotated[
        str | None, typer.Option(metavar="FILE", help="optimize: shows how far it is.  [default: NAME.preview.png beside the output]")
    ] = None,
    tile: o.Tile = None,
    statistics: o.Statistics = "sampled",
    device: o.Device = "auto",
    dtype: o.Dtype = "auto",
    extension: o.Extension = None,
    suffix: Annotated[
        str | None, typer.Option(help="What follows the name.  [default: _stylized beside inputs, nothing in folders]")
    ] = None,
    quality: o.Quality = None,
    recursive: o.Recursive = False,
    overwrite: o.Overwrite = False,
    strip_metadata: o.StripMetadata = False,
    max_pixels: o.MaxPixels = None,
    as_json: o.AsJson = False,
) -> None:
    """Paint pictures like others: one, a mixture, or several in regions. With a folder of styles the results are NAME_STYLE.EXT.

    The paths of the results go to stdout. A second run does only what is missing or has changed. Ctrl-C keeps an optimization's
    picture so far.
    """
    streaming = o.check_inputs(inputs, output, as_json=as_json, terminal=sys.stdout.isatty())
    from functools import partial

    from img2img import images
    from img2img.batch.console import run_on_console
    from img2img.batch.interrupt import interruptible
    from img2img.batch.jobs import Naming, is_folder, plan
    from img2img.batch.run import Options
    from img2img.batch.stdin import run_on_stream
    from img2img.errors import ConfigError
    from img2img.inference.devices import choose_device, choose_dtype
    from img2img.tasks.stylize.infer import load_stylizer
    from img2img.tasks.stylize.options import Way, Wish, find_looks
    from img2img.tasks.stylize.previews import preview_files

    options = Options(None, quality, strip_metadata, max_pixels or images.DEFAULT_MAX_PIXELS, overwrite)
    how: Any = {"device": device, "dtype": dtype, "tile": tile, "statistics": statistics}
    good = True
    try:
        choose_dtype(dtype, choose_device(device))
        way = Way(method, model, init, iterations, optimizer, seed, backbone)
        if preview is not None and method == "fast":
            raise ConfigError("--preview: only with --method optimize")
        wish = Wish(alpha, preserve_color, style_scale, smooth, sweep, tuple(mask or ()))
        looks = find_looks(style or [])
        load = partial(load_stylizer, wish=wish, way=way, keeps=True, **how)
        if len(looks) > 1 and (streaming or (output is not None and not is_folder(output))):
            raise ConfigError(f"{len(looks)} styles, one result each, cannot become one file; give files as inputs, and a folder: -o out/")
        if streaming:
            place = Path(output) if output else None
            previews = preview_files([(None, place)], preview, overwrite=overwrite) if method == "optimize" else {}
            with interruptible():
                ready = partial(load, looks[0].styles, previews=previews)
                for note in run_on_stream(sys.stdin.buffer.read(), sys.stdout.buffer, output, ready, options, extension):
                    typer.echo(note, err=True)
            return
        suffix = "" if looks[0].name and suffix is None else suffix  # the style's name takes its place
        namings = [Naming(output, suffix, lambda: "_stylized", extension, look.name and f"_{look.name}") for look in looks]
        plans = [plan(inputs, naming, recursive=recursive) for naming in namings]  # all of them first: a result may match a pattern
        for look, jobs in zip(looks, plans, strict=True):
            previews = (
                preview_files([(job.source, job.target) for job in jobs], preview, overwrite=overwrite) if method == "optimize" else {}
            )
            good &= run_on_console(jobs, partial(load, look.styles, previews=previews), options, as_json=as_json)
    except ConfigError as error:
        raise typer.BadParameter(str(error)) from error
    if not good:
        raise typer.Exit(1)
