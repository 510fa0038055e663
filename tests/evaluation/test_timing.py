"""Timing by turns: who is called when, processes of their own, and their memory."""

import os
import subprocess
import sys

import pytest
import torch

from img2img.errors import ConfigError, Img2ImgError
from img2img.evaluation.timing import Job, TimedProcess, by_turns, peak_memory, seconds


def test_turns_alternate_and_the_first_does_not_count() -> None:
    calls: list[str] = []

    def job(name: str) -> int:
        calls.append(name)
        return len(calls)

    assert by_turns({"a": lambda: job("a"), "b": lambda: job("b")}, 2) == {"a": [3, 5], "b": [4, 6]}
    assert calls == ["a", "b"] * 3


def test_seconds_are_those_of_one_call() -> None:
    calls: list[int] = []
    assert seconds(lambda: calls.append(1), torch.device("cpu")) > 0
    assert calls == [1]


def prepare(fault: str) -> Job:
    if fault == "refused":
        raise ConfigError("not like this")
    return (lambda: os._exit(3)) if fault == "ends" else (lambda: bytearray(b"x") * 2**25)


@pytest.mark.slow
def test_a_process_takes_turns_with_memory_of_its_own() -> None:
    with TimedProcess("ours", prepare, "none") as process:
        assert process.ready() > 0
        first, second = process.turn(), process.turn()
    assert first.seconds > 0
    assert 2**25 < first.peak_memory <= second.peak_memory
    assert not process.process.is_alive()


@pytest.mark.slow
def test_faults_of_a_process_are_told() -> None:
    with TimedProcess("ours", prepare, "refused") as process, pytest.raises(ConfigError, match="not like this"):
        process.ready()
    with TimedProcess("ours", prepare, "ends") as process:
        process.ready()
        with pytest.raises(Img2ImgError, match="process of 'ours' ended before its turn"):
            process.turn()


def test_the_peak_is_a_process_s_own_and_stays_after_the_memory_is_freed() -> None:
    ballast = torch.ones(2**26)  # 256 MiB, which a process started from here does not have
    code = """
from img2img.evaluation.timing import peak_memory
before = peak_memory()
block = bytearray(b"x") * 2**26
del block
print(before, peak_memory())
"""
    before, after = map(int, subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())
    assert peak_memory() > ballast.nbytes > before
    assert after - before > 0.9 * 2**26
