"""Only an Ed25519 key in a PEM file is taken; anything else is named in one line."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from seatrial import provenance
from seatrial.errors import InputError

from .conftest import OTHER_KINDS, KeyFiles, no_passphrase, write_keys


def refused(read: object, *arguments: object) -> str:
    with pytest.raises(InputError) as error:
        read(*arguments)  # type: ignore[operator]
    message = str(error.value)
    assert "\n" not in message
    return message


def test_the_public_key_has_the_identifier_of_the_private_one(keys: KeyFiles) -> None:
    signer, public = keys.signer(), provenance.read_public_key(keys.public)
    assert signer.public_key.keyid == public.keyid
    assert re.fullmatch("[0-9a-f]{64}", public.keyid)


def test_two_keys_have_two_identifiers(keys: KeyFiles, other_keys: KeyFiles) -> None:
    found = {provenance.read_public_key(k.public).keyid for k in (keys, other_keys)}
    assert len(found) == 2


def test_a_protected_key_asks_for_its_passphrase(tmp_path: Path) -> None:
    protected = write_keys(tmp_path, "k", ed25519.Ed25519PrivateKey.generate(), b"open sesame")
    asked: list[str] = []

    def ask() -> bytes:
        asked.append("asked")
        return b"open sesame"

    signer = provenance.read_private_key(protected.private, ask)
    assert asked == ["asked"]
    assert signer.public_key.keyid == provenance.read_public_key(protected.public).keyid
    for wrong in (b"guess", b""):
        message = refused(provenance.read_private_key, protected.private, lambda w=wrong: w)
        assert "the passphrase does not fit" in message
        assert "open sesame" not in message


@pytest.mark.parametrize("kind", OTHER_KINDS)
def test_a_key_of_another_kind_is_refused_by_name(tmp_path: Path, kind: str) -> None:
    other = write_keys(tmp_path, "other", OTHER_KINDS[kind]())
    assert f"{kind} key; required is Ed25519" in refused(
        provenance.read_private_key, other.private, no_passphrase
    )
    assert f"{kind} key; required is Ed25519" in refused(provenance.read_public_key, other.public)


def test_the_public_key_does_not_sign_and_the_private_one_does_not_verify(keys: KeyFiles) -> None:
    message = refused(provenance.read_private_key, keys.public, no_passphrase)
    assert "a public key; required is the private one" in message
    message = refused(provenance.read_public_key, keys.private)
    assert "a private key; required is the public one" in message


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 300,
        b"ssh-ed25519 AAAAC3Nz seatrial",
        b"-----BEGIN PRIVATE KEY-----\n",
        b"9" * 99_999,
    ],
)
def test_what_is_no_key_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "no.pem"
    path.write_bytes(content)
    assert "no.pem: " in refused(provenance.read_private_key, path, no_passphrase)
    assert "no.pem: " in refused(provenance.read_public_key, path)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    for read in (
        provenance.read_public_key,
        lambda p: provenance.read_private_key(p, no_passphrase),
    ):
        assert "no such file" in refused(read, tmp_path / "absent.pem")
        assert "directory" in refused(read, tmp_path)


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")
def test_a_key_of_ssh_is_refused_and_the_way_to_make_one_given(tmp_path: Path) -> None:
    path = tmp_path / "id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    assert "openssl genpkey" in refused(provenance.read_private_key, path, no_passphrase)
