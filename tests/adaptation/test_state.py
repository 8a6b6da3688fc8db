from __future__ import annotations

import dataclasses
import itertools
import time
from pathlib import Path
from typing import Any

import pytest

from napari_catsam.adaptation import schedule
from napari_catsam.adaptation.config import TrainConfig
from napari_catsam.adaptation.state import RunState
from napari_catsam.adaptation.train import adapt, fit
from napari_catsam.errors import TrainingError, UnreadableFileError
from napari_catsam.models.adapter import Adapter
from napari_catsam.models.catsam import CatSam
from napari_catsam.types import Intensity, Progress
from tests.adaptation.pictures import draw_discs

SIX = TrainConfig(steps=6, objects_per_step=2, decoder_share=0.3)


def stop_after(base: CatSam, steps: int, state: RunState, config: TrainConfig = SIX) -> Adapter:
    run = fit(base, [draw_discs()], config, state)
    for _ in range(steps + 1):
        next(run)
    with pytest.raises(StopIteration) as end:
        run.send(True)
    adapter: Adapter = end.value.value
    return adapter


@pytest.mark.parametrize("method", ["cat-a", "cat-t"])
def test_a_stopped_run_goes_on_as_if_it_had_not_been_stopped(base: CatSam, method: str) -> None:
    config = dataclasses.replace(SIX, method=method)
    whole: list[float] = []
    adapt(base, [draw_discs()], config, lambda now: whole.append(now.loss))
    state = RunState()
    assert stop_after(base, 3, state, config).header.steps == 3
    rest: list[float] = []
    again = RunState.from_bytes(state.to_bytes())
    adapter = adapt(base, [draw_discs()], config, lambda now: rest.append(now.loss), again)
    assert rest[1:] == whole[4:]
    assert adapter.header.steps == 6


def test_the_scores_of_before_are_not_measured_again(base: CatSam) -> None:
    state = RunState()
    stopped = stop_after(base, 2, state)
    states: list[Progress] = []
    adapter = adapt(base, [draw_discs()], SIX, states.append, state)
    assert states[0].step == 2
    assert adapter.header.score_before == stopped.header.score_before
    assert [row.before for row in adapter.header.scores] == [
        row.before for row in stopped.header.scores
    ]


def test_the_state_comes_back_from_a_file(base: CatSam, tmp_path: Path) -> None:
    state = RunState()
    stop_after(base, 2, state)
    loaded = RunState.load(state.save(tmp_path / "run.safetensors"))
    assert loaded.facts == state.facts
    assert loaded.tensors.keys() == state.tensors.keys()
    assert all(bool((loaded.tensors[k] == v).all()) for k, v in state.tensors.items())


TWELVE = TrainConfig(method="hq", steps=12, objects_per_step=1)
"""Looks at the score every two steps."""


def test_a_run_is_recorded_between_two_looks_when_the_last_record_is_old(
    base: CatSam, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = RunState()
    run = fit(base, [draw_discs()], TWELVE, state)
    for _ in range(4):
        next(run)
    assert state.facts["step"] == 2  # the look
    monkeypatch.setattr(schedule, "RECORD_EVERY", 0.0)
    for _ in range(2):
        assert next(run).step == state.facts["step"]
    assert state.facts["looked"][0] == 4


def test_a_run_that_goes_on_looks_at_the_score_at_the_steps_of_the_whole_run(
    base: CatSam,
) -> None:
    state = RunState()
    stop_after(base, 3, state, TWELVE)
    assert (state.facts["step"], state.facts["looked"][0]) == (3, 2)
    run = fit(base, [draw_discs()], TWELVE, state)
    for _ in range(3):
        next(run)
    assert state.facts["looked"][0] == 4


def test_seconds_of_before_count_in_the_budget(base: CatSam) -> None:
    config = TrainConfig(method="hq", budget_s=2.0, objects_per_step=1)
    state = RunState()
    stop_after(base, 1, state, config)
    state.facts["seconds"] = 1.9
    started = time.monotonic()
    adapt(base, [draw_discs()], config, state=state)
    assert time.monotonic() - started < 1.5


def test_another_shot_or_model_is_one_clear_sentence(base: CatSam) -> None:
    state = RunState()
    stop_after(base, 1, state)
    with pytest.raises(TrainingError, match="the stopped run had another set of shots; go on with"):
        adapt(base, [draw_discs(seed=1)], SIX, state=state)
    with pytest.raises(TrainingError, match="the stopped run had another method"):
        adapt(base, [draw_discs()], dataclasses.replace(SIX, method="hq"), state=state)


def test_other_held_out_masks_are_one_clear_sentence(base: CatSam) -> None:
    state = RunState()
    stop_after(base, 2, state)
    with pytest.raises(TrainingError, match="another choice of held-out masks"):
        adapt(base, [draw_discs()], dataclasses.replace(SIX, held_out=0.4), state=state)


def test_another_mapping_of_intensities_is_one_clear_sentence(base: CatSam) -> None:
    state = RunState()
    stop_after(base, 2, state)
    config = dataclasses.replace(SIX, intensity=Intensity("limits", 0, 100))
    with pytest.raises(TrainingError, match="another mapping of intensities"):
        adapt(base, [draw_discs()], config, state=state)


@pytest.mark.parametrize("changed", [{"interpolation": 0.5}, {"annotated": "everything"}])
def test_another_recipe_is_one_clear_sentence(base: CatSam, changed: dict[str, Any]) -> None:
    state = RunState()
    stop_after(base, 1, state)
    with pytest.raises(TrainingError, match="the stopped run had another recipe"):
        adapt(base, [draw_discs()], dataclasses.replace(SIX, **changed), state=state)


def test_a_state_of_before_recipes_were_named_goes_on(base: CatSam) -> None:
    state = RunState()
    stop_after(base, 1, state)
    del state.facts["fits"]["recipe"]
    assert adapt(base, [draw_discs()], SIX, state=state).header.steps == 6


def test_cancelling_leaves_the_state_as_it_was(base: CatSam) -> None:
    state = RunState()
    run = fit(base, [draw_discs()], SIX, state)
    for _ in itertools.islice(run, 4):
        pass
    assert state  # a look at the score was recorded, should the program end here
    run.close()
    assert not state


@pytest.mark.parametrize("content", [b"", b"no safetensors at all", b"\x02\0\0\0\0\0\0\0{}"])
def test_something_else_is_one_clear_sentence(content: bytes) -> None:
    with pytest.raises(TrainingError, match="this is no stopped run of napari-catsam"):
        RunState.from_bytes(content)


def test_a_missing_file_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match=r"gone\.safetensors cannot be read"):
        RunState.load(tmp_path / "gone.safetensors")


def test_the_clock_stands_still_while_nobody_asks_for_more(base: CatSam) -> None:
    run = fit(base, [draw_discs()], TrainConfig(method="hq", budget_s=60, objects_per_step=1))
    first = next(run)
    started = time.monotonic()
    time.sleep(1.0)
    second = next(run)
    took = time.monotonic() - started
    assert second.step == 1
    assert second.seconds - first.seconds == pytest.approx(took - 1.0, abs=0.05)
