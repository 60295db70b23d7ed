"""An evaluation with its inputs, to vary one at a time."""

from __future__ import annotations

import numpy as np
import pytest

from seatrial.evaluation import evaluate

CLASSES = ("cat", "dog", "owl", "eel", "bee", "ant", "fox")


def answers(n, accuracy, seed=0, k=7, confidence=4.0):
    """Logits ``(n, k)`` float32 of which ``round(n * accuracy)`` are right, and labels."""
    random = np.random.default_rng(seed)
    labels = np.arange(n) % k
    wrong = np.arange(n) >= round(n * accuracy)
    predicted = np.where(wrong, (labels + 1 + random.integers(0, k - 1, n)) % k, labels)
    logits = random.normal(0, 0.3, (n, k)) + confidence * np.eye(k)[predicted]
    return logits.astype(np.float32), labels.astype(np.int64)


def inputs(**changes):
    """Keyword arguments of ``evaluate``: 300 test images 94 % right, 280 of validation 95 %."""
    test_logits, test_labels = answers(300, 0.94)
    val_logits, val_labels = answers(280, 0.95, seed=1)
    given = {
        "test_logits": test_logits,
        "test_labels": test_labels,
        "test_ids": [f"test/{i:04d}.png" for i in range(300)],
        "val_logits": val_logits,
        "val_labels": val_labels,
        "classes": CLASSES,
        "target_acc": 0.9,
        "max_gap": 0.05,
        "seed": 0,
        "checkpoint_sha256": "a" * 64,
        "test_digest": "b" * 64,
        "recorded_value": 0.95,
        "reevaluated_value": 0.95,
        "repeat_identical": True,
        "ledger_count": 1,
        "leaked_pairs": 0,
        "train_acc": 0.96,
    }
    return given | changes


@pytest.fixture
def evaluated():
    """``evaluated(name=value …)`` → the record with those inputs changed; ``test=(n, accuracy)``
    and ``val=(n, accuracy)`` make other answers."""

    def of(test=None, val=None, **changes):
        if test is not None:
            logits, labels = answers(*test)
            ids = [f"test/{i:04d}.png" for i in range(len(labels))]
            changes |= {"test_logits": logits, "test_labels": labels, "test_ids": ids}
        if val is not None:
            logits, labels = answers(*val, seed=1)
            changes |= {"val_logits": logits, "val_labels": labels}
        return evaluate(**inputs(**changes))

    return of
