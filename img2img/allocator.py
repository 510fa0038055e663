"""The C library's allocator, told to keep what it has."""

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -4, -8  # of mallopt, from glibc's malloc.h


def keep_freed_memory() -> bool:
    """Let this process reuse the memory that it frees instead of returning it to the system. True where that could be asked for: glibc.

    glibc maps a block of more than 32 MiB anew each time and unmaps it when it is freed, so that every page of every activation of a large
    picture is faulted in again by the kernel: more than half of the time of a stylisation of 2048 x 2048 pixels.

    Not for a library to decide in somebody's process: for our own commands.
    """
    if sys.platform != "linux":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:  # another C library
        return False
    # One arena: those of further threads hold no block above 64 MiB, and map it instead.
    return all(mallopt(option, value) for option, value in ((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, -1), (M_ARENA_MAX, 1)))
