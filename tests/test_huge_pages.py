"""Large blocks of memory in the commands: in pages of 2 MiB, where the kernel has them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

KERNEL = Path("/sys/kernel/mm/transparent_hugepage/enabled")
PROGRAM = """
import resource, sys
from img2img.cli import main
sys.argv = ["img2img", "--version"]
try:
    main()
except SystemExit:
    pass
import torch
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
before = faults()
torch.ones(2**26)  # 256 MiB
print(faults() - before)
"""


def faults(**environment: str) -> int:
    """How often the kernel must hand out a page for a block of 256 MiB, 65,536 pages of 4 KiB, after a command has begun."""
    given = {name: value for name, value in os.environ.items() if name != "THP_MEM_ALLOC_ENABLE"} | environment
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, env=given)
    return int(done.stdout.split()[-1])


@pytest.mark.slow
@pytest.mark.skipif(not KERNEL.exists() or "[never]" in KERNEL.read_text(), reason="a kernel without huge pages")
def test_a_command_gets_memory_in_huge_pages_unless_told_otherwise() -> None:
    assert faults() < 30_000  # few, but a kernel short of huge pages gives some small ones
    if "[madvise]" in KERNEL.read_text():
        assert faults(THP_MEM_ALLOC_ENABLE="0") > 60_000
