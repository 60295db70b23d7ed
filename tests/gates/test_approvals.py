"""Item 24 passes by good signatures of allowed signers for this very release, by nothing else."""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import random
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from factories import healthy_facts, healthy_project
from gates.signing import (
    DATE,
    KINDS,
    Person,
    approve,
    make_person,
    needs_ssh_keygen,
    statement,
)
from seatrial import gates
from seatrial.errors import InputError
from seatrial.evidence.records import GateRecord, RunReference
from seatrial.files import canonical_json
from seatrial.gates import approvals, judging
from seatrial.gates.approvals import Expected, Trust, folder, ssh_keygen
from seatrial.gates.approvals.statement import Malformed, Statement, parse, to_bytes

pytestmark = needs_ssh_keygen
TODAY = datetime.date(2026, 11, 20)
WAIVER = {"item": 9, "reason": "few test images", "by": "R. Roe", "until": "2026-12-31"}
WIDE_GAP = {"config.targets.max_val_test_gap": 0.01, "evaluate.val.acc.value": 0.99,
            "evaluate.gap.value": 0.02}  # fmt: skip
ONE_ROLE: Mapping[str, object] = {"config.approvals.required": ["technical"]}


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Person]:
    """Ann, who is trusted; Bob, who may be; and Eve, whom nobody named."""
    folder = tmp_path_factory.mktemp("keys")
    return {name: make_person(folder, name) for name in ("ann", "bob", "eve")}


class Bench:
    """A judged release in a folder of its own, to approve and to judge again."""

    known: ClassVar[dict[str, Expected]] = {}
    """By changes: what must be signed, which is the same in every folder."""

    def __init__(self, root: Path, people: Mapping[str, Person], changes: Mapping[str, object]):
        self.root, self.people = root, people
        self.facts, self.project = healthy_project(root / "project", {**ONE_ROLE, **changes})
        self.folder = self.project / "runs" / self.facts.run.id / "gate" / "approvals"
        self.signers = root / "allowed_signers"
        self.signers.write_text(people["ann"].line())
        self.revoked: Path | None = None
        key = repr(changes)
        if key not in self.known:
            self.known[key] = self._expected()
        self.expected = self.known[key]

    def _expected(self) -> Expected:
        gate = gates.judge("production_ready", self.facts, self.project, today=TODAY)
        others = judging.all_but_approval(gate)
        return Expected.of(self.facts, self.project, "production_ready", others)

    def sign(self, who: str = "ann", **changes: Any) -> Path:
        """An approval by ``who``, of a statement with ``changes``."""
        more = {name: changes.pop(name) for name in ("name", "within") if name in changes}
        made = statement(self.expected, **changes)
        return approve(self.folder, self.people[who], made, **more)

    def judge(self) -> GateRecord:
        """The verdicts with what lies there now."""
        return gates.judge(
            "production_ready",
            self.facts,
            self.project,
            today=TODAY,
            approvals=self.folder,
            trust=Trust(self.signers, self.revoked),
        )

    def absence(self) -> str:
        """Why the one approval counts as absent; fails if it counts."""
        gate = self.judge()
        item, record = gate.items[23], gate.approvals[0]
        assert (item.verdict, record.counts, gate.passed) == ("FAIL", False, False)
        assert record.reason in item.reason
        return record.reason


MakeBench = Callable[..., Bench]


@pytest.fixture
def bench(tmp_path: Path, people: dict[str, Person]) -> MakeBench:
    """``bench({"config.approvals.required": [...]})``."""
    return lambda changes=None: Bench(tmp_path, people, changes or {})


# ---------------------------------------------------------------- what counts


@pytest.mark.parametrize("kind", KINDS)
def test_a_signature_of_an_allowed_signer_passes_item_24_and_the_gate(
    bench: MakeBench, tmp_path: Path, kind: str
) -> None:
    made = bench()
    dora = make_person(tmp_path, "dora", kind)
    made.signers.write_text(dora.line())
    approve(made.folder, dora, statement(made.expected))
    gate = made.judge()
    assert gate.passed
    assert gate.decision == "ready: 24 of 24 items pass"
    (record,) = gate.approvals
    assert (record.role, record.signer, record.date) == ("technical", dora.name, DATE)
    assert record.key is not None and record.key.startswith(kind.upper())
    assert gate.items[23].reason == "technical by dora@example.org on 2026-11-20"
    assert {Path(file.path).name for file in gate.items[23].evidence} == {
        "technical.json", "technical.json.sig",
    }  # fmt: skip


def test_the_statement_says_everything_that_was_approved(bench: MakeBench) -> None:
    made = bench({**WIDE_GAP, "config.waivers": [WAIVER]})
    said = json.loads(made.sign().read_bytes())
    assert said["release_digest"] == made.facts.release_digest
    assert said["commit"] == made.facts.run.git.commit
    assert said["run"]["id"] == made.facts.run.id
    assert [item["item"] for item in said["verdicts"]] == list(range(1, 24))
    assert said["verdicts"][8]["verdict"] == "FAIL"
    assert said["waivers"] == [WAIVER]
    assert (said["item"], said["role"], said["note"]) == (24, "technical", "seen")


def test_a_failing_release_may_be_approved_and_stays_not_ready(bench: MakeBench) -> None:
    made = bench(WIDE_GAP)
    made.sign()
    gate = made.judge()
    assert gate.items[23].verdict == "PASS"
    assert not gate.passed
    assert gate.decision == "not ready: 23 of 24 items pass, 1 failed (9)"


def test_every_required_role_must_sign_and_the_missing_one_is_named(bench: MakeBench) -> None:
    made = bench({"config.approvals.required": ["technical", "product"]})
    made.sign()
    item = made.judge().items[23]
    assert (item.verdict, item.reason) == ("FAIL", "product: no approval recorded")
    assert "--role product" in item.remedy
    made.sign(role="product")
    assert made.judge().passed


def test_a_signer_restricted_to_a_role_may_sign_for_that(bench: MakeBench) -> None:
    made = bench()
    only = 'namespaces="seatrial-approval-technical",valid-before="20270101Z"'
    made.signers.write_text(made.people["ann"].line(only))
    made.sign()
    assert made.judge().passed


def test_the_signer_is_whom_the_file_names_for_the_key(bench: MakeBench) -> None:
    made = bench()
    ann, bob = made.people["ann"], made.people["bob"]
    made.signers.write_text(f"{bob.line()}# a comment\n\n{ann.line()}")
    made.sign("bob")
    assert made.judge().approvals[0].signer == bob.name


def test_a_certificate_of_a_trusted_authority_counts(bench: MakeBench, tmp_path: Path) -> None:
    made = bench()
    authority, dora = make_person(tmp_path, "authority"), make_person(tmp_path, "dora")
    command = ["ssh-keygen", "-q", "-s", str(authority.key), "-I", "dora", "-n", dora.name]
    subprocess.run([*command, f"{dora.key}.pub"], check=True, stderr=subprocess.DEVNULL)
    made.signers.write_text(f"*@example.org cert-authority {authority.public}\n")
    certified = Person(dora.name, Path(f"{dora.key}-cert.pub"))
    content = to_bytes(statement(made.expected))
    made.folder.mkdir(parents=True)
    document = made.folder / "technical.json"
    document.write_bytes(content)
    command = ["ssh-keygen", "-q", "-Y", "sign", "-n", "seatrial-approval-technical"]
    subprocess.run([*command, "-f", str(certified.key), str(document)], check=True)
    assert made.judge().passed
    assert made.judge().approvals[0].signer == dora.name


# ---------------------------------------------------------------- what does not


def _unlink(ending: str) -> Callable[[Bench], None]:
    def spoil(made: Bench) -> None:
        made.sign()
        (made.folder / f"technical{ending}").unlink()

    return spoil


def _options(options: str) -> Callable[[Bench], None]:
    def spoil(made: Bench) -> None:
        made.sign()
        made.signers.write_text(made.people["ann"].line(options))

    return spoil


def _revoke(made: Bench) -> None:
    made.sign()
    made.revoked = made.root / "revoked"
    made.revoked.write_text(f"{made.people['ann'].public} ann\n")


def _revoke_by_list(made: Bench) -> None:
    _revoke(made)
    assert made.revoked is not None
    krl = made.root / "krl"
    subprocess.run(["ssh-keygen", "-q", "-k", "-f", str(krl), str(made.revoked)], check=True)
    made.revoked = krl


def _revoke_by_rubbish(made: Bench) -> None:
    made.sign()
    made.revoked = made.root / "revoked"
    made.revoked.write_text("neither keys nor a list\n")


def _other_role(made: Bench) -> None:
    made.sign(role="product", name="technical")


def _change_after_signing(made: Bench) -> None:
    path = made.sign()
    said = parse(path.read_bytes())
    path.write_bytes(to_bytes(said.model_copy(update={"note": "seen and liked"})))


def _sign_of_another(made: Bench) -> None:
    signature = Path(f"{made.sign(note='another')}.sig").read_bytes()
    Path(f"{made.sign()}.sig").write_bytes(signature)


REFUSED: dict[str, tuple[Callable[[Bench], object], str]] = {
    "no signature": (_unlink(".json.sig"), "unsigned"),
    "no statement": (_unlink(".json"), "a signature without its statement"),
    "an unknown key": (lambda b: b.sign("eve"), "a key that the file of allowed signers does not"),
    "another namespace": (lambda b: b.sign(within="file"), "signed in another namespace"),
    "a namespace of git": (lambda b: b.sign(within="git"), "signed in another namespace"),
    "the namespace of another role": (
        lambda b: b.sign(within="seatrial-approval-product"), "signed in another namespace",
    ),
    "the statement of another role": (_other_role, "signed for the role product"),
    "a signer of other roles": (
        _options('namespaces="seatrial-approval-product"'), "not allowed to sign for this role",
    ),
    "a signer no longer allowed": (_options('valid-before="20261120Z"'), "has expired"),
    "a signer not yet allowed": (_options('valid-after="20261121Z"'), "not yet valid"),
    "a revoked key": (_revoke, "revoked"),
    "a key in a revocation list": (_revoke_by_list, "revoked"),
    "a damaged file of revoked keys": (_revoke_by_rubbish, "revoked keys is damaged"),
    "a statement changed since": (_change_after_signing, "statement or signature was changed"),
    "the signature of another statement": (_sign_of_another, "statement or signature was changed"),
    "another checklist": (lambda b: b.sign(checklist="baseline"), "for the checklist baseline"),
    "another release": (lambda b: b.sign(release_digest="ab" * 32), "another release, abababab"),
    "another commit": (lambda b: b.sign(commit="c0ffee"), "another commit, c0ffee"),
    "no commit": (lambda b: b.sign(commit=None), "another commit, none"),
    "another run": (
        lambda b: b.sign(run=RunReference(id="other", sha256=b.expected.run.sha256)),
        "signed for run other",
    ),
    "a run begun otherwise": (
        lambda b: b.sign(run=RunReference(id=b.expected.run.id, sha256="ab" * 32)),
        "whose run.json was another",
    ),
    "after the judging run began": (
        lambda b: b.sign(date="2026-11-20T14:00:01Z"), "after the judging run began",
    ),
    "hardware that the key is not": (
        lambda b: b.sign(key_held="hardware"), "held as hardware, which a key of the kind ED25519",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_it_counts_as_absent_and_is_told_why(bench: MakeBench, case: str) -> None:
    spoil, words = REFUSED[case]
    made = bench()
    spoil(made)
    assert words in made.absence()


@pytest.mark.parametrize(
    ("field", "value"), [("verdict", "PASS"), ("measured", "99.9 %"), ("bound", "0.0 points")]
)
def test_what_was_signed_for_another_verdict_measurement_or_bound_is_absent(
    bench: MakeBench, field: str, value: str
) -> None:
    made = bench(WIDE_GAP)
    verdicts = [item.model_dump() for item in made.expected.verdicts]
    verdicts[8][field] = value
    made.sign(verdicts=tuple(verdicts))
    assert "signed for other verdicts: item 9 was" in made.absence()


def test_what_was_signed_for_fewer_items_is_absent(bench: MakeBench) -> None:
    made = bench()
    made.sign(verdicts=tuple(item.model_dump() for item in made.expected.verdicts[:-1]))
    assert "item 23 was not judged, now PASS" in made.absence()


@pytest.mark.parametrize("change", [{"until": "2027-12-31"}, {"by": "J. Doe"}, {"reason": "why"}])
def test_what_was_signed_with_another_waiver_is_absent(
    bench: MakeBench, change: dict[str, str]
) -> None:
    made = bench({**WIDE_GAP, "config.waivers": [WAIVER]})
    made.sign(waivers=({**WAIVER, **change},))
    assert "signed for other waivers" in made.absence()


def test_without_a_file_of_allowed_signers_nothing_counts(bench: MakeBench) -> None:
    made = bench()
    made.sign()
    gate = gates.judge(
        "production_ready", made.facts, made.project, today=TODAY, approvals=made.folder
    )
    assert gate.items[23].verdict == "FAIL"
    assert "no file of allowed signers was given" in gate.items[23].reason
    assert gate.signers_sha256 is None


@pytest.mark.parametrize("content", ["", "rubbish\n", "ann@example.org ssh-ed25519 AAAA\n"])
def test_a_file_of_allowed_signers_that_names_nobody_lets_nothing_count(
    bench: MakeBench, content: str
) -> None:
    made = bench()
    made.sign()
    made.signers.write_text(content)
    assert made.absence()


# ---------------------------------------------------------------- distinct signers


@pytest.mark.parametrize(("distinct", "passes"), [(False, True), (True, False)])
def test_one_person_signs_for_two_roles_only_where_that_is_allowed(
    bench: MakeBench, distinct: bool, passes: bool
) -> None:
    roles = {"required": ["technical", "product"], "distinct_signers": distinct}
    made = bench({f"config.approvals.{key}": value for key, value in roles.items()})
    made.sign()
    made.sign(role="product")
    gate = made.judge()
    assert gate.passed is passes
    if not passes:
        assert [record.counts for record in gate.approvals] == [True, False]
        assert "has signed for technical; signers must differ" in gate.items[23].reason
        made.signers.write_text(made.people["ann"].line() + made.people["bob"].line())
        made.sign("bob", role="product")
        assert made.judge().passed


def test_one_person_with_two_keys_is_one_signer(bench: MakeBench) -> None:
    roles = {"required": ["technical", "product"], "distinct_signers": True}
    made = bench({f"config.approvals.{key}": value for key, value in roles.items()})
    ann = made.people["ann"]
    another = dataclasses.replace(made.people["bob"], name=ann.name)
    made.signers.write_text(ann.line() + another.line())
    made.sign()
    made.sign("bob", role="product")
    assert [record.counts for record in made.judge().approvals] == [True, False]


def test_one_key_under_two_names_is_one_signer(bench: MakeBench) -> None:
    roles = {"required": ["technical", "product"], "distinct_signers": True}
    made = bench({f"config.approvals.{key}": value for key, value in roles.items()})
    ann = made.people["ann"]
    also = dataclasses.replace(ann, name="bob@example.org")
    made.sign()
    made.sign(role="product")
    first, second = (f'namespaces="seatrial-approval-{role}"' for role in ("technical", "product"))
    both = dataclasses.replace(ann, name=f"{ann.name},{also.name}")
    for signers in (ann.line() + also.line(), ann.line(first) + also.line(second), both.line()):
        made.signers.write_text(signers)
        assert [record.counts for record in made.judge().approvals] == [True, False]


def test_a_key_that_the_file_names_for_git_first_may_sign_here_too(bench: MakeBench) -> None:
    made = bench()
    ann = made.people["ann"]
    here = ann.line('namespaces="seatrial-approval-technical"')
    made.signers.write_text(ann.line('namespaces="git"') + here)
    made.sign()
    assert made.judge().passed


# ---------------------------------------------------------------- files


def _as_link(path: Path) -> None:
    target = path.parents[5] / f"elsewhere-{path.name}"
    path.rename(target)
    path.symlink_to(target)


def _as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _as_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _as_giant(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b" " * folder._MAX_BYTES)


UNREAD = {
    "link": (_as_link, "a link, not a file"),
    "folder": (_as_folder, "not a regular file"),
    "pipe": (_as_pipe, "not a regular file"),
    "giant": (_as_giant, "larger than 256 KiB"),
}


@pytest.mark.parametrize("name", ["technical.json", "technical.json.sig"])
@pytest.mark.parametrize("kind", UNREAD)
def test_a_file_that_is_none_or_too_large_is_not_read(
    bench: MakeBench, kind: str, name: str
) -> None:
    spoil, words = UNREAD[kind]
    made = bench()
    made.sign()
    spoil(made.folder / name)
    assert words in made.absence()


@pytest.mark.parametrize("link", ["approvals", "approvals/DIGEST"])
def test_a_linked_folder_is_not_read(bench: MakeBench, tmp_path: Path, link: str) -> None:
    made = bench()
    made.sign()
    digest = str(made.facts.release_digest)
    place = tmp_path / "repository" / link.replace("DIGEST", digest)
    place.parent.mkdir(parents=True)
    target = tmp_path / "target"
    (target / digest).parent.mkdir(parents=True)
    made.folder.rename(target / digest)
    place.symlink_to(target if link == "approvals" else target / digest)
    found = approvals.read_folder(tmp_path / "repository", digest)
    assert not found.files
    assert found.unusable
    approvals.keep(found, made.folder)
    gate = made.judge()
    assert gate.approvals[0].reason == "not a folder of the project's own"
    assert gate.items[23].verdict == "FAIL"


def test_strangers_are_named_and_stop_nothing(bench: MakeBench) -> None:
    made = bench()
    made.sign()
    (made.folder / "README.md").write_text("approved!")
    (made.folder / "security.json").write_text("{}")
    (made.folder / "evil\x1b[2J\n.json").write_text("{}")
    gate = made.judge()
    assert gate.passed
    assert [record.file for record in gate.approvals] == [
        "technical.json", "README.md", "evil?[2J?.json", "security.json",
    ]  # fmt: skip
    assert "not counted: README.md" in gate.items[23].reason


def test_a_flood_of_strangers_is_counted_not_listed(bench: MakeBench) -> None:
    made = bench()
    made.sign()
    for number in range(300):
        (made.folder / f"{number:03}").touch()
    gate = made.judge()
    assert gate.passed
    assert len(gate.approvals) == 22
    assert gate.approvals[-1].reason.startswith("280 more files")


def test_the_gates_copy_gives_the_same_verdict_as_the_folder_it_was_made_from(
    bench: MakeBench, tmp_path: Path
) -> None:
    made = bench({"config.approvals.required": ["technical", "product", "compliance"]})
    made.sign()
    made.sign(role="product")
    made.sign(role="compliance")
    _as_link(made.folder / "product.json")
    _as_giant(made.folder / "compliance.json.sig")
    (made.folder / "notes").mkdir()
    digest = str(made.facts.release_digest)
    made.folder.rename(made.root / "there")
    place = tmp_path / "repository" / "approvals" / digest
    place.parent.mkdir(parents=True)
    (made.root / "there").rename(place)
    found = approvals.read_folder(tmp_path / "repository", digest)
    approvals.keep(found, made.folder)
    assert not any(path.is_symlink() for path in made.folder.iterdir())
    assert approvals.read_kept(made.folder) == found
    trust = Trust(made.signers)
    direct = approvals.verify(found, trust, made.expected, at=made.facts.run.started)
    assert made.judge().approvals == direct
    assert [record.counts for record in direct] == [True, False, False, False]


def test_a_damaged_list_of_what_was_left_out_is_named(bench: MakeBench) -> None:
    made = bench()
    made.sign()
    (made.folder / "left_out.json").write_text('{"product.json": 3}')
    assert [(r.file, r.reason) for r in made.judge().approvals[1:]] == [
        ("left_out.json", "damaged")
    ]


# ---------------------------------------------------------------- statements


def _plain(made: Bench) -> dict[str, Any]:
    return statement(made.expected).model_dump(mode="json")


MALFORMED: dict[str, Callable[[dict[str, Any]], bytes]] = {
    "empty": lambda _: b"",
    "not JSON": lambda _: b"approved",
    "not UTF-8": lambda _: b"\xff\xfe{}",
    "a list": lambda said: canonical_json([said]),
    "spaces": lambda said: json.dumps(said, sort_keys=True).encode(),
    "another order": lambda said: json.dumps(said, separators=(",", ":")).encode(),
    "a newline at the end": lambda said: canonical_json(said) + b"\n",
    "a key twice": lambda said: canonical_json(said)[:-1] + b',"role":"technical"}',
    "an unknown key": lambda said: canonical_json({**said, "surprise": 1}),
    "a missing key": lambda said: canonical_json({k: v for k, v in said.items() if k != "date"}),
    "another version": lambda said: canonical_json({**said, "schema_version": 2}),
    "another kind": lambda said: canonical_json({**said, "kind": "seatrial waiver"}),
    "another item": lambda said: canonical_json({**said, "item": 8}),
    "another role": lambda said: canonical_json({**said, "role": "janitor"}),
    "a number as text": lambda said: canonical_json({**said, "item": "24"}),
    "no digest": lambda said: canonical_json({**said, "release_digest": "abc"}),
    "no date": lambda said: canonical_json({**said, "date": "yesterday"}),
    "another zone": lambda said: canonical_json({**said, "date": "2026-11-20T13:59:00+01:00"}),
    "a note of two lines": lambda said: canonical_json({**said, "note": "a\nb"}),
    "a note that paints": lambda said: canonical_json({**said, "note": "\x1b[2Japproved"}),
    "a note that turns around": lambda said: canonical_json({**said, "note": "\u202eyes"}),
    "a long note": lambda said: canonical_json({**said, "note": "a" * 1001}),
    "deeply nested": lambda _: b"[" * 100_000,
    "not a number": lambda said: canonical_json(said).replace(b'"item":24', b'"item":NaN'),
    "the key held otherwise": lambda said: canonical_json({**said, "key_held": "safely"}),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_statement_is_read_strictly(bench: MakeBench, case: str) -> None:
    made = bench()
    content = MALFORMED[case](_plain(made))
    with pytest.raises(Malformed) as refused:
        parse(content)
    assert len(str(refused.value).splitlines()) == 1
    made.sign().write_bytes(content)
    assert made.absence().startswith("malformed: ")


def test_a_statement_reads_back_as_it_was_written(bench: MakeBench) -> None:
    made = bench({**WIDE_GAP, "config.waivers": [WAIVER]})
    said = statement(made.expected, note="gesehen: für Ärzte")
    assert parse(to_bytes(said)) == said


def test_no_changed_byte_of_a_statement_goes_unnoticed(bench: MakeBench) -> None:
    made = bench()
    path = made.sign()
    content = path.read_bytes()
    generator = random.Random(0)
    trust, noticed = Trust(made.signers), 0
    for _ in range(400):
        position = generator.randrange(len(content))
        other = bytes([generator.choice([b for b in range(256) if b != content[position]])])
        changed = content[:position] + other + content[position + 1 :]
        files = {path.name: changed, f"{path.name}.sig": Path(f"{path}.sig").read_bytes()}
        (record,) = approvals.verify(
            folder.Folder(files), trust, made.expected, at=made.facts.run.started
        )
        noticed += not record.counts
    assert noticed == 400


def test_no_change_to_what_is_approved_goes_unnoticed(bench: MakeBench) -> None:
    made = bench({**WIDE_GAP, "config.waivers": [WAIVER]})
    signed = statement(made.expected)
    assert made.expected.difference(signed) is None
    for name in (f.name for f in dataclasses.fields(Expected)):
        value = getattr(made.expected, name)
        others: list[Any] = [value[:-1], value[::-1]] if isinstance(value, tuple) else [f"{value}x"]
        if isinstance(value, RunReference):
            others = [value.model_copy(update={key: "x"}) for key in ("id", "sha256")]
        for other in others:
            if other != value:
                changed = dataclasses.replace(made.expected, **{name: other})
                assert changed.difference(signed) is not None, name


def test_the_statement_covers_all_that_an_approval_is_held_against() -> None:
    held = {field.name for field in dataclasses.fields(Expected)}
    assert held <= set(Statement.model_fields)


# ---------------------------------------------------------------- the program


def test_a_machine_without_ssh_keygen_cannot_check_and_says_so(
    bench: MakeBench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = bench()
    nothing = made.judge().items[23]
    assert nothing.reason == "no approval recorded; required: technical"
    made.sign()
    monkeypatch.setenv("PATH", str(tmp_path))
    ssh_keygen.program.cache_clear()
    try:
        gate = made.judge()
    finally:
        ssh_keygen.program.cache_clear()
    item = gate.items[23]
    assert item.verdict == "ERROR"
    assert item.reason.startswith("not checked: ssh-keygen: required to sign and to check")
    assert not gate.passed


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo 'unknown option -- Y' >&2; exit 1", "too old"),
        ("exit 0", "too old"),
        ("exec sleep 60", "did not end within 1 s"),
    ],
)
def test_a_program_that_cannot_do_it_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, words: str
) -> None:
    fake = tmp_path / "ssh-keygen"
    fake.write_text(f"#!/bin/sh\n{script}\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(ssh_keygen, "_VERIFY_SECONDS", 1)
    ssh_keygen.program.cache_clear()
    try:
        with pytest.raises(InputError) as refused:
            ssh_keygen.program()
    finally:
        ssh_keygen.program.cache_clear()
    assert words in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_dates_are_read_as_utc_wherever_it_runs(
    bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = bench()
    made.sign()
    verdicts = []
    for zone in ("UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"):
        monkeypatch.setenv("TZ", zone)
        for until in ("20261120135959", "20261120140001"):
            made.signers.write_text(made.people["ann"].line(f'valid-before="{until}"'))
            verdicts.append(made.judge().passed)
    assert verdicts == [False, True] * 3


def test_no_call_accepts_a_key_that_nobody_named() -> None:
    source = Path(ssh_keygen.__file__).read_text().partition('"""')[2].partition('"""')[2]
    assert "check-novalidate" not in source


def test_judging_with_no_approvals_needs_no_program(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    facts, project = healthy_project(tmp_path)
    monkeypatch.setattr(ssh_keygen, "program", lambda: 1 / 0)
    gate = gates.judge(
        "production_ready", facts, project, today=TODAY, approvals=tmp_path / "none",
        trust=Trust(),
    )  # fmt: skip
    assert gate.items[23].reason == "no approval recorded; required: technical, product"
    assert healthy_facts().config.approvals.distinct_signers is False
