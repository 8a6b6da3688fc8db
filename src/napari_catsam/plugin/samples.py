"""Sample images that come with scikit-image: nothing is downloaded."""

from __future__ import annotations

from typing import Any

__all__ = ["open_coins", "open_immunohistochemistry"]

LayerData = tuple[Any, dict[str, Any], str]


def open_coins() -> list[LayerData]:
    """Return Greek coins from Pompeii: (303, 384), uint8, gray."""
    from skimage.data import coins

    return [(coins(), {"name": "coins"}, "image")]


def open_immunohistochemistry() -> list[LayerData]:
    """Return colonic glands, stained: (512, 512, 3), uint8, RGB."""
    from skimage.data import immunohistochemistry

    return [(immunohistochemistry(), {"name": "immunohistochemistry", "rgb": True}, "image")]
