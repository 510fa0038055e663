"""What a user may ask of an upscaler. Imports no torch."""

from img2img.options import Options, field

LARGEST_SCALE = 8


class UpscaleOptions(Options):
    """How much larger a picture becomes."""

    scale: float | None = field(None, "1 to 8, also in between.  [default: the model's]", flag="--scale/-s", ge=1, le=LARGEST_SCALE)
