"""DSSE envelopes: a statement with the signatures of those who vouch for it.

Specification: https://github.com/secure-systems-lab/dsse, envelope.md and protocol.md 1.0.
"""

from __future__ import annotations

import base64
import binascii
import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError

from seatrial.errors import InputError
from seatrial.files import pretty_json
from seatrial.provenance.keys import CryptoSigner, Signature, read_public_key

STATEMENT = "results/production/provenance.json"
"""Where the statement is published."""
ENVELOPE = "results/production/provenance.dsse.json"
"""Where its signatures stand beside it."""
PAYLOAD_TYPE = "application/vnd.in-toto+json"
_MAX_BYTES = 1 << 24


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class _SignatureFields(_Strict):
    keyid: str
    sig: str


class _EnvelopeFields(_Strict):
    payload: str
    payloadType: str  # noqa: N815  the specification's name
    signatures: list[_SignatureFields]


def sign(statement: bytes, signer: CryptoSigner, earlier: Envelope | None = None) -> bytes:
    """The envelope of ``statement`` as JSON, with a signature by ``signer``.

    Signatures of other keys in an ``earlier`` envelope of the same statement are kept; one by the
    same key is replaced.
    """
    kept = earlier.signatures if earlier is not None and holds(earlier, statement) else {}
    envelope = Envelope(statement, PAYLOAD_TYPE, dict(kept))
    envelope.sign(signer)
    return pretty_json(envelope.to_dict()).encode()


def holds(envelope: Envelope, statement: bytes) -> bool:
    """Whether it is these very bytes that the envelope's signatures are for."""
    return bool(envelope.payload == statement and envelope.payload_type == PAYLOAD_TYPE)


def verify(envelope: Path, statement: bytes, public_key: Path) -> list[str]:
    """What keeps the envelope from proving that the key's owner signed the statement, one line
    each; empty if it does prove it. Signatures by other keys are not looked at.

    :raises InputError: ``public_key`` is no Ed25519 public key, so nothing can be verified.
    """
    key = read_public_key(public_key)
    try:
        found = read_envelope(envelope)
    except InputError as error:
        return [str(error)]
    problems = []
    if found.payload_type != PAYLOAD_TYPE:
        problems.append(f"{envelope}: payloadType: required is {PAYLOAD_TYPE}")
    if found.payload != statement:
        problems.append(
            f"{envelope}: signs another statement than {Path(STATEMENT).name}; sign this release "
            "with seatrial sign"
        )
    try:
        found.verify([key], threshold=1)
    except VerificationError:
        signers = ", ".join(f"{name[:12]!r}" for name in found.signatures) or "none"
        problems.append(
            f"{envelope}: no valid signature by the key {key.keyid[:12]}; signatures: {signers}"
        )
    return problems


def is_stale(envelope: Path, statement: bytes | None) -> bool:
    """Whether there is an envelope that signs anything but ``statement``."""
    if not envelope.exists() and not envelope.is_symlink():
        return False
    try:
        return statement is None or not holds(read_envelope(envelope), statement)
    except InputError:
        return True  # what cannot be read signs nothing


def read_envelope(path: Path) -> Envelope:
    """The envelope in a file.

    :raises InputError: no such file, or not exactly an envelope: a key too many or twice, base64
        that could be written in another way, two signatures under one key identifier.
    """
    if not path.is_file():  # opening a pipe would wait for whoever writes into it
        found = "not a file" if path.exists() else "no such file"
        raise InputError(f"{path}: not signed: {found}; seatrial sign makes it")
    try:
        with path.open("rb") as stream:
            content = stream.read(_MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot read the envelope: {error.strerror}") from None
    try:
        if len(content) > _MAX_BYTES:
            raise ValueError(f"more than {_MAX_BYTES:,} bytes")
        fields = _EnvelopeFields.model_validate(
            json.loads(content.decode(), object_pairs_hook=_without_repetition)
        )
        return _decoded(fields)
    except ValidationError as error:
        first = error.errors()[0]
        where = repr(".".join(map(str, first["loc"])))[:100]  # may be a key of the file's making
        raise InputError(f"{path}: not a DSSE envelope: {where}: {first['msg']}") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not a DSSE envelope: {str(error)[:200]}") from None


def _decoded(fields: _EnvelopeFields) -> Envelope:
    signatures: dict[str, Signature] = {}
    for one in fields.signatures:
        if one.keyid in signatures:
            raise ValueError(f"signatures: the keyid {one.keyid[:12]!r} stands there twice")
        signatures[one.keyid] = Signature(one.keyid, _bytes_of(one.sig, "sig").hex())
    return Envelope(_bytes_of(fields.payload, "payload"), fields.payloadType, signatures)


def _bytes_of(text: str, name: str) -> bytes:
    """Base64 in either alphabet, as the protocol asks, but only as an encoder writes it."""
    for alphabet in (b"+/", b"-_"):
        try:
            content = base64.b64decode(text, altchars=alphabet, validate=True)
        except (binascii.Error, ValueError):
            continue
        if base64.b64encode(content, altchars=alphabet).decode() == text:
            return content
    raise ValueError(f"{name}: not base64")


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands there twice")
    return found
