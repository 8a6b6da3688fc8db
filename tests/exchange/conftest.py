"""Labels to write, and disks that are full."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from napari_catsam.exchange import LabelImage

LARGEST = 2**32 - 1


class OnePlaneAtATime:
    """A stack that refuses to give more than a plane, and notes which were read."""

    def __init__(self, labels: np.ndarray) -> None:
        self.labels, self.shape, self.dtype = labels, labels.shape, labels.dtype
        self.read: list[Any] = []

    def __getitem__(self, index: tuple[int, ...]) -> np.ndarray:
        assert len(index) == len(self.shape) - 2
        self.read.append(index)
        return self.labels[index]

    def __array__(self, *args: Any, **kwargs: Any) -> np.ndarray:
        raise AssertionError("the whole stack was read")


def blocks(shape: tuple[int, ...], largest: int = 5, seed: int = 0) -> np.ndarray:
    """Return labels 0 to 4 and ``largest`` in blocks, so that objects have parts and holes."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 6, (*shape[:-2], shape[-2] // 4, shape[-1] // 3))
    labels = coarse.repeat(4, -2).repeat(3, -1)
    return np.where(labels == 5, largest, labels).astype(np.int64)


@pytest.fixture
def stack() -> LabelImage:
    """Return an image of 2 times, 3 slices, 24 rows and 30 columns, with classes and large labels."""
    return LabelImage(
        blocks((2, 3, 24, 30), LARGEST),
        scale=(1.5, 2.0, 0.25, 0.3),
        translate=(0.0, 10.0, -3.0, 4.5),
        units=("second", "micrometer", "micrometer", "micrometer"),
        classes={1: "nucleus", 2: "cell", LARGEST: "nucleus"},
        name="stack.tif",
    )


@pytest.fixture
def full_disk() -> Callable[[], AbstractContextManager[None]]:
    """Return what lets no file grow over 1500 bytes, as a disk does that has no more room."""
    resource = pytest.importorskip("resource")

    @contextmanager
    def limit() -> Iterator[None]:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1500, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return limit


def write_geotiff(
    path: Path, *tags: tuple[int, int, int, Any], keys: Mapping[int, int], size: Any = (8, 9)
) -> Path:
    """Write a black image with tags as (code, type, count, value) and a directory of geographic keys."""
    entries = sorted(keys.items())
    words = [1, 1, 0, len(entries)]
    for key, value in entries:
        words += [key, 0, 1, value]
    extra = [(*tag, False) for tag in (*tags, (34735, 3, len(words), tuple(words)))]
    colours = "rgb" if len(size) == 3 else "minisblack"
    tifffile.imwrite(path, np.zeros(size, np.uint8), photometric=colours, extratags=extra)
    return path
