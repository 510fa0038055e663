"""OpenVINO's files (IR) from ONNX."""

from pathlib import Path

from img2img.models.files import METADATA_KEY


def write_openvino(onnx_path: Path, path: Path, *, half: bool) -> None:
    """Write the ONNX model ``onnx_path`` as ``path`` (.xml) and the weights beside it (.bin), with its metadata as ``rt_info``.

    ``half``: weights are stored as float16, as OpenVINO compresses them.
    """
    import onnx
    import openvino

    content = onnx_path.read_bytes()
    texts = {entry.key: entry.value for entry in onnx.load_model_from_string(content).metadata_props}
    model = openvino.Core().read_model(content, b"")
    for key, text in texts.items():
        model.set_rt_info(text, [METADATA_KEY, key])
    openvino.save_model(model, path, compress_to_fp16=half)
