"""The embeddings that are kept in memory, and how a plane is recognised. Used in the worker."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import fields, is_dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from napari_catsam.plugin.layers.planes import Plane
from napari_catsam.types import Intensity

__all__ = ["EmbeddingKey", "EmbeddingStore", "count_bytes"]

DIGESTS = 256
"""Planes whose content is remembered by its hash, less than 1 KB each."""


class EmbeddingKey(NamedTuple):
    """What an embedding was made of; equal keys give equal embeddings."""

    digest: str
    intensity: Intensity
    model: tuple[str, ...]


class EmbeddingStore:
    """Embeddings up to a number of bytes; those that were not used the longest go first.

    Parameters
    ----------
    limit : int
        Bytes; the newest embedding is kept even if it has more. It may be set at any time and
        counts from the next embedding on.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._kept: OrderedDict[EmbeddingKey, tuple[Any, int]] = OrderedDict()
        self._digests: OrderedDict[tuple[Any, ...], str] = OrderedDict()

    def __len__(self) -> int:
        """Return how many embeddings are kept."""
        return len(self._kept)

    @property
    def nbytes(self) -> int:
        """Bytes of all embeddings together."""
        return sum(size for _, size in self._kept.values())

    def recall(self, plane: Plane, model: tuple[str, ...]) -> Any:
        """Return the embedding of a plane without reading it; None where that cannot be known.

        A plane with a version is the same as at its last reading, see
        :func:`~napari_catsam.plugin.layers.data_versions.data_version`. Hashing takes milliseconds a
        megapixel, and reading a lazy plane much more, at every click.
        """
        digest = self._digests.get(_place_of(plane))
        return None if digest is None else self.get(EmbeddingKey(digest, plane.intensity, model))

    def identify(
        self, plane: Plane, image: npt.NDArray[Any], model: tuple[str, ...]
    ) -> EmbeddingKey:
        """Return the key of a plane that was just read, by its values, and remember these."""
        digest = _hash_array(image)
        if plane.version is not None:
            self._digests[_place_of(plane)] = digest
            while len(self._digests) > DIGESTS:
                self._digests.popitem(last=False)
        return EmbeddingKey(digest, plane.intensity, model)

    def get(self, key: EmbeddingKey) -> Any:
        """Return an embedding, None if it is not kept."""
        if key not in self._kept:
            return None
        self._kept.move_to_end(key)
        return self._kept[key][0]

    def keep(self, key: EmbeddingKey, embedding: Any) -> None:
        """Keep an embedding, and drop others for it."""
        self._kept[key] = (embedding, count_bytes(embedding))
        self._kept.move_to_end(key)
        while len(self._kept) > 1 and self.nbytes > self.limit:
            self._kept.popitem(last=False)

    def clear(self) -> None:
        """Drop all embeddings."""
        self._kept.clear()


def count_bytes(value: Any) -> int:
    """Return the bytes of all arrays and tensors in a value, its fields and its items.

    Parameters
    ----------
    value : object
        An array, a tensor, a dataclass, a tuple or a list; anything else counts nothing.
    """
    size = getattr(value, "nbytes", None)
    if isinstance(size, int):
        return size
    if is_dataclass(value):
        return sum(count_bytes(getattr(value, field.name)) for field in fields(value))
    if isinstance(value, (tuple, list)):
        return sum(count_bytes(item) for item in value)
    return 0


def _place_of(plane: Plane) -> tuple[Any, ...]:
    """Return all that says what a plane reads, without its pixels."""
    channels = tuple(
        channel and tuple(getattr(channel, f.name) for f in fields(channel) if f.name != "data")
        for channel in plane.channels
    )
    return (plane.version, plane.axes, plane.position, channels)


def _hash_array(array: npt.NDArray[Any]) -> str:
    digest = hashlib.blake2b(np.ascontiguousarray(array).data, digest_size=16)
    return f"{digest.hexdigest()} {array.shape} {array.dtype}"
