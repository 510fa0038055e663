"""Models for other runtimes: ONNX and OpenVINO, each run beside PyTorch before it is kept."""
