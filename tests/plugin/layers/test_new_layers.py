from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_catsam.errors import ShotError
from napari_catsam.plugin.layers.new_layers import add_labels, check_labels, fits


@pytest.fixture
def model() -> ViewerModel:
    return ViewerModel()


def test_new_labels_lie_where_the_image_lies(model: ViewerModel) -> None:
    image = model.add_image(
        np.zeros((3, 20, 30, 3), np.uint8),
        rgb=True, scale=(2, 0.5, 0.5), translate=(1, 2, 3), rotate=(0, 0, 20),
        units=("um", "um", "um"), axis_labels=("z", "y", "x"),
    )  # fmt: skip
    labels = add_labels(model, image, "masks")
    check_labels(labels, image)
    assert labels.data.shape == (3, 20, 30)
    assert labels.units == image.units
    assert labels.axis_labels == image.axis_labels


@pytest.mark.parametrize(
    ("shape", "placement", "match"),
    [
        ((20, 30), {}, "has shape"),
        ((3, 20, 30), {"scale": (1, 2, 2)}, "does not lie on"),
    ],
)
def test_labels_of_another_grid_are_refused(
    model: ViewerModel, shape: tuple[int, ...], placement: dict[str, Any], match: str
) -> None:
    image = model.add_image(np.zeros((3, 20, 30)))
    labels = model.add_labels(np.zeros(shape, int), **placement)
    with pytest.raises(ShotError, match=match):
        check_labels(labels, image)
    assert not fits(labels, image)
