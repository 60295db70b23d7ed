"""The test size that a claim needs is the least that proves it."""

from __future__ import annotations

import pytest

from seatrial.metrics import proves, required_test_size, wilson


@pytest.mark.parametrize(
    ("accuracy", "target"), [(0.972, 0.95), (0.81, 0.8), (0.999, 0.5), (0.6, 0.1), (1.0, 0.99)]
)
def test_that_many_images_prove_it_and_one_fewer_does_not(accuracy, target):
    n = required_test_size(accuracy, target)
    assert n is not None
    assert wilson(accuracy * n, n)[0] >= target - 1e-12
    assert n == 1 or wilson(accuracy * (n - 1), n - 1)[0] < target


@pytest.mark.parametrize(("accuracy", "target"), [(0.8, 0.8), (0.7, 0.8), (1.0, 1.0)])
def test_an_accuracy_no_higher_than_the_target_is_never_proved(accuracy, target):
    assert required_test_size(accuracy, target) is None


@pytest.mark.parametrize(("accuracy", "target"), [(97.2, 0.95), (0.9, -0.1)])
def test_percentages_are_refused(accuracy, target):
    with pytest.raises(ValueError, match="fractions"):
        required_test_size(accuracy, target)


def test_proof_is_by_the_lower_bound():
    assert proves(95, 100, 0.888) and not proves(95, 100, 0.889)
