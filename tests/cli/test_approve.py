"""From a finished release to a signed one: ``approve``, ``approvals`` and the gate, as people run
them, with real keys."""

from __future__ import annotations

import json
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from git import Actor, Repo

from gates.signing import Person, make_person, needs_ssh_keygen
from seatrial import finalize
from seatrial.cli import preparing
from seatrial.evidence.records import GateRecord
from seatrial.files import sha256_file
from seatrial.gates.approvals import Trust

from .conftest import CONFIG, make_images

pytestmark = needs_ssh_keygen
OPEN = "open sesame"
CARD = "  image_size: 16\n  card: {source: made, licence: CC0}\n"
LEAN = CONFIG.replace("  image_size: 16\n", CARD).replace("epochs: 1", "epochs: 3")
RELEASE_CONFIG = LEAN + (
    "targets: {test_acc: 0.1, min_class_f1: 0.0, max_val_test_gap: 1.0}\n"
    "documents: {name: shades, purpose: tells dark images from bright ones}\n"
    "export: {formats: [onnx], quantization: {enabled: false}}\n"
)


def seatrial(
    project: Path, *arguments: object, **environment: str
) -> subprocess.CompletedProcess[str]:
    """The program in a process of its own, without a terminal and without trust of this machine."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SEATRIAL_")}
    return subprocess.run(
        [sys.executable, "-m", "seatrial", *map(str, arguments)],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        env={**kept, "OMP_NUM_THREADS": "1", "XDG_CONFIG_HOME": "/nonexistent", **environment},
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project under git with one finished release, of which only item 24 is open."""
    project = tmp_path_factory.mktemp("release")
    make_images(project)
    (project / "config.yaml").write_text(RELEASE_CONFIG)
    (project / "known_issues.yaml").write_text("issues: []\n")
    (project / ".gitignore").write_text("/runs/\n/models/\n/checkpoints/\n")
    commit(project, "begin")
    done = seatrial(project, "finalize", "--config", "config.yaml", "--json")
    assert done.returncode == 1, done.stderr
    gate = json.loads(done.stdout)["gate"]
    assert [i["id"] for i in gate["items"] if i["verdict"] != "PASS"] == [24], gate["items"]
    return project


def commit(project: Path, message: str) -> None:
    """Commit everything in the project."""
    with Repo.init(project, initial_branch="main") as repository:
        repository.git.add(all=True)
        actor = Actor("test", "test@localhost")
        repository.index.commit(message, author=actor, committer=actor)


class Release:
    """A copy of that release, and Ann, whom the file of allowed signers names."""

    def __init__(self, project: Path, folder: Path, ann: Person) -> None:
        self.project, self.folder, self.ann = project, folder, ann
        self.signers = folder / "allowed_signers"
        self.signers.write_text(ann.line())

    def __call__(self, *arguments: object, trust: bool = True) -> subprocess.CompletedProcess[str]:
        named = {"SEATRIAL_ALLOWED_SIGNERS": str(self.signers)} if trust else {}
        return seatrial(self.project, *arguments, **named)

    def approve(self, *more: object) -> dict[str, Any]:
        """Sign as Ann; what ``approve --json`` printed."""
        words = ("approve", "--role", "technical", "--key", self.ann.key, "--yes", "--json", *more)
        done = self(*words)
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    def judge(self) -> GateRecord:
        """The verdict of another gate, on the documents that are there, which is what takes time;
        it is published."""
        earlier = preparing.released_run(self.project, None)
        run = preparing.prepare_again(self.project, None, "gate")
        finalize.take_over(run, finalize.pin_released(earlier, ("document",)))
        trust = Trust(self.signers)
        names = ("document", "gate")
        outcome = finalize.proceed(run, names=names, observe=lambda _: None, trust=trust)
        assert outcome.gate is not None
        return outcome.gate

    @property
    def digest(self) -> str:
        release = json.loads((self.project / "results/production/release.json").read_text())
        return str(release["release_digest"])


@pytest.fixture
def release(made: Path, tmp_path: Path) -> Iterator[Release]:
    project = tmp_path / "copy"
    shutil.copytree(made, project, symlinks=True)
    yield Release(project, tmp_path, make_person(tmp_path, "ann"))


def test_a_release_that_a_person_approves_is_ready(release: Release) -> None:
    assert release("approvals").returncode == 1
    said = release.approve("--note", "looked at every mistake")
    assert said["statement"] == f"approvals/{release.digest}/technical.json"
    assert said["approval"]["counts"] is True
    listed = release("approvals")
    assert listed.returncode == 0, listed.stderr
    line = next(line for line in listed.stdout.splitlines() if line.startswith("approved"))
    assert "technical by ann@example.org" in line
    assert "key: file without a passphrase" in line
    assert "note: looked at every mistake" in line
    digest = said["signers_sha256"]
    assert f"signers    {digest}" in listed.stdout
    assert str(release.signers) in listed.stdout
    done = release(*said["next"].split()[1:])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "24 of 24 items pass" in done.stdout
    assert "approved   technical by ann@example.org" in done.stdout
    for name in ("final_report.md", "results/production/production_ready.md"):
        text = (release.project / name).read_text()
        section = text.partition("## Approvals\n")[2].partition("\n## ")[0]
        for told in ("technical", "ann@example.org", "file without a passphrase", digest, "looked"):
            assert told in section, name
    published = json.loads((release.project / "results/production/gate.json").read_text())
    assert published["passed"]
    assert published["signers_sha256"] == digest
    again = release("gate", trust=False)
    assert again.returncode == 1
    assert "no file of allowed signers was given" in again.stdout


def test_ssh_keygen_alone_verifies_what_was_written(release: Release) -> None:
    path = release.project / release.approve()["statement"]
    command = ["ssh-keygen", "-Y", "verify", "-f", release.signers, "-I", release.ann.name]
    command += ["-n", "seatrial-approval-technical", "-s", f"{path}.sig"]
    done = subprocess.run(command, input=path.read_bytes(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert b"Good" in done.stdout


def test_what_changed_after_the_approval_makes_it_absent(release: Release) -> None:
    release.approve()
    assert release.judge().passed
    known = release.project / "known_issues.yaml"
    known.write_text("issues: [{id: A1, title: bias, severity: critical, status: open}]\n")
    done = release("gate")
    assert done.returncode == 1
    assert "signed for other verdicts: item 23 was PASS" in done.stdout
    release.approve()
    gate = release.judge()
    assert (gate.items[22].verdict, gate.items[23].verdict) == ("FAIL", "PASS")
    config = release.project / "config.yaml"
    before = config.read_text()
    waiver = "waivers: [{item: 23, reason: few images, by: QA, until: 2099-01-01}]\n"
    config.write_text(before + waiver)
    assert "signed for other waivers: none, now item 23 until" in release.judge().items[23].reason
    release.approve()
    assert release.judge().passed
    for changed in (waiver.replace("QA", "nobody"), waiver.replace("2099", "2098"), ""):
        config.write_text(before + changed)
        assert "signed for other waivers: item 23 until 2099" in release.judge().items[23].reason


def test_a_waiver_that_is_not_used_changes_nothing(release: Release) -> None:
    release.approve()
    config = release.project / "config.yaml"
    waiver = "waivers: [{item: 9, reason: few images, by: QA, until: 2099-01-01}]\n"
    config.write_text(config.read_text() + waiver)
    assert release.judge().passed


def test_another_finalize_of_another_commit_is_not_what_was_approved(release: Release) -> None:
    digest = release.approve()["release_digest"]
    (release.project / "README.md").write_text("more\n")
    commit(release.project, "more")
    done = release("finalize", "--config", "config.yaml", "--json")
    assert done.returncode == 1, done.stderr
    found = json.loads(done.stdout)
    assert found["release_digest"] == digest  # every step was taken over
    assert "signed for another commit" in found["gate"]["items"][23]["reason"]


def test_finalize_counts_approvals_too_also_detached(release: Release) -> None:
    """A signature for a run cannot exist before that run, so it is named and absent."""
    release.approve()
    arguments = ("--allowed-signers", release.signers, "--revoked-keys", release.signers)
    done = release(
        "finalize", "--config", "config.yaml", "--detach", "--json", *arguments, trust=False
    )
    run = json.loads(done.stdout)["run"]
    ended = release("status", run, "--wait", "--json", trust=False)
    assert ended.returncode == 1, ended.stdout + ended.stderr
    gate = json.loads((release.project / "runs" / run / "gate/gate.json").read_text())
    assert gate["signers_sha256"] == gate["revoked_sha256"] is not None
    assert "revoked" in gate["items"][23]["reason"]


def test_signers_inside_the_repository_are_refused_also_by_a_link(release: Release) -> None:
    inside = release.project / "allowed_signers"
    inside.write_text(release.ann.line())
    (release.folder / "link").symlink_to(inside)
    for path in (inside, release.folder / "link"):
        for command in ("gate", "document", "approvals"):
            done = release(command, "--allowed-signers", path)
            assert done.returncode == 2
            assert "lies inside the repository" in done.stderr
            assert len(done.stderr.splitlines()) == 1
    assert release("gate", "--revoked-keys", inside).returncode == 2


def test_without_a_terminal_nothing_is_signed_unless_told(release: Release) -> None:
    arguments = ("approve", "--role", "technical", "--key", release.ann.key)
    done = release(*arguments)
    assert done.returncode == 2
    assert "there is no terminal to ask on" in done.stderr
    assert not (release.project / "approvals").exists()


def test_a_changed_release_is_never_signed(release: Release) -> None:
    (run,) = (release.project / "runs").glob("*-finalize-*")
    for name, spoil in (
        ("export/production_model.onnx", lambda b: b[:-1] + bytes([b[-1] ^ 1])),
        ("gate/record.json", lambda b: b.replace(b'"FAIL"', b'"PASS"')),
        ("gate/gate.json", lambda b: b + b" "),
        ("run.json", lambda b: b.replace(b"main", b"mine")),
    ):
        path = run / name
        content = path.read_bytes()
        path.write_bytes(spoil(content))
        done = release(
            "approve", "--role", "technical", "--key", release.ann.key, "--yes", "--json"
        )
        assert done.returncode == 3, (name, done.stdout, done.stderr)
        assert "not the files that it was judged on" in done.stderr, name
        assert Path(name).name in done.stderr
        assert len(done.stderr.splitlines()) == 1
        path.write_bytes(content)
    assert not (release.project / "approvals").exists()


def test_verdicts_that_do_not_follow_from_the_files_are_never_signed(release: Release) -> None:
    """Record and manifest rewritten together: consistent, and a lie all the same."""
    (run,) = (release.project / "runs").glob("*-finalize-*")
    record = run / "gate" / "record.json"
    told = json.loads(record.read_text())
    told["items"][7]["measured"] = "100 %"
    record.write_text(json.dumps(told))
    manifest = json.loads((run / "gate" / "manifest.json").read_text())
    for entry in manifest["files"]:
        if entry["path"] == record.name:
            entry |= {"sha256": sha256_file(record), "size_bytes": record.stat().st_size}
    (run / "gate" / "manifest.json").write_text(json.dumps(manifest))
    done = release("approve", "--role", "technical", "--key", release.ann.key, "--yes")
    assert done.returncode == 3
    assert "the verdicts recorded are not those" in done.stderr


def test_a_key_that_nobody_trusts_signs_and_is_told_that_it_does_not_count(
    release: Release,
) -> None:
    eve = make_person(release.folder, "eve")
    done = release("approve", "--role", "technical", "--key", eve.key, "--yes")
    assert done.returncode == 1
    assert "a key that the file of allowed signers does not name" in done.stdout
    assert release("approvals").returncode == 1
    assert release.approve()["approval"]["counts"] is True
    assert release("approvals").returncode == 0


def test_a_role_that_nobody_requires_may_sign_and_is_not_enough(release: Release) -> None:
    key = release.ann.key
    done = release("approve", "--role", "product", "--key", key, "--yes")
    assert done.returncode == 0, done.stderr
    assert "approvals.required does not ask for the role product" in done.stdout
    assert release.judge().items[23].reason == "technical: no approval recorded"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--role", "janitor", "--key", "KEY"), 2, "'janitor' is not one of"),
        (("--role", "technical"), 2, "Missing option '--key'"),
        (("--role", "technical", "--key", "nowhere"), 3, "nowhere: a key is required"),
        (("--role", "technical", "--key", "config.yaml"), 3, "a private or public key is required"),
        (("--role", "technical", "--key", "KEY", "--note", "a\nb"), 2, "--note: note: "),
        (("--role", "technical", "--key", "KEY", "--note", "a" * 1001), 2, "--note: note: "),
        (("--role", "technical", "--key", "KEY", "no-such-run"), 3, "no run of that name"),
    ],
)
def test_what_cannot_be_signed_is_one_line_and_the_documented_code(
    release: Release, arguments: tuple[str, ...], code: int, words: str
) -> None:
    given = [release.ann.key if word == "KEY" else word for word in arguments]
    done = release("approve", *given, "--yes")
    assert done.returncode == code
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (release.project / "approvals").exists()


def test_a_linked_folder_of_approvals_is_not_written_to(release: Release) -> None:
    elsewhere = release.folder / "elsewhere"
    elsewhere.mkdir()
    (release.project / "approvals").symlink_to(elsewhere)
    done = release("approve", "--role", "technical", "--key", release.ann.key, "--yes")
    assert done.returncode == 3
    assert "no link on the way to it" in done.stderr
    assert list(elsewhere.iterdir()) == []


# ---------------------------------------------------------------- a person at a terminal


def at_a_terminal(release: Release, answers: list[tuple[str, str]], *arguments: object) -> str:
    """Run ``approve`` on a terminal of its own and answer what it asks; what the terminal shows,
    with the exit code on the last line."""
    words = [sys.executable, "-m", "seatrial", "approve", *map(str, arguments)]
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(release.project)
        os.environ["SEATRIAL_ALLOWED_SIGNERS"] = str(release.signers)
        os.environ.pop("DISPLAY", None)
        os.execv(sys.executable, words)  # noqa: S606
    shown, left = "", list(answers)
    while True:
        if not select.select([terminal], [], [], 120)[0]:
            os.kill(child, signal.SIGKILL)  # it waits for an answer that nobody will give
            break
        try:
            chunk = os.read(terminal, 4096)
        except OSError:
            break
        if not chunk:
            break
        shown += chunk.decode(errors="replace")
        if left and left[0][0] in shown:
            os.write(terminal, f"{left.pop(0)[1]}\n".encode())
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    assert not left, shown
    return f"{shown}\nexit {os.waitstatus_to_exitcode(status)}"


def test_a_person_sees_what_they_sign_says_yes_and_types_the_passphrase(release: Release) -> None:
    bob = make_person(release.folder, "bob", passphrase=OPEN)
    release.signers.write_text(bob.line())
    answers = [("Approve this release as technical?", "y"), ("Enter passphrase", OPEN)]
    shown = at_a_terminal(release, answers, "--role", "technical", "--key", bob.key)
    assert shown.endswith("exit 0"), shown
    before = shown.partition("Approve this release")[0]
    for told in (release.digest, "shades", "achieved", "every other item passes",
                 "file with a passphrase"):  # fmt: skip
        assert told in before
    assert OPEN not in shown
    said = json.loads((release.project / f"approvals/{release.digest}/technical.json").read_text())
    assert said["key_held"] == "passphrase"
    assert release.judge().passed


def test_who_says_no_or_does_not_know_the_passphrase_signs_nothing(release: Release) -> None:
    bob = make_person(release.folder, "bob", passphrase=OPEN)
    arguments = ("--role", "technical", "--key", bob.key)
    shown = at_a_terminal(release, [("Approve this release", "n")], *arguments)
    assert shown.endswith("exit 130"), shown
    answers = [("Approve this release", "y"), ("Enter passphrase", "please")]
    shown = at_a_terminal(release, answers, *arguments)
    assert shown.endswith("exit 3"), shown
    assert "nothing was signed" in shown
    assert not (release.project / "approvals").exists()
