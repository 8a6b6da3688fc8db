from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from napari_catsam.errors import TrainingError
from napari_catsam.evaluation.datasets.base import Dataset
from napari_catsam.evaluation.protocol.config import ProtocolConfig
from napari_catsam.evaluation.protocol.folder import RunFolder
from napari_catsam.evaluation.protocol.processes import Processes
from napari_catsam.evaluation.protocol.run import iterate_run
from napari_catsam.evaluation.protocol.testing import iterate_test
from napari_catsam.evaluation.runs import RunResult, read_curves, read_result
from napari_catsam.models.adapter import apply_adapter, load_adapter
from napari_catsam.models.catsam import CatSam
from napari_catsam.types import Progress
from tests.evaluation.datasets.trees import draw_pair

FEW = {"epochs": 4, "check_every": 2, "seed": 0}
FILES = {
    "adapter.safetensors",
    "config.json",
    "curves.csv",
    "environment.json",
    "examples",
    "result.json",
}


class KilledError(Exception):
    """Stands for a kill at a step."""


def run(
    base: CatSam, dataset: Dataset, out: Path, *, kill_at: int | None = None, **config: Any
) -> RunResult | None:
    work = iterate_run(
        base,
        dataset,
        ProtocolConfig(**(FEW | config)),
        RunFolder(out),
        Processes(base.device),
    )
    while True:
        try:
            progress = next(work)
        except StopIteration as end:
            result: RunResult | None = end.value
            return result
        if progress.step == kill_at and progress.stage.startswith("epoch"):
            work.throw(KilledError)


def finish(work: Generator[Progress, Any, RunResult]) -> RunResult:
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: RunResult = end.value
            return result


def test_a_run_leaves_all_that_it_did_in_its_folder(base: CatSam, whu: Dataset, out: Path) -> None:
    result = run(base, whu, out, shots="16")
    assert {path.name for path in out.iterdir()} == FILES
    assert any((out / "examples").rglob("adapted.png"))
    assert result == read_result(out)
    assert (result.dataset, result.method, result.backbone) == ("whu", "cat-a", "tiny")
    assert (result.shots, result.training_images, result.epochs, result.steps) == ("16", 16, 4, 16)
    assert (result.measured.images, result.measured.objects) == (3, 6)
    assert (result.chosen_epoch, result.views, result.select) == (4, "fresh", "last")
    assert result.seconds > 0
    assert result.environment["processes"] == 1
    assert result.versions["torch"]
    config = json.loads((out / "config.json").read_text())
    assert (config["batch"], config["learning_rate"], config["views"]) == (4, 1e-3, "fresh")
    curves = read_curves(out)
    assert [(row.epoch, row.steps) for row in curves] == [(1, 4), (2, 8), (3, 12), (4, 16)]
    assert curves[0].learning_rate == 1e-3 > curves[-1].learning_rate > 1e-5
    header = load_adapter(out / "adapter.safetensors").header
    assert (header.resize, header.steps, header.seed) == ("stretch", 16, 0)
    assert len(header.shots) == 16


def test_the_adapter_gives_the_result_again(base: CatSam, whu: Dataset, out: Path) -> None:
    result = run(base, whu, out)
    model = apply_adapter(base, load_adapter(out / "adapter.safetensors"))
    config = ProtocolConfig(method="sam")
    work = iterate_test(model, whu, config, None, Processes(base.device), shots="1")
    assert finish(work).measured == result.measured


@pytest.mark.parametrize(
    ("kill_at", "saved", "config"),
    [
        (1, False, {"select": "last"}),
        (3, True, {"select": "last"}),
        (4, True, {"select": "test", "method": "cat-t"}),
        (10, True, {"select": "held-out", "shots": "16"}),
    ],
)
def test_a_killed_run_goes_on_to_the_same_adapter(
    base: CatSam, whu: Dataset, tmp_path: Path, kill_at: int, saved: bool, config: dict
) -> None:
    whole = run(base, whu, tmp_path / "whole", **config)
    with pytest.raises(KilledError):
        run(base, whu, tmp_path / "killed", kill_at=kill_at, **config)
    assert (tmp_path / "killed" / "state.safetensors").is_file() == saved
    assert not (tmp_path / "killed" / "result.json").exists()
    again = run(base, whu, tmp_path / "killed", **config)
    assert again == whole
    first, second = (
        load_adapter(tmp_path / name / "adapter.safetensors") for name in ("whole", "killed")
    )
    assert first.sha256 == second.sha256
    losses = [[row.loss for row in read_curves(tmp_path / name)] for name in ("whole", "killed")]
    assert losses[0] == losses[1]


def test_a_process_that_is_killed_goes_on_where_it_saved_last(
    base: CatSam, whu: Dataset, tmp_path: Path
) -> None:
    line = (
        f"train --dataset whu --data-dir {whu.root} --backbone tiny --epochs 30 --check-every 2 "
        f"--seed 0 --device cpu --out {tmp_path / 'killed'}"
    )
    command = [sys.executable, "-m", "napari_catsam", *line.split()]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and not (tmp_path / "killed" / "state.safetensors").is_file():
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert not (tmp_path / "killed" / "result.json").exists()
    results = [run(base, whu, tmp_path / out, epochs=30) for out in ("killed", "whole")]
    assert results[0] == results[1]
    adapters = [load_adapter(tmp_path / o / "adapter.safetensors") for o in ("whole", "killed")]
    assert adapters[0].sha256 == adapters[1].sha256


def test_a_run_that_was_stopped_goes_on(
    base: CatSam, whu: Dataset, out: Path, alone: Processes
) -> None:
    work = iterate_run(base, whu, ProtocolConfig(**FEW), RunFolder(out), alone)
    for _ in range(3):
        next(work)
    with pytest.raises(StopIteration) as end:
        work.send(True)
    assert end.value.value is None
    assert run(base, whu, out).epochs == 4


def test_a_finished_run_is_read_and_not_done_again(base: CatSam, whu: Dataset, out: Path) -> None:
    first = run(base, whu, out)
    (out / "adapter.safetensors").unlink()
    assert run(base, whu, out) == first
    assert not (out / "adapter.safetensors").exists()


def test_another_run_is_not_written_over(base: CatSam, whu: Dataset, out: Path) -> None:
    run(base, whu, out)
    with pytest.raises(TrainingError, match="views 'fresh', this one has 'fixed'"):
        run(base, whu, out, views="fixed")
    with pytest.raises(TrainingError, match="choose another folder"):
        run(base.with_method("sam"), whu, out, method="cat-t")


def test_the_best_values_on_the_test_images_are_taken(
    base: CatSam, whu: Dataset, out: Path
) -> None:
    result = run(base, whu, out, select="test", epochs=6, check_every=1, learning_rate=1e-2)
    scores = [row.score for row in read_curves(out)]
    assert result.chosen_epoch == scores.index(max(scores)) + 1
    assert result.measured.iou_dataset == max(scores)


def test_values_are_chosen_on_images_held_out_of_the_training(
    base: CatSam, whu: Dataset, out: Path
) -> None:
    result = run(base, whu, out, select="held-out", shots="16", epochs=2, check_every=1)
    assert result.training_images == 13
    assert all(0 <= row.score <= 1 for row in read_curves(out))


def test_of_one_image_an_end_of_each_object_is_held_out(
    base: CatSam, tmp_path: Path, whu: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, mask = draw_pair(0, (96, 128))
    monkeypatch.setattr(whu, "read_plane", lambda *_: (image, mask.astype("uint8")))
    result = run(base, whu, tmp_path, select="held-out", epochs=2, check_every=1)
    assert result.training_images == 1
    assert all(0 <= row.score <= 1 for row in read_curves(tmp_path))


def test_objects_that_are_too_few_and_small_to_be_held_out_are_said(
    base: CatSam, whu: Dataset, out: Path
) -> None:
    with pytest.raises(TrainingError, match="held out of 2432"):
        run(base, whu, out, select="held-out")


def test_sam_is_tested_without_training(base: CatSam, whu: Dataset, out: Path) -> None:
    result = run(base, whu, out, method="sam")
    assert (result.epochs, result.trainable, result.shots) == (0, 0, "none")
    assert not (out / "adapter.safetensors").exists()
    assert base.resize == "pad"


def test_fixed_views_train_on_one_view_and_fresh_ones_do_not(
    base: CatSam, whu: Dataset, tmp_path: Path
) -> None:
    # At a rate of almost nothing the loss tells the views apart.
    still = {"learning_rate": 1e-12, "final_learning_rate": 1e-12}
    for views in ("fixed", "fresh"):
        run(base, whu, tmp_path / views, views=views, **still)
    losses = {v: [row.loss for row in read_curves(tmp_path / v)] for v in ("fixed", "fresh")}
    assert max(losses["fixed"]) - min(losses["fixed"]) < 1e-5
    assert max(losses["fresh"]) - min(losses["fresh"]) > 1e-3


def test_a_few_test_images_are_marked_as_such(base: CatSam, whu: Dataset, out: Path) -> None:
    result = run(base, whu, out, test_limit=2, epochs=1)
    assert result.limited
    assert result.measured.images == 2


def test_a_loss_that_is_not_finite_ends_the_run(base: CatSam, whu: Dataset, out: Path) -> None:
    with pytest.raises(TrainingError, match="learning rate below"):
        run(base, whu, out, learning_rate=1e30, epochs=20)
