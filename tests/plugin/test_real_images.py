"""Images as people have them, through the real test model; and those that cannot be segmented."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_catsam.errors import ImageError
from napari_catsam.plugin.catsam_widget import CatsamWidget
from napari_catsam.plugin.commands import read_drawn
from napari_catsam.plugin.device.engine import Engine, ModelChoice
from napari_catsam.plugin.device.library import Library
from napari_catsam.plugin.layers.planes import locate_plane
from napari_catsam.plugin.layers.prompts import PromptSet
from napari_catsam.plugin.session import Session
from tests.plugin.scenes import BOX, PLACEMENTS, Scene, make_pattern, make_rolled_scene, make_scene

TINY = ModelChoice("tiny", "cpu")


@lru_cache
def engine() -> Engine:
    return Engine(Library())


def run(steps: Any) -> Any:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def segment(scene: Scene) -> Any:
    """Segment the box of a scene, drawn in the world, into a mask of the picture's size."""
    shapes = scene.draw_box()
    drawn = read_drawn(scene.viewer, scene.image, shapes, None, scene.channels)
    (found,) = run(engine().segment(TINY, drawn.plane, drawn.prompts))
    mask = np.zeros(drawn.plane.size, bool)
    mask[found.window] = found.mask
    return mask


@pytest.mark.parametrize(
    "form",
    ["gray", "12 bit", "window", "float", "RGB", "RGBA", "inverted", "time and depth",
     "multiscale", "dask"],
)  # fmt: skip
@pytest.mark.parametrize("where", ["all", "rolled"])
def test_the_real_model_gives_the_same_mask(viewer: ViewerModel, form: str, where: str) -> None:
    plain = segment(make_scene(ViewerModel(), "gray", {}))
    if where == "rolled":
        scene = make_rolled_scene(viewer, form)
    else:
        ndim = 4 if form == "time and depth" else 3 if form == "dask" else 2
        scene = make_scene(viewer, form, PLACEMENTS[where](ndim))
    found = segment(scene)
    assert plain.any()
    assert not plain.all()
    # The box is the same up to the rounding of the transforms, which may turn a pixel.
    assert np.count_nonzero(found != plain) <= 4


@pytest.mark.parametrize("shape", [(1, 30), (30, 1), (1, 1)])
def test_an_image_of_one_pixel_a_side_can_be_segmented(
    viewer: ViewerModel, shape: tuple[int, int]
) -> None:
    layer = viewer.add_image(np.arange(shape[0] * shape[1], dtype=np.uint8).reshape(shape))
    plane = locate_plane(viewer, layer)
    prompts = PromptSet(boxes=np.array([[0.0, 0, *shape]]), points=np.zeros((1, 2)))
    assert len(run(engine().segment(TINY, plane, prompts))) == 2


def test_a_bool_image_is_seen_black_and_white(viewer: ViewerModel) -> None:
    plane = locate_plane(viewer, viewer.add_image(make_pattern() > 127))
    np.testing.assert_array_equal(
        plane.intensity.apply(plane.read())[..., 0], np.where(make_pattern() > 127, 255, 0)
    )


@pytest.fixture
def real(viewer: ViewerModel) -> Iterator[CatsamWidget]:
    """Make a widget with the real test model."""
    widget = CatsamWidget(viewer, Session(library=Library(), backbone="tiny", device="cpu"))
    yield widget
    widget.close()


@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")  # napari's thumbnail
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("gamma", [1.0, 0.5])
def test_values_that_are_no_numbers_are_one_error(
    viewer: Any, real: Any, wait_idle: Any, monkeypatch: Any, value: float, gamma: float
) -> None:
    told: list[str] = []
    monkeypatch.setattr("napari_catsam.plugin.troubles.show_error", told.append)
    data = make_pattern().astype(np.float32)
    data[3, 4] = value
    viewer.add_image(data, name="broken", contrast_limits=(0, 255), gamma=gamma)
    viewer.add_points([[20, 18]])
    real.segment()
    wait_idle(real)
    (text,) = told
    assert "NaN or infinite" in text
    assert "Traceback" not in text


def test_an_image_that_was_emptied_is_refused(viewer: ViewerModel) -> None:
    layer = viewer.add_image(np.zeros((3, 5, 6)), name="nothing")
    with suppress(ValueError, RuntimeWarning):  # napari takes the data, then fails to draw them
        layer.data = np.zeros((3, 0, 6))
    with pytest.raises(ImageError, match=r"'nothing' is empty, \(3, 0, 6\); open another image"):
        locate_plane(viewer, layer)


def test_the_box_of_the_scenes_holds_something_bright() -> None:
    inside = make_pattern()[BOX[0] : BOX[2], BOX[1] : BOX[3]]
    assert {20, 180, 200} == set(np.unique(inside))
