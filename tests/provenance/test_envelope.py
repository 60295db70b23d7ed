"""An envelope proves who signed which statement; any change to either is found."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from hypothesis import given
from hypothesis import strategies as st

from factories import healthy_facts
from reliability import counting
from seatrial import provenance, publishing
from seatrial.errors import InputError

from .conftest import KeyFiles, write_keys

TYPE = "application/vnd.in-toto+json"


def pae(kind: str, body: bytes) -> bytes:
    """Pre-authentication encoding, from the DSSE protocol 1.0."""
    encoded = kind.encode()
    parts = [b"DSSEv1", str(len(encoded)).encode(), encoded, str(len(body)).encode(), body]
    return b" ".join(parts)


@pytest.fixture
def envelope(tmp_path: Path, statement: bytes, keys: KeyFiles) -> Path:
    """The statement signed with ``keys``."""
    path = tmp_path / "provenance.dsse.json"
    path.write_bytes(provenance.sign(statement, keys.signer()))
    return path


def test_the_encoding_is_that_of_the_protocols_test_vector() -> None:
    encoded = pae("http://example.com/HelloWorld", b"hello world")
    assert encoded == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


def test_what_was_signed_verifies(envelope: Path, statement: bytes, keys: KeyFiles) -> None:
    assert provenance.verify(envelope, statement, keys.public) == []


def test_the_signature_verifies_without_seatrial_and_its_library(
    envelope: Path, statement: bytes, keys: KeyFiles
) -> None:
    found = json.loads(envelope.read_bytes())
    assert set(found) == {"payload", "payloadType", "signatures"}
    assert base64.b64decode(found["payload"]) == statement
    key = load_pem_public_key(keys.public.read_bytes())
    assert isinstance(key, Ed25519PublicKey)
    (signature,) = found["signatures"]
    raw = base64.b64decode(signature["sig"])
    key.verify(raw, pae(found["payloadType"], statement))
    with pytest.raises(InvalidSignature):
        key.verify(raw, statement)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_the_signature_verifies_with_openssl_alone(
    envelope: Path, keys: KeyFiles, tmp_path: Path
) -> None:
    found = json.loads(envelope.read_bytes())
    message, signature = tmp_path / "message", tmp_path / "signature"
    body = base64.b64decode(found["payload"])
    signature.write_bytes(base64.b64decode(found["signatures"][0]["sig"]))
    command = [
        "openssl", "pkeyutl", "-verify", "-pubin", "-inkey", keys.public, "-rawin",
        "-in", message, "-sigfile", signature,
    ]  # fmt: skip
    for changed, code in ((body, 0), (body + b" ", 1)):
        message.write_bytes(pae(found["payloadType"], changed))
        assert subprocess.run(command, capture_output=True, check=False).returncode == code


def test_an_envelope_made_without_seatrial_is_taken(
    tmp_path: Path, statement: bytes, keys: KeyFiles
) -> None:
    signer = keys.signer()
    signature = signer.sign(pae(TYPE, statement))
    for encode in (base64.standard_b64encode, base64.urlsafe_b64encode):
        path = tmp_path / "by_hand.json"
        content = {
            "payload": encode(statement).decode(),
            "payloadType": TYPE,
            "signatures": [
                {
                    "keyid": signature.keyid,
                    "sig": encode(bytes.fromhex(signature.signature)).decode(),
                }
            ],
        }
        path.write_text(json.dumps(content))
        assert provenance.verify(path, statement, keys.public) == []


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every place in a JSON value that holds text, a number or nothing."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from places(inner, (*path, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from places(inner, (*path, number))
    else:
        yield path


def replaced(value: Any, path: tuple[str | int, ...], new: object) -> Any:
    """A copy of a JSON value with another one at ``path``."""
    changed = json.loads(json.dumps(value))
    place = changed
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = new
    return changed


def test_a_change_of_any_field_of_the_payload_is_found(
    envelope: Path, statement: bytes, keys: KeyFiles
) -> None:
    """Whether the published statement is changed with it or not."""
    plain, found, tried = json.loads(statement), json.loads(envelope.read_bytes()), 0
    everywhere = list(places(plain))
    for path in everywhere if counting.full() else everywhere[::4]:
        forged = json.dumps(replaced(plain, path, "forged"), indent=2).encode()
        payload = base64.b64encode(forged).decode()
        envelope.write_text(json.dumps({**found, "payload": payload}))
        assert provenance.verify(envelope, forged, keys.public), path
        assert provenance.verify(envelope, statement, keys.public), path
        envelope.write_text(json.dumps(found))
        assert provenance.verify(envelope, forged, keys.public), path
        tried += 3
    counting.report("forged statements refused", forgeries=tried)


def test_a_change_of_any_field_of_the_envelope_is_found(
    envelope: Path, statement: bytes, keys: KeyFiles
) -> None:
    found = json.loads(envelope.read_bytes())
    values = ("", "forged", "AAAA", None, 7, True, [], {}, "é", "\n", "A" * 4000)
    for path in places(found):
        for value in values:
            envelope.write_text(json.dumps(replaced(found, path, value)))
            assert provenance.verify(envelope, statement, keys.public), (path, value)


def test_no_flipped_bit_goes_unnoticed_or_is_a_crash(
    envelope: Path, statement: bytes, keys: KeyFiles
) -> None:
    """Every byte counts but those of JSON's own layout, which change nothing that is said."""
    content, flipped = envelope.read_bytes(), 0
    for index in range(0, len(content), 1 if counting.full() else 97):
        forged = bytearray(content)
        forged[index] ^= 1 << (index % 8)
        envelope.write_bytes(forged)
        problems = provenance.verify(envelope, statement, keys.public)
        assert problems or json.loads(forged) == json.loads(content), index
        assert all("\n" not in line for line in problems)
        flipped += 1
    counting.report("flipped bits of an envelope looked at", bits=flipped)


@given(st.binary(max_size=300) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(
        st.text() | st.sampled_from(["payload", "payloadType", "signatures", "keyid", "sig"]), inner
    ),
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_anything_else_is_no_envelope_and_no_crash(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        path, key = _signed_once(Path(name))
        path.write_bytes(content)
        (problem,) = provenance.verify(path, _STATEMENT, key)
        assert "not a DSSE envelope" in problem
        assert "\n" not in problem


_STATEMENT = provenance.to_json_bytes(provenance.statement(healthy_facts()))
_ENVELOPE = b""
_PUBLIC = b""


def _signed_once(folder: Path) -> tuple[Path, Path]:
    """The same signed envelope and its public key, in a folder of its own."""
    global _ENVELOPE, _PUBLIC
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    if not _ENVELOPE:
        keys = write_keys(folder, "key", Ed25519PrivateKey.generate())
        _ENVELOPE = provenance.sign(_STATEMENT, keys.signer())
        _PUBLIC = keys.public.read_bytes()
    (folder / "key.pub.pem").write_bytes(_PUBLIC)
    (folder / "envelope.json").write_bytes(_ENVELOPE)
    return folder / "envelope.json", folder / "key.pub.pem"


def test_the_signature_of_another_key_proves_nothing(
    envelope: Path, statement: bytes, other_keys: KeyFiles
) -> None:
    (problem,) = provenance.verify(envelope, statement, other_keys.public)
    assert "no valid signature by the key" in problem


def test_a_signature_under_the_name_of_another_key_proves_nothing(
    envelope: Path, statement: bytes, keys: KeyFiles, other_keys: KeyFiles
) -> None:
    found = json.loads(provenance.sign(statement, other_keys.signer()))
    found["signatures"][0]["keyid"] = keys.signer().public_key.keyid
    envelope.write_text(json.dumps(found))
    assert provenance.verify(envelope, statement, keys.public)
    assert provenance.verify(envelope, statement, other_keys.public)


def test_the_envelope_of_another_release_is_named_as_such(
    tmp_path: Path, statement: bytes, keys: KeyFiles
) -> None:
    other = provenance.to_json_bytes(provenance.statement(healthy_facts({"data.digest": "9" * 64})))
    path = tmp_path / "other.json"
    path.write_bytes(provenance.sign(other, keys.signer()))
    assert provenance.verify(path, other, keys.public) == []
    (problem,) = provenance.verify(path, statement, keys.public)
    assert "signs another statement" in problem


def test_a_signature_for_another_type_of_payload_proves_nothing(
    envelope: Path, statement: bytes, keys: KeyFiles
) -> None:
    signature = keys.signer().sign(pae("text/plain", statement))
    sig = base64.b64encode(bytes.fromhex(signature.signature)).decode()
    found = json.loads(envelope.read_bytes())
    found["signatures"] = [{"keyid": signature.keyid, "sig": sig}]
    for kind in (TYPE, "text/plain"):
        envelope.write_text(json.dumps({**found, "payloadType": kind}))
        assert provenance.verify(envelope, statement, keys.public)


def test_an_envelope_without_signatures_proves_nothing(
    envelope: Path, statement: bytes, keys: KeyFiles
) -> None:
    found = json.loads(envelope.read_bytes())
    envelope.write_text(json.dumps({**found, "signatures": []}))
    (problem,) = provenance.verify(envelope, statement, keys.public)
    assert "signatures: none" in problem


def test_two_signatures_under_one_name_are_refused(
    envelope: Path, statement: bytes, keys: KeyFiles
) -> None:
    found = json.loads(envelope.read_bytes())
    (good,) = found["signatures"]
    for pair in ([good, good], [{**good, "sig": "AAAA"}, good], [good, {**good, "sig": "AAAA"}]):
        envelope.write_text(json.dumps({**found, "signatures": pair}))
        (problem,) = provenance.verify(envelope, statement, keys.public)
        assert "stands there twice" in problem


@pytest.mark.parametrize("name", ["payload", "payloadType", "signatures"])
def test_a_field_that_stands_there_twice_is_refused(
    envelope: Path, statement: bytes, keys: KeyFiles, name: str
) -> None:
    text = envelope.read_text()
    first = text.index("{") + 1
    envelope.write_text(f'{text[:first]} "{name}": "other", {text[first:]}')
    (problem,) = provenance.verify(envelope, statement, keys.public)
    assert "twice" in problem


def test_base64_that_an_encoder_would_not_write_is_refused(
    envelope: Path, statement: bytes, keys: KeyFiles
) -> None:
    found = json.loads(envelope.read_bytes())
    payload, sig = found["payload"], found["signatures"][0]["sig"]
    odd = [f"{sig}\n", f" {sig}", sig.rstrip("="), f"{sig}====", f"{sig[:-3]}B=="]
    for value in odd:
        assert value != sig
        envelope.write_text(json.dumps(replaced(found, ("signatures", 0, "sig"), value)))
        assert provenance.verify(envelope, statement, keys.public), value
    envelope.write_text(json.dumps({**found, "payload": payload[:76] + "\n" + payload[76:]}))
    assert provenance.verify(envelope, statement, keys.public)


def test_a_key_of_another_kind_verifies_nothing(
    envelope: Path, statement: bytes, tmp_path: Path
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    files = write_keys(tmp_path, "ecdsa", key)
    found = json.loads(envelope.read_bytes())
    signature = key.sign(pae(TYPE, statement), ec.ECDSA(SHA256()))
    found["signatures"] = [{"keyid": "ecdsa", "sig": base64.b64encode(signature).decode()}]
    envelope.write_text(json.dumps(found))
    with pytest.raises(InputError, match="EC key; required is Ed25519"):
        provenance.verify(envelope, statement, files.public)


def test_a_missing_envelope_is_a_release_that_nobody_signed(
    tmp_path: Path, statement: bytes, keys: KeyFiles
) -> None:
    (problem,) = provenance.verify(tmp_path / "absent.json", statement, keys.public)
    assert "not signed" in problem


def test_another_key_adds_its_signature_and_the_same_key_replaces_its_own(
    envelope: Path, statement: bytes, keys: KeyFiles, other_keys: KeyFiles
) -> None:
    for signer in (other_keys, other_keys, keys):
        earlier = provenance.read_envelope(envelope)
        envelope.write_bytes(provenance.sign(statement, signer.signer(), earlier))
    assert len(json.loads(envelope.read_bytes())["signatures"]) == 2
    for each in (keys, other_keys):
        assert provenance.verify(envelope, statement, each.public) == []


def test_signatures_of_another_statement_are_not_carried_over(
    envelope: Path, statement: bytes, keys: KeyFiles, other_keys: KeyFiles
) -> None:
    earlier = provenance.read_envelope(envelope)
    envelope.write_bytes(provenance.sign(statement + b" ", other_keys.signer(), earlier))
    assert len(json.loads(envelope.read_bytes())["signatures"]) == 1


def test_a_deeply_nested_file_and_a_huge_one_are_refused(
    envelope: Path, statement: bytes, keys: KeyFiles
) -> None:
    for content in (b"[" * 200_000, b" " * ((1 << 24) + 1)):
        envelope.write_bytes(content)
        (problem,) = provenance.verify(envelope, statement, keys.public)
        assert "not a DSSE envelope" in problem


def test_a_pipe_or_a_folder_in_the_place_of_an_envelope_is_named_and_not_waited_for(
    envelope: Path, statement: bytes, keys: KeyFiles
) -> None:
    for make in (os.mkfifo, Path.mkdir):
        envelope.unlink()
        make(envelope)
        (problem,) = provenance.verify(envelope, statement, keys.public)
        assert "not a file" in problem
        assert provenance.is_stale(envelope, statement)


def test_an_envelope_is_stale_beside_another_statement(
    envelope: Path, statement: bytes, tmp_path: Path
) -> None:
    assert not provenance.is_stale(envelope, statement)
    assert provenance.is_stale(envelope, statement + b" ")
    assert provenance.is_stale(envelope, None)
    assert not provenance.is_stale(tmp_path / "absent.json", statement)
    envelope.write_text("{}")
    assert provenance.is_stale(envelope, statement)


def test_the_places_are_those_that_are_published() -> None:
    assert provenance.STATEMENT in publishing.DOCUMENTS
    assert provenance.ENVELOPE == publishing.contents.ENVELOPE
