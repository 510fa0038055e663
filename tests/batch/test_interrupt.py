import os
import signal

import pytest
import torch
from torch import nn

from img2img.batch.interrupt import interruptible

pytestmark = pytest.mark.usefixtures("default_signals")


def test_a_signal_takes_effect_before_the_next_layer() -> None:
    before, layer, after = signal.getsignal(signal.SIGINT), nn.ReLU(), 0
    with pytest.raises(KeyboardInterrupt), interruptible():  # noqa: PT012 (where it stops is the point)
        layer(torch.zeros(1))
        os.kill(os.getpid(), signal.SIGINT)
        after = 1
        layer(torch.zeros(1))
        after = 2
    assert after == 1
    assert signal.getsignal(signal.SIGINT) is before
    layer(torch.zeros(1))


def test_a_signal_after_the_last_layer_is_not_lost() -> None:
    with pytest.raises(KeyboardInterrupt), interruptible():
        os.kill(os.getpid(), signal.SIGINT)


def test_termination_has_its_own_code() -> None:
    with pytest.raises(SystemExit) as stopped, interruptible() as check:  # noqa: PT012
        os.kill(os.getpid(), signal.SIGTERM)
        check()
    assert stopped.value.code == 143
