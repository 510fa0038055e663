"""What a user may ask of an upscaler. Imports no torch."""

from img2img.options import Options, field

LARGEST_SCALE = 8


class UpscaleOptions(Options):
    """How much larger a picture becomes."""

    scale: float | None = field(None, "1 to 8, also in between.  [default: the model's]", flag="--scale/-s", ge=1, le=LARGEST_SCALE)
    bits: int | None = field(
        None,
        "Bits that pictures of 16 bits use, such as 12; 16: all.  [default: as their unused high bits say]",
        ge=8,
        le=16,
        metavar="N",
        panel="Input and output",
    )
