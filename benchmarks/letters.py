"""A free set of pictures of known classes: the letters of this machine's fonts.

    python benchmarks/letters.py letters/ --letters ABCDEFGHIJ --size 64     # letters/A/*.png to letters/J/*.png
    python benchmarks/letters.py r/ --letters R --fonts ~/my-fonts

Each font that has the letter gives one picture, black on white; fonts that draw it alike to the pixel give one together. Debian's
``fonts-*`` packages are free fonts; with a hundred of them a letter has about 900 pictures.
"""

import argparse
import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

SHARE = 0.62  # of a picture's side that a capital letter is high


def drawn(font: Path, letter: str, size: int) -> Image.Image | None:
    """``letter`` in the middle of a white square, or None where the font has no such letter or none that fits."""
    try:
        face = ImageFont.truetype(font, size)
        left, top, right, bottom = face.getbbox("H")
        if bottom <= top:
            return None
        face = ImageFont.truetype(font, size * size * SHARE / (bottom - top))
        if face.getmask(letter).getbbox() is None or bytes(face.getmask(letter)) == bytes(face.getmask("\uffff")):
            return None
        left, top, right, bottom = face.getbbox(letter)
    except OSError:
        return None
    if right - left > size or bottom - top > size:
        return None
    picture = Image.new("L", (size, size), 255)
    ImageDraw.Draw(picture).text(((size - right - left) / 2, (size - bottom - top) / 2), letter, fill=0, font=face)
    return picture.convert("RGB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--letters", default="ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--fonts", type=Path, default=Path("/usr/share/fonts"))
    options = parser.parse_args()
    fonts = sorted(path for path in options.fonts.rglob("*") if path.suffix.lower() in {".ttf", ".otf"})
    for letter in options.letters:
        folder = options.out / letter
        folder.mkdir(parents=True, exist_ok=True)
        seen: set[bytes] = set()
        for number, font in enumerate(fonts):
            picture = drawn(font, letter, options.size)
            if picture is not None and picture.tobytes() not in seen:
                seen.add(picture.tobytes())
                picture.save(folder / f"{number:04d}-{font.stem}.png")
        sys.stdout.write(f"{letter}: {len(seen)} pictures of {len(fonts)} fonts\n")


if __name__ == "__main__":
    main()
