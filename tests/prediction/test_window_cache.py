"""What is kept of windows: within bounds, each made once, also by several threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from time import sleep

import numpy as np
import pytest
import torch

from napari_catsam.geometry import Frame
from napari_catsam.models.decoded import Detail
from napari_catsam.prediction import window_cache as module
from napari_catsam.prediction.window_cache import Origins, WindowCache
from napari_catsam.prediction.windows import Window
from napari_catsam.sam.stem import Skips
from napari_catsam.types import Embedding

WINDOWS = [Window(2, (0, 10 * column), (20, 20)) for column in range(5)]
ONE = 1000 * 4 * 3
"""Bytes of one embedding below."""


def embed() -> Embedding:
    features, early, head = (torch.zeros(1000) for _ in range(3))
    return Embedding(features, early, Detail(head), Frame((20, 20), 64), "tiny")


def refuse() -> Embedding:
    raise AssertionError("this window is there already")


def test_a_window_is_embedded_once() -> None:
    cache = WindowCache()
    made = cache.fetch(WINDOWS[0], embed)
    assert cache.fetch(WINDOWS[0], refuse) is made
    assert cache.info() == ((1, 1, 1, ONE), (WINDOWS[0],))


def test_the_least_recently_used_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CACHE_BYTES", 3 * ONE)
    cache = WindowCache()
    for window in WINDOWS[:3]:
        cache.fetch(window, embed)
    cache.fetch(WINDOWS[0], refuse)
    cache.fetch(WINDOWS[3], embed)
    info, kept = cache.info()
    assert kept == (WINDOWS[2], WINDOWS[0], WINDOWS[3])
    assert info == (1, 4, 3, 3 * ONE)


def test_the_newest_is_kept_also_beyond_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CACHE_BYTES", 1)
    cache = WindowCache()
    for window in WINDOWS:
        cache.fetch(window, embed)
    assert cache.info()[1] == (WINDOWS[-1],)


def test_an_embedding_without_detail_is_counted() -> None:
    cache = WindowCache()
    made = embed()
    bare = Embedding(made.features, made.early, Detail(), made.frame, made.model_id)
    cache.fetch(WINDOWS[0], lambda: bare)
    assert cache.info()[0].nbytes == ONE * 2 // 3


def test_the_skips_of_a_stem_are_counted() -> None:
    cache = WindowCache()
    made = embed()
    fine = Detail(made.detail.head, Skips(torch.zeros(100), torch.zeros(200)))
    cache.fetch(
        WINDOWS[0],
        lambda: Embedding(made.features, made.early, fine, made.frame, made.model_id),
    )
    assert cache.info()[0].nbytes == ONE + 4 * 300


def test_a_window_that_failed_is_made_again() -> None:
    cache = WindowCache()
    with pytest.raises(AssertionError):
        cache.fetch(WINDOWS[0], refuse)
    cache.fetch(WINDOWS[0], embed)
    assert cache.info()[0].misses == 1


def test_threads_make_a_window_once() -> None:
    cache, made = WindowCache(), []

    def embed_slowly() -> Embedding:
        sleep(0.01)
        made.append(1)
        return embed()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda i: cache.fetch(WINDOWS[i % 2], embed_slowly), range(8)))
    assert len(made) == 2
    assert cache.info()[0][:2] == (6, 2)


# ------------------------------------------------------------------------------------- origins


def test_logits_are_found_by_their_values_whatever_their_type() -> None:
    origins, logits = Origins(), np.random.default_rng(0).normal(size=(4, 4)).astype(np.float32)
    origins.remember(logits, (1.0, 2.0), WINDOWS[1])
    assert origins.find(logits.astype(np.float64), (1.0, 2.0)) == WINDOWS[1]
    assert origins.find(np.asfortranarray(logits), (5.0, 5.0)) == WINDOWS[1]
    assert origins.find(logits + 1, (1.0, 2.0)) is None


def test_equal_logits_of_two_objects_are_told_apart() -> None:
    origins, blank = Origins(), np.zeros((4, 4), np.float32)
    origins.remember(blank, (1.0, 2.0), WINDOWS[1])
    origins.remember(blank, (3.0, 4.0), WINDOWS[2])
    assert origins.find(blank, (1.0, 2.0)) == WINDOWS[1]
    assert origins.find(blank, (3.0, 4.0)) == WINDOWS[2]


def test_only_the_latest_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ORIGINS", 2)
    origins = Origins()
    for value, window in enumerate(WINDOWS):
        origins.remember(np.full((2, 2), value, np.float32), (value,), window)
    found = [origins.find(np.full((2, 2), value), (value,)) for value in range(5)]
    assert found == [None, None, None, *WINDOWS[3:]]
