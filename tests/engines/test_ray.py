"""The Ray engine on a real cluster: what the local engine makes, whatever dies meanwhile."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from img2img import images
from img2img.batch.jobs import Job, Naming, plan
from img2img.batch.manifest import NAME
from img2img.batch.outcome import Outcome
from img2img.batch.run import run
from img2img.batch.write import WriteOptions
from img2img.engines.ray_engine import Cluster, run_on_ray
from img2img.engines.worker import Setup, read_model_files, sha256_of
from img2img.errors import ConfigError, EngineError
from img2img.export.write import export
from img2img.inference.runtime import Runtime
from img2img.models import load_model, save_model
from img2img.tasks.upscale.options import UpscaleOptions
from img2img.tasks.upscale.pipeline import UpscalePipeline
from tests.helpers.deadly import DeadlyPipeline
from tests.helpers.disks import small_disk

pytestmark = pytest.mark.slow
Run = Callable[..., Iterator[Outcome]]


@pytest.fixture
def model(tmp_path: Path, tiny: Callable[..., UpscalePipeline]) -> Path:
    made = tiny(2).model
    save_model(tmp_path / "tiny.safetensors", made.network, made.info)
    return tmp_path / "tiny.safetensors"


@pytest.fixture
def on_ray(model: Path, cluster: Any) -> Run:
    """Runs jobs on the cluster."""
    name, data = read_model_files(str(model))

    def made(jobs: list[Job], *, workers: int | None = None, sent: Any = (model, data), **changed: Any) -> Iterator[Outcome]:
        setup = Setup(DeadlyPipeline, Runtime(), (UpscaleOptions(),), WriteOptions(), name, sha256_of(data))
        setup = replace(setup, **changed)
        open_ = partial(UpscalePipeline.open, sent[0], Runtime(device="cpu"))
        quiet: Any = {"progress": lambda pixels, share: None, "check": lambda: None}
        return run_on_ray(jobs, open_, WriteOptions(), setup, sent[1], Cluster(workers=workers), **quiet)

    return made


def pictures(folder: Path, names: list[str], side: int = 10) -> Path:
    folder.mkdir(parents=True)
    values = np.random.default_rng(0)
    for name in names:
        Image.fromarray(values.integers(0, 256, (side, side, 3), np.uint8)).save(folder / f"{name}.png")
    return folder


def jobs_of(folder: Path, out: Path) -> list[Job]:
    return [replace(job, options=UpscaleOptions()) for job in plan([str(folder)], Naming(str(out)))]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != NAME}


def statuses(outcomes: Iterator[Outcome]) -> dict[str, str]:
    return {outcome.job.source.stem: outcome.status for outcome in outcomes}


def test_the_files_of_the_local_engine_and_a_second_run_does_nothing(on_ray: Run, model: Path, tmp_path: Path) -> None:
    names = [f"{number:02}" for number in range(12)]
    photos = pictures(tmp_path / "in", names)
    (photos / "bad.png").write_bytes(b"no picture")
    local = partial(UpscalePipeline.open, model, Runtime(device="cpu"))
    list(run(jobs_of(photos, tmp_path / "local"), local, WriteOptions()))
    expected = dict.fromkeys(names, "ok") | {"bad": "failed"}
    assert statuses(on_ray(jobs_of(photos, tmp_path / "ray"))) == expected
    assert contents(tmp_path / "ray") == contents(tmp_path / "local")
    assert statuses(on_ray(jobs_of(photos, tmp_path / "ray"))) == dict.fromkeys(names, "skipped") | {"bad": "failed"}
    again = statuses(run(jobs_of(photos, tmp_path / "ray"), local, WriteOptions()))
    assert again == dict.fromkeys(names, "skipped") | {"bad": "failed"}, "one record for both engines"


@pytest.mark.parametrize("kind", ["a file of two", "a runtime"])
def test_exports_are_sent_with_all_their_files(on_ray: Run, model: Path, tmp_path: Path, kind: str) -> None:
    for needed in ("onnx", "onnxscript", "openvino"):
        pytest.importorskip(needed)
    export(load_model(model), tmp_path / "up.xml")
    photos = pictures(tmp_path / "in", ["a", "b"])
    list(run(jobs_of(photos, tmp_path / "local"), partial(UpscalePipeline.open, tmp_path / "up.xml"), WriteOptions()))
    name, data = read_model_files(str(tmp_path / "up.xml"))
    assert sorted(data) == ["up.bin", "up.xml"]
    changed: dict[str, Any] = {"model": name}
    if kind == "a runtime":
        data |= read_model_files(str(model))[1]
        changed = {"exported": name, "runtime": Runtime(runtime="openvino")}
    opened = tmp_path / "up.xml" if kind == "a file of two" else model
    made = on_ray(jobs_of(photos, tmp_path / "ray"), sent=(opened, data), sha256=sha256_of(data), **changed)
    assert statuses(made) == {"a": "ok", "b": "ok"}
    assert contents(tmp_path / "ray") == contents(tmp_path / "local")


def test_a_picture_that_ends_its_process_is_named_and_nothing_else_is_lost(on_ray: Run, tmp_path: Path) -> None:
    names = ["a", "b", "deadly", "once", "c"]
    photos = pictures(tmp_path / "in", names)
    outcomes = {outcome.job.source.stem: outcome for outcome in on_ray(jobs_of(photos, tmp_path / "out"))}
    assert {name: outcome.status for name, outcome in outcomes.items()} == dict.fromkeys(names, "ok") | {"deadly": "failed"}
    assert "deadly.png' ended the process that worked on it, 3 times" in str(outcomes["deadly"].error)
    assert (photos / "deadly.died").read_text() == "xxx"
    assert (photos / "once.died").read_text() == "x"
    assert sorted(contents(tmp_path / "out")) == ["a.png", "b.png", "c.png", "once.png"]


def test_a_full_disk_fails_what_does_not_fit_and_the_rest_goes_on(on_ray: Run, tmp_path: Path) -> None:
    photos = pictures(tmp_path / "in", ["a", "b"], side=60)
    Image.new("RGB", (8, 8)).save(photos / "small.png")
    with small_disk(tmp_path / "disk", "60k") as disk:
        outcomes = {outcome.job.source.stem: outcome for outcome in on_ray(jobs_of(photos, disk / "out"))}
        failed = [outcome for outcome in outcomes.values() if outcome.status == "failed"]
        assert outcomes["small"].status == "ok"
        assert failed
        assert all("No space left on device" in str(outcome.error) for outcome in failed)
        assert not [name for name in contents(disk / "out") if name.startswith(".")]


def test_another_version_or_model_on_a_node_ends_the_run(on_ray: Run, tmp_path: Path) -> None:
    jobs = jobs_of(pictures(tmp_path / "in", ["a"]), tmp_path / "out")
    with pytest.raises(EngineError, match=r"is installed on .*, and 0\.0 where the command runs"):
        list(on_ray(jobs, version="0.0"))
    with pytest.raises(EngineError, match="has another SHA-256"):
        list(on_ray(jobs, sha256="0" * 64))
    with pytest.raises(ConfigError, match="'cuda:1' names a device of one machine"):
        list(on_ray(jobs, runtime=Runtime(device="cuda:1")))
    assert not (tmp_path / "out").exists()


def test_leaving_early_leaves_no_partial_file_and_a_second_run_does_the_rest(on_ray: Run, tmp_path: Path) -> None:
    names = [f"slow{number:02}" for number in range(20)]
    photos = pictures(tmp_path / "in", names)
    begun = on_ray(jobs_of(photos, tmp_path / "out"))
    first = next(begun)
    begun.close()  # type: ignore[attr-defined]
    made = contents(tmp_path / "out")
    assert first.job.target.name in made
    assert len(made) < 20
    assert all(images.read(tmp_path / "out" / name).width == 20 for name in made)
    rest = statuses(on_ray(jobs_of(photos, tmp_path / "out")))
    assert rest == {name: "skipped" if f"{name}.png" in made else "ok" for name in names}


def test_a_node_that_is_lost_in_mid_run_loses_nothing(on_ray: Run, cluster: Any, tmp_path: Path) -> None:
    names = [f"slow{number:02}" for number in range(40)]
    photos = pictures(tmp_path / "in", names)
    cluster.add_node(num_cpus=1, object_store_memory=80_000_000)
    node = cluster.list_all_nodes()[-1]
    seen = []
    for outcome in on_ray(jobs_of(photos, tmp_path / "out")):
        seen.append(outcome)
        if len(seen) == 4:
            cluster.remove_node(node, allow_graceful=False)
            time.sleep(0.5)
    assert sorted(outcome.job.source.stem for outcome in seen) == names, "each once"
    assert {outcome.status for outcome in seen} == {"ok"}
    made = contents(tmp_path / "out")
    assert sorted(made) == [f"{name}.png" for name in names]
    assert all(images.read(tmp_path / "out" / name).width == 20 for name in made)
