"""Stopping at safe points: Ctrl-C in the middle of a lock or a callback could be lost, or leave threads waiting for ever."""

import contextlib
import signal
from collections.abc import Callable, Iterator

from torch.nn.modules.module import register_module_forward_pre_hook

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def interruptible() -> Iterator[Callable[[], None]]:
    """Inside, SIGINT and SIGTERM take effect before the next layer of a network, in any thread, or where the function given is called.

    They raise KeyboardInterrupt, or SystemExit with 143. A second signal takes effect at once. Signals that were ignored stay so. For the
    main thread alone.
    """
    caught = 0

    def note(number: int, _frame: object) -> None:
        nonlocal caught
        caught = number
        restore()

    def check(*_: object) -> None:
        if caught:
            raise KeyboardInterrupt if caught == signal.SIGINT else SystemExit(128 + caught)

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    before = {number: handler for number in SIGNALS if (handler := signal.getsignal(number)) not in (signal.SIG_IGN, None)}
    for number in before:
        signal.signal(number, note)
    hook = register_module_forward_pre_hook(check)
    try:
        yield check
    finally:
        hook.remove()
        restore()
    check()
