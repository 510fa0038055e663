"""Whether pictures from a generator help another training: the same small translator on real pairs, and on real and synthetic ones.

    python benchmarks/letters.py letters/ --letters R
    python benchmarks/synthetic.py letters/R --real 60 --synthetic 600 --work work/

Of a folder of pictures of one kind, ``--test`` are put aside and ``--real`` are what one has. A generator is trained on these alone. The
pairs are outlines (A) and pictures (B). Both translators see as many samples; the figures are those of the pictures put aside.
"""

import argparse
import json
import random
import statistics
import subprocess
import sys
from pathlib import Path

from PIL import Image, ImageFilter

TRANSLATOR = ["--preset", "pix2pix", "--size", "64", "--set", "network.width=16", "--set", "network.levels=4"]
FIGURES = {"psnr_rgb": "higher", "ssim_rgb": "higher", "lpips": "lower"}


def command(*words: object) -> None:
    done = subprocess.run([sys.executable, "-m", "img2img", *map(str, words)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"img2img {' '.join(map(str, words))}\n{done.stderr[-2000:]}")


def outline(picture: Image.Image) -> Image.Image:
    """The edges of ``picture``, dark on white."""
    return picture.convert("L").filter(ImageFilter.FIND_EDGES).point(lambda x: 0 if x > 100 else 255).convert("RGB")


def pairs(pictures: list[Path], folder: Path) -> Path:
    """The folder of pairs of ``pictures``."""
    for side in "AB":
        (folder / side).mkdir(parents=True, exist_ok=True)
    for path in pictures:
        picture = Image.open(path).convert("RGB")
        outline(picture).save(folder / "A" / f"{path.stem}.png")
        picture.save(folder / "B" / f"{path.stem}.png")
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--real", type=int, default=60)
    parser.add_argument("--synthetic", type=int, default=600)
    parser.add_argument("--test", type=int, default=100)
    parser.add_argument("--preset", default="fastgan", help="of the generator")
    parser.add_argument("--width", type=int, default=16, help="of both networks of the generator")
    parser.add_argument("--generator-images", type=int, default=12_000)
    parser.add_argument("--images", type=int, default=6000, help="samples that each translator is trained on")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--work", type=Path, default=Path("synthetic"))
    options = parser.parse_args()
    paths = sorted(options.pictures.glob("*.png"))
    random.Random(0).shuffle(paths)
    test, real = paths[: options.test], paths[options.test : options.test + options.real]
    if len(real) < options.real:
        raise SystemExit(f"{options.pictures} has {len(paths)} pictures, and {options.test} + {options.real} are asked for")
    work: Path = options.work
    tested, known = pairs(test, work / "test"), pairs(real, work / "real")
    run = work / f"generator-{options.preset}"
    widths = ["--set", f"network.width={options.width}", "--set", f"adversary.network.width={options.width}"]
    words = ["--preset", options.preset, "--images", options.generator_images, "--set", "data.flip=false", *widths]
    command("train", "generate", "--data", known / "B", *words, "--run", run)
    command("generate", "-m", run, "-n", options.synthetic, "-o", work / "samples", "--overwrite")
    made = pairs(sorted((work / "samples").glob("*.png")), work / "synthetic")
    found: dict[str, dict[str, list[float]]] = {}
    for name, data in (("real", [known]), ("real and synthetic", [known, made])):
        found[name] = {figure: [] for figure in FIGURES}
        for seed in range(options.seeds):
            run = work / f"{name.replace(' ', '-')}-{seed}"
            given = [word for folder in data for word in ("--data", folder)]
            words = ["--val", tested, "--seed", seed, "--images", options.images, "--set", f"training.validate_every={options.images}"]
            command("train", "translate", *given, *TRANSLATOR, "--set", "adversary.network.width=16", *words, "--run", run)
            shown = ["--truth", tested / "B", "--input", tested / "A", "-m", run / "latest.safetensors", "--json", run / "figures.json"]
            command("evaluate", "translate", *shown)
            figures = json.loads((run / "figures.json").read_text())["models"][str(run / "latest.safetensors")]["mean"]
            for figure in FIGURES:
                found[name][figure].append(figures[figure])
    for figure, better in FIGURES.items():
        means = {name: statistics.mean(rows[figure]) for name, rows in found.items()}
        ranges = "  ".join(
            f"{name}: {means[name]:.4f} ({min(rows[figure]):.4f} to {max(rows[figure]):.4f})" for name, rows in found.items()
        )
        gain = (means["real and synthetic"] - means["real"]) * (1 if better == "higher" else -1)
        sys.stdout.write(f"{figure:9} {ranges}  synthetic pairs: {'better' if gain > 0 else 'worse'} by {abs(gain):.4f}\n")


if __name__ == "__main__":
    main()
