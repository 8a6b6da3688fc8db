from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from napari_catsam.adaptation.scoring import choose_scored, weigh_scored
from napari_catsam.adaptation.shots import Scored, split_shots
from napari_catsam.errors import ShotError
from napari_catsam.types import Intensity, Shot
from tests.adaptation.pictures import draw_discs


def test_whole_shots_are_held_out_from_three_on() -> None:
    shots = [draw_discs(seed=seed) for seed in range(4)]
    split = split_shots(shots, Intensity(), 0.2, seed=0)
    assert split.held == "images"
    assert (len(split.train), len(split.scored)) == (3, 1)
    assert all(len(sample) == 5 for sample in split.train)
    assert split.describe(split.scored) == "scored on 5 objects in 1 image held out"


def test_an_object_is_held_out_from_four_on() -> None:
    split = split_shots([draw_discs(4)], Intensity(), 0.2, seed=0)
    assert split.held == "objects"
    assert (len(split.train[0]), len(split.scored[0].objects)) == (3, 1)
    assert split.describe(split.scored) == "scored on 1 object held out"


def test_few_objects_are_scored_on_themselves_and_the_note_says_so() -> None:
    split = split_shots([draw_discs(3)], Intensity(), 0.2, seed=0)
    assert split.held == "none"
    assert (len(split.train[0]), len(split.scored[0].objects)) == (3, 3)
    assert "scored on the 3 objects trained on" in split.describe(split.scored)


def test_nothing_is_held_out_when_the_share_is_zero() -> None:
    shots = [draw_discs(seed=seed) for seed in range(4)]
    assert split_shots(shots, Intensity(), 0.0, seed=0).held == "none"


@pytest.mark.parametrize("seed", range(5))
def test_a_held_out_object_is_neither_target_nor_background(seed: int) -> None:
    shot = draw_discs()
    split = split_shots([shot], Intensity(), 0.2, seed)
    held, sample = split.scored[0].masks[0], split.train[0]
    assert sample.ignore[held].all()
    assert (sample.labels[held] == 0).all()
    rest = (np.asarray(shot.masks) > 0) & ~held
    np.testing.assert_array_equal(sample.labels > 0, rest)
    assert not sample.ignore[rest].any()


def test_the_split_depends_on_the_seed_alone() -> None:
    def held(seed: int) -> bytes:
        return split_shots([draw_discs()], Intensity(), 0.2, seed).scored[0].masks.tobytes()

    assert held(1) == held(1)
    assert len({held(seed) for seed in range(8)}) > 1


def test_pixels_that_the_user_ignores_count_nowhere() -> None:
    shot = draw_discs(2)
    ignore = np.zeros((96, 80), bool)
    ignore[:22] = True
    split = split_shots([Shot(shot.image, shot.masks, ignore)], Intensity(), 0.2, seed=0)
    assert split.train[0].ignore[:22].all()
    assert not split.train[0].labels[:22].any()
    assert not split.scored[0].masks[:, :22].any()


def test_labels_may_have_gaps() -> None:
    shot = draw_discs(2)
    labels = np.asarray(shot.masks) * 1000
    sample = split_shots([Shot(shot.image, labels)], Intensity(), 0.2, seed=0).train[0]
    np.testing.assert_array_equal(sample.labels, shot.masks)


def test_no_shot_is_one_clear_sentence() -> None:
    with pytest.raises(ShotError, match="no shots were given; draw at least one mask"):
        split_shots([], Intensity(), 0.2, seed=0)


def test_a_mask_in_ignored_pixels_alone_is_one_clear_sentence() -> None:
    shot = draw_discs(1)
    hidden = Shot(shot.image, shot.masks, np.ones((96, 80), bool), name="a.png")
    with pytest.raises(ShotError, match=r"every mask of a\.png lies in ignored pixels"):
        split_shots([hidden], Intensity(), 0.2, seed=0)


def test_many_objects_are_scored_in_part() -> None:
    rows, columns = np.mgrid[:80, :80]
    labels = (rows // 8 * 10 + columns // 8 + 1).astype(np.uint16)
    scored = split_shots([Shot(labels, labels)], Intensity(), 0.5, seed=0).scored
    assert len(scored[0].objects) == 50
    (few,) = choose_scored(scored, 8, 32, np.random.default_rng(0))
    assert len(few.objects) == len(set(few.objects)) == 32
    assert set(few.objects) < set(scored[0].objects)
    assert few.masks.shape == (32, 80, 80)
    assert (few.masks.sum(axis=(1, 2)) == 64).all()


def test_the_note_says_how_many_of_what_is_held_out_are_scored() -> None:
    shots = [draw_discs(seed=seed) for seed in range(4)]
    split = split_shots(shots, Intensity(), 0.5, seed=0)
    (one,) = choose_scored(split.scored, 1, 32, np.random.default_rng(0))
    few = dataclasses.replace(one, objects=one.objects[:2])
    assert split.describe([few]) == "scored on 2 of 10 objects in 1 of 2 images held out"


def test_of_many_parts_of_objects_as_many_are_scored() -> None:
    labels = np.repeat(np.arange(1, 41, dtype=np.uint16), 4).reshape(40, 4)
    regions = tuple((labels == label) & (np.arange(4) < 2) for label in range(1, 41))
    all_ = Scored(labels, labels, tuple(range(1, 41)), np.zeros((40, 4), bool), regions)
    (few,) = choose_scored([all_], 8, 32, np.random.default_rng(0))
    assert len(few.objects) == len(few.regions) == 32
    for label, region in zip(few.objects, few.regions, strict=True):
        assert few.mask(label)[region].sum() == 2
    assert weigh_scored([few]) == pytest.approx(np.full(32, 1 / 32))
