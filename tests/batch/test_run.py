import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from img2img import images
from img2img.api import LoadedModel
from img2img.batch.jobs import Job, Naming, plan
from img2img.batch.manifest import NAME
from img2img.batch.outcome import Outcome
from img2img.batch.run import run
from img2img.batch.write import WriteOptions
from img2img.errors import Img2ImgError
from img2img.tasks.upscale import UPSCALE
from img2img.tasks.upscale.options import UpscaleOptions
from img2img.tasks.upscale.pipeline import UpscalePipeline
from tests.helpers.disks import full_after, small_disk

Tiny = Callable[..., UpscalePipeline]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    values = np.random.default_rng(0)
    for name in ("a.png", "b.jpg", "sub/c.png"):
        Image.fromarray(values.integers(0, 256, (6, 9, 3), np.uint8)).save(folder / name)
    return folder


def planned(inputs: list[str], naming: Naming, scale: float | None = None, recursive: bool = False) -> list[Job]:
    return [replace(job, options=UpscaleOptions.of(scale)) for job in plan(inputs, naming, recursive=recursive)]


def jobs_of(folder: Path, scale: float | None = None, **naming: str) -> list[Job]:
    return planned([str(folder)], Naming(str(folder.parent / "out"), **naming), scale, recursive=True)  # type: ignore[arg-type]


def outcomes_of(jobs: Sequence[Job], pipeline: UpscalePipeline, **options: object) -> list[Outcome]:
    return list(run(jobs, lambda: pipeline, WriteOptions(**options)))  # type: ignore[arg-type]


def states(jobs: Sequence[Job], pipeline: UpscalePipeline, **options: object) -> list[str]:
    return [outcome.status for outcome in outcomes_of(jobs, pipeline, **options)]


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.name != NAME)


def test_results_are_what_the_pipeline_gives(tiny: Tiny, photos: Path) -> None:
    pipeline = tiny(2)
    outcomes = outcomes_of(jobs_of(photos), pipeline)
    assert [outcome.status for outcome in outcomes] == ["ok"] * 3
    assert [outcome.output_size for outcome in outcomes] == [(18, 12)] * 3
    assert files_in(photos.parent / "out") == ["a.png", "b.jpg", "sub/c.png"]
    with Image.open(photos / "a.png") as source, Image.open(photos.parent / "out/a.png") as made:
        assert np.array_equal(LoadedModel(UPSCALE, pipeline)(np.asarray(source)), np.asarray(made))


def test_a_second_run_does_what_is_missing_or_changed(tiny: Tiny, photos: Path) -> None:
    jobs, out = jobs_of(photos), photos.parent / "out"
    assert states(jobs, tiny(2)) == ["ok", "ok", "ok"]
    assert states(jobs, tiny(2)) == ["skipped"] * 3
    (out / "b.jpg").unlink()
    assert states(jobs, tiny(2)) == ["skipped", "ok", "skipped"]
    Image.new("RGB", (5, 5)).save(photos / "a.png")
    assert states(jobs, tiny(2)) == ["ok", "skipped", "skipped"]
    assert states(jobs, tiny(3)) == ["ok"] * 3, "another model"
    jobs = jobs_of(photos, scale=2.5)
    assert states(jobs, tiny(3)) == ["ok"] * 3, "another scale"
    assert states(jobs, tiny(3), strip_metadata=True) == ["ok"] * 3
    assert states(jobs, tiny(3), strip_metadata=True) == ["skipped"] * 3


def test_what_is_not_ours_is_not_overwritten(tiny: Tiny, photos: Path) -> None:
    jobs, out = jobs_of(photos), photos.parent / "out"
    out.mkdir()
    Image.new("RGB", (1, 1)).save(out / "a.png")
    before = (out / "a.png").read_bytes()
    outcomes = outcomes_of(jobs, tiny(2))
    assert [outcome.status for outcome in outcomes] == ["failed", "ok", "ok"]
    assert "--overwrite replaces it" in str(outcomes[0].error)
    assert (out / "a.png").read_bytes() == before
    assert states(jobs, tiny(2), overwrite=True) == ["ok", "skipped", "skipped"]
    with open(out / "sub/c.png", "ab") as file:
        file.write(b"the user's change")
    assert states(jobs, tiny(2)) == ["skipped", "skipped", "failed"]


def test_inputs_are_not_overwritten(tiny: Tiny, photos: Path) -> None:
    jobs = planned([str(photos)], Naming(str(photos)))
    outcomes = outcomes_of(jobs, tiny(2))
    assert all("is an input" in str(outcome.error) for outcome in outcomes)
    assert states(jobs, tiny(2), overwrite=True) == ["ok", "ok"]
    assert states(jobs, tiny(2), overwrite=True) == ["skipped", "skipped"], "or every run would double them again"
    assert Image.open(photos / "a.png").size == (18, 12)


def test_results_beside_inputs_are_not_enlarged_again(tiny: Tiny, photos: Path) -> None:
    pattern, naming = str(photos / "*.*"), Naming(suffix="_2x")
    assert states(planned([pattern], naming), tiny(2)) == ["ok", "ok"]
    assert states(planned([pattern], naming), tiny(2)) == ["skipped"] * 4
    assert files_in(photos) == ["a.png", "a_2x.png", "b.jpg", "b_2x.jpg", "sub/c.png"]
    assert states(planned([str(photos / "a_2x.png")], naming), tiny(2)) == ["ok"], "asked for by name"


def test_a_bad_file_does_not_stop_the_others(tiny: Tiny, photos: Path) -> None:
    (photos / "a.png").write_bytes((photos / "a.png").read_bytes()[:60])
    (photos / "aa.png").write_text("not a picture")
    os.mkfifo(photos / "ab.png")
    outcomes = outcomes_of(jobs_of(photos), tiny(2))
    assert [(outcome.job.source.name, outcome.status) for outcome in outcomes] == [
        ("a.png", "failed"),
        ("aa.png", "failed"),
        ("ab.png", "failed"),
        ("b.jpg", "ok"),
        ("c.png", "ok"),
    ]
    assert all(outcome.error for outcome in outcomes[:3])
    assert files_in(photos.parent / "out") == ["b.jpg", "sub/c.png"]


def test_too_large_for_the_format(tiny: Tiny, photos: Path) -> None:
    Image.new("L", (9000, 1)).save(photos / "a.png")
    outcome = outcomes_of(jobs_of(photos, extension="webp"), tiny(2))[0]
    assert "does not go into WEBP" in str(outcome.error)


def test_large_pictures_are_streamed(tiny: Tiny, photos: Path) -> None:
    values = np.random.default_rng(1).integers(0, 256, (90, 40, 4), np.uint8)
    Image.fromarray(values).save(photos / "a.png", dpi=(300, 300))
    told: list[tuple[int, float]] = []
    jobs = planned([str(photos / "a.png")], Naming(str(photos.parent / "out")))
    pipeline = tiny(2, tile=30)
    list(run(jobs, lambda: pipeline, WriteOptions(streamed=50), progress=lambda pixels, share: told.append((pixels, share))))
    with Image.open(photos.parent / "out/a.png") as made:
        difference = np.asarray(made).astype(int) - LoadedModel(UPSCALE, tiny(2, tile=0))(values)
        assert np.abs(difference).max() <= 1
        assert made.info["dpi"] == pytest.approx((300, 300), abs=0.1)
    assert len(told) > 2
    assert sum(share for _, share in told) == pytest.approx(1)
    assert states(jobs, tiny(2)) == ["skipped"]


@pytest.mark.parametrize("streamed", [50, 10**9])
def test_leaving_early_leaves_no_partial_file(tiny: Tiny, photos: Path, streamed: int) -> None:
    pipeline, calls = tiny(2, tile=30), 0
    inner = pipeline.bands

    def bands(*args: object, **more: object) -> Iterator[object]:
        nonlocal calls
        calls += 1
        if calls == 2:
            yield next(inner(*args, **more))  # type: ignore[arg-type]
            raise KeyboardInterrupt
        yield from inner(*args, **more)  # type: ignore[arg-type]

    pipeline.bands = bands  # type: ignore[method-assign, assignment]
    with pytest.raises(KeyboardInterrupt):
        outcomes_of(jobs_of(photos), pipeline, streamed=streamed)
    left = [path for path in (photos.parent / "out").rglob("*") if path.is_file() and path.name != NAME]
    assert all(images.read(path).width == 18 for path in left)
    assert not [path for path in left if path.name.startswith(".img2img-")]
    assert states(jobs_of(photos), tiny(2, tile=30)).count("failed") == 0


def test_a_crash_before_the_renaming_does_no_harm(tiny: Tiny, photos: Path) -> None:
    """The record has the line, the file is missing: it is made. The record's last line is cut: what it said is made again or refused."""
    jobs, out = jobs_of(photos), photos.parent / "out"
    states(jobs, tiny(2))
    (out / "sub/c.png").unlink()
    with open(out / NAME, "ab") as file:
        file.write(b'\n["a.png", 12')  # as ``Record.add`` begins a line
    assert states(jobs, tiny(2)) == ["skipped", "skipped", "ok"]
    assert states(jobs, tiny(2)) == ["skipped", "skipped", "skipped"]


def counted(pipeline: UpscalePipeline) -> list[int]:
    """Gets a number for each picture that ``pipeline`` computes."""
    calls: list[int] = []
    inner = pipeline.bands

    def bands(*args: object, **more: object) -> Iterator[object]:
        calls.append(len(calls))
        yield from inner(*args, **more)  # type: ignore[arg-type]

    pipeline.bands = bands  # type: ignore[method-assign, assignment]
    return calls


def test_a_lost_record_is_found_again_by_the_content(tiny: Tiny, photos: Path) -> None:
    jobs, out = jobs_of(photos), photos.parent / "out"
    states(jobs, tiny(2))
    before = {path: path.read_bytes() for path in (out / "a.png", out / "b.jpg", out / "sub/c.png")}
    (out / NAME).unlink()
    assert states(jobs, tiny(2)) == ["ok"] * 3
    assert states(jobs, tiny(2)) == ["skipped"] * 3
    assert {path: path.read_bytes() for path in before} == before


def test_of_strange_files_without_a_record_one_is_computed_at_most(tiny: Tiny, photos: Path) -> None:
    out = photos.parent / "out"
    (out / "sub").mkdir(parents=True)
    Image.new("RGB", (9, 6)).save(out / "a.png")  # not of the size that the result would have
    Image.new("RGB", (18, 12)).save(out / "b.jpg")
    Image.new("RGB", (18, 12)).save(out / "sub/c.png")
    before = {path: path.read_bytes() for path in (out / "a.png", out / "b.jpg", out / "sub/c.png")}
    pipeline = tiny(2)
    calls = counted(pipeline)
    jobs = jobs_of(photos)
    assert states(jobs, pipeline) == ["failed"] * 3
    assert len(calls) <= 2, "those that are read ahead of the first refusal"
    assert {path: path.read_bytes() for path in before} == before


def test_several_runs_share_a_folder(tiny: Tiny, photos: Path) -> None:
    """One has read the record and begun; another makes everything; the first goes on."""
    for number in range(20):
        Image.new("L", (4, 4), number).save(photos / f"{number:02}.png")
    jobs = jobs_of(photos)
    late = run(jobs, lambda: tiny(2), WriteOptions())
    assert next(late).status == "ok"
    assert set(states(jobs, tiny(2))) <= {"ok", "skipped"}
    rest = [outcome.status for outcome in late]
    assert set(rest) <= {"ok", "skipped"}
    assert rest[-1] == "skipped", "made by the other"
    assert states(jobs, tiny(2)) == ["skipped"] * 23


def test_a_folder_that_cannot_be_written_to_is_found_first(tiny: Tiny, photos: Path) -> None:
    (photos.parent / "out").write_text("a file")
    pipeline = tiny(2)
    calls = counted(pipeline)
    with pytest.raises(Img2ImgError, match=r"cannot write into .*out'.*; choose another output folder"):
        outcomes_of(jobs_of(photos), pipeline)
    assert calls == []


def test_one_folder_of_several_that_cannot_be_written_to(tiny: Tiny, photos: Path) -> None:
    (photos.parent / "out").mkdir()
    (photos.parent / "out/sub").write_text("a file")
    outcomes = outcomes_of(jobs_of(photos), tiny(2))
    assert [outcome.status for outcome in outcomes] == ["ok", "ok", "failed"]
    assert "cannot write into" in str(outcomes[2].error)


def test_a_read_only_disk_is_no_matter_where_all_is_done(tiny: Tiny, photos: Path) -> None:
    with small_disk(photos.parent / "disk", "200k") as disk:
        jobs = planned([str(photos)], Naming(str(disk / "out")))
        assert states(jobs, tiny(2)) == ["ok", "ok"]
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        assert states(jobs, tiny(2)) == ["skipped", "skipped"]
        with pytest.raises(Img2ImgError, match="Read-only file system"):
            outcomes_of(jobs, tiny(3))


@pytest.mark.parametrize("streamed", [50, 10**9])
@pytest.mark.parametrize("suffix", ["jpg", "jp2", "png", "tif", "webp"])
def test_a_full_disk_fails_what_does_not_fit_and_the_rest_goes_on(tiny: Tiny, tmp_path: Path, suffix: str, streamed: int) -> None:
    (tmp_path / "in").mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    for name, values in (("a", noise), ("b", np.full_like(noise[:4, :4], 77)), ("c", noise[::-1]), ("d", noise[:4, :5] // 2)):
        Image.fromarray(values).save(tmp_path / f"in/{name}.png")
    jobs, pipeline = planned([str(tmp_path / "in")], Naming(str(tmp_path / "out"), extension=suffix)), tiny(2)
    with full_after(1500):
        outcomes = outcomes_of(jobs, pipeline, streamed=streamed)
    assert [outcome.status for outcome in outcomes] == ["failed", "ok", "failed", "ok"]
    assert f"a.{suffix}' cannot be written: File too large" in str(outcomes[0].error)
    assert files_in(tmp_path / "out") == [f"b.{suffix}", f"d.{suffix}"]
    assert (tmp_path / "out" / NAME).read_bytes().count(b"\n") == 2
    assert states(jobs, pipeline) == ["ok", "skipped", "ok", "skipped"]


def test_no_outcome_is_lost_in_a_long_row(tiny: Tiny, tmp_path: Path) -> None:
    (tmp_path / "many").mkdir()
    for number in range(40):
        Image.new("L", (3 + number % 5, 4), number).save(tmp_path / "many" / f"{number:02}.png")
    outcomes: list[Outcome] = outcomes_of(jobs_of(tmp_path / "many"), tiny(2))
    assert [outcome.job.source.name for outcome in outcomes] == [f"{number:02}.png" for number in range(40)]
    assert {outcome.status for outcome in outcomes} == {"ok"}


@pytest.mark.parametrize("message", ["DefaultCPUAllocator: can't allocate memory: you tried", "could not create a primitive"])
def test_a_picture_that_does_not_fit_into_memory_does_not_stop_the_others(
    tiny: Tiny, photos: Path, monkeypatch: pytest.MonkeyPatch, message: str
) -> None:
    made = UpscalePipeline.__call__

    def scarce(self: UpscalePipeline, picture: images.Picture, *args: object, **options: object) -> object:
        if picture.source and picture.source.name == "b.jpg":
            raise RuntimeError(message)
        return made(self, picture, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(UpscalePipeline, "__call__", scarce)
    outcomes = outcomes_of(jobs_of(photos), tiny(2))
    assert [outcome.status for outcome in outcomes] == ["ok", "failed", "ok"]
    assert "b.jpg' does not fit into memory; give a smaller tile" in str(outcomes[1].error)


def test_a_bug_is_no_picture_s_fault(tiny: Tiny, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object, **options: object) -> object:
        raise RuntimeError("a bug")

    monkeypatch.setattr(UpscalePipeline, "__call__", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        outcomes_of(jobs_of(photos), tiny(2))
