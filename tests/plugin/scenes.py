"""One picture in every form that an image layer can have, and everywhere in the world."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import dask.array as da
import numpy as np
import numpy.typing as npt
from napari.components import ViewerModel
from napari.layers import Image, Shapes

from napari_catsam.plugin.channels.choice import AS_SHOWN, ChannelChoice

SIZE = (40, 60)
BOX = (8, 12, 30, 50)
"""Rows and columns of the box, by the pixels' borders, that all tests draw."""

STEPS = (2, 1, 3)
"""Where the view is on the axes that have sliders, the last ones of it."""

Array = npt.NDArray[Any]


def make_pattern() -> Array:
    """Return the picture, (40, 60), uint8: bright shapes without any symmetry on a dark ground."""
    pattern = np.full(SIZE, 20, np.uint8)
    pattern[10:25, 15:22] = 200
    pattern[20:25, 15:45] = 180
    pattern[33:38, 2:9] = 220
    return pattern


def expected_mask() -> Array:
    """Return what the fake model makes of the box on the untransformed gray picture."""
    inside = np.zeros(SIZE, bool)
    inside[BOX[0] : BOX[2], BOX[1] : BOX[3]] = True
    mask: Array = inside & (make_pattern() > 127)
    return mask


@dataclass(frozen=True, eq=False)
class Scene:
    """An image layer of which the viewer shows the picture."""

    viewer: ViewerModel
    image: Image
    channels: ChannelChoice
    axes: tuple[int, int]
    steps: dict[int, int]

    @property
    def index(self) -> tuple[int | slice, ...]:
        """Where the picture lies in the data, without channels."""
        return tuple(self.steps.get(axis, slice(None)) for axis in range(self.image.ndim))

    def to_world(self, places: npt.ArrayLike) -> Array:
        """Take places (row, column) of the picture to the world, by the layer's own transform."""
        flat = np.asarray(places, float)
        full = np.zeros((len(flat), self.image.ndim))
        for axis, step in self.steps.items():
            full[:, axis] = step
        full[:, self.axes[0]], full[:, self.axes[1]] = flat.T
        return np.array([self.image.data_to_world(place) for place in full])

    @property
    def corners(self) -> Array:
        """The corners of the box in the world; pixel 0 begins at -0.5."""
        r0, c0, r1, c1 = np.array(BOX) - 0.5
        return self.to_world([(r0, c0), (r0, c1), (r1, c1), (r1, c0)])

    def draw_box(self, **placement: Any) -> Shapes:
        """Draw the box into a new Shapes layer, wherever that lies."""
        layer = self.viewer.add_shapes(ndim=self.image.ndim, **placement)
        layer.add([[layer.world_to_data(corner) for corner in self.corners]])
        return layer


@dataclass(frozen=True, eq=False)
class Form:
    """How the picture is stored: a function of the picture gives data, the view's steps the rest."""

    store: Callable[[Array], Any]
    sliders: int = 0
    options: dict[str, Any] | None = None
    colour: bool = False
    choose: Callable[[ViewerModel, Image], ChannelChoice] = lambda viewer, image: AS_SHOWN


def stack(picture: Array, lengths: tuple[int, ...], at: tuple[int, ...]) -> Array:
    """Put the picture into a stack whose other planes are its negative."""
    data = np.broadcast_to(255 - picture, (*lengths, *picture.shape)).copy()
    data[at] = picture
    return data


def add_two_layers(viewer: ViewerModel, image: Image) -> ChannelChoice:
    """Add a bright layer on the image, and choose both as channels."""
    other = viewer.add_image(
        np.full(image.data.shape, 65535, np.uint16), contrast_limits=(0, 65535),
        affine=image.affine, scale=image.scale, translate=image.translate, rotate=image.rotate,
        shear=image.shear, units=image.units,
    )  # fmt: skip
    return ChannelChoice((image.unique_id, other.unique_id, None))


LIMITS = {"contrast_limits": (0, 255)}
FORMS = {
    "gray": Form(lambda p: p, options=LIMITS),
    "12 bit": Form(lambda p: p.astype(np.uint16) * 16, options={"contrast_limits": (0, 4080)}),
    "window": Form(lambda p: p.astype(np.int16) - 1024, options={"contrast_limits": (-1024, -769)}),
    "float": Form(lambda p: p / np.float32(255), options={"contrast_limits": (0, 1)}),
    "bool": Form(lambda p: p > 127),
    "inverted": Form(lambda p: 255 - p, options={**LIMITS, "colormap": "gray_r"}),
    "gamma": Form(lambda p: p, options={**LIMITS, "gamma": 0.9}),
    "RGB": Form(lambda p: np.stack([p] * 3, -1), colour=True),
    "RGBA": Form(lambda p: np.stack([p, p, p, np.full_like(p, 9)], -1), colour=True),
    "channels first": Form(lambda p: stack(p, (4,), (2,)), sliders=1, options=LIMITS),
    "channel axis as RGB": Form(
        lambda p: stack(p, (4,), (3,)), sliders=1, options=LIMITS,
        choose=lambda viewer, image: ChannelChoice((3, 3, 3), _slider_axis(viewer, image)),
    ),
    "layers as RGB": Form(lambda p: p, options=LIMITS, choose=add_two_layers),
    "singleton axes": Form(lambda p: p[None, None], sliders=2, options=LIMITS),
    "time and depth": Form(lambda p: stack(p, (3, 4), (2, 1)), sliders=2, options=LIMITS),
    "multiscale": Form(lambda p: [p, p[::2, ::2]], options={**LIMITS, "multiscale": True}),
    "dask": Form(lambda p: da.from_array(stack(p, (3,), (2,)), (1, 20, 20)), sliders=1,
                 options=LIMITS),
}  # fmt: skip


def _slider_axis(viewer: ViewerModel, image: Image) -> int:
    shown = [axis - (viewer.dims.ndim - image.ndim) for axis in viewer.dims.displayed]
    return next(axis for axis in range(image.ndim) if axis not in shown)


def _turn(ndim: int) -> Array:
    """Return a rotation by 30 degrees in the plane of the last two axes."""
    matrix = np.eye(ndim)
    cos, sin = np.cos(np.pi / 6), np.sin(np.pi / 6)
    matrix[-2:, -2:] = [[cos, -sin], [sin, cos]]
    return matrix


def _shear(ndim: int) -> Array:
    matrix = np.eye(ndim)
    matrix[-2, -1] = 0.4
    return matrix


def _affine(ndim: int) -> Array:
    """Return all of it at once: turned, sheared, of two scales, mirrored and moved."""
    matrix = np.eye(ndim + 1)
    matrix[:-1, :-1] = _turn(ndim) @ _shear(ndim) @ np.diag([1.0] * (ndim - 2) + [-0.5, 3])
    matrix[:-1, -1] = [4.0] * (ndim - 2) + [-12.5, 33.3]
    return matrix


def _scaled(*last: float) -> Callable[[int], dict[str, Any]]:
    return lambda ndim: {"scale": [2.5] * (ndim - 2) + list(last)}


PLACEMENTS: dict[str, Callable[[int], dict[str, Any]]] = {
    "nowhere": lambda ndim: {},
    "scale": _scaled(2, 2),
    "anisotropic": _scaled(0.25, 3),
    "translate": lambda ndim: {"translate": [3.0] * (ndim - 2) + [-17.25, 40]},
    "rotate": lambda ndim: {"rotate": _turn(ndim)},
    "shear": lambda ndim: {"shear": _shear(ndim)},
    "affine": lambda ndim: {"affine": _affine(ndim)},
    "all": lambda ndim: {
        **_scaled(0.5, 2)(ndim), "rotate": _turn(ndim), "shear": _shear(ndim),
        "translate": [1.0] * ndim, "affine": _affine(ndim),
    },
    "units": lambda ndim: {**_scaled(0.3, 0.3)(ndim), "units": ("micrometer",) * ndim},
}  # fmt: skip


def make_scene(viewer: ViewerModel, form: str, placement: dict[str, Any]) -> Scene:
    """Add the picture to a viewer and go to its plane."""
    chosen = FORMS[form]
    data, options = chosen.store(make_pattern()), chosen.options or {}
    image = viewer.add_image(data, name="picture", rgb=chosen.colour, **options, **placement)
    steps = _find_steps(form, chosen.sliders)
    for axis, step in steps.items():
        viewer.dims.set_current_step(axis, step)
    axes = (image.ndim - 2, image.ndim - 1)
    return Scene(viewer, image, chosen.choose(viewer, image), axes, steps)


def make_rolled_scene(viewer: ViewerModel, form: str) -> Scene:
    """Store the picture along the first axes and roll the view; without sliders, transpose it."""
    chosen = FORMS[form]
    data, options = chosen.store(make_pattern()), chosen.options or {}
    if chosen.sliders:
        data = (da if isinstance(data, da.Array) else np).moveaxis(data, (-2, -1), (0, 1))
    image = viewer.add_image(data, name="picture", rgb=chosen.colour, **options)
    viewer.dims.order = (*range(2, image.ndim), 1, 0)
    steps = {axis + 2: step for axis, step in _find_steps(form, chosen.sliders).items()}
    for axis, step in steps.items():
        viewer.dims.set_current_step(axis, step)
    return Scene(viewer, image, chosen.choose(viewer, image), (0, 1), steps)


def _find_steps(form: str, sliders: int) -> dict[int, int]:
    """Return (axis, step) of the picture's plane in its data."""
    if form == "singleton axes":
        return {0: 0, 1: 0}
    if form == "time and depth":
        return {0: 2, 1: 1}
    return {0: 2} if sliders else {}
