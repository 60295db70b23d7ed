"""The test ledger counts distinct pairs, once each, and notices damage."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from pydantic import ValidationError

from seatrial.errors import InputError
from seatrial.evaluation import count_in_ledger, read_ledger, record_in_ledger

A, B, C = ("a" * 64, "b" * 64, "c" * 64)


def add(path, weights, test_set, run="run-1"):
    return record_in_ledger(
        path, weights=weights, test_set=test_set, run=run, date="2026-11-20T14:00:00Z"
    )


def test_distinct_pairs_are_counted_and_repeated_ones_are_not(tmp_path):
    path = tmp_path / "results" / "test_ledger.jsonl"
    assert count_in_ledger(path) == 0
    assert [add(path, A, C), add(path, B, C), add(path, A, C, "run-2"), add(path, A, B)] == [
        1,
        2,
        2,
        3,
    ]
    assert count_in_ledger(path) == 3 and len(path.read_text().splitlines()) == 3
    first = read_ledger(path)[0]
    assert (first.weights, first.test_set, first.run) == (A, C, "run-1")


def test_a_line_has_the_documented_keys_and_a_repetition_leaves_the_bytes(tmp_path):
    path = tmp_path / "ledger.jsonl"
    add(path, A, B)
    before = path.read_bytes()
    assert set(json.loads(before)) == {"weights", "test_set", "run", "date"}
    add(path, A, B, "run-2")
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["ledger.jsonl"]


@pytest.mark.parametrize("damage", ["<<<<<<< HEAD", "{", '{"weights": "abc"}', "[]", "\x00"])
def test_a_damaged_line_is_named_and_nothing_is_written(tmp_path, damage):
    path = tmp_path / "ledger.jsonl"
    add(path, A, B)
    path.write_text(path.read_text() + damage + "\n")
    before = path.read_bytes()
    for attempt in (lambda: add(path, B, C), lambda: count_in_ledger(path)):
        with pytest.raises(InputError, match=r"ledger\.jsonl, line 2: required weights"):
            attempt()
    assert path.read_bytes() == before


def test_a_merge_that_doubled_a_line_or_lost_the_last_break_still_counts(tmp_path):
    path = tmp_path / "ledger.jsonl"
    add(path, A, B)
    line = path.read_text()
    path.write_text(line + "\n" + line.rstrip("\n"))
    assert count_in_ledger(path) == 1
    assert add(path, B, C) == 2 and count_in_ledger(path) == 2


def test_runs_that_record_at_once_all_count(tmp_path):
    path = tmp_path / "ledger.jsonl"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: add(path, f"{i:064x}", C), range(16)))
    assert count_in_ledger(path) == 16


def test_what_is_no_digest_is_not_recorded(tmp_path):
    with pytest.raises(ValidationError):
        add(tmp_path / "ledger.jsonl", "short", B)
    assert not (tmp_path / "ledger.jsonl").exists()


def test_a_ledger_that_cannot_be_read_is_an_input_error(tmp_path):
    (tmp_path / "ledger.jsonl").mkdir()
    with pytest.raises(InputError, match="cannot read"):
        count_in_ledger(tmp_path / "ledger.jsonl")
