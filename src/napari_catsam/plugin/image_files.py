"""The files of the images that labels lie on, as the viewer's layers tell them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["find_georeferenced_files", "find_image_name"]


def find_image_name(path: Path, data: Any) -> str:
    """Return the file of the image that labels lie on, seen from a path; else a likely name."""
    for layer in _beside(data):
        if _is_image(layer) and _shape(layer) == tuple(_first_level(data).shape):
            return _seen_from(path, Path(layer.source.path))
    return f"{path.name.split('.')[0]}.tif"


def find_georeferenced_files(data: Any) -> list[str]:
    """Return the files that may tell where on the ground labels lie, the likeliest first.

    Parameters
    ----------
    data : array or list of array
        Of a Labels layer in the current viewer.

    Returns
    -------
    list of str
        Of images of the same shape, from the top layer down, then of images of several bands whose
        planes have the size, then the file of the labels themselves; empty if there is none.
    """
    shape = tuple(_first_level(data).shape)
    layers = [layer for layer in _beside(data) if layer.source.path]
    images = [layer for layer in layers if _is_image(layer)]
    exact = [layer for layer in images if _shape(layer) == shape]
    banded = [layer for layer in images if _shape(layer) != shape and _shape(layer)[-2:] == shape]
    own = [layer for layer in layers if layer.data is data]
    return [str(layer.source.path) for layer in (*exact, *banded, *own)]


def _beside(data: Any) -> Iterator[Any]:
    """Yield the layers of the viewer that labels are in, from the top down."""
    from napari import current_viewer

    viewer = current_viewer()
    layers = () if viewer is None else tuple(viewer.layers)
    if any(layer.data is data for layer in layers):
        yield from reversed(layers)


def _is_image(layer: Any) -> bool:
    from napari.layers import Image

    return isinstance(layer, Image) and bool(layer.source.path)


def _shape(layer: Any) -> tuple[int, ...]:
    """Return the pixels of an image along its axes, without that of its colours."""
    from napari_catsam.plugin.layers.planes import level_zero

    return tuple(level_zero(layer).shape[: layer.ndim])


def _first_level(data: Any) -> Any:
    return data if hasattr(data, "dtype") else data[0]


def _seen_from(path: Path, image: Path) -> str:
    try:
        relative = Path(os.path.relpath(image, path.parent))
    except ValueError:  # on another drive
        return image.name
    return image.name if ".." in relative.parts else relative.as_posix()
