"""What was published, the ledger, and earlier gates: edited, cut, of another kind."""

from __future__ import annotations

from pathlib import Path

from reliability.malformed.case import Build, Case, edit_json, writes

RELEASE, LEDGER = "results/production/release.json", "results/test_ledger.jsonl"
EVALUATE = ("evaluate", "--config", "config.yaml", "--checkpoint", "given.pt")
_LINE = '{"weights": "%s", "test_set": "%s", "run": "r", "date": "2026-11-20"}\n'


def _release(name: str, content: bytes | str) -> Case:
    return Case(name, ("gate",), 3, ("release.json",), writes(RELEASE, content))


def _folder(name: str) -> Build:
    def build(project: Path) -> None:
        (project / name).unlink()
        (project / name).mkdir()

    return build


def _ledger(name: str, content: bytes | str) -> Case:
    def build(project: Path) -> None:
        given = project / "checkpoints/production/final_model_best.pt"
        (project / "given.pt").write_bytes(given.read_bytes())
        writes(LEDGER, content)(project)

    return Case(name, EVALUATE, 3, ("test_ledger.jsonl",), build)


def _vouching(name: str, content: bytes | str, *says: str, code: int = 3) -> Case:
    """``finalize`` alone looks for an earlier gate that vouches for a configuration."""

    def build(project: Path) -> None:
        writes("configs/training_config.yaml", (project / "config.yaml").read_bytes())(project)
        writes("results/baseline/gate.json", content)(project)

    return Case(name, ("finalize",), code, says or ("gate.json",), build)


def _vouched_configuration(name: str, content: bytes | str) -> Case:
    def build(project: Path) -> None:
        writes("results/baseline/gate.json", '{"passed": true, "decision": "sufficient"}')(project)
        writes("configs/training_config.yaml", content)(project)

    return Case(name, ("finalize",), 2, ("training_config.yaml",), build, lines=None)


def _another_run(project: Path) -> None:
    edit_json(project / RELEASE, lambda release: release.update(run="../../outside"))


def _files_that_climb(project: Path) -> None:
    edit_json(
        project / RELEASE, lambda release: release["files"].update({"../outside/secret.txt": "0"})
    )


def _files_absolute(project: Path) -> None:
    target = str(project.parent / "outside" / "secret.txt")
    edit_json(project / RELEASE, lambda release: release["files"].update({target: "0"}))


CASES = (
    _release("empty", ""),
    _release("cut", '{"run": "2026'),
    _release("a list", "[]"),
    _release("null", "null"),
    _release("without a run", "{}"),
    _release("a number for a run", '{"run": 3, "files": {}}'),
    _release("a list for files", '{"run": "a", "files": []}'),
    _release("of noise", bytes(range(256))),
    _release("nested deep", "[" * 100_000),
    Case("a folder in place of release.json", ("gate",), 3, ("release.json",), _folder(RELEASE)),
    Case("a run that climbs", ("gate",), 3, ("release.json",), _another_run),
    Case("published files that climb", ("gate",), 3, ("release.json",), _files_that_climb),
    Case("published files of absolute paths", ("gate",), 3, ("release.json",), _files_absolute),
    _ledger("a ledger of noise", bytes(range(256))),
    _ledger("a ledger of a list", "[]\n"),
    _ledger("a ledger cut", _LINE % ("0" * 64, "1" * 64) + '{"weights": "'),
    _ledger("a ledger with an unknown key", '{"weights": 1, "more": 2}\n'),
    _ledger("a ledger with short digests", _LINE % ("0", "1")),
    _ledger("a ledger of invalid UTF-8", b'{"run": "\xff"}\n'),
    _ledger("a ledger nested deep", "[" * 100_000),
    _ledger("a ledger of UTF-16", (_LINE % ("0" * 64, "1" * 64)).encode("utf-16")),
    Case(
        "a folder for a ledger",
        (
            "evaluate",
            "--config",
            "config.yaml",
            "--checkpoint",
            "checkpoints/production/final_model_best.pt",
        ),
        3,
        ("test_ledger.jsonl",),
        _folder(LEDGER),
    ),
    _vouching("an earlier gate that is empty", ""),
    _vouching("an earlier gate of noise", bytes(range(256))),
    _vouching("an earlier gate nested deep", "[" * 100_000),
    _vouching("an earlier gate that is a list", "[]", "gate.json", code=1),
    _vouching("an earlier gate that says yes in words", '{"passed": "true"}', code=1),
    _vouching(
        "an earlier gate with a list for a decision", '{"passed": true, "decision": [1]}', code=1
    ),
    _vouched_configuration("an earlier configuration that is empty", ""),
    _vouched_configuration("an earlier configuration of a list", "[]\n"),
    _vouched_configuration("an earlier configuration with a list for a section", "training: []\n"),
    _vouched_configuration("an earlier configuration of noise", bytes(range(256))),
)
