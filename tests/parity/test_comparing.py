"""The arithmetic of parity, against other ways to compute it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax, softmax
from scipy.stats import binomtest

from seatrial.parity.comparing import ROUNDING, compare, log_probabilities, margins
from seatrial.parity.runtimes import log_shares
from seatrial.parity.verification import failures

CLASSES = ("a", "b", "c")


def some(seed: int, n: int = 40) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    random = np.random.default_rng(seed)
    return random.normal(size=(n, 3)) * 3, random.integers(0, 3, n)


def named(n: int) -> list[str]:
    return [f"image {k}" for k in range(n)]


@given(seed=st.integers(0, 50), scale=st.sampled_from([0.0, 1e-6, 0.1, 3.0]))
def test_figures_are_those_of_their_definitions(seed: int, scale: float) -> None:
    reference, labels = some(seed)
    exported = reference + np.random.default_rng(seed + 99).normal(size=reference.shape) * scale
    found = compare(reference, exported, labels, named(40), CLASSES)
    before, after = reference.argmax(1) == labels, exported.argmax(1) == labels
    assert found.accuracy.value == pytest.approx(after.mean())
    assert found.accuracy_difference == pytest.approx(before.mean() - after.mean())
    assert found.max_logit_difference == np.abs(reference - exported).max()
    assert found.mean_logit_difference == pytest.approx(np.abs(reference - exported).mean())
    lost, won = int((before & ~after).sum()), int((~before & after).sum())
    wanted = binomtest(lost, lost + won).pvalue if lost + won else 1.0
    assert found.mcnemar_p == pytest.approx(wanted)
    assert len(found.flips) == (reference.argmax(1) != exported.argmax(1)).sum()


def test_a_flip_names_its_image_classes_and_margins() -> None:
    reference = np.array([[4.0, 1.0, 0.0], [0.0, 2.0, 1.5]])
    exported = np.array([[4.0, 1.0, 0.0], [0.0, 1.0, 3.0]])
    (flip,) = compare(reference, exported, np.array([0, 1]), named(2), CLASSES).flips
    assert (flip.id, flip.true, flip.reference, flip.exported) == ("image 1", "b", "b", "c")
    assert (flip.reference_margin, flip.exported_margin) == (0.5, 2.0)
    assert not flip.tie


def test_a_flip_within_rounding_is_a_tie() -> None:
    reference = np.array([[5.0, 0.0, 0.0], [1.0, 1.0 - 1e-6, 0.0]])
    exported = np.array([[5.0, 0.0, 0.0], [1.0 - 1e-6, 1.0, 0.0]])
    found = compare(reference, exported, np.array([0, 0]), named(2), CLASSES)
    assert [flip.tie for flip in found.flips] == [True]
    assert found.beyond_ties == 0


@given(seed=st.integers(0, 200), scale=st.sampled_from([1e-3, 0.1, 10.0]))
def test_no_decision_flips_with_a_margin_over_twice_the_largest_difference(
    seed: int, scale: float
) -> None:
    """Why the tie rule needs its cap: without it this bound would excuse every flip."""
    reference, labels = some(seed)
    exported = reference + np.random.default_rng(seed + 7).normal(size=reference.shape) * scale
    found = compare(reference, exported, labels, named(40), CLASSES)
    assert all(
        flip.reference_margin <= 2 * found.max_logit_difference + 1e-12 for flip in found.flips
    )


def test_another_models_logits_flip_beyond_ties_though_as_accurate() -> None:
    _, labels = some(3, n=60)
    good, other = np.eye(3)[labels] * 9, np.eye(3)[labels] * 9
    good[:6], other[-6:] = np.eye(3)[(labels[:6] + 1) % 3], np.eye(3)[(labels[-6:] + 1) % 3]
    found = compare(good, other, labels, named(60), CLASSES)
    assert found.accuracy_difference == 0
    assert found.beyond_ties == 12


@given(seed=st.integers(0, 50))
def test_log_probabilities_keep_decisions_and_margins(seed: int) -> None:
    logits, _ = some(seed)
    logs = log_probabilities(logits)
    np.testing.assert_allclose(logs, log_softmax(logits, axis=1), atol=1e-12)
    np.testing.assert_allclose(margins(logs), margins(logits), atol=1e-9)
    shares = softmax(logits, axis=1).astype(np.float32)
    np.testing.assert_allclose(log_shares(shares), logs, atol=1e-4)


def test_a_probability_that_vanished_compares_as_equal_on_both_sides() -> None:
    logits = np.array([[200.0, 0.0, -50.0]], dtype=np.float32)
    shares = softmax(logits, axis=1).astype(np.float32)
    np.testing.assert_allclose(log_shares(shares), log_probabilities(logits), atol=1e-5)


def judged(**changes: object) -> list[str]:
    reference, labels = some(1)
    found = compare(reference, reference, labels, named(40), CLASSES)
    given_ = {
        "exact": True,
        "bound": 0.005,
        "batches": {"1": 0.0},
        "golden_n": 16,
        "golden_agree": 16,
        "golden_difference": 0.0,
    }
    return failures(changes.pop("found", found), **{**given_, **changes})  # type: ignore[arg-type]


def test_an_identical_export_passes() -> None:
    assert judged() == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"golden_agree": 15}, "15 of 16 golden"),
        ({"golden_difference": 0.5}, "golden"),
        ({"batches": {"1": 0.0, "7": 0.5}}, "at batch 7"),
    ],
)
def test_each_rule_fails_by_itself(change: dict[str, object], said: str) -> None:
    (reason,) = judged(**change)
    assert said in reason


def test_only_float32_formats_must_not_flip() -> None:
    reference, labels = some(2)
    exported = reference.copy()
    exported[0] = np.roll(exported[0], 1)
    found = compare(reference, exported, labels, named(40), CLASSES)
    assert found.beyond_ties == 1
    assert any("flip" in reason for reason in judged(found=found, bound=1.0))
    assert judged(found=found, bound=1.0, exact=False) == []


def test_a_loss_of_exactly_the_bound_passes_and_one_image_more_does_not() -> None:
    labels = np.zeros(200, dtype=np.int64)
    reference = np.tile([9.0, 0.0, 0.0], (200, 1))
    for lost, passes in ((1, True), (2, False)):
        exported = reference.copy()
        exported[:lost] = [0.0, 9.0, 0.0]
        found = compare(reference, exported, labels, named(200), CLASSES)
        assert (judged(found=found, exact=False) == []) is passes


def test_rounding_grows_with_the_logits() -> None:
    labels = np.zeros(1, dtype=np.int64)
    for scale in (1.0, 100.0):
        row = np.array([[scale, 0.0, 0.0]])
        assert compare(row, row, labels, ["x"], CLASSES).rounding == ROUNDING * scale
