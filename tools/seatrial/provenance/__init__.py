"""What a release was made of, by what and when, and who signs for it.

``statement`` is a pure function of facts: an in-toto Statement v1 whose predicate is SLSA
provenance v1. ``envelope`` holds it with its signatures (DSSE, Ed25519), ``keys`` reads the key
files. docs/explanation/provenance.md says what the fields mean and what is claimed. Imports no
torch.
"""

from __future__ import annotations

from seatrial.provenance.envelope import (
    ENVELOPE,
    PAYLOAD_TYPE,
    STATEMENT,
    holds,
    is_stale,
    read_envelope,
    sign,
    verify,
)
from seatrial.provenance.keys import read_private_key, read_public_key
from seatrial.provenance.statements import (
    BUILD_TYPE,
    BUILDER,
    STATEMENT_TYPE,
    statement,
    to_json_bytes,
)
from seatrial.provenance.subjects import released_digests

__all__ = [
    "BUILDER",
    "BUILD_TYPE",
    "ENVELOPE",
    "PAYLOAD_TYPE",
    "STATEMENT",
    "STATEMENT_TYPE",
    "holds",
    "is_stale",
    "read_envelope",
    "read_private_key",
    "read_public_key",
    "released_digests",
    "sign",
    "statement",
    "to_json_bytes",
    "verify",
]
