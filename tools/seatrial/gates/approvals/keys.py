"""How a key is held, as far as the computer that signs can tell."""

from __future__ import annotations

import re
from pathlib import Path

from seatrial.errors import InputError
from seatrial.evidence.records import KeyHeld
from seatrial.files import disk_errors
from seatrial.gates.approvals import ssh_keygen

_PUBLIC = re.compile(rb"^(?:ssh-|ecdsa-|sk-)\S+ AAAA")
HARDWARE = "-SK"
"""The end of the kind of a key that was made for a security key."""


def how_held(key: Path) -> KeyHeld:
    """How the private half of ``key`` is held: its file, or a public key's whose private half an
    agent has.

    Hardware is what the kind of the key says; it is no attestation by the device.

    :raises InputError: there is no such file, it is no key, or others may read it.
    """
    kind, _ = _described(key)
    if kind.endswith(HARDWARE):
        return "hardware"
    if is_public(key):
        return "agent"
    try:
        return "unprotected" if ssh_keygen.opens_without_passphrase(key) else "passphrase"
    except ssh_keygen.Rejected as why:
        raise InputError(f"{key}: not a private key that can be used: {why}") from None


def is_public(key: Path) -> bool:
    """Whether the file holds a public key.

    :raises InputError: it cannot be read.
    """
    with disk_errors(key, "read"), key.open("rb") as stream:
        return _PUBLIC.match(stream.read(200)) is not None


def name_of(key: Path) -> str:
    """Kind and fingerprint, as :attr:`ApprovalRecord.key` has them.

    :raises InputError: it is no key.
    """
    return " ".join(_described(key))


def _described(key: Path) -> tuple[str, str]:
    if not key.is_file():
        raise InputError(f"{key}: a key is required, but there is no such file")
    try:
        return ssh_keygen.fingerprint(key)
    except ssh_keygen.Rejected as why:
        raise InputError(f"{key}: a private or public key is required: {why}") from None
