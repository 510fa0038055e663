"""What is drawn by hand or by chance into masks: free-form strokes, scratches with dust and hairs, outlines of figures."""

import cmath
import math
import random
from dataclasses import dataclass

from PIL import Image, ImageDraw

DOWN = math.pi / 2  # directions in a picture, whose y axis points down; points are complex numbers, x + iy


@dataclass(frozen=True)
class Stroke:
    """Widths of strokes in pixels, and the share of the picture that a mask of them covers."""

    widths: tuple[int, int]
    share: tuple[float, float]


STROKES = {
    "thin": Stroke((2, 5), (0.02, 0.08)),
    "medium": Stroke((8, 20), (0.06, 0.20)),
    "thick": Stroke((30, 70), (0.12, 0.35)),
}
WIDEST = 0.4  # of the shorter side, in small patches


def draw_strokes(image: Image.Image, draw: ImageDraw.ImageDraw, stroke: Stroke, rng: random.Random) -> None:
    """Lines with bends and round joints until a share of the picture is covered that is drawn from ``stroke.share``.

    After Yu et al. 2019 (DeepFill v2, arXiv 1806.03589) and Suvorov et al. 2022 (LaMa, arXiv 2109.07161), who number the strokes
    instead, so that their share depends on the size. A line ends where it would leave the picture.
    """
    short = min(image.size)
    missing = round(rng.uniform(*stroke.share) * image.width * image.height)
    while missing > 0:
        width = max(min(rng.randint(*stroke.widths), int(WIDEST * short)), 1)
        start, heading = complex(rng.uniform(0, image.width), rng.uniform(0, image.height)), rng.uniform(0, math.tau)
        bend, reach = rng.uniform(0.2, 1.2), short * rng.uniform(0.05, 0.3)
        for _ in range(rng.randint(3, 12)):
            end = start + cmath.rect(min(reach * rng.uniform(0.3, 1), missing / width), heading)
            where = _box_around(image, start, end, width)
            before = image.crop(where).histogram()[1]
            draw_line(draw, start, end, width)
            missing -= image.crop(where).histogram()[1] - before
            if missing <= 0 or not (0 <= end.real < image.width and 0 <= end.imag < image.height):
                break
            start, heading = end, heading + rng.gauss(0, bend)


def draw_scratches(image: Image.Image, draw: ImageDraw.ImageDraw, rng: random.Random) -> None:
    """Scratches, dust and hairs, as on a scanned photograph: lines of 1 to 3 pixels with breaks, small specks, and short curls."""
    width, height = image.size
    common, spread = rng.uniform(0, math.tau), rng.choice((0.03, 0.2, 2.0))  # most often they run in one direction
    for _ in range(rng.randint(1, 1 + min(min(width, height) // 24, 9))):
        length, heading, line = max(width, height) * rng.uniform(0.3, 1.2), common + rng.gauss(0, spread), rng.randint(1, 3)
        middle = complex(rng.uniform(0, width), rng.uniform(0, height))
        _scratch(draw, middle - cmath.rect(length / 2, heading), heading, length, line, rng)
    for _ in range(round(width * height / 4000 * rng.random())):
        place, radius = complex(rng.uniform(0, width), rng.uniform(0, height)), min(0.4 + rng.expovariate(1), 4)
        squeeze = rng.uniform(0.5, 1)
        draw.ellipse((place.real - radius, place.imag - radius * squeeze, place.real + radius, place.imag + radius * squeeze), fill=1)
    for _ in range(round(width * height / 20000 * rng.random())):
        _hair(draw, complex(rng.uniform(0, width), rng.uniform(0, height)), rng)


def draw_figures(image: Image.Image, draw: ImageDraw.ImageDraw, rng: random.Random) -> None:
    """One or two masses with closed outlines: something like a person, like an animal, or like a thing."""
    number = rng.choice((1, 1, 1, 2))
    for _ in range(number):
        size = min(image.size) * rng.uniform(0.45, 1.0) / number**0.5
        place = complex(image.width * rng.uniform(0.15, 0.85), image.height * rng.uniform(0.2, 0.8))
        turn = cmath.rect(size, rng.gauss(0, 0.15))
        rng.choice((_person, _animal, _thing))(draw, place, turn, rng)


def draw_line(draw: ImageDraw.ImageDraw, start: complex, end: complex, width: int) -> None:
    """A line from ``start`` to ``end`` with round ends."""
    points = [(round(point.real), round(point.imag)) for point in (start, end)]
    draw.line(points, fill=1, width=width)
    for x, y in points:
        left, top = x - width // 2, y - width // 2
        draw.ellipse((left, top, left + width - 1, top + width - 1), fill=1)


def _box_around(image: Image.Image, start: complex, end: complex, width: int) -> tuple[int, int, int, int]:
    """The part of ``image`` that a line may touch; ``start`` lies in it."""
    x, y = sorted((round(start.real), round(end.real))), sorted((round(start.imag), round(end.imag)))
    return max(x[0] - width, 0), max(y[0] - width, 0), min(x[1] + width + 1, image.width), min(y[1] + width + 1, image.height)


def _scratch(draw: ImageDraw.ImageDraw, start: complex, heading: float, length: float, width: int, rng: random.Random) -> None:
    """A line that wobbles about ``heading`` and breaks off for a while now and then."""
    drift, broken, gaps = 0.0, False, rng.uniform(0, 0.2)
    while length > 0:
        step = rng.uniform(4, 16)
        drift = 0.8 * drift + rng.gauss(0, 0.04)
        end = start + cmath.rect(step, heading + drift)
        if not broken:
            draw_line(draw, start, end, width)
        broken = rng.random() < (0.6 if broken else gaps)
        start, length = end, length - step


def _hair(draw: ImageDraw.ImageDraw, start: complex, rng: random.Random) -> None:
    """A thin line of 10 to 80 pixels that curls."""
    heading, curl, width = rng.uniform(0, math.tau), rng.gauss(0, 0.15), rng.randint(1, 2)
    for _ in range(rng.randint(3, 16)):
        end = start + cmath.rect(rng.uniform(3, 5), heading)
        draw_line(draw, start, end, width)
        start, heading, curl = end, heading + curl, curl + rng.gauss(0, 0.06)


def _limb(
    draw: ImageDraw.ImageDraw, start: complex, turn: complex, heading: float, length: float, width: float, rng: random.Random
) -> None:
    """Two segments with a joint; ``length`` and ``width`` are shares of the figure, whose size and rotation is ``turn``."""
    for thickness in (width, 0.8 * width):
        end = start + turn * cmath.rect(length / 2, heading)
        draw_line(draw, start, end, max(round(abs(turn) * thickness), 1))
        start, heading = end, heading + rng.gauss(0, 0.35)


def _person(draw: ImageDraw.ImageDraw, place: complex, turn: complex, rng: random.Random) -> None:
    plump = rng.uniform(0.8, 1.5)
    neck, girth = place - 0.26j * turn, round(abs(turn) * 0.18 * plump) + 1
    draw_line(draw, neck + 0.08j * turn, place, girth)
    draw_line(draw, neck, neck - 0.11j * turn, max(round(abs(turn) * 0.08), 1))
    draw_line(draw, neck - 0.11j * turn, neck - 0.15j * turn, max(round(abs(turn) * 0.13), 1))
    for side in (-1, 1):
        shoulder, hip = neck + turn * (0.075 * side * plump + 0.04j), place + turn * 0.05 * side * plump
        _limb(draw, shoulder, turn, DOWN - side * rng.uniform(0, 1.2), 0.36, 0.06 * plump, rng)
        _limb(draw, hip, turn, DOWN - side * rng.uniform(-0.05, 0.4), 0.46, 0.085 * plump, rng)


def _animal(draw: ImageDraw.ImageDraw, place: complex, turn: complex, rng: random.Random) -> None:
    plump, front = rng.uniform(0.8, 1.4), rng.choice((-1, 1))
    girth = round(abs(turn) * 0.22 * plump) + 1
    draw_line(draw, place - turn * 0.2, place + turn * 0.2, girth)
    shoulder = place + turn * 0.22 * front
    head = shoulder + turn * complex(0.16 * front, -rng.uniform(0.05, 0.3))
    draw_line(draw, shoulder, head, max(girth // 2, 1))
    draw_line(draw, head, head + turn * complex(0.09 * front, 0.02), max(round(girth * 0.55), 1))
    for foot in (-0.22, -0.15, 0.15, 0.22):
        _limb(draw, place + turn * complex(foot, 0.05), turn, DOWN + rng.gauss(0, 0.2), rng.uniform(0.25, 0.4), 0.06 * plump, rng)
    _limb(draw, place - turn * 0.26 * front, turn, DOWN + front * rng.uniform(0.3, 2.2), 0.3, 0.04 * plump, rng)


def _thing(draw: ImageDraw.ImageDraw, place: complex, turn: complex, rng: random.Random) -> None:
    """A closed outline in polar coordinates, smooth because its waves are the weaker the shorter they are."""
    waves = [(number, rng.gauss(0, 0.28 / number), rng.uniform(0, math.tau)) for number in range(2, 8)]
    flat, outline = rng.uniform(0.5, 1), []
    for step in range(96):
        angle = math.tau * step / 96
        radius = 0.36 * math.exp(sum(strength * math.cos(number * angle + phase) for number, strength, phase in waves))
        point = place + turn * complex(radius * math.cos(angle), radius * flat * math.sin(angle))
        outline.append((point.real, point.imag))
    draw.polygon(outline, fill=1)
