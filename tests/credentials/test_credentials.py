"""Content credentials: signed results of real files, checked, changed, continued; certificates that fit and those that do not."""

import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cli_errors import raise_error
from PIL import Image
from serving import served
from typer.testing import CliRunner

from img2img import images
from img2img.cli import app
from img2img.credentials.identity import ANCHOR, CERTIFICATE, KEY, create, load_identity
from img2img.credentials.sign import ENDING, SIGNED, Making, has_credentials, sign
from img2img.credentials.validate import validate
from img2img.errors import ConfigError, Img2ImgError
from img2img.images.label import COMPOSITE, Label

pytest.importorskip("c2pa", reason="the extra credentials is not installed")
MAKING = Making(Label(COMPOSITE, "img2img tiny", "1.0"), "ab" * 32, "{'scale': 2}")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("credentials")
    create(folder)
    return folder


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.effect_noise((40, 30), 60).convert("RGB").save(path)
    return path


def run(*words: Any) -> Any:
    done = CliRunner().invoke(app, [str(word) for word in words])
    raise_error(done)
    assert done.exit_code == 0
    return done


def signer(home: Path) -> list[str]:
    return ["--credentials", "--certificate", str(home / CERTIFICATE), "--key", str(home / KEY)]


@pytest.mark.parametrize("format", SIGNED)
def test_every_format_is_signed_and_a_changed_byte_is_found(home: Path, picture: Path, tmp_path: Path, format: str) -> None:
    path = tmp_path / f"result.{format.lower()}"
    Image.open(picture).save(path, format)
    pixels = Image.open(path).convert("RGB").tobytes()
    assert sign(path, format, picture, "PNG", MAKING, load_identity(home / CERTIFICATE, home / KEY)) is None
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted({"photo.png", path.name})
    assert Image.open(path).convert("RGB").tobytes() == pixels
    found = validate(path, format)
    assert found is not None
    assert (found["state"], found["signer"], found["failed"]) == ("valid", "img2img", [])
    opened, edited = found["actions"]
    assert opened["action"] == "c2pa.opened"
    assert edited == {"action": "c2pa.edited", "source": COMPOSITE, "software": "img2img tiny"}
    trusted = validate(path, format, home / ANCHOR)
    assert trusted is not None
    assert trusted["state"] == "trusted"
    data = bytearray(path.read_bytes())
    place = data.rindex(b"IDAT") + 20 if format == "PNG" else len(data) - 40
    data[place] ^= 1
    path.write_bytes(data)
    broken = validate(path, format)
    assert broken is not None
    assert broken["state"] == "invalid"
    assert broken["failed"]


def test_others_are_not_trusted(home: Path, picture: Path, tmp_path: Path) -> None:
    create(tmp_path / "other")
    sign(picture, "PNG", None, "PNG", MAKING, load_identity(home / CERTIFICATE, home / KEY))
    found = validate(picture, "PNG", tmp_path / "other" / ANCHOR)
    assert found is not None
    assert found["state"] == "valid"


def test_what_cannot_be_signed_is_said(home: Path, picture: Path) -> None:
    identity = load_identity(home / CERTIFICATE, home / KEY)
    assert sign(picture, "BMP", None, "PNG", MAKING, identity) == "BMP cannot hold content credentials: written without"
    assert not has_credentials(picture)
    assert validate(picture, "PNG") is None


def test_the_command_line_signs_continues_and_says_what_ends(
    home: Path, picture: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, second, third = (tmp_path / name for name in ("first.png", "second.jpg", "third.png"))
    run("upscale", picture, "-s", 1, "-o", first, *signer(home))
    run("translate", first, "-m", "translate-restore", "-o", second, *signer(home))
    caplog.set_level("INFO")
    run("translate", first, "-m", "translate-restore", "-o", third)
    assert caplog.text.count(ENDING) == 1
    assert has_credentials(second)
    assert not has_credentials(third)
    assert images.read(third).metadata.xmp is not None, "the label stays"
    shown = run("inspect", second, "--anchors", home / ANCHOR).stdout
    assert "state: trusted" in shown
    assert "software: img2img translate-restore" in shown
    import c2pa

    with open(second, "rb") as file, c2pa.Reader("image/jpeg", file) as reader:
        assert reader.json().count('"claim_generator_info"') == 2, "the input's own manifest is inside"
        assert "photo.png" not in reader.json(), "no names of files"


def test_standard_output_and_bands_are_signed_too(home: Path, picture: Path, tmp_path: Path) -> None:
    words = ["upscale", str(picture), "-s", "1", "-o", "-", *signer(home)]
    done = subprocess.run([sys.executable, "-m", "img2img", *words], capture_output=True, check=True)
    (tmp_path / "out.png").write_bytes(done.stdout)
    found = validate(tmp_path / "out.png", "PNG")
    assert found is not None
    assert found["state"] == "valid"


def test_the_server_signs(home: Path, picture: Path, tmp_path: Path) -> None:
    with served(credentials=load_identity(home / CERTIFICATE, home / KEY)) as client:
        answer = client.post("/v1/upscale?scale=1", files={"picture": picture.read_bytes()})
    (tmp_path / "answer.png").write_bytes(answer.content)
    found = validate(tmp_path / "answer.png", "PNG", home / ANCHOR)
    assert found is not None
    assert found["state"] == "trusted"


def test_the_key_is_its_owners(home: Path, tmp_path: Path) -> None:
    assert stat.S_IMODE((home / KEY).stat().st_mode) == 0o600
    said = run("credentials", "init", "--folder", tmp_path / "own")
    assert "Nobody else trusts this certificate" in said.stderr
    before = (tmp_path / "own" / KEY).read_bytes()
    with pytest.raises(ConfigError, match="exists; overwrite replaces it"):
        create(tmp_path / "own")
    create(tmp_path / "own", overwrite=True)
    assert (tmp_path / "own" / KEY).read_bytes() != before


def test_certificates_and_keys_that_do_not_fit(home: Path, picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "nowhere"))
    monkeypatch.setenv("APPDATA", str(tmp_path / "nowhere"))
    create(tmp_path / "other")
    (tmp_path / "text.pem").write_text("no certificate")
    for certificate, key, said in (
        (None, None, "or make one of your own by img2img credentials init"),
        (home / CERTIFICATE, None, "belong together"),
        (home / CERTIFICATE, tmp_path / "other" / KEY, "does not belong to the certificate"),
        (tmp_path / "text.pem", home / KEY, "holds no certificate as PEM"),
        (home / CERTIFICATE, tmp_path / "text.pem", "holds no private key as PEM"),
        (home / CERTIFICATE, tmp_path / "gone.pem", "No such file"),
    ):
        with pytest.raises(Img2ImgError, match=said):
            load_identity(certificate, key)
    with pytest.raises(ConfigError, match="--key are for --credentials"):
        run("upscale", picture, "--key", home / KEY)
    with pytest.raises(ConfigError, match="standard input is none"):
        run("upscale", "-", "-o", tmp_path / "a.png", *signer(home))
    run("upscale", picture, "-s", 1, "-o", tmp_path / "signed.png", *signer(home))
    with pytest.raises(Img2ImgError, match="holds no certificates as PEM"):
        run("inspect", tmp_path / "signed.png", "--anchors", tmp_path / "text.pem")


def test_a_failure_leaves_nothing(home: Path, picture: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    shutil.copy(picture, broken)
    data = picture.read_bytes()
    identity = load_identity(home / CERTIFICATE, home / KEY)
    with pytest.raises(Img2ImgError, match="cannot be signed"):
        sign(picture, "JPEG", broken, "PNG", MAKING, identity)  # it is a PNG
    assert picture.read_bytes() == data
    assert not list(tmp_path.glob("*.signed"))


def test_without_the_extra_nothing_of_it_is_imported(tmp_path: Path, picture: Path) -> None:
    code = (
        "import sys; sys.modules['c2pa'] = sys.modules['cryptography'] = None\n"
        f"sys.argv = ['img2img', 'upscale', {str(picture)!r}, '-s', '1', '-o', {str(tmp_path / 'a.png')!r}, *sys.argv[1:]]\n"
        "from img2img.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    create(tmp_path / "own")
    words = ["--credentials", "--certificate", str(tmp_path / "own" / CERTIFICATE), "--key", str(tmp_path / "own" / KEY)]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert 'pip install "img2img-toolkit[credentials]"' in done.stderr
