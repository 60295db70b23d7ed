"""How a key is held is found out where it can be, and nothing more is claimed."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import signal
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gates.signing import KINDS, make_person, needs_ssh_keygen
from seatrial.errors import InputError
from seatrial.gates.approvals import keys, ssh_keygen

pytestmark = needs_ssh_keygen
SPACE = "seatrial-approval-technical"
AT = "2026-11-20T14:00:00Z"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("passphrase", "held"), [("", "unprotected"), ("open", "passphrase")])
def test_a_key_with_a_passphrase_is_told_from_one_without(
    tmp_path: Path, kind: str, passphrase: str, held: str
) -> None:
    person = make_person(tmp_path, "ann", kind, passphrase)
    assert keys.how_held(person.key) == held
    Path(f"{person.key}.pub").unlink()
    assert keys.how_held(person.key) == held
    assert keys.name_of(person.key).startswith(f"{kind.upper()} SHA256:")


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The socket of an agent of its own; only the process started here is ended."""
    socket = tmp_path / "agent"
    # It answers once the socket is there.
    command = ["ssh-agent", "-s", "-a", str(socket)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
    yield socket
    found = re.search(r"SSH_AGENT_PID=(\d+);", said)
    assert found is not None
    os.kill(int(found[1]), signal.SIGTERM)


def test_a_public_key_signs_through_the_agent_alone(agent: Path, tmp_path: Path) -> None:
    person = make_person(tmp_path, "ann")
    public = Path(f"{person.key}.pub")
    assert keys.how_held(public) == "agent"
    with pytest.raises(ssh_keygen.Rejected):  # the private key lies beside it, and is not taken
        ssh_keygen.sign(b"x", public, SPACE, through_agent=True)
    subprocess.run(["ssh-add", "-q", str(person.key)], check=True)
    person.key.unlink()
    signature = ssh_keygen.sign(b"x", public, SPACE, through_agent=True)
    name, _ = ssh_keygen.verify(
        b"x", signature, signers=person.line().encode(), namespace=SPACE, at=AT, revoked=None
    )
    assert name == person.name


def test_an_agent_never_stands_in_for_a_passphrase(agent: Path, tmp_path: Path) -> None:
    person = make_person(tmp_path, "ann")
    subprocess.run(["ssh-add", "-q", str(person.key)], check=True)
    command = ["ssh-keygen", "-q", "-p", "-P", "", "-N", "open", "-f", str(person.key)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    assert keys.how_held(person.key) == "passphrase"
    with pytest.raises(ssh_keygen.Rejected, match="incorrect passphrase"):
        ssh_keygen.sign(b"x", person.key, SPACE, through_agent=False)


def _text(value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + value


class SoftwareKey:
    """A security key in software, as OpenSSH's PROTOCOL.u2f has it: nothing attests a device."""

    application = b"ssh:"

    def __init__(self) -> None:
        self.private = Ed25519PrivateKey.generate()
        raw = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.kind = b"sk-ssh-ed25519@openssh.com"
        self.blob = _text(self.kind) + _text(raw) + _text(self.application)

    def line(self) -> str:
        return f"{self.kind.decode()} {base64.b64encode(self.blob).decode()}"

    def sign(self, message: bytes, namespace: str) -> bytes:
        digest = hashlib.sha512(message).digest()
        body = _text(namespace.encode()) + _text(b"") + _text(b"sha512")
        signed = b"SSHSIG" + body + _text(digest)
        flags, counter = b"\x01", struct.pack(">I", 7)
        hashed = [hashlib.sha256(part).digest() for part in (self.application, signed)]
        raw = self.private.sign(hashed[0] + flags + counter + hashed[1])
        signature = _text(self.kind) + _text(raw) + flags + counter
        envelope = b"SSHSIG" + struct.pack(">I", 1) + _text(self.blob) + body + _text(signature)
        lines = base64.encodebytes(envelope).decode()
        return f"-----BEGIN SSH SIGNATURE-----\n{lines}-----END SSH SIGNATURE-----\n".encode()


def test_a_security_key_is_told_by_its_kind_which_software_can_imitate(tmp_path: Path) -> None:
    key = SoftwareKey()
    public = tmp_path / "id_ed25519_sk.pub"
    public.write_text(f"{key.line()} ann\n")
    assert keys.how_held(public) == "hardware"
    signers = f"ann@example.org {key.line()}\n".encode()
    name, kind = ssh_keygen.verify(
        b"x", key.sign(b"x", SPACE), signers=signers, namespace=SPACE, at=AT, revoked=None
    )
    assert name == "ann@example.org"
    assert kind.split()[0].endswith(keys.HARDWARE)


def test_the_file_of_a_security_key_is_told_without_the_device(tmp_path: Path) -> None:
    key = SoftwareKey()
    sealed = b"openssh-key-v1\0" + _text(b"none") + _text(b"none") + _text(b"")
    sealed += struct.pack(">I", 1) + _text(key.blob) + _text(b"\0" * 64)
    path = tmp_path / "id_ed25519_sk"
    content = base64.encodebytes(sealed).decode()
    begin, end = (f"-----{word} OPENSSH PRIVATE KEY-----\n" for word in ("BEGIN", "END"))
    path.write_text(begin + content + end)
    path.chmod(0o600)
    assert keys.how_held(path) == "hardware"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "there is no such file"),
        (b"", "a private or public key is required"),
        (b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n", "a private or public key is required"),
        (b"\0" * 1000, "a private or public key is required"),
    ],
)
def test_what_is_no_key_is_named(tmp_path: Path, content: bytes | None, words: str) -> None:
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)
        path.chmod(0o600)
    with pytest.raises(InputError) as refused:
        keys.how_held(path)
    assert str(path) in str(refused.value)
    assert words in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_a_key_that_others_may_read_is_refused_with_the_reason(tmp_path: Path) -> None:
    person = make_person(tmp_path, "ann")
    person.key.chmod(0o644)
    with pytest.raises(InputError, match=r"(?i)permissions 0644 .* are too open"):
        keys.how_held(person.key)
