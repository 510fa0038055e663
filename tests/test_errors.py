"""What errors of libraries and of the system are called to the user."""

import errno
import io

import pytest
import pyvips
import torch

from img2img.errors import cause_of, is_out_of_memory


class Full(io.RawIOBase):
    """A file on a disk with room for 1000 bytes."""

    def __init__(self) -> None:
        self.written = 0

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        self.written += len(memoryview(data))  # type: ignore[arg-type]
        if self.written > 1000:
            raise OSError(errno.ENOSPC, "No space left on device")
        return len(memoryview(data))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate"),
        RuntimeError("could not create a primitive"),
        pyvips.Error("unable to call resize", "vips_tracked: out of memory --- size 48MB"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
    ],
)
def test_memory_is_named_whoever_ran_out_of_it(error: Exception) -> None:
    assert is_out_of_memory(error)
    assert cause_of(error) == "out of memory"


def test_a_full_disk_is_named_behind_the_error_of_pytorch() -> None:
    with pytest.raises(RuntimeError, match="inline_container") as caught:
        torch.save({"a": torch.zeros(10_000)}, Full())
    assert cause_of(caught.value) == "No space left on device"


@pytest.mark.parametrize("error", [ValueError("out of memory"), RuntimeError("a bug"), OSError("encoder error -2"), KeyError("x")])
def test_other_errors_have_no_such_cause(error: Exception) -> None:
    assert not is_out_of_memory(error)
    assert cause_of(error) == ""
