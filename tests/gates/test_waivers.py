"""A waiver stands beside a verdict, counts only while it is valid, and never for the approval."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
import yaml

from factories import TRAINED_ELSEWHERE
from seatrial.config.schema import Waiver
from seatrial.gates import schema, waivers
from seatrial.gates.judging import counts
from seatrial.resources import shipped

TODAY = datetime.date(2026, 11, 20)
GOOD = {"item": 9, "reason": "few test images", "by": "R. Roe", "until": "2026-12-31"}
WIDE_GAP = {"config.targets.max_val_test_gap": 0.01, "evaluate.val.acc.value": 0.99,
            "evaluate.gap.value": 0.02}  # fmt: skip


def gate_with(judge: Any, *entries: dict[str, object], **more: Any) -> Any:
    return judge({**WIDE_GAP, "config.waivers": [{**GOOD, **entry} for entry in entries]}, **more)


def test_a_valid_waiver_counts_and_the_verdict_stays_what_it_is(judge: Any) -> None:
    gate = gate_with(judge, {})
    item = gate.items[8]
    assert item.verdict == "FAIL"
    assert item.waiver is not None
    assert item.waiver.model_dump() == {**GOOD}
    assert gate.decision == ("not ready: 22 of 24 items pass, 1 waived (9), 1 failed (24)")


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"until": "2026-11-19"}, "it ended on 2026-11-19"),
        ({"reason": "  "}, "it gives no reason"),
        ({"by": ""}, "it names nobody"),
    ],
)
def test_an_expired_unreasoned_or_unsigned_waiver_counts_for_nothing_and_is_said(
    judge: Any, entry: dict[str, object], words: str
) -> None:
    item = gate_with(judge, entry).items[8]
    assert item.verdict == "FAIL"
    assert item.waiver is None
    assert f"a waiver does not count: {words}" in item.reason


def test_the_approval_cannot_be_waived(judge: Any) -> None:
    gate = gate_with(judge, {"item": 24})
    assert gate.items[23].waiver is None
    assert "item 24 cannot be waived" in gate.items[23].reason
    assert not gate.passed


def test_a_waiver_holds_through_its_last_day(judge: Any) -> None:
    last = {"until": "2026-11-20"}
    assert gate_with(judge, last, today=TODAY).items[8].waiver is not None
    assert gate_with(judge, last, today=TODAY + datetime.timedelta(1)).items[8].waiver is None


def test_a_waiver_of_an_item_that_passes_is_not_used(judge: Any) -> None:
    item = judge({"config.waivers": [GOOD]}).items[8]
    assert item.verdict == "PASS"
    assert item.waiver is None


def test_a_skipped_item_counts_only_with_a_waiver(judge: Any) -> None:
    waived = [{**GOOD, "item": item} for item in (1, 2, 3)]
    gate = judge({**TRAINED_ELSEWHERE, "config.waivers": waived})
    assert [counts(item) for item in gate.items[:4]] == [True, True, True, False]
    assert {item.verdict for item in gate.items[:4]} == {"SKIPPED"}


def test_of_several_waivers_the_one_that_ends_last_counts() -> None:
    entries = [
        Waiver.model_validate({**GOOD, "until": day, "by": day})
        for day in ("2027-03-01", "2026-11-01", "2026-12-01")
    ]
    sorted_out = waivers.sort(entries, TODAY)
    assert sorted_out.valid[9].until == "2027-03-01"
    assert sorted_out.void == {9: ["a waiver does not count: it ended on 2026-11-01"]}


@pytest.fixture
def without_approval(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: Any) -> None:
    """The shipped checklist without its last item, which nothing can pass yet."""
    folder = tmp_path_factory.mktemp("checklists")
    raw = yaml.safe_load((shipped("checklists") / "production_ready.yaml").read_text())
    raw["items"].pop()
    (folder / "production_ready.yaml").write_text(yaml.safe_dump(raw))
    monkeypatch.setattr(schema, "shipped", lambda _: folder)


@pytest.mark.usefixtures("without_approval")
def test_the_gate_passes_exactly_if_every_item_counts(judge: Any) -> None:
    assert judge().passed
    assert judge().decision == "ready: 23 of 23 items pass"
    assert not judge(WIDE_GAP).passed
    waived = gate_with(judge, {})
    assert waived.passed
    assert waived.decision == "ready: 22 of 23 items pass, 1 waived (9)"
    assert waived.items[8].verdict == "FAIL"


@pytest.mark.usefixtures("without_approval")
def test_no_waivers_release_what_has_no_release_digest(judge: Any) -> None:
    everything = [{**GOOD, "item": item} for item in range(1, 24)]
    gate = judge({"benchmark": None, "config.waivers": everything})
    assert all(item.waiver or item.verdict == "PASS" for item in gate.items)
    assert not gate.passed
    assert gate.release_digest == ""
