"""Paths of vertices: which go around something, and what the others are worth."""

from __future__ import annotations

import numpy as np
import pytest

from napari_catsam.plugin.layers.outlines import (
    clip_box,
    draw_ellipse,
    fill_outline,
    is_closed,
    sample_path,
    spread_clicks,
)


def arc(turn: float) -> np.ndarray:
    """Return a part of a circle."""
    angle = np.linspace(0, turn * 2 * np.pi, 40)
    return 20 + 10 * np.stack([np.sin(angle), np.cos(angle)], axis=1)


@pytest.mark.parametrize(
    ("path", "closed"),
    [
        (arc(1.0), True),
        (arc(0.9), True),
        (arc(0.6), False),
        (np.array([[0, 0], [0, 10], [0, 20]]), False),
        (np.array([[0, 0], [0, 10]]), False),
    ],
    ids=["circle", "nearly", "arc", "straight", "line"],
)
def test_a_path_is_closed_where_its_ends_nearly_meet(path: np.ndarray, closed: bool) -> None:
    assert is_closed(path) is closed


def test_clicks_are_spread_evenly_whatever_the_vertices() -> None:
    path = np.array([[0, 0], [0, 1], [0, 2], [0, 20], [10, 20]])
    np.testing.assert_allclose(spread_clicks(path, 3), [[0, 5], [0, 15], [5, 20]])


@pytest.mark.parametrize(("length", "count"), [(8, 3), (80, 4), (1000, 5)])
def test_longer_scribbles_are_worth_more_clicks(length: float, count: int) -> None:
    assert len(sample_path(np.array([[0, 0], [0, length]]))) == count


def test_an_ellipse_touches_its_rectangle() -> None:
    found = draw_ellipse([(0, 0), (0, 20), (10, 20), (10, 0)])
    np.testing.assert_allclose([found.min(axis=0), found.max(axis=0)], [(0, 0), (10, 20)])


def test_the_inside_of_an_outline_is_cut_to_the_plane() -> None:
    mask = fill_outline([(-5, -5), (-5, 3.5), (4.5, 3.5), (4.5, -5)], (8, 9))
    assert mask.shape == (8, 9)
    assert mask[:5, :4].all()
    assert mask.sum() == 20


def test_a_box_counts_borders_of_pixels() -> None:
    np.testing.assert_allclose(clip_box([(1.5, 2.5), (30, 4.5)], (8, 9)), [2, 3, 8, 5])
