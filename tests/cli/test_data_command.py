"""`napari-catsam data list | check`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from napari_catsam.cli.app import app
from napari_catsam.evaluation.datasets.base import describe_dataset, list_datasets
from tests.evaluation.datasets.trees import TREES, build_folder

Run = Callable[..., Result]


@pytest.fixture
def data(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return what runs a sub-command of ``data`` on a wide screen."""
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *words: CliRunner().invoke(app, ["data", *map(str, words)])


def test_list_shows_every_data_set_with_its_page(data: Run) -> None:
    result = data("list")
    assert result.exit_code == 0
    for name in list_datasets():
        source = describe_dataset(name).source
        assert name in result.stdout
        assert source.title in result.stdout
        assert source.page in result.stdout


@pytest.mark.parametrize("name", sorted(TREES))
def test_a_part_of_an_archive_is_incomplete_unless_a_part_is_enough(
    data: Run, tmp_path: Path, name: str
) -> None:
    TREES[name](tmp_path)
    result = data("check", name, tmp_path)
    assert result.exit_code == 2
    assert "test has 3 of the" in result.stdout
    assert describe_dataset(name).source.page in result.stdout
    result = data("check", name, tmp_path, "--partial")
    assert result.exit_code == 0
    assert "A part of it, and sound." in result.stdout
    assert "16" in result.stdout


def test_a_complete_folder_ends_well(data: Run, tmp_path: Path) -> None:
    result = data("check", "folder", build_folder(tmp_path))
    assert result.exit_code == 0
    assert "Nothing is missing." in result.stdout
    assert "not known" in result.stdout


def test_everything_that_is_wrong_is_said_in_a_line_each(data: Run, tmp_path: Path) -> None:
    build_folder(tmp_path)
    (tmp_path / "masks" / "cell0.png").unlink()
    (tmp_path / "images" / "cell1.png").unlink()
    (tmp_path / "images" / "cell2.png").write_bytes(b"no image")
    (tmp_path / "train.txt").write_text("cell2\ncell3")
    result = data("check", "folder", tmp_path, "--partial")
    assert result.exit_code == 2
    lines = [line for line in result.stdout.splitlines() if line.startswith("- ")]
    assert len(lines) == 3
    for line, words in zip(
        lines, ("cell0.png has no mask", "cell1.png has no image", "cell2.png cannot"), strict=True
    ):
        assert words in line
    assert "Expected in the folder:" in result.stdout


def test_an_empty_folder_says_what_is_expected_and_from_where(data: Run, tmp_path: Path) -> None:
    result = data("check", "kvasir", tmp_path)
    assert result.exit_code == 2
    assert "there is no folder TrainDataset/image" in result.stdout
    assert "TestDataset/Kvasir/images/*.png" in result.stdout
    assert "licence: research and education" in result.stdout


def test_a_wrong_name_or_folder_is_one_sentence(data: Run, tmp_path: Path) -> None:
    result = data("check", "kvasri", tmp_path)
    assert result.exit_code == 2
    assert "unknown data set 'kvasri'" in result.stderr
    result = data("check", "kvasir", tmp_path / "nowhere")
    assert result.exit_code == 2
    assert "there is no folder" in result.stderr
    assert "Traceback" not in result.stderr
