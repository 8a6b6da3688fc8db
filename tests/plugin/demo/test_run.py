"""The demo, with the test backbone: it shows nothing sensible, but everything runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from skimage.data import coins
from typer.testing import CliRunner

from napari_catsam.cli.app import app
from napari_catsam.plugin.demo.coins import choose_shot, draw_boxes, find_coins, score_labels
from napari_catsam.plugin.demo.run import Demo


def test_the_reference_finds_all_coins() -> None:
    reference = find_coins(coins())
    assert reference.max() == 24
    areas = np.bincount(reference.ravel())[1:]
    assert areas.min() > 900
    assert areas.max() < 4000


def test_boxes_are_a_little_larger_than_the_coins() -> None:
    reference = find_coins(coins())
    for number, (r0, c0, r1, c1) in enumerate(draw_boxes(reference), start=1):
        rows, columns = np.nonzero(reference == number)
        assert 0 <= rows.min() - r0 <= 3
        assert 0 <= r1 - rows.max() - 1 <= 3
        assert 0 <= columns.min() - c0 <= 3
        assert 0 <= c1 - columns.max() - 1 <= 3


def test_a_coin_is_scored_by_the_label_that_overlaps_it_most() -> None:
    reference = np.zeros((10, 10), np.int32)
    reference[:4, :4], reference[6:, 6:] = 1, 2
    found = np.zeros((10, 10), int)
    found[:4, :2], found[0, 3] = 7, 9
    assert score_labels(reference, found) == [0.5, 0.0]
    assert choose_shot([0.5, 0.0, 0.9]) == 1


def test_the_demo_writes_its_pictures_and_scores(
    make_napari_viewer: Callable[..., Any], tmp_path: Path
) -> None:
    told: list[str] = []
    demo = Demo(make_napari_viewer(show=True), tmp_path, model="tiny", budget=0.5, say=told.append)
    result = demo.run()
    demo.widget.shut_down()
    assert len(result.scores) == 24
    assert sum(score.trained_on for score in result.scores) == 1
    names = {"01_boxes.png", "02_before.png", "03_after.png", "comparison.png", "scores.json"}
    assert {path.name for path in tmp_path.iterdir()} == names == set(result.files)
    with Image.open(tmp_path / "02_before.png") as picture:
        assert picture.size[0] > 800
    content = json.loads((tmp_path / "scores.json").read_text())
    assert content["mean_before"] == round(result.mean("before"), 4)
    assert "not drawn by hand" in content["reference"]
    assert told[0] == "24 boxes drawn; segmenting with tiny"


def test_without_a_display_and_without_xvfb_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("shutil.which", lambda name: None)
    done = CliRunner().invoke(app, ["demo", "--headless"])
    assert done.exit_code == 2
    assert "install xvfb" in done.output


def test_without_qt_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_catsam.cli.demo_command.find_spec", lambda name: None)
    done = CliRunner().invoke(app, ["demo", "--headless"])
    assert done.exit_code == 2
    assert "pip install 'napari-catsam[pyqt6]'" in done.output
