"""Copies between the host and a GPU for which neither waits: by way of pinned memory, results while the next ones are computed."""

import torch
from torch import Tensor


def to_device(x: Tensor, device: torch.device) -> Tensor:
    """``x`` on ``device``, where what is computed next finds it; the host goes on at once."""
    if device.type != "cuda" or x.is_cuda:
        return x.to(device)
    return x.contiguous().pin_memory().to(device, non_blocking=True)


class Copies:
    """Results on their way from a GPU to the host, on a stream of their own. What is on the CPU stays what it is. For one thread."""

    def __init__(self) -> None:
        self._stream: torch.cuda.Stream | None = None

    def begun(self, x: Tensor) -> Tensor:
        """``x`` on the CPU, in pinned memory where it comes from a GPU: not to be read before ``wait``."""
        if not x.is_cuda:
            return x.cpu()
        if self._stream is None:
            self._stream = torch.cuda.Stream(x.device)  # type: ignore[no-untyped-call]
        x = x.contiguous()  # other layouts would be copied by way of memory that is not pinned
        made = torch.empty(x.shape, dtype=x.dtype, pin_memory=True)
        self._stream.wait_stream(torch.cuda.current_stream(x.device))
        with torch.cuda.stream(self._stream):
            made.copy_(x, non_blocking=True)
        x.record_stream(self._stream)  # its memory is given to nobody else before it was copied
        return made

    def wait(self) -> None:
        """Wait until all that was begun may be read."""
        if self._stream is not None:
            self._stream.synchronize()

    def landed(self, x: Tensor) -> Tensor:
        """``x``, as ``begun`` gave it, to be read and kept: pinned memory is scarce."""
        self.wait()
        return x.clone() if self._stream is not None and x.is_pinned() else x
