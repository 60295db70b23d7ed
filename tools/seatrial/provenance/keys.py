"""Ed25519 keys from PEM files: private ones to sign with, public ones to verify with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from securesystemslib.signer import (  # type: ignore[attr-defined]  # public, but no __all__
    CryptoSigner,
    Signature,
    SSlibKey,
)

from seatrial.errors import InputError

__all__ = ["CryptoSigner", "SSlibKey", "Signature", "read_private_key", "read_public_key"]

_MAX_BYTES = 1 << 16
_MAKE = "make one with openssl genpkey -algorithm ed25519 -out KEY"


def read_private_key(path: Path, ask: Callable[[], bytes]) -> CryptoSigner:
    """The Ed25519 private key in a PEM file (PKCS#8), ready to sign.

    :param ask: gives the passphrase; called only where the key is protected by one.
    :raises InputError: no such file, a public key, another kind of key, or a wrong passphrase.
    """
    content = _read(path)
    if b"PUBLIC KEY-----" in content:
        raise InputError(f"{path}: a public key; required is the private one, to sign with")
    try:
        try:
            key = load_pem_private_key(content, None)
        except TypeError:  # what cryptography raises where a passphrase is needed
            key = _unlocked(path, content, ask())
    except (ValueError, UnsupportedAlgorithm):
        raise InputError(f"{path}: not a private key as PEM (PKCS#8); {_MAKE}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError(f"{path}: {_kind(key)} key; required is Ed25519; {_MAKE}")
    return CryptoSigner(key)


def read_public_key(path: Path) -> SSlibKey:
    """The Ed25519 public key in a PEM file, with its identifier.

    :raises InputError: no such file, a private key, or another kind of key.
    """
    content = _read(path)
    if b"PRIVATE KEY-----" in content:
        raise InputError(
            f"{path}: a private key; required is the public one; openssl pkey -in {path.name} "
            "-pubout gives it"
        )
    try:
        key = load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm):
        raise InputError(
            f"{path}: not a public key as PEM; openssl pkey -pubout gives one"
        ) from None
    if not isinstance(key, Ed25519PublicKey):
        raise InputError(f"{path}: {_kind(key)} key; required is Ed25519")
    return SSlibKey.from_crypto(key)


def _unlocked(path: Path, content: bytes, passphrase: bytes) -> PrivateKeyTypes:
    try:
        return load_pem_private_key(content, passphrase)
    except (ValueError, TypeError):
        raise InputError(f"{path}: the passphrase does not fit") from None


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            content = stream.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        raise InputError(f"{path}: a key is required, but there is no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot read the key: {error.strerror}") from None
    if len(content) > _MAX_BYTES:
        raise InputError(f"{path}: not a key: more than {_MAX_BYTES:,} bytes")
    return content


def _kind(key: object) -> str:
    """``an RSA`` for a class named RSAPrivateKey."""
    name = type(key).__name__.removeprefix("_")
    kind = name.removesuffix("PrivateKey").removesuffix("PublicKey")
    return f"{'an' if kind[:1] in 'AEIOUX' or kind == 'RSA' else 'a'} {kind}"
