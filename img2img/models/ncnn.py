"""The numbers in ncnn's model files."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

MAGIC = "7767517"
FP16_TAG = 0x01306B47  # before weights stored as float16


def read_tensors(param: str, data: bytes) -> Iterator[Tensor]:
    """Weights, biases, PReLU slopes and constants of an ncnn network, in the order of its layers.

    ``param`` lists a layer a line: type, name, counts of inputs and outputs, their names, then ``key=value`` pairs; ``data`` holds the
    numbers: weights behind a four-byte tag that says float16 (or 0: float32), padded to four bytes; all others as plain float32.
    Source: ncnn's wiki, "param and model file structure". Raises ValueError for anything else.
    """
    lines = param.split("\n")
    if lines[0].strip() != MAGIC:
        raise ValueError("not an ncnn param file")
    position = 0

    def take(count: int, dtype: str) -> Tensor:
        nonlocal position
        size = count * np.dtype(dtype).itemsize
        if not 0 < size <= len(data) - position:
            raise ValueError(f"{count} numbers expected at byte {position} of {len(data)}")
        values = np.frombuffer(data, dtype, count, position).astype(np.float32)
        position += -(-size // 4) * 4
        return torch.from_numpy(values)

    for line in lines[2:]:
        if not (fields := line.split()):
            continue
        arguments = dict(field.split("=", 1) for field in fields[4 + int(fields[2]) + int(fields[3]) :])
        if fields[0] == "Convolution":
            outputs, kernel, count = int(arguments["0"]), int(arguments["1"]), int(arguments["6"])
            inputs = count // max(outputs * kernel**2, 1)
            if arguments.get("5") != "1" or min(inputs, outputs, kernel) < 1 or inputs * outputs * kernel**2 != count:
                raise ValueError(f"layer {fields[1]!r}: a convolution with bias and {count} weights expected")
            tag = int.from_bytes(data[position : position + 4], "little")
            if tag not in (0, FP16_TAG):
                raise ValueError(f"layer {fields[1]!r}: unknown storage {tag:#x}")
            position += 4
            yield take(count, "<f2" if tag else "<f4").view(outputs, inputs, kernel, kernel)
            yield take(outputs, "<f4")
        elif fields[0] == "PReLU":
            yield take(int(arguments["0"]), "<f4")
        elif fields[0] == "MemoryData":
            yield take(max(int(arguments["0"]), 1) * max(int(arguments.get("1", 0)), 1) * max(int(arguments.get("2", 0)), 1), "<f4")
    if position != len(data):
        raise ValueError(f"{len(data) - position} bytes are left over")
