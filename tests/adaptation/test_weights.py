from __future__ import annotations

import numpy as np
import pytest

from napari_catsam.adaptation.weights import count_effective, weigh_objects


def test_an_object_of_four_times_the_pixels_counts_twice() -> None:
    np.testing.assert_allclose(weigh_objects(np.array([400, 100, 100])), [0.5, 0.25, 0.25])


def test_an_object_without_pixels_still_counts_a_little() -> None:
    weights = weigh_objects(np.array([0, 100]))
    assert weights[0] > 0
    assert weights.sum() == pytest.approx(1)


def test_equal_objects_count_as_many_as_they_are_and_a_tree_with_specks_as_one() -> None:
    assert count_effective(np.full(5, 0.2)) == pytest.approx(5)
    vessels = weigh_objects(np.array([29119, 191, 38, 38, 20]))
    assert 1 < count_effective(vessels) < 1.5
