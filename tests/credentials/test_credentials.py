"""Content credentials: signed results of real files, checked, changed, continued; certificates that fit and those that do not."""

import datetime
import hashlib
import json
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from cli_errors import invoke
from PIL import Image
from serving import served

pytest.importorskip("c2pa", reason="the extra credentials is not installed")
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from img2img import images
from img2img.batch.one import make_one
from img2img.batch.write import WriteOptions
from img2img.credentials.identity import ANCHOR, CERTIFICATE, KEY, create, load_identity
from img2img.credentials.sign import DAMAGED, ENDING, SIGNED, Making, has_credentials, sign
from img2img.credentials.validate import validate
from img2img.errors import ConfigError, Img2ImgError
from img2img.images.formats import WRITABLE
from img2img.images.label import COMPOSITE, Label
from img2img.models import catalog
from img2img.tasks.upscale import UPSCALE
from img2img.tasks.upscale.options import UpscaleOptions

ABOUT = {"model": "tiny", "model_sha256": "ab" * 32, "options": {"scale": 2}}
MAKING = Making(Label(COMPOSITE, "img2img tiny", "1.0"), ABOUT)


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


def signer(home: Path) -> list[str]:
    return ["--credentials", "--certificate", str(home / CERTIFICATE), "--key", str(home / KEY)]


@pytest.mark.parametrize("format", [name for name in SIGNED if name in WRITABLE])
def test_every_format_is_signed_and_a_changed_byte_is_found(home: Path, picture: Path, tmp_path: Path, format: str) -> None:
    path = tmp_path / f"result{WRITABLE[format].suffixes[0]}"
    images.write(images.read(picture), path, label=MAKING.label)
    pixels, unsigned = images.read(path).pixels, path.read_bytes()
    assert sign(path, format, picture, "PNG", MAKING, load_identity(home / CERTIFICATE, home / KEY)) is None
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted({"photo.png", path.name})
    assert torch.equal(images.read(path).pixels, pixels)
    found = validate(path, format)
    assert found is not None
    assert (found["state"], found["signer"], found["failed"]) == ("valid", "img2img", [])
    opened, edited = found["actions"]
    assert opened["action"] == "c2pa.opened"
    assert edited == {"action": "c2pa.edited", "source": COMPOSITE, "software": "img2img tiny", **ABOUT}
    trusted = validate(path, format, home / ANCHOR)
    assert trusted is not None
    assert trusted["state"] == "trusted"
    data = bytearray(path.read_bytes())
    place = data.rindex(b"IDAT") + 20 if format == "PNG" else data.rindex(unsigned[-50:-40])
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
    assert found["state"] == "untrusted"


def test_what_cannot_be_signed_is_said(home: Path, picture: Path) -> None:
    identity = load_identity(home / CERTIFICATE, home / KEY)
    assert sign(picture, "BMP", None, "PNG", MAKING, identity) == "BMP cannot hold content credentials: written without"
    assert not has_credentials(picture)
    assert validate(picture, "PNG") is None


def test_the_command_line_signs_continues_and_says_what_ends(
    home: Path, picture: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, second, third = (tmp_path / name for name in ("first.png", "second.jpg", "third.png"))
    invoke("upscale", picture, "-s", 1, "-o", first, *signer(home))
    invoke("translate", first, "-m", "translate-restore", "-o", second, *signer(home))
    caplog.set_level("INFO")
    invoke("translate", first, "-m", "translate-restore", "-o", third)
    assert caplog.text.count(ENDING) == 1
    assert has_credentials(second)
    assert not has_credentials(third)
    assert images.read(third).metadata.xmp is not None, "the label stays"
    shown = invoke("inspect", second, "--anchors", home / ANCHOR).stdout
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
    said = invoke("credentials", "init", "--folder", tmp_path / "own")
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
        invoke("upscale", picture, "--key", home / KEY)
    with pytest.raises(ConfigError, match="standard input is none"):
        invoke("upscale", "-", "-o", tmp_path / "a.png", *signer(home))
    invoke("upscale", picture, "-s", 1, "-o", tmp_path / "signed.png", *signer(home))
    with pytest.raises(Img2ImgError, match="holds no certificates as PEM"):
        invoke("inspect", tmp_path / "signed.png", "--anchors", tmp_path / "text.pem")


def test_a_failure_leaves_nothing(home: Path, picture: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    shutil.copy(picture, broken)
    data = picture.read_bytes()
    identity = load_identity(home / CERTIFICATE, home / KEY)
    with pytest.raises(Img2ImgError, match="cannot be signed"):
        sign(picture, "JPEG", broken, "PNG", MAKING, identity)  # it is a PNG
    assert picture.read_bytes() == data
    assert not list(tmp_path.glob("*.signed"))


def test_what_the_manifest_says_can_be_checked_and_names_no_files(home: Path, picture: Path, tmp_path: Path) -> None:
    mask, empty = (Image.new("L", (40, 30)) for _ in range(2))
    mask.paste(255, (5, 5, 9, 9))
    for name, image in (("secret-mask", mask), ("empty", empty)):
        image.save(tmp_path / f"{name}.png")
        invoke("inpaint", picture, "--mask", tmp_path / f"{name}.png", "--feather", "2", "-o", tmp_path / f"{name}-out.png", *signer(home))
    assert b"secret" not in (tmp_path / "secret-mask-out.png").read_bytes()
    found = validate(tmp_path / "secret-mask-out.png", "PNG")
    assert found is not None
    edited = found["actions"][1]
    weights = hashlib.sha256(catalog()["inpaint-photo"].read_bytes()).hexdigest()
    assert (edited["model"], edited["model_sha256"], edited["options"]) == ("inpaint-photo", weights, {"feather": 2})
    found = validate(tmp_path / "empty-out.png", "PNG")
    assert found is not None
    assert [(each["action"], each["source"]) for each in found["actions"]] == [("c2pa.opened", None), ("c2pa.transcoded", None)]


def test_a_damaged_manifest_of_the_input_is_told_and_no_reason_to_fail(home: Path, picture: Path, tmp_path: Path) -> None:
    identity, first = load_identity(home / CERTIFICATE, home / KEY), tmp_path / "first.png"
    shutil.copy(picture, first)
    sign(first, "PNG", None, "PNG", MAKING, identity)
    data = bytearray(first.read_bytes())
    place = data.find(b"c2pa.actions") + 20
    data[place : place + 40] = b"x" * 40
    first.write_bytes(data)
    assert sign(picture, "PNG", first, "PNG", MAKING, identity) == DAMAGED
    found = validate(picture, "PNG")
    assert found is not None
    assert found["state"] == "valid"


def test_a_result_that_cannot_be_signed_leaves_the_old_file(home: Path, picture: Path, tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "me")]), datetime.datetime.now(datetime.UTC)
    own = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(5)
    own = own.not_valid_before(now - datetime.timedelta(1)).not_valid_after(now + datetime.timedelta(1))
    pem = serialization.Encoding.PEM
    (tmp_path / "c").write_bytes(own.sign(key, hashes.SHA256()).public_bytes(pem))  # vouches for itself, which C2PA does not take
    (tmp_path / "k").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    write = WriteOptions(credentials=load_identity(tmp_path / "c", tmp_path / "k"))
    (tmp_path / "out.png").write_bytes(b"old")
    with pytest.raises(Img2ImgError, match="cannot be signed"):
        make_one(images.read(picture), tmp_path / "out.png", UPSCALE.open("upscale-2x-photo"), UpscaleOptions(scale=1.0), write, None)
    assert (tmp_path / "out.png").read_bytes() == b"old"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["c", "k", "out.png", "photo.png"]


def test_another_signer_makes_results_anew(home: Path, picture: Path, tmp_path: Path) -> None:
    create(tmp_path / "other")
    words = ("upscale", picture, "-s", 1, "-o", tmp_path / "out.png", "--json")
    status = [json.loads(invoke(*words, *signer(who)).stdout)["status"] for who in (home, home, tmp_path / "other")]
    assert status == ["ok", "skipped", "ok"]
    assert "PRIVATE" not in repr(load_identity(home / CERTIFICATE, home / KEY))


def test_inspect_says_what_fails_even_where_the_picture_cannot_be_read(home: Path, picture: Path) -> None:
    sign(picture, "PNG", None, "PNG", MAKING, load_identity(home / CERTIFICATE, home / KEY))
    data = bytearray(picture.read_bytes())
    data[data.rindex(b"IDAT") + 20] ^= 1
    picture.write_bytes(data)
    facts = json.loads(invoke("inspect", picture, "--json").stdout)
    assert facts["credentials"]["state"] == "invalid"
    assert "assertion.dataHash.mismatch" in facts["credentials"]["failed"]
    assert "cannot be decoded" in facts["error"]


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
