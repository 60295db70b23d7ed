"""``ssh-keygen -Y``: signs and verifies. Every call is a list of arguments with a time limit.

``-Y check-novalidate`` is never called: it accepts any key. Dates without a time zone are read as
UTC, in the file of allowed signers too, so that every computer reads them the same.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from seatrial.errors import InputError
from seatrial.files import disk_errors

_VERIFY_SECONDS, _SIGN_SECONDS = 30, 600
_FOR_SIGNING = (
    "SSH_AUTH_SOCK", "SSH_ASKPASS", "SSH_ASKPASS_REQUIRE", "SSH_SK_PROVIDER", "SSH_SK_HELPER",
    "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "DBUS_SESSION_BUS_ADDRESS", "TERM",
)  # fmt: skip
"""What reaches an agent, a security key, or a person who types a passphrase."""
_GOOD = re.compile(r'^Good "(\S+)" signature (?:for .+ )?with (\S+) key (SHA256:\S+)', re.MULTILINE)


class Rejected(Exception):
    """The program says no; the message is what it said, on one line."""


def sign(message: bytes, key: Path, namespace: str, *, through_agent: bool) -> bytes:
    """Sign with the key at ``key``, which may ask its holder for a passphrase or a touch.

    :param through_agent: ``key`` is a public key and an agent holds the private half; otherwise
        no agent is asked, so that a key with a passphrase asks for it.
    :raises Rejected: the key is none, the passphrase is wrong, the agent does not have it.
    :raises InputError: there is no usable ssh-keygen.
    """
    with _folder() as folder:
        document = folder / "statement.json"
        document.write_bytes(message)
        if through_agent:
            # Beside a copy of its own there is no private key that it could take instead.
            public = folder / "key.pub"
            with disk_errors(key, "read"):
                public.write_bytes(key.read_bytes())
            key = public
        arguments = ["-q", "-Y", "sign", "-f", str(key), "-n", namespace, str(document)]
        kept = [name for name in _FOR_SIGNING if through_agent or name != "SSH_AUTH_SOCK"]
        done = _call([program(), *arguments], None, _SIGN_SECONDS, kept)
        signature = folder / "statement.json.sig"
        if done.returncode != 0 or not signature.is_file():
            raise Rejected(_said(done, folder))
        return signature.read_bytes()


def verify(
    message: bytes,
    signature: bytes,
    *,
    signers: bytes,
    namespace: str,
    at: str,
    revoked: bytes | None,
) -> tuple[str, str]:
    """Who signed ``message``, as the file of allowed signers names them, and the key: kind and
    fingerprint.

    :param at: the moment at which the signer must be allowed, ISO 8601 in UTC.
    :raises Rejected: the signature is not good, or not of an allowed signer then.
    :raises InputError: there is no usable ssh-keygen.
    """
    when = re.sub(r"[-:TZ]", "", at)
    with _folder() as folder:
        files = {"allowed_signers": signers, "statement.json.sig": signature}
        if revoked is not None:
            files["revoked_keys"] = revoked
        for name, content in files.items():
            (folder / name).write_bytes(content)
        common = ["-f", str(folder / "allowed_signers"), "-s", str(folder / "statement.json.sig"),
                  "-O", f"verify-time={when}"]  # fmt: skip
        found = _run(["-Y", "find-principals", *common])
        if found.returncode != 0:
            raise Rejected(_why_unknown(_said(found, folder)))
        names = [line for line in found.stdout.splitlines() if line]
        last = ""
        for name in names:
            checked = ["-Y", "verify", *common, "-I", name, "-n", namespace]
            revocation = [] if revoked is None else ["-r", str(folder / "revoked_keys")]
            done = _run([*checked, *revocation], message=message)
            good = _GOOD.search(done.stdout)
            if done.returncode == 0 and good is not None and good[1] == namespace:
                return name, f"{good[2]} {good[3]}"
            last = _said(done, folder)
            if revocation and _run(checked, message=message).returncode == 0:
                raise Rejected("its key is revoked, or the file of revoked keys is damaged")
        raise Rejected(_why_not(last))


def fingerprint(key: Path) -> tuple[str, str]:
    """Kind and fingerprint of a private or public key's file, as ``ED25519`` and ``SHA256:…``.

    :raises Rejected: it is no key.
    """
    done = _run(["-l", "-E", "sha256", "-f", str(key)])
    found = re.match(r"\d+ (SHA256:\S+) .*\((\S+)\)\s*$", done.stdout)
    if done.returncode != 0 or found is None:
        raise Rejected(_said(done, None))
    return found[2], found[1]


def opens_without_passphrase(key: Path) -> bool:
    """Whether the private key at ``key`` opens with an empty passphrase.

    :raises Rejected: it does not open for another reason, such as its permissions.
    """
    done = _run(["-y", "-P", "", "-f", str(key)])
    if done.returncode == 0:
        return True
    if "incorrect passphrase" in done.stderr:
        return False
    raise Rejected(_said(done, None))


@cache
def program() -> str:
    """The path of a usable ssh-keygen.

    :raises InputError: there is none on PATH, or it is too old to know dates of validity.
    """
    found = shutil.which("ssh-keygen")
    if found is None:
        raise InputError(
            "ssh-keygen: required to sign and to check approvals, but it is not on PATH; "
            "install OpenSSH 8.9 or newer"
        )
    # The date is none, and a version that knows the option says so.
    probe = ["-Y", "verify", "-f", os.devnull, "-I", "x", "-n", "x", "-s", os.devnull]
    done = _call([found, *probe, "-O", "verify-time=none"], b"", _VERIFY_SECONDS, ())
    if "verify-time" not in done.stderr:
        raise InputError(
            f"{found}: too old to check until when a signer is allowed; "
            "install OpenSSH 8.9 or newer"
        )
    return found


def _run(arguments: Sequence[str], *, message: bytes = b"") -> subprocess.CompletedProcess[str]:
    return _call([program(), *arguments], message, _VERIFY_SECONDS, ())


def _call(
    command: Sequence[str], message: bytes | None, seconds: int, keep: Sequence[str]
) -> subprocess.CompletedProcess[str]:
    """Without a ``message`` a person may be asked, so they see what the program has to say."""
    names = ("PATH", "HOME", *keep)
    environment = {name: os.environ[name] for name in names if name in os.environ}
    shown = message is None and sys.stderr.isatty()
    try:
        done = subprocess.run(
            command,
            input=message,
            stdout=subprocess.PIPE,
            stderr=None if shown else subprocess.PIPE,
            timeout=seconds,
            check=False,
            env={**environment, "TZ": "UTC", "LC_ALL": "C"},
        )
    except subprocess.TimeoutExpired:
        raise InputError(f"{command[0]}: did not end within {seconds} s") from None
    except OSError as error:
        raise InputError(f"{command[0]}: cannot run: {error.strerror or error}") from None
    out, err = ((stream or b"").decode(errors="replace") for stream in (done.stdout, done.stderr))
    return subprocess.CompletedProcess(done.args, done.returncode, out, err)


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="seatrial-approval-") as name:
        yield Path(name)


def _said(done: subprocess.CompletedProcess[str], folder: Path | None) -> str:
    """The lines on stderr as one, without the place of temporary files."""
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip(" @\r")]
    text = "; ".join(lines) or f"ssh-keygen ended with {done.returncode}"
    if folder is not None:
        text = text.replace(f"{folder}/", "")
    return "".join(c if c.isprintable() else "?" for c in text)[:300]


def _why_unknown(said: str) -> str:
    if "has expired" in said or "not yet valid" in said:
        return (
            f"its key is not allowed at that time: {said.removesuffix('; No principal matched.')}"
        )
    if "No principal matched" in said:
        return "signed by a key that the file of allowed signers does not name"
    return f"its signature cannot be read: {said}"


def _why_not(said: str) -> str:
    if "namespace does not match" in said:
        return "signed in another namespace: for another role, or for something else"
    if "not permitted for use in signature namespace" in said:
        return "its signer is not allowed to sign for this role"
    if "incorrect signature" in said:
        return "the signature does not fit: statement or signature was changed"
    return f"the signature is not good: {said}"
