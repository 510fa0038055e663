"""``img2img generate``: there is no picture to read, so that this command is written by hand."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from img2img.errors import ConfigError, option
from img2img.tasks.generate.options import GenerateOptions

if TYPE_CHECKING:
    from torch import Tensor

    from img2img.images import Picture
    from img2img.images.label import Label
    from img2img.tasks.generate.pipeline import GeneratePipeline

MOST, MOST_ON_SHEET = 1_000_000, 400
WHAT, FILES, DEVICE = "Which pictures", "Output", "Quality and device"


def generate(
    model: Annotated[str, typer.Option("--model", "-m", help="A model file or a training run.", show_default=False)],
    number: Annotated[
        int, typer.Option("-n", min=1, max=MOST, help="How many, of seeds that follow each other.", rich_help_panel=WHAT)
    ] = 16,
    seed: Annotated[int, typer.Option(help="The first seed; names carry it.", rich_help_panel=WHAT)] = 0,
    truncation: Annotated[
        float, typer.Option(help="0 to 2; below 1: more usual pictures, of style generators.", rich_help_panel=WHAT)
    ] = 1.0,
    mix: Annotated[
        str | None,
        typer.Option(metavar="SEED:LAYERS", help="Take coarse, middle or fine features from another seed's picture.", rich_help_panel=WHAT),
    ] = None,
    class_name: Annotated[
        str | None,
        typer.Option(
            "--class", metavar="NAME", help="Of a model with classes: this one.  [default: all in turn, by seed]", rich_help_panel=WHAT
        ),
    ] = None,
    begin: Annotated[int | None, typer.Option("--from", help="Walk from this seed's picture ...", rich_help_panel=WHAT)] = None,
    end: Annotated[int | None, typer.Option("--to", help="... to this one's, ...", rich_help_panel=WHAT)] = None,
    steps: Annotated[int, typer.Option(min=2, max=10_000, help="... in so many pictures.", rich_help_panel=WHAT)] = 9,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Folder.  [default: NAME_generated]", rich_help_panel=FILES)] = None,
    extension: Annotated[str, typer.Option("--ext", help="Format of the pictures.", rich_help_panel=FILES)] = "png",
    sheet: Annotated[bool, typer.Option("--sheet", help="All of them on one sheet, too: sheet.png.", rich_help_panel=FILES)] = False,
    pairs_with: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="Make pairs for img2img train translate: the samples into A/, what this translator makes of them into B/.",
            rich_help_panel=FILES,
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that are there.", rich_help_panel=FILES)] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.", rich_help_panel=DEVICE)] = "auto",
    dtype: Annotated[str, typer.Option(help="auto, fp32, bf16 or fp16.", rich_help_panel=DEVICE)] = "auto",
) -> None:
    """Make new pictures with a generator of your own (img2img train generate).

    Each picture is named by its seed, by which it can be made again, bit for bit.

    Example: `img2img generate -m runs/generate-style -n 100 --seed 7 -o flowers/ --sheet`
    """
    from img2img import images
    from img2img.images.convert import with_label
    from img2img.inference.runtime import Runtime
    from img2img.tasks.generate.pairs import Translator
    from img2img.tasks.generate.pipeline import GeneratePipeline

    if (begin is None) != (end is None):
        raise ConfigError(f"{option('from')} and {option('to')} belong together: the seeds of the first and of the last picture")
    runtime = Runtime(device, dtype)
    pipeline = GeneratePipeline.open(model, runtime)
    translator = Translator(pairs_with, runtime) if pairs_with else None
    images.check_format("." + extension.lstrip("."))
    options = GenerateOptions.of(seed=seed, truncation=truncation, mix=mix, class_name=class_name)
    wanted = _wanted(pipeline, begin, end, steps, number, options)
    pipeline.check(wanted[0][1])
    folder = output or Path(f"{pipeline.model.info.name}_generated")
    files = [f"{name}.{extension.lstrip('.')}" for name, _ in wanted]
    targets = [folder / "A" / file if translator else folder / file for file in files]
    partners = [folder / "B" / file for file in files] if translator else []
    on_sheet = folder / "sheet.png"
    there = [path for path in (*targets, *partners, *([on_sheet] if sheet else [])) if path.exists()]
    if there and not overwrite:
        raise ConfigError(f"{str(there[0])!r} exists ({len(there)} such); {option('overwrite')} replaces them")
    shown: list[Tensor] = []
    for place, (_, options) in enumerate(wanted):
        picture = with_label(pipeline.sample(options), pipeline.label)
        partner = translator(picture) if translator else None
        _save(picture, targets[place], pipeline.label)
        if translator and partner:
            _save(partner, partners[place], translator.label)
        if sheet and len(shown) < MOST_ON_SHEET:
            shown.append(picture.pixels)
    if sheet:
        from img2img.tasks.generate.sheet import sheet_of

        _save(sheet_of(shown), on_sheet, pipeline.label)


def _save(picture: "Picture", path: Path, label: "Label") -> None:
    from img2img import images

    path.parent.mkdir(parents=True, exist_ok=True)
    for note in images.write(picture, path, label=label):
        typer.echo(f"{path}: {note}", err=True)
    typer.echo(str(path))


def _wanted(
    pipeline: "GeneratePipeline", begin: int | None, end: int | None, steps: int, number: int, options: GenerateOptions
) -> list[tuple[str, GenerateOptions]]:
    """The name and the options of each picture."""
    name = pipeline.model.info.name
    mixed = f"-mix{options.mix.seed}{options.mix.layers}" if options.mix else ""
    if begin is not None:
        walk = [options.with_values(seed=begin, to=end, share=step / (steps - 1)) for step in range(steps)]
        return [(f"{name}-{begin}-to-{end}-{step:03d}{mixed}", each) for step, each in enumerate(walk)]
    seeds = range(options.seed, options.seed + number)
    return [(f"{name}-{each:06d}{mixed}", options.with_values(seed=each)) for each in seeds]
