"""Integers -> files: Pillow where it can, libvips for TIFF, 16-bit PNG and everything streamed, PPM by hand."""

import contextlib
import io
from collections.abc import Callable, Iterator, Sequence
from typing import Any, BinaryIO

import numpy as np
import pyvips
from PIL import Image, PngImagePlugin

from img2img.errors import PictureError
from img2img.images.file_parts import append_to_tiff, finish_png, jpeg_head, png_chunk, save_options
from img2img.images.format_fit import Fit
from img2img.images.formats import XMP_KEYWORD
from img2img.images.heif import encode_heif
from img2img.images.jxl import encode_jxl
from img2img.images.picture import Palette

Values = np.ndarray[Any, Any]
QUALITY = {"JPEG": 95, "WEBP": 92, "AVIF": 85}
_VIPS = {"uint8": "uchar", "uint16": "ushort", "int8": "char", "int16": "short", "float32": "float"}
_STILL_AS_ANIMATION_MS = 100.0  # pages without timing that become an animation


def encode(frames: Sequence[Values], durations: Sequence[float | None], file: BinaryIO, plan: Fit, quality: int | None) -> None:
    """Write ``frames``, (H, W, C or C + 1) integers or float32 as ``plan`` says, to ``file``, which can be read too."""
    if frames[0].dtype == np.float32 and not np.isfinite(frames[0]).all():
        raise PictureError("the picture has values that are not finite (NaN, infinite) and cannot be written")
    name = plan.format.name
    equal = len({frame.shape for frame in frames}) == 1
    if name == "PPM":
        write_ppm_header(file, frames[0])
        write_ppm_rows(file, frames[0])
    elif name in ("HEIF", "JXL"):
        (encode_heif if name == "HEIF" else encode_jxl)(frames[0], file, plan.metadata, quality)
    elif (name == "TIFF" and equal) or frames[0].dtype == np.uint16:
        pages = np.concatenate(frames) if len(frames) > 1 else np.ascontiguousarray(frames[0])
        height, width, bands = pages.shape
        image = pyvips.Image.new_from_memory(pages.data, width, height, bands, _VIPS[pages.dtype.name])
        encode_vips(image, file, plan, quality, page_height=frames[0].shape[0])
    else:
        images = [Image.fromarray(frame[:, :, 0] if frame.shape[2] == 1 else frame) for frame in frames]
        if plan.palette is not None:
            _color(images[0], plan.palette)
        if name == "GIF" and plan.alpha:
            images = [_on_off(image) for image in images]
        if name == "ICO":  # one icon of the picture's own size, where Pillow would make seven
            images = [image.convert("RGBA" if plan.alpha else "RGB") for image in images]
        if name == "QOI":
            images = [image.convert("RGBA" if plan.alpha else "RGB") for image in images]
        # On a full disk Pillow cuts a JPEG without an error, and its writer of JPEG 2000 never ends.
        encoded, options = io.BytesIO(), _options(images, durations, plan, quality)
        try:
            images[0].save(encoded, name, **options)
        except OSError:  # Pillow guesses how large an optimized JPEG gets; one of noise is larger
            if name != "JPEG":
                raise
            encoded = io.BytesIO()
            images[0].save(encoded, name, **options | {"optimize": False})
        file.write(encoded.getbuffer())


def _color(labels: Image.Image, palette: Palette) -> None:
    """Give a gray picture a palette; its levels are the indices."""
    highest = labels.getextrema()[1]
    if highest >= len(palette):  # type: ignore[operator]
        raise PictureError(f"the label {highest} has no color in a palette of {len(palette)}")
    labels.putpalette([level for color in palette for level in color])


def _on_off(image: Image.Image) -> Image.Image:
    """LA or RGBA with alpha rounded to nothing or everything, RGBA."""
    image = image.convert("RGBA")
    image.putalpha(image.getchannel("A").point(lambda value: 255 * (value >= 128)))
    return image


def _options(images: list[Image.Image], durations: Sequence[float | None], plan: Fit, quality: int | None) -> dict[str, Any]:
    """What Pillow's ``save`` is told."""
    name, metadata = plan.format.name, plan.metadata
    options = save_options(metadata)
    if name == "PNG":
        options["pnginfo"] = info = PngImagePlugin.PngInfo()
        if metadata.xmp:
            info.add_itxt(XMP_KEYWORD, options.pop("xmp"))
        for kind, data in metadata.colors:
            info.add(kind, data)
        for keyword, text in metadata.text:
            info.add_text(keyword, text)
    if plan.format.lossy:
        options["quality"] = QUALITY[name] if quality is None else quality
        if name == "WEBP" and metadata.lossless and quality is None:
            options["lossless"] = True
    by_format: dict[str, dict[str, Any]] = {
        "JPEG": {"subsampling": 0, "optimize": True},
        "WEBP": {"exact": True, "method": 4},  # exact: colors under full transparency stay
        "AVIF": {"subsampling": "4:4:4"},
        "TIFF": {"compression": "tiff_adobe_deflate"},
        "GIF": {"disposal": 2} if plan.alpha else {},
        "ICO": {"sizes": [images[0].size]},
        "TGA": {"compression": "tga_rle"},
    }
    options |= by_format.get(name, {})
    if len(images) > 1:
        options |= {"save_all": True, "append_images": images[1:]}
        if name != "TIFF":
            options["duration"] = [_STILL_AS_ANIMATION_MS if d is None else d for d in durations]
        if name in ("PNG", "WEBP"):
            options["loop"] = 1 if metadata.loop is None else metadata.loop
        elif name == "GIF" and metadata.loop is not None:
            options["loop"] = metadata.loop
        if name in ("GIF", "WEBP", "AVIF"):
            options["duration"] = [round(d) for d in options["duration"]]
    return options


def encode_vips(image: pyvips.Image, file: BinaryIO, plan: Fit, quality: int | None, page_height: int) -> None:
    """Write ``image`` (bands as in ``encode``) as PNG, JPEG or TIFF (float: only TIFF) to ``file``, strip by strip as it comes."""
    name, metadata = plan.format.name, plan.metadata
    colors = image.bands - plan.alpha == 3
    kind = ("rgb16" if colors else "grey16") if image.format == "ushort" else ("srgb" if colors else "b-w")
    resolution = metadata.dpi or (72.0, 72.0)
    image = image.copy(interpretation=kind, xres=resolution[0] / 25.4, yres=resolution[1] / 25.4)
    keep = []
    for field, flag, value in (("icc-profile-data", "icc", metadata.icc), ("xmp-data", "xmp", metadata.xmp)):
        if value and (name == "TIFF" or (name, flag) == ("PNG", "icc")):
            image.set_type(pyvips.GValue.blob_type, field, value)
            keep.append(flag)
    options: dict[str, Any] = {"keep": "|".join(keep) or "none"}
    head = jpeg_head(metadata) if name == "JPEG" else b""
    chunks = b"".join(png_chunk(kind, data) for kind, data in metadata.colors) if name == "PNG" else b""
    file.seek(max(len(head) - 2, 0) or len(chunks))
    with _vips_target(file) as target:
        if name == "PNG":
            image.pngsave_target(target, compression=6, filter="all", **options)
        elif name == "JPEG":
            image.jpegsave_target(target, Q=QUALITY[name] if quality is None else quality, subsample_mode="off", **options)
        else:
            size = image.width * image.height * image.bands * {"uchar": 1, "ushort": 2, "char": 1, "short": 2, "float": 4}[image.format]
            predictor = "none" if image.format == "float" else "horizontal"  # many readers know no predictor of floats
            layout = {"compression": "deflate", "predictor": predictor, "resunit": "inch", "bigtiff": size > 3 * 10**9}
            image.tiffsave_target(target, page_height=page_height, **layout, **options)
    if name == "JPEG":
        file.seek(0)
        file.write(head)  # its last two bytes go over the two that each JPEG begins with
    if name == "PNG":
        finish_png(file, metadata, chunks)
    if name == "TIFF":
        append_to_tiff(file, metadata, extra=image.bands - 1 if plan.banded and not colors else 0, alpha=plan.alpha)


@contextlib.contextmanager
def _vips_target(file: BinaryIO) -> Iterator[pyvips.TargetCustom]:
    """``file`` for libvips. What goes wrong in writing is raised as it is: libvips has no cause to tell, and libtiff loses some errors."""
    errors: list[OSError] = []

    def noted(call: Callable[..., Any]) -> Callable[..., Any]:
        def called(*args: Any) -> Any:
            try:
                return call(*args)
            except OSError as error:  # seeking and reading write what waits
                errors.append(error)
                return b"" if call == file.read else -1

        return called

    target = pyvips.TargetCustom()
    target.on_write(noted(file.write))
    target.on_read(noted(file.read))
    target.on_seek(noted(file.seek))
    try:
        yield target
        file.flush()
    except Exception as error:
        raise (errors[0] if errors else error) from error
    if errors:
        raise errors[0]


def write_ppm_header(file: BinaryIO, like: Values, height: int | None = None) -> None:
    """The header of a binary PGM or PPM for pixels such as ``like`` (H, W, 1 or 3), of ``height`` rows if not of ``like``'s."""
    kind = "P5" if like.shape[2] == 1 else "P6"
    file.write(f"{kind}\n{like.shape[1]} {height or like.shape[0]}\n{255 if like.dtype == np.uint8 else 65535}\n".encode())


def write_ppm_rows(file: BinaryIO, rows: Values) -> None:
    """Rows of a binary PGM or PPM; two-byte samples have the high byte first."""
    file.write(rows.tobytes() if rows.dtype == np.uint8 else rows.astype(">u2").tobytes())
