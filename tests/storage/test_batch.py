"""A batch from and to object storage: what is made, what a second run does, and what a second writer does to it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from img2img import images
from img2img.batch import object_journal
from img2img.batch.jobs import Job, Naming, plan
from img2img.batch.manifest import Record
from img2img.batch.outcome import Outcome
from img2img.batch.run import run
from img2img.batch.write import WriteOptions
from img2img.errors import FileError, Img2ImgError
from img2img.images import Picture
from img2img.inference.runtime import Result
from img2img.storage.objects import put, read_object, remove
from img2img.storage.url import Url
from img2img.tasks.upscale.options import UpscaleOptions
from img2img.tasks.upscale.pipeline import UpscalePipeline
from tests.helpers.objects import contents, png, record_objects, store

Tiny = Callable[..., UpscalePipeline]


@pytest.fixture(autouse=True)
def _looks_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_journal, "AGAIN", 0.0)


def jobs_of(place: Url | Path, out: Url | Path, **naming: Any) -> list[Job]:
    planned = plan([str(place)], Naming(f"{out}/", **naming), recursive=True)
    return [replace(job, options=UpscaleOptions()) for job in planned]


def outcomes(jobs: list[Job], pipeline: UpscalePipeline, **options: Any) -> list[Outcome]:
    return list(run(jobs, lambda: pipeline, WriteOptions(**options)))


def states(jobs: list[Job], pipeline: UpscalePipeline, **options: Any) -> list[str]:
    return [outcome.status for outcome in outcomes(jobs, pipeline, **options)]


def test_the_objects_are_the_files_of_a_disk_and_a_second_run_does_nothing(folder: Url, tiny: Tiny, tmp_path: Path) -> None:
    store(folder / "in", "a.png", "sub/b.png")
    for name, data in contents(folder / "in").items():
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(data)
    assert states(jobs_of(tmp_path / "in", tmp_path / "out"), tiny(2)) == ["ok", "ok"]
    expected = {name: (tmp_path / "out" / name).read_bytes() for name in ("a.png", "sub/b.png")}
    assert states(jobs_of(folder / "in", folder / "out"), tiny(2)) == ["ok", "ok"]
    assert contents(folder / "out") == expected
    assert states(jobs_of(folder / "in", folder / "out"), tiny(2)) == ["skipped", "skipped"]
    assert states(jobs_of(tmp_path / "in", folder / "up"), tiny(2)) == ["ok", "ok"]
    assert states(jobs_of(folder / "in", tmp_path / "down"), tiny(2)) == ["ok", "ok"]
    assert contents(folder / "up") == {name: (tmp_path / "down" / name).read_bytes() for name in expected} == expected
    assert states(jobs_of(folder / "in", tmp_path / "down"), tiny(2)) == ["skipped", "skipped"]


def test_what_is_missing_or_changed_is_made(folder: Url, tiny: Tiny) -> None:
    store(folder / "in", "a.png", "b.png", "c.png")

    def again(pipeline: UpscalePipeline, **options: Any) -> list[str]:
        return states(jobs_of(folder / "in", folder / "out"), pipeline, **options)

    assert again(tiny(2)) == ["ok"] * 3
    remove(folder / "out/b.png")
    put(folder / "in/a.png", png(9), replace=True)
    assert again(tiny(2)) == ["ok", "ok", "skipped"]
    assert again(tiny(3)) == ["ok"] * 3, "another model replaces what is ours"
    assert images.read(folder / "out/a.png").width == 24
    put(folder / "out/c.png", b"the user's", replace=True)
    assert again(tiny(2)) == ["ok", "ok", "failed"]
    assert read_object(folder / "out/c.png", 99) == b"the user's"
    assert again(tiny(2), overwrite=True) == ["skipped", "skipped", "ok"]


def test_a_lost_record_costs_time_and_nothing_else(folder: Url, tiny: Tiny) -> None:
    """As when a process is killed before its lines are written."""
    store(folder / "in", "a.png", "b.png")
    jobs = jobs_of(folder / "in", folder / "out")
    assert states(jobs, tiny(2)) == ["ok", "ok"]
    made = contents(folder / "out")
    for url in record_objects(folder / "out"):
        remove(url)
    assert states(jobs_of(folder / "in", folder / "out"), tiny(2)) == ["ok", "ok"]
    assert contents(folder / "out") == made
    assert states(jobs_of(folder / "in", folder / "out"), tiny(2)) == ["skipped", "skipped"]
    for url in record_objects(folder / "out"):
        remove(url)
    failed = outcomes(jobs_of(folder / "in", folder / "out"), tiny(2, blocks=2))
    assert [str(outcome.error) for outcome in failed] == [
        f"'{folder}/out/{name}' exists, and is not as img2img wrote it; --overwrite replaces it" for name in ("a.png", "b.png")
    ]
    assert contents(folder / "out") == made


class Racing(UpscalePipeline):
    """While it computes another writer puts ``theirs`` where the result will go."""

    target: Url
    theirs: bytes

    def __call__(self, picture: Picture, options: Any, *, progress: Any = None) -> Result:
        assert put(self.target, self.theirs, replace=False)
        return super().__call__(picture, options, progress=progress)


def racing(pipeline: UpscalePipeline, target: Url, theirs: bytes) -> Racing:
    made = Racing(pipeline.model, pipeline.runtime)
    made.target, made.theirs = target, theirs
    return made


def test_a_race_that_is_lost_counts_as_done_by_the_other(bucket: Url, tiny: Tiny) -> None:
    store(bucket / "in", "a.png")
    assert states(jobs_of(bucket / "in", bucket / "alone"), tiny(2)) == ["ok"]
    theirs = read_object(bucket / "alone/a.png", 1 << 20)
    jobs = jobs_of(bucket / "in", bucket / "out")
    assert states(jobs, racing(tiny(2), bucket / "out/a.png", theirs)) == ["ok"]
    assert contents(bucket / "out") == {"a.png": theirs}
    assert states(jobs_of(bucket / "in", bucket / "out"), tiny(2)) == ["skipped"], "the record has it"


def test_a_race_that_is_lost_to_something_else_fails_and_leaves_that(bucket: Url, tiny: Tiny) -> None:
    store(bucket / "in", "a.png", "b.png")
    jobs = jobs_of(bucket / "in", bucket / "out")[:1]
    (lost,) = outcomes(jobs, racing(tiny(2), bucket / "out/a.png", b"something else"))
    assert str(lost.error) == f"'{bucket}/out/a.png' exists, and is not as img2img wrote it; --overwrite replaces it"
    assert contents(bucket / "out") == {"a.png": b"something else"}
    remove(bucket / "out/a.png")
    assert states(jobs, racing(tiny(2), bucket / "out/a.png", b"something else"), overwrite=True) == ["ok"]
    assert images.read(bucket / "out/a.png").width == 16


def test_what_cannot_be_read_fails_alone(folder: Url, tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    store(folder / "in", "a.png", "gone.png")
    put(folder / "in/bad.png", b"no picture", replace=False)
    put(folder / "in/large.png", png(0, side=200), replace=False)
    jobs = jobs_of(folder / "in", folder / "out")
    remove(folder / "in/gone.png")
    monkeypatch.setattr("img2img.images.safe_open.MAX_BYTES", 50_000)
    done = {outcome.job.source.name: outcome for outcome in outcomes(jobs, tiny(2))}
    assert {name: outcome.status for name, outcome in done.items()} == {
        "a.png": "ok",
        "bad.png": "failed",
        "gone.png": "failed",
        "large.png": "failed",
    }
    assert f"'{folder}/in/gone.png' cannot be read" in str(done["gone.png"].error)
    assert "more than the" in str(done["large.png"].error)
    assert list(contents(folder / "out")) == ["a.png"]


def test_inputs_and_outputs_in_one_folder(folder: Url, tiny: Tiny) -> None:
    store(folder, "a.png", "b.jpg")
    jobs = [replace(job, options=UpscaleOptions()) for job in plan([f"{folder}/*.*"], Naming(suffix="_2x"))]
    assert [str(job.target) for job in jobs] == [f"{folder}/a_2x.png", f"{folder}/b_2x.jpg"]
    assert states(jobs, tiny(2)) == ["ok", "ok"]
    with_output = plan([f"{folder}/"], Naming(f"{folder}/out/"), recursive=True)
    assert [str(job.target) for job in with_output] == [f"{folder}/out/{name}" for name in ("a.png", "a_2x.png", "b.jpg", "b_2x.jpg")]
    put(folder / "out/c.png", png(0), replace=False)
    assert plan([f"{folder}/"], Naming(f"{folder}/out/"), recursive=True) == with_output, "outputs are no inputs"
    own = [replace(job, options=UpscaleOptions()) for job in plan([f"{folder}/a.png"], Naming(str(folder / "a.png")))]
    assert states(own, tiny(2)) == ["failed"]
    assert states(own, tiny(2), overwrite=True) == ["ok"]
    assert images.read(folder / "a.png").width == 16


def test_names_that_collide_are_told_apart_as_on_disks(memory: Url) -> None:
    store(memory / "in", "a.png", "a.jpg", "A.png")
    jobs = plan([f"{memory}/in"], Naming(f"{memory}/out/", extension="webp"))
    assert [job.target.name for job in jobs] == ["A.webp", "a_jpg.webp", "a_png.webp"]
    beside = plan([f"{memory}/in"], Naming())
    assert {str(job.folder) for job in beside} == {f"{memory}/in_4x"}


def test_the_record_is_in_objects_of_many_lines(folder: Url, tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_journal, "LINES", 4)
    store(folder / "in", *(f"{number}.png" for number in range(10)))
    assert states(jobs_of(folder / "in", folder / "out"), tiny(2)) == ["ok"] * 10
    found = record_objects(folder / "out")
    assert [read_object(url, 1 << 20).count(b"\n") for url in found] == [4, 4, 2]
    record = Record(folder / "out")
    assert all(record.key(folder / f"out/{number}.png") for number in range(10))
    assert not any(b"/in/" in read_object(url, 1 << 20) for url in found), "sources are not named"
    put(folder / "out/.img2img/20000101T000000Z-other-000000.jsonl", b'\n["0.png", 1\n{}', replace=False)
    assert states(jobs_of(folder / "in", folder / "out"), tiny(2)) == ["skipped"] * 10, "lines that are none are passed over"


def test_a_record_follows_what_others_write(folder: Url, tmp_path: Path) -> None:
    mine, theirs = Record(folder), Record(folder)
    (tmp_path / "made").write_bytes(b"made")
    for name in ("a.png", "b.png"):
        put(folder / name, b"made", replace=False)
        theirs.add(folder / name, tmp_path / "made", f"key of {name}", folder / "in.png")
    assert mine.key(folder / "a.png") is None
    theirs.flush()
    assert [mine.key(folder / name) for name in ("a.png", "b.png")] == ["key of a.png", "key of b.png"]
    assert mine.is_made_from(folder / "in.png", folder / "a.png")
    assert not mine.is_made_from(folder / "other.png", folder / "a.png")


def test_what_cannot_be_written_is_said_before_anything_is_computed(server: None, memory: Url, tiny: Tiny) -> None:
    store(memory, "a.png")
    pipeline = racing(tiny(2), memory / "computed", b"")
    with pytest.raises(FileError, match=r"the record of what was made: 's3://no-such-bucket/out/.*' cannot be written: .*does not exist"):
        states(jobs_of(memory, Url("s3://no-such-bucket/out")), pipeline)
    assert not (memory / "computed").exists()


def test_too_large_a_record_is_refused(memory: Url, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_journal, "MAX_BYTES", 100)
    put(memory / ".img2img/x.jsonl", bytes(101), replace=False)
    with pytest.raises(Img2ImgError, match="has 101 bytes, more than 100; move it away"):
        Record(memory)
