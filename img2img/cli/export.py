"""``img2img export``: a model for other runtimes."""

from pathlib import Path
from typing import Annotated

import typer


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
    as_json: Annotated[bool, typer.Option("--json", help="Print the differences from PyTorch as JSON.")] = False,
) -> None:
    """Write a model for ONNX Runtime, OpenVINO, ncnn, or ComfyUI and others (spandrel).

    It is kept only if it gives what PyTorch gives, which is measured first.

    The file works like a model of PyTorch: `img2img upscale photo.jpg -m photo.onnx`

    Example: `img2img export upscale-4x-photo -o photo.onnx`
    """
    import json
    from dataclasses import asdict

    from img2img.export.write import export as write
    from img2img.models import load_model

    made = write(load_model(model), output, format, half=half, program=program)
    for each in made.differences:
        typer.echo(f"{each.part}, {each.what}: {each.largest:.1e} from PyTorch at most", err=True)
    if as_json:
        report = {"files": [str(file) for file in made.files], "differences": [asdict(each) for each in made.differences]}
        typer.echo(json.dumps(report, indent=2))
        return
    for file in made.files:
        typer.echo(str(file))
