"""``--engine ray`` on three hosts, one of which dies: network namespaces on one machine (Linux, as root, with ``ip`` and ``unshare``).

    python benchmarks/three_hosts.py --pictures 60

Each host has an address of its own on a virtual switch, and nothing else of the network. The first runs the command and Ray's head, the
others work with one core each; the disk is shared. One worker's host is cut off and killed when a third of the pictures are done. Then
one host and two are timed on the same pictures.
"""

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[1]
NETWORK = "10.77.0"
MODEL = "upscale-2x-fidelity"
ENVIRONMENT = {
    **os.environ,
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "disabled",
    "OMP_NUM_THREADS": "1",
    "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
}


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


@contextlib.contextmanager
def network(hosts: int) -> Iterator[list[str]]:
    """The names of ``hosts`` namespaces on one switch; address ``NETWORK``.1 and on."""
    names = [f"img2img-{number}" for number in range(1, hosts + 1)]
    ip("link", "add", "img2img-sw", "type", "bridge")
    try:
        ip("link", "set", "img2img-sw", "up")
        for number, name in enumerate(names, 1):
            ip("netns", "add", name)
            ip("link", "add", f"i2i{number}", "type", "veth", "peer", "name", "eth0", "netns", name)
            ip("link", "set", f"i2i{number}", "master", "img2img-sw", "up")
            ip("-n", name, "addr", "add", f"{NETWORK}.{number}/24", "dev", "eth0")
            for device in ("eth0", "lo"):
                ip("-n", name, "link", "set", device, "up")
        yield names
    finally:
        for name in names:
            kill(name)
            subprocess.run(["ip", "netns", "del", name], check=False)
        subprocess.run(["ip", "link", "del", "img2img-sw"], check=False)


def kill(name: str) -> None:
    """End all processes of a host, by signal 9."""
    found = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True, check=False).stdout.split()
    for process in map(int, found):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def start_ray(name: str, number: int) -> None:
    """Ray's processes on host ``number``: the head on the first, which computes nothing."""
    ray = shutil.which("ray", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}") or "ray"
    place = ["--head", "--port=6379", "--num-cpus=0"] if number == 1 else [f"--address={NETWORK}.1:6379", "--num-cpus=1"]
    more = ["--include-dashboard=false"] if number == 1 else []
    command = [ray, "start", "--block", f"--node-ip-address={NETWORK}.{number}", "--object-store-memory=100000000", *place, *more]
    own = ["unshare", "-m", "sh", "-c", 'mkdir -p /tmp/ray && mount -t tmpfs ray /tmp/ray && exec "$@"', "sh"] if number > 1 else []
    subprocess.Popen(["ip", "netns", "exec", name, *own, *command], env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(8 if number == 1 else 4)


def upscale(host: str, inputs: Path, out: Path, *more: str) -> subprocess.Popen[bytes]:
    words = ["upscale", str(inputs), "-o", str(out), "-m", MODEL, "--device", "cpu", "--engine", "ray", "--address", f"{NETWORK}.1:6379"]
    command = ["ip", "netns", "exec", host, sys.executable, "-m", "img2img", *words, *more]
    return subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.DEVNULL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=60)
    parser.add_argument("--side", type=int, default=256, help="pixels a side of a picture")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as text, network(3) as hosts:
        folder = Path(text)
        (folder / "in").mkdir()
        sample = Image.open(ROOT / "samples" / "coffee.png").convert("RGB")
        for number in range(asked.pictures):
            left = 2 * number % (sample.width - asked.side)
            sample.crop((left, 0, left + asked.side, asked.side)).save(folder / "in" / f"{number:04}.png")
        for number, host in enumerate(hosts, 1):
            start_ray(host, number)
        seconds = {}
        for turn, workers in enumerate((2, 1, 2)):  # the first one warms up
            began = time.perf_counter()
            done = upscale(hosts[0], folder / "in", folder / f"timed-{turn}", "--workers", str(workers)).wait()
            seconds[workers] = time.perf_counter() - began
            assert done == 0
        out = folder / "out"
        run = upscale(hosts[0], folder / "in", out)
        while run.poll() is None and len(list(out.glob("*.png"))) < asked.pictures // 3:
            time.sleep(0.1)
        ip("-n", hosts[2], "link", "set", "eth0", "down")
        kill(hosts[2])
        killed = time.perf_counter()
        at = len(list(out.glob("*.png")))
        code = run.wait()
        files = sorted(out.glob("*.png"))
        detected = time.perf_counter() - killed
        whole = sum(path.read_bytes() == (folder / "timed-1" / path.name).read_bytes() for path in files)
        left = [path.name for path in out.iterdir() if path.suffix != ".png" and not path.name.startswith(".img2img")]
        sys.stdout.write(
            f"one host {seconds[1]:.1f} s, two hosts {seconds[2]:.1f} s: {seconds[1] / seconds[2]:.2f} times as fast (with the start)\n"
            f"a host killed after {at} of {asked.pictures} pictures: exit code {code} {detected:.0f} s later, {len(files)} files, "
            f"{whole} of them as one host makes them, {asked.pictures - len(files)} lost, {len(left)} partial\n"
        )


if __name__ == "__main__":
    main()
