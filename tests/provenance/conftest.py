"""Keys of all kinds, and a statement to sign with them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from factories import healthy_facts
from seatrial import provenance


@dataclass(frozen=True)
class KeyFiles:
    """A private key and its public one, as PEM files."""

    private: Path
    public: Path

    def signer(self) -> provenance.keys.CryptoSigner:
        return provenance.read_private_key(self.private, no_passphrase)


def no_passphrase() -> bytes:
    raise AssertionError("no passphrase should be asked for")


def write_keys(folder: Path, name: str, key: object, passphrase: bytes = b"") -> KeyFiles:
    """A key as ``name.pem`` and ``name.pub.pem``."""
    private, public = folder / f"{name}.pem", folder / f"{name}.pub.pem"
    secret = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    private.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, secret)  # type: ignore[attr-defined]
    )
    public.write_bytes(
        key.public_key().public_bytes(  # type: ignore[attr-defined]
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        )
    )
    return KeyFiles(private, public)


OTHER_KINDS = {
    "RSA": lambda: rsa.generate_private_key(65537, 2048),
    "EC": lambda: ec.generate_private_key(ec.SECP256R1()),
    "Ed448": ed448.Ed448PrivateKey.generate,
}


@pytest.fixture
def keys(tmp_path: Path) -> KeyFiles:
    """An Ed25519 key."""
    return write_keys(tmp_path, "key", ed25519.Ed25519PrivateKey.generate())


@pytest.fixture
def other_keys(tmp_path: Path) -> KeyFiles:
    """Another Ed25519 key."""
    return write_keys(tmp_path, "other", ed25519.Ed25519PrivateKey.generate())


@pytest.fixture(scope="session")
def statement() -> bytes:
    """The statement of a healthy release, as it is published."""
    return provenance.to_json_bytes(provenance.statement(healthy_facts()))
