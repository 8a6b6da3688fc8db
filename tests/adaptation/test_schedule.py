from __future__ import annotations

import time

import pytest

from napari_catsam.adaptation.config import TrainConfig
from napari_catsam.adaptation.schedule import Schedule


def test_learning_rate_warms_up_and_falls_to_zero() -> None:
    schedule = Schedule(TrainConfig(steps=100))
    factors = []
    while not schedule.finished:
        factors.append(schedule.learning_factor)
        schedule.note_step(0.0)
    assert len(factors) == 100
    assert 0 < factors[0] < factors[4] < factors[7]
    assert max(factors) == pytest.approx(1, abs=0.02)
    assert 0 < factors[-1] < 0.01


def test_a_single_step_has_a_learning_rate() -> None:
    assert Schedule(TrainConfig(steps=1)).learning_factor > 0.1


def test_a_number_of_steps_is_scored_six_times() -> None:
    schedule = Schedule(TrainConfig(steps=60))
    checks = 0
    while not schedule.finished:
        schedule.note_step(0.0)
        if schedule.check_due:
            checks += 1
            schedule.note_check(0.0)
    assert checks == 6
    assert schedule.checked


def test_a_slow_step_ends_the_budget_before_another() -> None:
    schedule = Schedule(TrainConfig(budget_s=0.5))
    schedule.start_training(0.05)
    assert not schedule.finished  # the first step is always taken
    time.sleep(0.2)
    schedule.note_step(0.2)
    assert not schedule.finished
    time.sleep(0.2)
    schedule.note_step(0.2)
    assert schedule.finished


def test_scoring_takes_few_images_when_one_is_slow() -> None:
    schedule = Schedule(TrainConfig(budget_s=60))
    assert schedule.images_to_score(0.2, 100) == 8
    assert schedule.images_to_score(0.75, 100) == 3
    assert schedule.images_to_score(20, 100) == 1
    assert schedule.images_to_score(0.2, 2) == 2


def test_a_quick_look_may_have_more_objects_of_few_images() -> None:
    schedule = Schedule(TrainConfig(budget_s=60))
    assert schedule.objects_to_score(0.375, 1, 32) == 192  # four looks in nine seconds
    assert schedule.objects_to_score(0.1, 1, 32) == 256
    assert schedule.objects_to_score(0.1, 4, 32) == 64
    assert schedule.objects_to_score(20, 1, 32) == 32
    assert Schedule(TrainConfig(steps=5)).objects_to_score(20, 2, 32) == 128


def test_without_interpolation_there_is_one_look_at_the_end() -> None:
    schedule = Schedule(TrainConfig(budget_s=60, interpolation=1))
    assert schedule.objects_to_score(0.75, 1, 32) == 192


def test_a_long_budget_has_more_looks_so_that_it_can_end_early() -> None:
    pauses = {}
    for budget in (60, 120, 600):
        schedule = Schedule(TrainConfig(budget_s=budget))
        schedule.start_training(0.1)
        schedule.rest()
        while not schedule.check_due:
            schedule._start -= 1  # a second passes
            assert schedule._resting_since is not None
        pauses[budget] = round(schedule.seconds)
    assert pauses == {60: 10, 120: 20, 600: 20}


def test_looks_that_are_dear_are_not_taken_at_the_ends() -> None:
    cheap, dear = (Schedule(TrainConfig(budget_s=60)) for _ in range(2))
    cheap.start_training(5.9, ends=2)
    dear.start_training(6.1, ends=2)
    assert cheap.affords_end
    assert not dear.affords_end
    assert cheap._seconds_left < dear._seconds_left  # no time is kept for what is not done


def test_no_look_is_taken_at_the_ends_when_the_time_is_over() -> None:
    schedule = Schedule(TrainConfig(budget_s=60))
    schedule.start_training(2.0, ends=2)
    schedule._start -= 61
    assert not schedule.affords_end
