"""What labels with a scale and classes may be."""

from __future__ import annotations

import numpy as np
import pytest

from napari_catsam.errors import LabelsError
from napari_catsam.exchange import LabelImage
from tests.exchange.conftest import LARGEST, OnePlaneAtATime

LABELS = np.arange(60).reshape(3, 4, 5)


@pytest.mark.parametrize(("ndim", "axes"), [(2, "yx"), (3, "zyx"), (4, "tzyx"), (5, "tczyx")])
def test_what_is_left_out_is_filled_in(ndim: int, axes: str) -> None:
    image = LabelImage(np.zeros((2,) * ndim, bool))
    assert (image.axes, image.scale, image.translate) == (axes, (1.0,) * ndim, (0.0,) * ndim)
    assert (image.units, dict(image.classes), image.name) == (("pixel",) * ndim, {}, "")
    assert (image.size, image.plane_count) == ((2, 2), 2 ** (ndim - 2))


def test_planes_are_read_one_at_a_time_and_when_they_are_asked_for() -> None:
    lazy = OnePlaneAtATime(LABELS)
    planes = LabelImage(lazy).planes()
    assert lazy.read == []
    for number in range(3):
        position, plane = next(planes)
        assert position == (number,)
        assert plane.dtype == np.uint32
        assert np.array_equal(plane, LABELS[number])
        assert len(lazy.read) == number + 1


def test_an_object_without_a_class_is_an_object() -> None:
    image = LabelImage(LABELS, classes={3: "cell"})
    assert (image.class_of(3), image.class_of(4)) == ("cell", "object")


@pytest.mark.parametrize(("label", "dtype"), [(-1, np.int32), (LARGEST + 1, np.int64)])
def test_a_label_out_of_range_is_named(label: int, dtype: type) -> None:
    image = LabelImage(np.array([[0, label]], dtype))
    with pytest.raises(LabelsError, match=f"label {label}; labels must be 0 to 4294967295"):
        list(image.planes())


@pytest.mark.parametrize(
    ("labels", "given", "message"),
    [
        (LABELS * 0.5, {}, "float64; they must be integers"),
        (LABELS[0, 0], {}, r"\(5,\); give 2 to 5 axes"),
        (LABELS[:, :0], {}, r"empty \(shape \(3, 0, 5\)\)"),
        (LABELS, {"axes": "yx"}, "'yx' do not fit labels of shape"),
        (LABELS, {"axes": "zxy"}, "'zxy'; give letters of 'tczyx' in that order"),
        (LABELS, {"axes": "tcz"}, "y and x last"),
        (LABELS, {"axes": "qyx"}, "'qyx'"),
        (LABELS, {"scale": (1, 2)}, "scale has 2 numbers for the 3 axes 'zyx'"),
        (LABELS, {"scale": (1, 0, 1)}, "must be positive"),
        (LABELS, {"scale": (1, np.nan, 1)}, "finite"),
        (LABELS, {"translate": (0, 1)}, "translate has 2 numbers"),
        (LABELS, {"units": ("pixel",)}, "1 units for the 3 axes"),
    ],
)
def test_what_does_not_fit_is_refused(labels: np.ndarray, given: dict, message: str) -> None:
    with pytest.raises(LabelsError, match=message):
        LabelImage(labels, **given)
