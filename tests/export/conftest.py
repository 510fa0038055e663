"""What the tests of exports share."""

from pathlib import Path

import pytest
from small_exports import upscaler

SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the exports of an upscaler, up.onnx and up.xml; skips without what makes them."""
    for needed in ("onnx", "onnxscript", "onnxruntime", "openvino"):
        pytest.importorskip(needed)
    from img2img.export.write import export

    folder = tmp_path_factory.mktemp("exported")
    for ending in ("onnx", "xml"):
        export(upscaler(), folder / f"up.{ending}")
    return folder


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two photographs."""
    folder = tmp_path_factory.mktemp("pictures")
    for source in sorted(SAMPLES.glob("*.jpg"))[:2]:
        (folder / source.name).write_bytes(source.read_bytes())
    return folder
