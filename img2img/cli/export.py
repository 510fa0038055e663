"""``img2img export``: a model for other runtimes."""

from pathlib import Path
from typing import Annotated

import typer

MaxLoss = Annotated[float, typer.Option("--max-loss", help="What int8 may lose against fp32, in dB of PSNR-Y.")]


def export(
    model: Annotated[str, typer.Argument(help="A shipped model, a model file or a run folder.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The file to write.", show_default=False)],
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="onnx (.onnx), openvino (.xml), ncnn (.param) or spandrel (.safetensors). [default: as FILE ends]",
            show_default=False,
        ),
    ] = None,
    program: Annotated[
        str | None, typer.Option("--for", help="upscayl: check what it wants of an ncnn model and its name.", show_default=False)
    ] = None,
    half: Annotated[bool, typer.Option("--fp16", help="Store the weights as float16: half the size.")] = False,
    int8: Annotated[bool, typer.Option("--int8", help="Upscalers: compute with 8-bit integers (onnx, openvino).")] = False,
    calibrate: Annotated[
        Path | None,
        typer.Option(
            "--calibrate",
            metavar="DIR",
            help="Pictures by which int8's ranges are set and its loss is measured. [default: the ranges in the model's file]",
            show_default=False,
        ),
    ] = None,
    max_loss: MaxLoss = 0.1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the differences from PyTorch as JSON.")] = False,
) -> None:
    """Write a model for ONNX Runtime, OpenVINO, ncnn, or ComfyUI and others (spandrel).

    It is kept only if it gives what PyTorch gives, which is measured first.

    The file works like a model of PyTorch: `img2img upscale photo.jpg -m photo.onnx`

    Example: `img2img export upscale-4x-photo -o photo.onnx`
    """
    import json
    from dataclasses import asdict

    from img2img.errors import ConfigError, option
    from img2img.export.int8 import Int8
    from img2img.export.write import export as write
    from img2img.models import load_model

    if calibrate is not None and not int8:
        raise ConfigError(f"{option('calibrate')} is for {option('int8')}, which was not asked for")
    quantized = Int8(calibrate, max_loss) if int8 else None
    made = write(load_model(model), output, format, half=half, program=program, int8=quantized)
    for each in made.differences:
        typer.echo(f"{each.part}, {each.what}: {each.largest:.1e} from PyTorch at most", err=True)
    if made.loss:
        typer.echo(f"int8 loses {made.loss}", err=True)
    if as_json:
        report: dict[str, object] = {
            "files": [str(file) for file in made.files],
            "differences": [asdict(each) for each in made.differences],
        }
        if made.loss:
            report["loss"] = {**made.loss._asdict(), "decibels": made.loss.decibels}
        typer.echo(json.dumps(report, indent=2))
        return
    for file in made.files:
        typer.echo(str(file))
