"""``killed_often.py RUN KILLS``: trains the toy into RUN in child processes, KILLS of which are killed with SIGKILL at random moments.

A child is forked from a process that has imported everything and computed nothing, so that a life takes tenths of a second.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter  # noqa: F401  (imported now, for all children)
from toy import Toy, run


def life(folder: Path, seconds: float | None) -> bool:
    """Train in a child until it ends, or is killed after ``seconds``; whether it ended by itself."""
    child = os.fork()
    if child == 0:
        run(folder, Toy(), plan=1600, checkpoint_minutes=1e-9)  # a checkpoint at every step: many kills fall into one
        os._exit(0)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return not os.WIFSIGNALED(status) and os.WEXITSTATUS(status) == 0


if __name__ == "__main__":
    moments = random.Random(0)
    killed = 0
    while killed < int(sys.argv[2]) and not life(Path(sys.argv[1]), moments.uniform(0.1, 0.4)):
        killed += 1
    sys.stdout.write(f"{killed}\n")
    sys.exit(0 if life(Path(sys.argv[1]), None) else 1)
