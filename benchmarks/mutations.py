"""Damaged pictures through the reader: each must give a picture or a ``PictureError``, soon, and leave no memory behind.

    python benchmarks/mutations.py --count 50000 --seed 1

Small pictures of every format that is read are cut, overwritten, spliced, and their bits, bytes and lengths changed. HEIC and JPEG XL are
among them where their packages are installed (extra ``formats``); for cameras' RAW files, ``--add`` names files of yours.
"""

import argparse
import io
import random
import resource
import struct
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

from img2img import images
from img2img.errors import PictureError
from img2img.images import Frame, Picture
from img2img.images.extras import installed

MAX_PIXELS = 4_000_000
SLOW = 5.0  # seconds


def originals() -> list[bytes]:
    """Small pictures: what this package writes, and what only others write."""
    import torch

    generator = torch.Generator().manual_seed(0)
    found = []
    for name, (channels, depth, alpha) in {
        "PNG": (3, 16, True), "JPEG": (3, 8, False), "WEBP": (3, 8, True), "TIFF": (3, 16, False), "AVIF": (3, 8, False),
        "GIF": (3, 8, False), "BMP": (3, 8, False), "PPM": (1, 16, False), "JPEG2000": (3, 8, False), "QOI": (3, 8, True),
        "TGA": (3, 8, True), "ICO": (3, 8, True), "HEIF": (3, 16, True), "JXL": (3, 16, True),
    }.items():  # fmt: skip
        if not installed(name):
            continue
        frames = []
        for duration in (40.0, 60.0) if name in ("GIF", "WEBP") else (None,):
            pixels = torch.rand((channels, 19, 23), generator=generator)
            frames.append(Frame(pixels, torch.rand((1, 19, 23), generator=generator) if alpha else None, duration))
        stream = io.BytesIO()
        images.write(Picture(tuple(frames), depth), stream, format=name)
        found.append(stream.getvalue())
    colors = Image.fromarray(np.random.default_rng(0).integers(0, 256, (19, 23, 3), np.uint8))
    others: list[tuple[str, Image.Image, dict[str, object]]] = [
        ("DDS", colors, {}), ("TIFF", colors.convert("CMYK"), {}), ("JPEG", colors.convert("CMYK"), {}),
        ("PNG", colors.quantize(16), {}), ("PNG", colors, {"save_all": True, "append_images": [colors.rotate(90)]}),
        ("TIFF", colors.convert("LAB"), {}), ("TIFF", colors.convert("1"), {"compression": "group4"}),
        ("JPEG", colors, {"progressive": True, "exif": Image.Exif().tobytes() + bytes(30)}),
    ]  # fmt: skip
    for name, image, options in others:
        stream = io.BytesIO()
        image.save(stream, name, **options)
        found.append(stream.getvalue())
    found.append(b"#?RADIANCE\n\n-Y 8 +X 9\n" + (b"\2\2\0\x09" + bytes([137, 128, 137, 7, 137, 9, 137, 128])) * 8)
    return found


def mutated(data: bytes, others: list[bytes], rng: random.Random) -> bytes:
    """``data`` with one to four faults."""
    damaged = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(max(len(damaged), 1)) if rng.random() < 0.5 else rng.randrange(max(min(len(damaged), 128), 1))
        kind = rng.randrange(6)
        if kind == 0 and damaged:
            damaged[place] ^= 1 << rng.randrange(8)
        elif kind == 1:
            damaged[place : place + 1] = rng.choice((b"\0", b"\xff", b"\x80", b"\x7f"))
        elif kind == 2:  # a length or a size
            damaged[place : place + 4] = struct.pack(
                rng.choice("<>") + "I", rng.choice((0, 1, 2**31, 2**32 - 1, 65535, rng.randrange(2**24)))
            )
        elif kind == 3:
            del damaged[place:]
        elif kind == 4:
            del damaged[place : place + rng.randrange(1, 64)]
        else:
            other = rng.choice(others)
            start = rng.randrange(len(other))
            damaged[place:place] = other[start : start + rng.randrange(1, 256)]
    return bytes(damaged)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--add", type=Path, action="append", default=[], help="a small file to damage too")
    parser.add_argument("--only-added", action="store_true", help="damage the files of --add alone")
    given = parser.parse_args()
    rng, outcomes = random.Random(given.seed), Counter[str]()
    pictures = [path.read_bytes() for path in given.add] + ([] if given.only_added else originals())
    slowest, grown = 0.0, []
    for number in range(given.count):
        data = mutated(rng.choice(pictures), pictures, rng)
        started = time.perf_counter()
        try:
            images.read(data, max_pixels=MAX_PIXELS, bands=number % 2 == 0)
            outcomes["read"] += 1
        except PictureError:
            outcomes["refused"] += 1
        except BaseException as error:
            outcomes[f"escaped: {type(error).__name__}"] += 1
            sys.stderr.write(f"seed {given.seed}, file {number}: {type(error).__name__}: {error}\n")
            if isinstance(error, KeyboardInterrupt):
                break
        taken = time.perf_counter() - started
        slowest = max(slowest, taken)
        outcomes["slow"] += taken > SLOW
        if number % max(given.count // 10, 1) == 0:
            grown.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
    sys.stdout.write(f"{dict(outcomes)}\n")
    sys.stdout.write(f"slowest: {slowest:.2f} s; peak memory, MiB, ten times on the way: {grown}\n")


if __name__ == "__main__":
    main()
