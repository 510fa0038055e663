"""URLs as paths: nothing of them is lost, and no disk is asked for them."""

import pickle
import sys
from pathlib import Path

import pytest

from img2img.errors import ConfigError, FileError
from img2img.storage.url import Url, absolute, info_of, is_url, place, resolved


def test_a_url_stays_one_through_names_parents_and_joins() -> None:
    url = place("s3://bucket/folder/a.b.png")
    assert [str(each) for each in (url, url.parent, url.with_name("x.png"), url.parent / "sub/c.png", url.parent.parent)] == [
        "s3://bucket/folder/a.b.png",
        "s3://bucket/folder",
        "s3://bucket/folder/x.png",
        "s3://bucket/folder/sub/c.png",
        "s3://bucket",
    ]
    assert (url.stem, url.suffix, url.name) == ("a.b", ".png", "a.b.png")
    assert pickle.loads(pickle.dumps(url)) == place(url) == url
    assert str(place("gs://bucket/folder/")) == "gs://bucket/folder"
    assert absolute(url) == resolved(url) == absolute(str(url)) == "s3://bucket/folder/a.b.png"
    assert url.is_relative_to(place("s3://bucket/folder"))
    assert not url.is_relative_to(Path("/bucket"))


@pytest.mark.parametrize("text", ["a.png", "/a/b", "C:/a", "C://a", "a:b", "./s3://x", "s3:/bucket/a"])
def test_paths_are_paths(text: str) -> None:
    assert not is_url(text)
    assert type(place(text)) is type(Path())
    assert place(text) == Path(text)


def test_what_a_disk_would_be_asked_is_an_error() -> None:
    for ask in (Url("s3://bucket/a").stat, Url("s3://bucket/a").open, Url("s3://bucket/a").read_bytes):
        with pytest.raises(OSError, match="is in object storage"):
            ask()


def test_what_cannot_be_used_is_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"'s3://' is no place in object storage \(s3://BUCKET/FOLDER"):
        place("s3://")
    with pytest.raises(FileError, match="'nosuch://bucket' cannot be used: Protocol not known: nosuch"):
        info_of(Url("nosuch://bucket/a"))
    registry = pytest.importorskip("fsspec.registry")
    monkeypatch.delitem(registry._registry, "gs", raising=False)
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(FileError, match=r"'gs://bucket' needs a package: pip install \"img2img-toolkit\[storage\]\".*gcsfs"):
        info_of(Url("gs://bucket/a"))
