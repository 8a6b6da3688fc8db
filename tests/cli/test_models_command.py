"""`napari-catsam models list | download | where`."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from napari_catsam.cli.models_command import models_app
from napari_catsam.errors import DownloadError, UnknownNameError
from napari_catsam.sam.weight_files import MODELS_VARIABLE, WEIGHTS
from tests.weights_server import run_weights_server


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path))
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("NO_PROXY", "*")
    return tmp_path


def test_where_prints_the_folder(folder: Path) -> None:
    result = CliRunner().invoke(models_app, ["where"])
    assert result.exit_code == 0
    assert result.stdout == f"{folder}\n"


def test_list_shows_every_model_with_its_size_and_state(folder: Path) -> None:
    (folder / WEIGHTS["vit_l"].file_name).write_bytes(b"cut")
    result = CliRunner().invoke(models_app, ["list"])
    assert result.exit_code == 0
    lines = {name: line for name in WEIGHTS for line in result.stdout.splitlines() if name in line}
    assert set(lines) == set(WEIGHTS)
    assert "93.7 M" in lines["vit_b"]
    assert "375 MB" in lines["vit_b"]
    assert "missing" in lines["vit_b"]
    assert "broken" in lines["vit_l"]
    assert "tiny" not in result.stdout
    assert str(folder) in result.stdout


@pytest.mark.network
def test_download_prints_where_the_file_is(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = b"weights" * 1000
    digest = hashlib.sha256(body).hexdigest()
    with run_weights_server() as server:
        url = server.serve("/b.pth", body)
        row = replace(WEIGHTS["vit_b"], url=url, size=len(body), sha256=digest)
        monkeypatch.setitem(WEIGHTS, "vit_b", row)
        result = CliRunner().invoke(models_app, ["download", "vit_b"])
    assert result.exit_code == 0
    assert result.stdout.strip() == str(folder / row.file_name)
    assert row.file_name in result.stderr
    assert "100%" in result.stderr or "7.0/7.0 kB" in result.stderr
    listed = CliRunner().invoke(models_app, ["list"])
    assert any("vit_b" in line and "present" in line for line in listed.stdout.splitlines())


@pytest.mark.network
def test_a_failed_download_is_one_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with run_weights_server() as server:
        monkeypatch.setitem(WEIGHTS, "vit_b", replace(WEIGHTS["vit_b"], url=f"{server.url}/none"))
        result = CliRunner().invoke(models_app, ["download", "vit_b"])
    assert isinstance(result.exception, DownloadError)
    assert "\n" not in str(result.exception)
    assert list(folder.iterdir()) == []


def test_an_unknown_model_is_refused_with_the_known_ones(folder: Path) -> None:
    result = CliRunner().invoke(models_app, ["download", "vit_x"])
    assert isinstance(result.exception, UnknownNameError)
    assert "vit_nano, vit_b, vit_l, vit_h" in str(result.exception)
