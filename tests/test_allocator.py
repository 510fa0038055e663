"""What the C library's allocator is told, in a process of its own, as it stays told."""

import subprocess
import sys

import pytest

PROGRAM = """
import resource
from img2img.allocator import keep_freed_memory
if {keep}:
    assert keep_freed_memory()
import torch
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
before = faults()
for _ in range(40):
    torch.ones(2**24)  # 64 MiB
print(faults() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc only")
def test_memory_that_is_freed_is_used_again_without_asking_the_system() -> None:
    def faults(keep: bool) -> int:
        done = subprocess.run([sys.executable, "-c", PROGRAM.format(keep=keep)], capture_output=True, text=True, check=True)
        return int(done.stdout)

    # Not none: a block that is freed has not always room for the alignment of the next one.
    assert faults(keep=True) < 0.5 * faults(keep=False)
