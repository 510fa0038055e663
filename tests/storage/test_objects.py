"""Objects, in memory and on a real S3 server: what is listed, read and written, and who comes first."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from img2img import images
from img2img.errors import FileError, PictureError
from img2img.storage.objects import listed, matching, open_object, put, read_object, remove, state
from img2img.storage.url import Url, place
from tests.helpers.objects import png, store


def test_of_many_writers_one_comes_first(bucket: Url) -> None:
    with ThreadPoolExecutor(8) as writers:
        first = list(writers.map(lambda number: put(bucket / "a", bytes([number]) * 9, replace=False), range(8)))
    assert first.count(True) == 1
    assert read_object(bucket / "a", 99) == bytes([first.index(True)]) * 9


def test_what_is_there_is_replaced_only_where_that_is_allowed(folder: Url) -> None:
    assert put(folder / "a", b"first", replace=False)
    assert not put(folder / "a", b"later", replace=False)
    assert put(folder / "a", b"later", replace=True)
    assert read_object(folder / "a", 99) == b"later"


def test_a_state_changes_with_the_content_and_is_the_same_in_lists(folder: Url) -> None:
    put(folder / "a", b"one", replace=False)
    before = state(folder / "a")
    assert before[0] == 3
    assert [(str(url), name, state(url)) for url, name in listed(folder, recursive=False)] == [(f"{folder}/a", "a", before)]
    put(folder / "a", b"two", replace=True)
    assert state(folder / "a") != before
    remove(folder / "a")
    with pytest.raises(FileNotFoundError, match="no such object"):
        state(folder / "a")


def test_names_with_what_patterns_and_urls_mean_something_by(folder: Url) -> None:
    names = ["a b.png", "a#1?.png", "a[1].png", "a*.png", "sub/ä.png"]
    store(folder, *names)
    assert sorted(name for _, name in listed(folder, recursive=True)) == sorted(names)
    assert [read_object(folder / name, 1 << 20) for name in names] == [png(seed) for seed in range(len(names))]


def test_reading_ends_at_the_cap(folder: Url) -> None:
    put(folder / "a", bytes(1000), replace=False)
    put(folder / "empty", b"", replace=False)
    assert len(read_object(folder / "a", 99)) == 100
    assert read_object(folder / "empty", 99) == b""
    with pytest.raises(PictureError, match="/none' cannot be read: there is no such object"):
        read_object(folder / "none", 99)


def test_an_open_object_is_a_file_of_which_a_part_is_fetched(folder: Url) -> None:
    data = bytes(range(256)) * 2000
    put(folder / "a", data, replace=False)
    with open_object(folder / "a") as file:
        assert file.read(10) == data[:10]
        file.seek(-7, 2)
        assert file.read() == data[-7:]
        file.seek(100_000)
        assert file.read(200_000) == data[100_000:300_000]
        file.seek(10**9)
        assert file.read(1) == b""


def test_a_bucket_that_is_not_there_is_named(server: None) -> None:
    with pytest.raises(FileError, match="'s3://no-such-bucket/a' cannot be written: The specified bucket does not exist"):
        put(Url("s3://no-such-bucket/a"), b"", replace=False)
    with pytest.raises(PictureError, match="'s3://no-such-bucket/a' cannot be read: The specified bucket does not exist"):
        listed(Url("s3://no-such-bucket/a"), recursive=True)


def test_pictures_are_read_and_their_headers_in_part(folder: Url, monkeypatch: pytest.MonkeyPatch) -> None:
    put(folder / "large.png", png(0, side=300), replace=False)
    probed = images.probe(f"{folder}/large.png")
    assert (probed.width, probed.height) == (300, 300)
    picture = images.read(folder / "large.png")
    assert picture.source == place(f"{folder}/large.png")
    put(folder / "empty.png", b"", replace=False)
    with pytest.raises(PictureError, match=r"empty\.png' is empty"):
        images.read(folder / "empty.png")
    with pytest.raises(PictureError, match=r"none\.png' cannot be read: there is no such object"):
        images.probe(folder / "none.png")
    monkeypatch.setattr("img2img.images.safe_open.MAX_BYTES", 100_000)
    for read in (images.read, images.probe):
        with pytest.raises(PictureError, match=r"large\.png' has 0\.0 GiB, more than the 0 GiB that a picture may have"):
            read(folder / "large.png")
    grown = folder / "large.png"
    grown.known = (10, 0)  # as it was when it was listed
    with pytest.raises(PictureError, match="more than"):
        images.read(grown)


def collected(*inputs: object, recursive: bool = False) -> list[tuple[str, str]]:
    found = images.collect([str(each) for each in inputs], recursive=recursive, tolerant=True)
    return [(str(source.path), source.relative.as_posix() if not source.error else str(source.error)) for source in found]


def test_folders_patterns_and_files_are_found(folder: Url) -> None:
    store(folder, "a.png", "b.txt", "sub/c.jpg", ".hidden/d.png", "sub/.e.png", "sub/deep/f.png")
    left_out: list[Path] = []
    images.collect([f"{folder}/"], left_out=left_out)
    assert [str(path) for path in left_out] == [f"{folder}/b.txt"]
    assert collected(folder) == [(f"{folder}/a.png", "a.png")]
    assert [name for _, name in collected(f"{folder}/", recursive=True)] == ["a.png", "sub/c.jpg", "sub/deep/f.png"]
    assert collected(folder / "b.txt", folder / "sub/*.jpg") == [(f"{folder}/b.txt", "b.txt"), (f"{folder}/sub/c.jpg", "c.jpg")]
    assert [name for _, name in collected(f"{folder}/**/*.png")][-1] == "sub/deep/f.png"
    assert [name for _, name in matching(folder / "s*/*.jpg", folder)] == ["sub/c.jpg"]
    for name, message in (("none", "there is no file or folder '.*/none'"), ("x*.png", "no picture matches")):
        with pytest.raises(PictureError, match=message):
            images.collect([f"{folder}/{name}"])
    put(folder / "texts/a.txt", b"", replace=False)
    with pytest.raises(PictureError, match=r"holds no picture \(folders in it are searched with --recursive\); left out: 1 \.txt"):
        images.collect([f"{folder}/texts"])


def test_names_that_no_path_has_are_named_and_not_mangled(bucket: Url) -> None:
    import s3fs

    system = s3fs.S3FileSystem(skip_instance_cache=True)
    store(bucket, "in/a/b.png", "in/c.png")
    system.pipe_file(f"{bucket.name}/in//c.png", b"another")
    system.pipe_file(f"{bucket.name}/in/d//e.png", b"another")
    found = collected(bucket / "in", recursive=True)
    assert [path.removeprefix(f"{bucket}/") for path, _ in found] == ["in/a/b.png", "in/c.png", "in/d/e.png"]
    assert found[1][1] == "c.png"
    assert found[2][1] == f"'{bucket}/in/d//e.png' has an empty folder, or one called '.', in its name: rename it"
