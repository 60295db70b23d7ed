"""``seatrial sign``: what is there is signed, and nothing else is."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from docs import pages
from factories import RUN_ID, healthy_facts, healthy_project
from provenance.conftest import OTHER_KINDS, KeyFiles, write_keys
from repository_copy import ROOT
from seatrial import provenance, publishing
from seatrial.evidence.runs import Run
from seatrial.files import read_json, tree_files

from .conftest import Result, Seatrial

ONNX = "models/production_model.onnx"


@pytest.fixture
def keys(tmp_path: Path) -> KeyFiles:
    return write_keys(tmp_path, "key", Ed25519PrivateKey.generate())


@pytest.fixture
def release(project: Path) -> Path:
    """A project with a published release, as the current folder."""
    healthy_project(project)
    publishing.publish(Run(project, RUN_ID))
    return project


def problems(project: Path, keys: KeyFiles) -> list[str]:
    statement = (project / provenance.STATEMENT).read_bytes()
    return provenance.verify(project / provenance.ENVELOPE, statement, keys.public)


def test_the_published_release_is_signed(release: Path, seatrial: Seatrial, keys: KeyFiles) -> None:
    done = seatrial("sign", "--key", keys.private)
    assert done.code == 0, done.err
    digest = healthy_facts().release_digest
    assert done.out.splitlines() == [
        f"release {digest} of run {RUN_ID}",
        f"signed by key {keys.signer().public_key.keyid}",
        f"{provenance.ENVELOPE}: 1 signature",
    ]
    assert problems(release, keys) == []


def test_json_tells_release_keys_and_file(
    release: Path, seatrial: Seatrial, keys: KeyFiles
) -> None:
    found = json.loads(seatrial("sign", "--json", "--key", keys.private, RUN_ID).out)
    keyid = keys.signer().public_key.keyid
    assert found == {
        "run": RUN_ID,
        "release_digest": healthy_facts().release_digest,
        "keyid": keyid,
        "signatures": [keyid],
        "envelope": provenance.ENVELOPE,
    }


def test_a_second_key_adds_and_the_first_one_again_replaces(
    release: Path, seatrial: Seatrial, keys: KeyFiles, tmp_path: Path
) -> None:
    other = write_keys(tmp_path, "other", Ed25519PrivateKey.generate())
    for key in (keys, other, keys):
        assert seatrial("sign", "--key", key.private).code == 0
    assert len(read_json(release / provenance.ENVELOPE)["signatures"]) == 2
    assert problems(release, keys) == problems(release, other) == []


def test_nothing_but_the_envelope_is_written(
    release: Path, seatrial: Seatrial, keys: KeyFiles
) -> None:
    before = set(tree_files(release))
    seatrial("sign", "--key", keys.private)
    assert set(tree_files(release)) - before == {provenance.ENVELOPE}


def append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\n")


def link(path: Path) -> None:
    copy = path.with_name(f"copy-of-{path.name}")
    path.rename(copy)
    path.symlink_to(copy.name)


def other_release_digest(path: Path) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), "release_digest": "0" * 64}))


def one_file_more(path: Path) -> None:
    found = json.loads(path.read_text())
    found["files"]["models/other.onnx"] = "0" * 64
    path.write_text(json.dumps(found))


RUN = f"runs/{RUN_ID}"
CHANGES: dict[str, tuple[str, Callable[[Path], None], str]] = {
    "a model": (ONNX, append, f"{ONNX}: changed"),
    "a document": ("docs/model_card.md", append, "docs/model_card.md: changed"),
    "a model gone": (ONNX, Path.unlink, f"{ONNX}: missing"),
    "a model that is a link": (ONNX, link, f"{ONNX}: missing"),
    "the statement": (provenance.STATEMENT, append, f"{provenance.STATEMENT}: "),
    "the statement gone": (provenance.STATEMENT, Path.unlink, f"{provenance.STATEMENT}: missing"),
    "the run's model": (f"{RUN}/export/production_model.onnx", append, "onnx: changed"),
    "the run's manifest": (f"{RUN}/verify/manifest.json", append, "verify"),
    "the run's record": (f"{RUN}/run.json", append, "run.json of its run was changed"),
    "release.json: the digest": (publishing.RELEASE, other_release_digest, "release digest"),
    "release.json: a file": (publishing.RELEASE, one_file_more, "models/other.onnx: not of this"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_not_as_the_run_made_it_is_never_signed(
    name: str, release: Path, seatrial: Seatrial, keys: KeyFiles
) -> None:
    path, change, expected = CHANGES[name]
    change(release / path)
    done = seatrial("sign", "--key", keys.private)
    assert done.code == 3
    assert expected in done.complaint
    assert not (release / provenance.ENVELOPE).exists()


def test_a_configuration_that_a_person_wrote_does_not_keep_from_signing(
    project: Path, seatrial: Seatrial, keys: KeyFiles
) -> None:
    healthy_project(project)
    (project / "configs").mkdir()
    (project / "configs/final_config.yaml").write_text("# mine\n")
    publishing.publish(Run(project, RUN_ID))
    assert seatrial("sign", "--key", keys.private).code == 0


def test_without_a_release_nothing_is_signed(
    project: Path, seatrial: Seatrial, keys: KeyFiles
) -> None:
    done = seatrial("sign", "--key", keys.private)
    assert (done.code, "nothing is published" in done.complaint) == (3, True)


def test_a_run_that_does_not_exist_is_named(
    release: Path, seatrial: Seatrial, keys: KeyFiles
) -> None:
    done = seatrial("sign", "--key", keys.private, "20200101")
    assert (done.code, "20200101: no run" in done.complaint) == (3, True)


def test_a_run_of_another_release_is_not_what_is_published(
    release: Path, seatrial: Seatrial, keys: KeyFiles
) -> None:
    other = "20261119T140000Z-finalize-aaaa"
    folder = release / "runs" / other
    for name, path in tree_files(release / RUN).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(path.read_bytes())
    append(folder / "verify/manifest.json")
    done = seatrial("sign", "--key", keys.private, other)
    assert done.code == 3
    assert "not of the published release" in done.complaint
    assert not (release / provenance.ENVELOPE).exists()


def test_a_damaged_envelope_is_not_overwritten(
    release: Path, seatrial: Seatrial, keys: KeyFiles
) -> None:
    (release / provenance.ENVELOPE).write_text("{}")
    done = seatrial("sign", "--key", keys.private)
    assert (done.code, "not a DSSE envelope" in done.complaint) == (3, True)
    assert (release / provenance.ENVELOPE).read_text() == "{}"


def test_another_release_takes_the_signature_away_and_the_same_one_keeps_it(
    release: Path, seatrial: Seatrial, keys: KeyFiles
) -> None:
    seatrial("sign", "--key", keys.private)
    publishing.publish(Run(release, RUN_ID))
    assert problems(release, keys) == []
    healthy_project(release, {"data.digest": "9" * 64})
    publishing.publish(Run(release, RUN_ID))
    assert not (release / provenance.ENVELOPE).exists()
    assert seatrial("sign", "--key", keys.private).code == 0
    assert problems(release, keys) == []


def verified_as_the_guide_says(project: Path, public_key: Path) -> tuple[int, str]:
    (block,) = (
        block
        for block in pages.blocks((ROOT / "docs/how-to/sign-a-release.md").read_text())
        if block.language == "python"
    )
    done = subprocess.run(
        [sys.executable, "-c", block.text],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PUBLIC_KEY": str(public_key)},
    )
    return done.returncode, (done.stdout + done.stderr).strip()


def test_the_guides_way_to_verify_without_seatrial_works_and_can_say_no(
    release: Path, seatrial: Seatrial, keys: KeyFiles, tmp_path: Path
) -> None:
    other = write_keys(tmp_path, "other", Ed25519PrivateKey.generate())
    seatrial("sign", "--key", keys.private)
    assert verified_as_the_guide_says(release, keys.public) == (0, "signed and unchanged")
    assert verified_as_the_guide_says(release, other.public) == (1, "no signature by this key")
    append(release / ONNX)
    assert verified_as_the_guide_says(release, keys.public) == (1, f"{ONNX}: changed")


def test_no_key_is_bad_usage(release: Path, seatrial: Seatrial) -> None:
    done = seatrial("sign")
    assert (done.code, "--key" in done.complaint) == (2, True)


@pytest.mark.parametrize("kind", OTHER_KINDS)
def test_a_key_of_another_kind_is_refused(
    kind: str, release: Path, seatrial: Seatrial, tmp_path: Path
) -> None:
    other = write_keys(tmp_path, "other", OTHER_KINDS[kind]())
    done = seatrial("sign", "--key", other.private)
    assert (done.code, "required is Ed25519" in done.complaint) == (3, True)


def test_a_public_key_and_a_missing_file_are_refused(
    release: Path, seatrial: Seatrial, keys: KeyFiles
) -> None:
    for path, reason in ((keys.public, "a public key"), (Path("none.pem"), "no such file")):
        done = seatrial("sign", "--key", path)
        assert (done.code, reason in done.complaint) == (3, True)


def protected(tmp_path: Path) -> KeyFiles:
    return write_keys(tmp_path, "protected", Ed25519PrivateKey.generate(), b"open sesame")


def test_a_passphrase_is_never_taken_from_a_pipe(release: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "seatrial", "sign", "--key", protected(tmp_path).private],
        cwd=release,
        input="open sesame\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert "asked for on a terminal" in done.stderr


@pytest.mark.parametrize(("passphrase", "code"), [("open sesame", 0), ("guess", 3)])
def test_a_passphrase_is_asked_for_on_the_terminal_and_not_shown(
    release: Path, tmp_path: Path, passphrase: str, code: int
) -> None:
    keys = protected(tmp_path)
    result = on_a_terminal(release, f"{passphrase}\n", "sign", "--key", str(keys.private))
    assert result.code == code, result.out
    assert "passphrase of protected.pem" in result.out
    assert passphrase not in result.out
    assert (release / provenance.ENVELOPE).exists() == (code == 0)
    if code == 0:
        assert problems(release, keys) == []


def on_a_terminal(project: Path, typed: str, *arguments: str) -> Result:
    """The program on a terminal of its own, where ``typed`` is typed once it asks."""
    ours, theirs = pty.openpty()

    def take_terminal() -> None:
        fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)

    process = subprocess.Popen(
        [sys.executable, "-m", "seatrial", *arguments],
        cwd=project,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=take_terminal,
    )
    os.close(theirs)
    shown = b""
    while chunk := _read(ours):
        shown += chunk
        if typed and b"passphrase" in shown:
            os.write(ours, typed.encode())
            typed = ""
    os.close(ours)
    return Result(process.wait(timeout=60), shown.decode(), "")


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:  # Linux: the other side is closed
        return b""
