"""What the model sees of an image: a layer as it is shown, or up to three channels as RGB.

All that napari does to values before it draws them is done here too: contrast limits, gamma, and
the inversion by a colormap that goes from bright to dark.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from napari.layers import Image, Layer

from napari_catsam.errors import ImageError
from napari_catsam.plugin.layers.transforms import data_to_world, level_zero
from napari_catsam.types import Intensity

__all__ = [
    "AS_SHOWN",
    "COLOURS",
    "Channel",
    "ChannelChoice",
    "list_channel_axes",
    "list_channel_layers",
    "read_channels",
    "read_intensity",
]

Index = tuple[int | slice, ...]

COLOURS = ("red", "green", "blue")

LUMINANCE = np.array([0.299, 0.587, 0.114])
INVERTED = 0.1
"""A colormap inverts if its first colour is this much brighter than its last, of 0..1."""


@dataclass(frozen=True)
class ChannelChoice:
    """What becomes red, green and blue; it holds no layer, so that none is kept alive.

    Attributes
    ----------
    picks : tuple of hashable or None
        Empty for the layer as it is shown, else one for each colour: the unique id of an image
        layer, or a position along ``axis``; None leaves the colour black.
    axis : int or None
        The axis of the image's data that the picks are positions of; None for layers.
    """

    picks: tuple[Hashable | None, ...] = ()
    axis: int | None = None


AS_SHOWN = ChannelChoice()


@dataclass(frozen=True, eq=False)
class Channel:
    """Where values come from, and how they become 0..255.

    Attributes
    ----------
    data : array_like
        All data of a layer, at full resolution.
    intensity : Intensity
        Its contrast limits.
    gamma : float
        Applied after them, as napari does.
    axis, step : int or None
        The axis whose position is this channel's own, whatever plane is read, and that position.
    """

    data: Any
    intensity: Intensity
    gamma: float = 1.0
    axis: int | None = None
    step: int = 0

    def read(self, index: Index) -> npt.NDArray[np.float32]:
        """Read a plane as it is shown; slow where the data are lazy.

        Parameters
        ----------
        index : tuple of int or slice
            One an axis; two slices.

        Returns
        -------
        ndarray, (H, W) or (H, W, 3), float32, in 0..255

        Raises
        ------
        ImageError
            If the values cannot be shown: they are complex, NaN or infinite.
        """
        taken = tuple(self.step if axis == self.axis else at for axis, at in enumerate(index))
        values = np.asarray(self.data[taken])
        mapped = self.intensity.apply(values)
        if values.ndim == 2:
            mapped = mapped[..., 0]
        if self.gamma != 1:
            mapped = np.float32(255) * (mapped / np.float32(255)) ** np.float32(self.gamma)
        return mapped


def read_intensity(layer: Image) -> Intensity:
    """Return how a layer's values are shown, without its gamma."""
    limits = _read_limits(layer)
    return replace(limits, low=limits.high, high=limits.low) if _is_inverted(layer) else limits


def _read_limits(layer: Image) -> Intensity:
    # napari draws RGB by its contrast limits too, although its documentation says otherwise.
    low, high = layer.contrast_limits
    return Intensity("limits", float(low), float(high))


def _is_inverted(layer: Image) -> bool:
    if layer.rgb:
        return False
    first, last = (float(colour[:3] @ LUMINANCE) for colour in layer.colormap.colors[[0, -1]])
    return first - last > INVERTED


def read_channels(
    layers: Iterable[Layer], image: Image, choice: ChannelChoice, displayed: Sequence[int]
) -> tuple[Channel | None, ...]:
    """Find what is read of an image.

    Parameters
    ----------
    layers : iterable of Layer
        All of the viewer.
    image : Image
        The chosen one.
    choice : ChannelChoice
        What becomes red, green and blue.
    displayed : sequence of int
        The image's axes that are rows and columns.

    Returns
    -------
    tuple of Channel or None
        Nothing if the image's values can be read as they are, with :func:`read_intensity`; one
        channel if gamma changes them; three for RGB.

    Raises
    ------
    ImageError
        If a channel is not there any more, or does not lie on the image.
    """
    if not choice.picks:
        own = Channel(level_zero(image), read_intensity(image), float(image.gamma))
        return () if image.gamma == 1 else (own,)
    if all(pick is None for pick in choice.picks):
        raise ImageError("no channel is chosen; choose one for red, green or blue")
    if choice.axis is not None:
        return _along_axis(image, choice, displayed)
    return tuple(
        None if pick is None else _of_layer(layers, image, pick, colour)
        for pick, colour in zip(choice.picks, COLOURS, strict=True)
    )


def _along_axis(
    image: Image, choice: ChannelChoice, displayed: Sequence[int]
) -> tuple[Channel | None, ...]:
    data, axis = level_zero(image), choice.axis
    if axis is None or axis >= image.ndim or axis in displayed:
        raise ImageError(
            f"axis {axis} of {image.name!r} is to give the channels, but the view shows it as "
            "rows or columns; choose other channels, or roll the axes back (Ctrl+E)"
        )
    channels: list[Channel | None] = []
    for pick in cast("tuple[int | None, ...]", choice.picks):
        if pick is not None and pick >= data.shape[axis]:
            raise ImageError(
                f"{image.name!r} has {data.shape[axis]} channels along axis {axis}, none with "
                f"number {pick}; choose the channels again"
            )
        own = Channel(data, _read_limits(image), float(image.gamma), axis, pick or 0)
        channels.append(None if pick is None else own)
    return tuple(channels)


def _of_layer(layers: Iterable[Layer], image: Image, pick: Hashable, colour: str) -> Channel:
    layer = next((known for known in layers if known.unique_id == pick), None)
    if not isinstance(layer, Image):
        raise ImageError(f"the layer for {colour} was removed; choose another channel")
    if not _lies_on(layer, image):
        raise ImageError(
            f"{layer.name!r} ({colour}) does not lie on {image.name!r}: shape, scale, translation "
            "or rotation differ; choose another channel"
        )
    return Channel(level_zero(layer), _read_limits(layer), float(layer.gamma))


def list_channel_layers(layers: Iterable[Layer], image: Image) -> list[Image]:
    """Return the image layers that can be channels of one image, itself among them.

    They have its shape and lie on it pixel on pixel. An RGB image has none.
    """
    return [layer for layer in layers if isinstance(layer, Image) and _lies_on(layer, image)]


def list_channel_axes(image: Image, displayed: Sequence[int]) -> list[int]:
    """Return the axes of an image with a slider, along which its channels may lie."""
    if image.rgb:
        return []
    shape = level_zero(image).shape
    return [axis for axis in range(image.ndim) if axis not in displayed and shape[axis] > 1]


def _lies_on(layer: Image, image: Image) -> bool:
    if layer.rgb or image.rgb or level_zero(layer).shape != level_zero(image).shape:
        return False
    return layer is image or data_to_world(layer, image.units).close_to(data_to_world(image))
