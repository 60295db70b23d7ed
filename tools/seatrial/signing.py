"""Signs the published release, after looking at every byte that the signature speaks for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from seatrial import provenance, steps
from seatrial.config.final import FINAL_CONFIG
from seatrial.errors import InputError
from seatrial.evidence import chain, runs
from seatrial.evidence.facts import Facts
from seatrial.evidence.reading import read_facts
from seatrial.evidence.runs import Run
from seatrial.files import sha256_file, write_bytes
from seatrial.provenance.keys import CryptoSigner
from seatrial.publishing import RELEASE, Release, released_files
from seatrial.publishing.release import read_unlocked, turn

_NAMED = 3
"""How many problems a message names; ``seatrial audit`` names all."""


@dataclass(frozen=True)
class Signed:
    """A release with one signature more."""

    run: str
    release_digest: str
    keyid: str
    """Of the key that signed now."""
    signatures: tuple[str, ...]
    """Identifiers of all keys that have signed this release."""


def sign_release(project: Path, signer: CryptoSigner, name: str | None = None) -> Signed:
    """Sign the statement of the published release and write the envelope beside it.

    :param name: a run of that release, to be sure that it is the one published.
    :raises InputError: nothing is published, it is another release, or a file of it is not what
        the run made; then nothing is written.
    """
    with turn(project, exclusive=True):  # so that no other release comes in between
        release = _published(project)
        run = runs.find(project, release.run)
        facts = read_facts(run)
        problems = sorted(_problems(run, facts, release))
        if problems:
            more = f" and {len(problems) - _NAMED} more" if len(problems) > _NAMED else ""
            raise InputError(
                f"not signed: the published release is not what run {run.id} made: "
                f"{'; '.join(problems[:_NAMED])}{more}; seatrial audit names all, seatrial gate "
                "publishes anew"
            )
        statement = provenance.to_json_bytes(provenance.statement(facts))
        if name is not None:
            _refuse_another(runs.find(project, name), statement, run)
        path = project / provenance.ENVELOPE
        earlier = provenance.read_envelope(path) if path.exists() else None
        write_bytes(path, provenance.sign(statement, signer, earlier))
        signatures = provenance.read_envelope(path).signatures
    return Signed(
        run=run.id,
        release_digest=str(facts.release_digest),
        keyid=signer.public_key.keyid,
        signatures=tuple(signatures),
    )


def _published(project: Path) -> Release:
    release = read_unlocked(project)
    if release is None:
        raise InputError(
            f"{project / RELEASE}: nothing is published to be signed; seatrial finalize publishes "
            "a release"
        )
    return release


def _refuse_another(run: Run, statement: bytes, published: Run) -> None:
    if provenance.to_json_bytes(provenance.statement(read_facts(run))) != statement:
        raise InputError(
            f"run {run.id}: not of the published release, which is of run {published.id}; "
            f"publish it first with seatrial gate {run.id}"
        )


def _problems(run: Run, facts: Facts, release: Release) -> Iterator[str]:
    """What of the published release is not as the run made it."""
    yield from chain.flaws(run, steps.ORDER)
    if release.release_digest != facts.release_digest:
        yield f"{RELEASE}: another release digest"
    listed, made = release.files, released_files(run, facts.config)
    yield from (f"{name}: not of this run" for name in listed.keys() - made.keys())
    for name, source in made.items():
        # A configuration that a person wrote at the published path stays there.
        if name == FINAL_CONFIG and name not in listed:
            continue
        path = run.project / name
        if path.is_symlink() or not path.is_file():
            yield f"{name}: missing"
        elif not sha256_file(path) == sha256_file(source) == listed.get(name):
            yield f"{name}: changed"
    expected = provenance.to_json_bytes(provenance.statement(facts))
    path = run.project / provenance.STATEMENT
    if path.is_file() and path.read_bytes() != expected:
        yield f"{provenance.STATEMENT}: does not follow from the run"
    elif provenance.STATEMENT not in made:
        yield f"{provenance.STATEMENT}: missing"
