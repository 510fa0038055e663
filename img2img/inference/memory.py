"""How much memory is free, how much a network takes, and so how large a tile may be."""

import math
from collections.abc import Callable
from pathlib import Path

import psutil
import torch
from torch import Tensor, nn

CPU_BUDGET = 3 * 2**29  # 1.5 GiB: larger tiles are no faster, but for their smaller share of context
BAND_BYTES = 2**28
LIVE = 3  # measured: at its peak a network holds about three times what its largest layer reads and writes


def free_memory(device: torch.device) -> int:
    """Bytes that can still be allocated on ``device``; on the CPU within the control group's limit, as containers have one."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    if device.type == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.current_allocated_memory()
    return min(psutil.virtual_memory().available, _left_in_group(Path("/sys/fs/cgroup")))


def _left_in_group(group: Path) -> int:
    """What the control group (version 2) leaves, not counting the page cache as used; 2**62 where there is no limit."""
    try:
        limit = (group / "memory.max").read_text().strip()
        used = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())["anon"]
        return 2**62 if limit == "max" else max(int(limit) - int(used), 0)
    except (OSError, ValueError, KeyError):
        return 2**62


def bytes_per_pixel(network: nn.Module, forward: Callable[[Tensor], Tensor], channels: int, multiple: int) -> float:
    """Bytes that ``network`` takes at its peak for each input pixel, estimated from what its largest layer reads and writes.

    Args:
        network: whose innermost modules are watched.
        forward: runs it, in the precision and on the device that will be used, on (1, ``channels``, side, side).
        multiple: the side is a multiple of it.
    """
    side = multiple * max(2, math.ceil(32 / multiple))
    largest = 0

    def watch(module: nn.Module, inputs: tuple[object, ...], output: object) -> None:
        nonlocal largest
        tensors = [value for value in (*inputs, output) if isinstance(value, Tensor)]
        largest = max(largest, sum(tensor.numel() * tensor.element_size() for tensor in tensors))

    watched = [module.register_forward_hook(watch) for module in network.modules() if not list(module.children())]
    try:
        out = forward(torch.zeros(1, channels, side, side))
    finally:
        for handle in watched:
            handle.remove()
    return LIVE * max(largest, 4 * out.numel()) / side**2


def choose_tile(
    height: int, width: int, *, free: int, per_pixel: float, halo: int, on_cpu: bool, row_bytes: int, whole: bool = False
) -> tuple[int, int]:
    """Height and width of the tiles for a picture of ``height`` x ``width``: the whole picture where it fits.

    Args:
        free: bytes of free memory; at most half of it is used.
        per_pixel: bytes for each input pixel.
        halo: context on each side. Tiles of 16 halos keep its share of the work under a third, and may take more than the usual budget.
        on_cpu: where main memory is what is used, the budget is small.
        row_bytes: bytes of output for each row of input: a band of tiles that is as wide as the picture must stay small, too.
        whole: whether tiles cost something, as where statistics of the whole picture must be found first: then there are none as long as
            half of the free memory suffices.
    """
    if whole and height * width * per_pixel <= free // 2:
        return height, width
    budget = min(free // 2, max(CPU_BUDGET, int(per_pixel * (16 * halo) ** 2))) if on_cpu else free // 2
    least = 2 * halo + 64
    area = max(int(budget / per_pixel), least**2)
    if height * width <= area:
        return height, width
    high = min(height, math.isqrt(area), max(BAND_BYTES // row_bytes, 128) + 2 * halo)
    wide = min(width, max(area // high, least))
    return high, wide
