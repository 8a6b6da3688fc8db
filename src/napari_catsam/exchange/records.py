"""What is written and read: labels with their place in the world and a class for each object."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_catsam.errors import LabelsError

__all__ = ["AXES", "DEFAULT_CLASS", "LARGEST_LABEL", "LabelImage"]

Plane = npt.NDArray[np.uint32]

AXES = "tczyx"
"""Time, channel and the three axes of space, in the order that all formats have here."""

DEFAULT_CLASS = "object"
"""The class of an object that was given none."""

LARGEST_LABEL = 2**32 - 1
"""Labels are unsigned 32-bit numbers in every format."""

_USUAL_AXES = {2: "yx", 3: "zyx", 4: "tzyx", 5: "tczyx"}


@dataclass(frozen=True, eq=False)
class LabelImage:
    """Labels of an image or a stack, and what they mean.

    Parameters
    ----------
    labels : array, (..., H, W), int or bool
        0 is background. Anything that has ``shape`` and ``dtype`` and gives a plane when indexed,
        such as a dask or zarr array; it is read one plane at a time, and only when it is needed.
    axes : str, optional
        A letter an axis, of ``tczyx`` and in that order; ``yx``, ``zyx``, ``tzyx`` and ``tczyx`` when
        left out.
    scale : sequence of float, optional
        Size of a pixel along each axis, in ``units``; 1 when left out.
    translate : sequence of float, optional
        Where the centre of the first pixel lies, in ``units``; 0 when left out.
    units : sequence of str, optional
        A unit an axis, by its full name in the singular (``micrometer``, ``second``); ``pixel`` when
        left out.
    classes : mapping of int to str, optional
        The class of an object by its label; objects that are not named are of class ``object``.
    name : str
        The file name of the image that the labels belong to.

    Raises
    ------
    LabelsError
        If the labels are no integers, have no pixel or other than 2 to 5 axes, or a field does not
        fit them.
    """

    labels: Any
    axes: str = ""
    scale: Sequence[float] = ()
    translate: Sequence[float] = ()
    units: Sequence[str] = ()
    classes: Mapping[int, str] = field(default_factory=dict)
    name: str = ""

    def __post_init__(self) -> None:
        labels = self.labels if hasattr(self.labels, "dtype") else np.asarray(self.labels)
        shape = _check_labels(labels)
        axes = self.axes or _USUAL_AXES[len(shape)]
        _check_axes(axes, shape)
        scale = _check_numbers("scale", self.scale or (1.0,) * len(shape), axes)
        if min(scale) <= 0:
            raise LabelsError(f"the scale {scale} must be positive; give the size of a pixel")
        translate = _check_numbers("translate", self.translate or (0.0,) * len(shape), axes)
        units = tuple(str(unit) for unit in self.units) or ("pixel",) * len(shape)
        if len(units) != len(shape):
            raise LabelsError(f"there are {len(units)} units for the {len(shape)} axes {axes!r}")
        classes = {int(label): str(name) for label, name in self.classes.items()}
        for name, value in (
            ("labels", labels),
            ("axes", axes),
            ("scale", scale),
            ("translate", translate),
            ("units", units),
            ("classes", MappingProxyType(classes)),
        ):
            object.__setattr__(self, name, value)

    @property
    def shape(self) -> tuple[int, ...]:
        """Pixels along each axis."""
        return tuple(int(size) for size in self.labels.shape)

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of one plane in pixels."""
        height, width = self.shape[-2:]
        return height, width

    @property
    def plane_count(self) -> int:
        """How many planes there are; 1 for an image."""
        return math.prod(self.shape[:-2])

    def planes(self) -> Iterator[tuple[tuple[int, ...], Plane]]:
        """Read the planes one after the other, those of the last axis first.

        Yields
        ------
        position : tuple of int
            Along the leading axes; empty for an image.
        plane : ndarray, (H, W), uint32

        Raises
        ------
        LabelsError
            If a label is negative or above 4294967295.
        """
        for position in np.ndindex(self.shape[:-2]):
            plane = np.asarray(self.labels[position])
            low, high = int(plane.min()), int(plane.max())
            if low < 0 or high > LARGEST_LABEL:
                raise LabelsError(
                    f"there is a label {low if low < 0 else high}; labels must be 0 to "
                    f"{LARGEST_LABEL}, renumber them"
                )
            yield position, plane.astype(np.uint32, copy=False)

    def class_of(self, label: int) -> str:
        """Return the class of an object."""
        return self.classes.get(label, DEFAULT_CLASS)


def _check_labels(labels: Any) -> tuple[int, ...]:
    shape = tuple(labels.shape)
    if np.dtype(labels.dtype).kind not in "bui":
        raise LabelsError(f"labels have dtype {labels.dtype}; they must be integers")
    if len(shape) not in _USUAL_AXES:
        raise LabelsError(f"labels have shape {shape}; give 2 to 5 axes, rows and columns last")
    if 0 in shape:
        raise LabelsError(f"labels are empty (shape {shape}); give at least one pixel")
    return shape


def _check_axes(axes: str, shape: tuple[int, ...]) -> None:
    if len(axes) != len(shape):
        raise LabelsError(f"axes {axes!r} do not fit labels of shape {shape}; give a letter each")
    if "".join(name for name in AXES if name in axes) != axes or not axes.endswith("yx"):
        raise LabelsError(
            f"axes are {axes!r}; give letters of {AXES!r} in that order, y and x last, and "
            "transpose the labels if need be"
        )


def _check_numbers(name: str, values: Sequence[float], axes: str) -> tuple[float, ...]:
    numbers = tuple(float(value) for value in values)
    if len(numbers) != len(axes):
        raise LabelsError(f"{name} has {len(numbers)} numbers for the {len(axes)} axes {axes!r}")
    if not all(map(math.isfinite, numbers)):
        raise LabelsError(f"{name} is {numbers}; give finite numbers")
    return numbers
