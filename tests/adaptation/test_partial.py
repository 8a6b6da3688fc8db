from __future__ import annotations

import numpy as np
import pytest

from napari_catsam.adaptation import scoring
from napari_catsam.adaptation.config import TrainConfig
from napari_catsam.adaptation.partial import choose_region, find_unsaid
from napari_catsam.adaptation.scoring import score_objects
from napari_catsam.adaptation.shots import split_shots
from napari_catsam.adaptation.train import adapt
from napari_catsam.models.catsam import CatSam
from napari_catsam.types import Intensity, Shot
from tests.adaptation.pictures import draw_discs


def bar(height: int = 30, width: int = 90) -> Shot:
    image, labels = np.full((60, 120), 40, np.uint8), np.zeros((60, 120), np.uint8)
    labels[15 : 15 + height, 15 : 15 + width] = 1
    image[labels > 0] = 200
    return Shot(image, labels, name="bar")


def test_what_is_far_from_every_object_says_nothing() -> None:
    unsaid = find_unsaid(np.array([[20.0, 30.0, 40.0, 40.0]]), (100, 90))
    assert unsaid[0, 0]
    assert unsaid[99, 89]
    assert not unsaid[10:50, 20:50].any()
    assert unsaid.sum() == 100 * 90 - 40 * 30


def test_an_object_that_was_not_drawn_is_not_taught_as_background() -> None:
    """Three of five discs are drawn; the others lie in pixels that do not count."""
    whole, three = draw_discs(), draw_discs(3)
    forgotten = (np.asarray(whole.masks) == 4) & (np.asarray(three.masks) == 0)
    sample = split_shots([three], Intensity(), 0.0, seed=0).train[0]
    assert sample.ignore[forgotten].all()
    everything = split_shots([three], Intensity(), 0.0, seed=0, annotated="everything").train[0]
    assert not everything.ignore.any()


def test_around_a_drawn_object_the_background_counts() -> None:
    sample = split_shots([draw_discs(1)], Intensity(), 0.0, seed=0).train[0]
    assert not sample.ignore[8:32, 8:32].any()
    assert (sample.labels[8:32, 8:32] == 0).any()


@pytest.mark.parametrize("seed", range(6))
def test_a_region_is_an_end_of_the_object(seed: int) -> None:
    mask = np.asarray(bar().masks) == 1
    region = choose_region(mask, 0.2, np.random.default_rng(seed))
    assert region is not None
    assert (mask & region).sum() == pytest.approx(0.2 * mask.sum(), rel=0.1)
    columns = np.flatnonzero((mask & region).any(axis=0))
    assert columns[0] == 15 or columns[-1] == 104


def test_a_small_object_is_not_cut() -> None:
    assert (
        choose_region(np.asarray(draw_discs(1).masks) == 1, 0.2, np.random.default_rng(0)) is None
    )


def test_a_part_of_one_large_object_is_held_out_and_not_trained_on() -> None:
    split = split_shots([bar()], Intensity(), 0.2, seed=0)
    (scored,), (sample,) = split.scored, split.train
    (region,) = scored.regions
    assert split.held == "regions"
    assert split.describe(split.scored) == "scored on a part of 1 object held out"
    assert sample.ignore[region].all()
    assert not sample.labels[region].any()
    assert scored.masks[0].sum() == 30 * 90  # prompts are made of the whole object


@pytest.mark.parametrize(("gain", "said"), [(0.1, True), (0.01, False)])
def test_a_gain_on_an_end_of_an_object_says_little_of_other_images(
    base: CatSam, monkeypatch: pytest.MonkeyPatch, gain: float, said: bool
) -> None:
    scores = iter([0.5])
    monkeypatch.setattr(scoring, "score_parts", lambda *_: [np.array([next(scores, 0.5 + gain)])])
    header = adapt(base, [bar()], TrainConfig(steps=2)).header
    assert header.helps is said
    assert ("says little of other images" in header.note) is said


def test_only_the_held_out_part_is_scored(base: CatSam) -> None:
    (scored,) = split_shots([bar()], Intensity(), 0.2, seed=0).scored
    part = score_objects(base, [scored], Intensity())
    (whole,) = split_shots([bar()], Intensity(), 0.0, seed=0).scored
    assert part != score_objects(base, [whole], Intensity())


def test_regions_never_hide_a_whole_object() -> None:
    image, labels = np.zeros((60, 120), np.uint8), np.asarray(bar().masks).copy()
    labels[15:45, 16:20] = 2
    labels[15:45, 100:104] = 3
    split = split_shots([Shot(image, labels)], Intensity(), 0.2, seed=0)
    assert len(split.train[0]) == 3
