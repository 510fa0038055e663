"""With what results are signed: a certificate and its key, of an authority or made here."""

import datetime
import hashlib
import os
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from img2img.errors import ConfigError, Img2ImgError, option

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

CERTIFICATE, KEY, ANCHOR = "certificate.pem", "key.pem", "anchor.pem"
YEARS = 5
MISSING = 'content credentials need their extra: pip install "img2img-toolkit[credentials]"'
_ALGORITHMS = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}


@dataclass(frozen=True)
class Identity:
    """A chain of certificates, the signer's first, and the signer's key, as PEM texts; and how it signs, as C2PA calls it."""

    certificates: str
    key: str = field(repr=False)
    algorithm: str

    @property
    def fingerprint(self) -> str:
        """What tells it from others."""
        return hashlib.sha256(self.certificates.encode()).hexdigest()


def home() -> Path:
    """The folder of the certificate that was made here."""
    base = os.environ.get("APPDATA") if os.name == "nt" else os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "img2img" / "credentials"


def load_identity(certificate: Path | None, key: Path | None) -> Identity:
    """The identity in two PEM files; without them that of ``create``.

    Raises:
        ConfigError: one without the other, or none that was made here. Img2ImgError: files that cannot be read, hold something else, or
            do not belong together; a missing extra.
    """
    if (certificate is None) != (key is None):
        raise ConfigError(f"{option('certificate')} and {option('key')} belong together")
    if certificate is None or key is None:
        certificate, key = home() / CERTIFICATE, home() / KEY
        if not certificate.is_file() or not key.is_file():
            raise ConfigError(
                f"there is no certificate to sign with: give {option('certificate')} and {option('key')}, "
                "or make one of your own by img2img credentials init"
            )
    try:
        chain, secret = certificate.read_bytes(), key.read_bytes()
    except OSError as error:
        raise Img2ImgError(f"cannot read {error.filename!r}: {error.strerror}") from error
    return Identity(chain.decode("latin-1"), secret.decode("latin-1"), _algorithm(chain, secret, certificate, key))


def _algorithm(chain: bytes, secret: bytes, certificate: Path, key: Path) -> str:
    """How the key signs; Img2ImgError where it cannot, or is another's."""
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    except ModuleNotFoundError as error:
        raise Img2ImgError(MISSING) from error
    try:
        first = x509.load_pem_x509_certificates(chain)[0]
    except ValueError as error:
        raise Img2ImgError(f"{str(certificate)!r} holds no certificate as PEM (-----BEGIN CERTIFICATE-----)") from error
    try:
        private = load_pem_private_key(secret, None)
    except (ValueError, TypeError) as error:
        raise Img2ImgError(f"{str(key)!r} holds no private key as PEM, or one with a password: give one without") from error
    if private.public_key() != first.public_key():
        raise Img2ImgError(f"the key {str(key)!r} does not belong to the certificate {str(certificate)!r}")
    now = datetime.datetime.now(datetime.UTC)
    if not first.not_valid_before_utc <= now <= first.not_valid_after_utc:
        since, until = first.not_valid_before_utc, first.not_valid_after_utc
        raise Img2ImgError(f"the certificate {str(certificate)!r} is valid from {since:%Y-%m-%d} to {until:%Y-%m-%d}, not now")
    match private:
        case ec.EllipticCurvePrivateKey() if private.curve.name in _ALGORITHMS:
            return _ALGORITHMS[private.curve.name]
        case ed25519.Ed25519PrivateKey():
            return "ed25519"
        case rsa.RSAPrivateKey():
            return "ps256"
    raise Img2ImgError(f"{str(key)!r} is of a kind that C2PA does not know; P-256, P-384, P-521, Ed25519 and RSA can sign")


def create(folder: Path, *, overwrite: bool = False) -> None:
    """Make a certificate for ``folder``, signed by an authority of its own whose key is forgotten: ``certificate.pem`` (the chain),
    ``key.pem``, which its owner alone may read, and ``anchor.pem``, by which others can check it.

    Raises:
        ConfigError: there is one. Img2ImgError: the folder cannot be written to, or the extra is missing.
    """
    try:
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
    except ModuleNotFoundError as error:
        raise Img2ImgError(MISSING) from error
    if (folder / KEY).exists() and not overwrite:
        raise ConfigError(f"{str(folder / KEY)!r} exists; {option('overwrite')} replaces it, and what it signed stays valid")
    authority, signer = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    anchor = _certificate("img2img local authority", authority, "img2img local authority", authority, is_authority=True)
    own = _certificate("img2img local signer", signer, "img2img local authority", authority, is_authority=False)
    pem = {
        KEY: signer.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        CERTIFICATE: own.public_bytes(Encoding.PEM) + anchor.public_bytes(Encoding.PEM),
        ANCHOR: anchor.public_bytes(Encoding.PEM),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (folder / KEY).unlink(missing_ok=True)
        for name, content in pem.items():
            with open(folder / name, "wb", opener=partial(os.open, mode=0o600 if name == KEY else 0o644)) as file:
                file.write(content)
    except OSError as error:
        raise Img2ImgError(f"cannot write to {str(folder)!r}: {error.strerror}") from error


def _certificate(name: str, key: Any, issuer: str, issuer_key: Any, *, is_authority: bool) -> "Certificate":
    """A certificate as C2PA wants it (specification 2.2, section 14.5)."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    def named(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "img2img"), x509.NameAttribute(NameOID.COMMON_NAME, text)])

    now = datetime.datetime.now(datetime.UTC)
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only"), False
    )
    usage |= {"digital_signature": not is_authority, "key_cert_sign": is_authority, "crl_sign": is_authority}
    made = (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=365 * YEARS))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .add_extension(x509.KeyUsage(**usage), critical=True)
    )
    if not is_authority:
        made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
    return made.sign(issuer_key, hashes.SHA256())
