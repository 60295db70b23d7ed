"""Steps are done once: again only when a declared input changed or the files are not whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial import pipeline, steps
from seatrial.config.load import check
from seatrial.config.schema import Config
from seatrial.errors import InputError
from seatrial.evidence import manifests, runs
from seatrial.evidence.records import DocumentsRecord
from seatrial.steps import Context, Step


class Workshop:
    """Two small steps, ``first`` and ``second``, that count how often they are done."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.fail = False
        self.carried: list[Path | None] = []

    def step(self, name: str) -> Step:
        reads = ("first/a.txt",) if name == "second" else ()
        return Step(
            name=name,
            reads=reads,
            settings=lambda config: config.training.epochs if name == "first" else None,
            work=self.work,
            belongs_to_run=name == "third",
            carries="a.txt" if name == "first" else None,
        )

    def work(self, context: Context, output: Path) -> DocumentsRecord:
        self.done.append(output.name)
        self.carried.append(context.carried)
        (output / "a.txt").write_text(f"{output.name} {context.config.training.epochs}")
        if self.fail:
            raise RuntimeError("died")
        return DocumentsRecord(documents=(), code_blocks=(), seconds=0.0)


@pytest.fixture
def workshop(monkeypatch: pytest.MonkeyPatch) -> Workshop:
    made = Workshop()
    monkeypatch.setattr(steps, "get", made.step)
    return made


def configuration(epochs: int = 1) -> Config:
    raw = {"model": {"architecture": "resnet18"}, "data": {"source": "digits"}}
    return check({**raw, "training": {"epochs": epochs}}, "test")


def do(project: Path, epochs: int = 1, names: tuple[str, ...] = ("first", "second")) -> runs.Run:
    config = configuration(epochs)
    run = runs.create(project, "finalize", config, config_path=None)
    pipeline.execute(Context(run, config, emit=lambda _: None), names)
    return run


def test_a_second_run_with_nothing_changed_does_nothing(tmp_path: Path, workshop: Workshop) -> None:
    first, second = do(tmp_path), do(tmp_path)
    assert workshop.done == ["first", "second"]
    place = second.step("second")
    assert place is not None
    assert place.run == first.id


def test_a_changed_setting_redoes_the_step_and_what_reads_its_files(
    tmp_path: Path, workshop: Workshop
) -> None:
    do(tmp_path, epochs=1)
    do(tmp_path, epochs=2)
    assert workshop.done == ["first", "second"] * 2


def test_a_step_whose_files_are_not_whole_is_done_again(tmp_path: Path, workshop: Workshop) -> None:
    run = do(tmp_path)
    (run.folder / "first" / "a.txt").write_text("tampered")
    do(tmp_path)
    assert workshop.done == ["first", "second", "first"]


def test_a_step_that_names_its_run_is_never_taken_over(tmp_path: Path, workshop: Workshop) -> None:
    do(tmp_path, names=("third",))
    do(tmp_path, names=("third",))
    assert workshop.done == ["third", "third"]


def test_a_step_asked_for_afresh_is_done_again(tmp_path: Path, workshop: Workshop) -> None:
    do(tmp_path)
    config = configuration()
    run = runs.create(tmp_path, "finalize", config, config_path=None)
    context = Context(run, config, emit=lambda _: None)
    pipeline.execute(context, ("first", "second"), afresh=("second",))
    assert workshop.done == ["first", "second", "second"]


def test_an_attempt_that_died_is_set_aside_and_handed_to_the_next(
    tmp_path: Path, workshop: Workshop
) -> None:
    workshop.fail = True
    with pytest.raises(RuntimeError, match="died"):
        do(tmp_path)
    (run,) = runs.all_runs(tmp_path)
    assert run.step("first") is None
    workshop.fail = False
    pipeline.execute(Context(run, configuration(), emit=lambda _: None), ("first",))
    assert workshop.carried == [None, run.folder / "first.attempt-1"]
    assert run.step("first") is not None


def test_an_attempt_that_died_with_nothing_to_carry_does_not_hide_the_one_before(
    tmp_path: Path, workshop: Workshop
) -> None:
    workshop.fail = True
    with pytest.raises(RuntimeError, match="died"):
        do(tmp_path)
    (run,) = runs.all_runs(tmp_path)
    manifests.begin(run.folder / "first")  # as a process does that is killed at once
    workshop.fail = False
    pipeline.execute(Context(run, configuration(), emit=lambda _: None), ("first",))
    assert (run.folder / "first.attempt-2").is_dir()
    assert workshop.carried == [None, run.folder / "first.attempt-1"]


def test_only_a_step_that_can_go_on_is_handed_what_died(tmp_path: Path, workshop: Workshop) -> None:
    run = do(tmp_path, names=("first",))
    workshop.fail = True
    context = Context(run, configuration(), emit=lambda _: None)
    with pytest.raises(RuntimeError, match="died"):
        pipeline.execute(context, ("second",))
    workshop.fail = False
    pipeline.execute(context, ("second",))
    assert workshop.carried == [None, None, None]


@pytest.mark.usefixtures("workshop")
def test_the_manifest_chains_to_the_files_read(tmp_path: Path) -> None:
    run = do(tmp_path)
    first, second = (manifests.read(run.folder / name) for name in ("first", "second"))
    digest = next(entry.sha256 for entry in first.files if entry.path == "a.txt")
    assert second.inputs["first/a.txt"] == digest
    assert {"config", "code", "packages"} <= second.inputs.keys()


@pytest.mark.usefixtures("workshop")
def test_a_changed_step_is_not_taken_over_by_hand(tmp_path: Path) -> None:
    run = do(tmp_path)
    other = runs.create(tmp_path, "gate", configuration(), config_path=None)
    place = run.step("first")
    assert place is not None
    (place.folder / "extra").write_text("")
    with pytest.raises(InputError, match="extra: added"):
        pipeline.take_over(other, "first", place)
