"""What is kept of the windows of one image: their embeddings, and which logits came from where."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_catsam.prediction.windows import Window
    from napari_catsam.types import Embedding

__all__ = ["CacheInfo", "Origins", "WindowCache"]

CACHE_BYTES = 2**29
"""What the embedded windows of one image may use: about 20 windows of ``vit_b`` with an HQ head."""

MOST_ORIGINS = 2**15
"""Objects of one image whose window is remembered, for when their logits come back."""


class CacheInfo(NamedTuple):
    """How the embedded windows of one image were used.

    Attributes
    ----------
    hits, misses : int
        How often a window was there already, and how often one was embedded.
    windows : int
        How many are kept.
    nbytes : int
        What they use.
    """

    hits: int
    misses: int
    windows: int
    nbytes: int


class WindowCache:
    """The embedded windows of one image; the least recently used go first. Safe with threads.

    The newest window is kept also where it is larger than the bound alone.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[Window, Embedding] = OrderedDict()
        self._hits = self._misses = 0
        self._lock = Lock()

    def fetch(self, window: Window, embed: Callable[[], Embedding]) -> Embedding:
        """Return the embedding of a window, made by ``embed`` if it is not there."""
        with self._lock:  # also while it is made, so that no two threads make the same
            if window in self._kept:
                self._hits += 1
            else:
                self._kept[window] = embed()
                self._misses += 1
            self._kept.move_to_end(window)
            while len(self._kept) > 1 and self._count_bytes() > CACHE_BYTES:
                self._kept.popitem(last=False)
            return self._kept[window]

    def info(self) -> tuple[CacheInfo, tuple[Window, ...]]:
        """Return the counts and the windows, the least recently used first."""
        with self._lock:
            counts = CacheInfo(self._hits, self._misses, len(self._kept), self._count_bytes())
            return counts, tuple(self._kept)

    def _count_bytes(self) -> int:
        kept = self._kept.values()
        return sum(t.nbytes for e in kept for t in (e.features, e.early, *e.detail.tensors))


class Origins:
    """The window in which logits were decided, found again by their values. Safe with threads.

    Logits carry no place, so that it is looked up when they come back as mask prompts. The object's
    anchor belongs to the key, for blank windows give the same logits in several places.
    """

    def __init__(self) -> None:
        self._windows: OrderedDict[tuple[bytes, tuple[float, ...]], Window] = OrderedDict()
        self._lock = Lock()

    def remember(self, logits: npt.NDArray[Any], anchor: tuple[float, ...], window: Window) -> None:
        """Note where logits (h, w) were decided."""
        digest = _hash(logits)
        with self._lock:
            for key in ((digest, anchor), (digest, ())):
                self._windows[key] = window
                self._windows.move_to_end(key)
            while len(self._windows) > 2 * MOST_ORIGINS:
                self._windows.popitem(last=False)

    def find(self, logits: npt.NDArray[Any], anchor: tuple[float, ...]) -> Window | None:
        """Return where logits (h, w) were decided, if it is known."""
        digest = _hash(logits)
        with self._lock:
            return self._windows.get((digest, anchor)) or self._windows.get((digest, ()))


def _hash(logits: npt.NDArray[Any]) -> bytes:
    values = np.ascontiguousarray(logits, dtype=np.float32)
    return hashlib.blake2b(values.tobytes(), digest_size=16).digest()
