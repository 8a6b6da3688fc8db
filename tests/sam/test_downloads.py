"""Downloads: a file has its final name only when it is the expected one."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from napari_catsam.errors import DownloadError, MissingWeightsError, UnknownNameError
from napari_catsam.sam.downloads import download_weights
from napari_catsam.sam.weight_files import MODELS_VARIABLE, WEIGHTS, check_weights
from tests.weights_server import WeightsServer, run_weights_server

pytestmark = pytest.mark.network

BODY = bytes(range(256)) * 12_000  # about 3 MB, so that it comes in several chunks
PATH = "/sam_vit_b.pth"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[WeightsServer]:
    monkeypatch.setenv("NO_PROXY", "*")
    with run_weights_server() as served:
        yield served


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    models = tmp_path / "new" / "models"
    monkeypatch.setenv(MODELS_VARIABLE, str(models))
    return models


@pytest.fixture
def vit_b(server: WeightsServer, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point the table's vit_b at the server, and return where the file will be."""
    row = replace(
        WEIGHTS["vit_b"],
        url=server.serve(PATH, BODY),
        size=len(BODY),
        sha256=hashlib.sha256(BODY).hexdigest(),
    )
    monkeypatch.setitem(WEIGHTS, "vit_b", row)
    return folder / row.file_name


def test_download_puts_the_checked_file_into_the_models_folder(vit_b: Path) -> None:
    assert download_weights("vit_b") == vit_b
    assert vit_b.read_bytes() == BODY
    assert list(vit_b.parent.iterdir()) == [vit_b]
    assert check_weights("vit_b") == vit_b


def test_download_reports_the_bytes_that_came(vit_b: Path) -> None:
    steps: list[tuple[int, int]] = []
    download_weights("vit_b", lambda done, total: steps.append((done, total)))
    done = [step[0] for step in steps]
    assert len(steps) > 1
    assert done == sorted(done)
    assert steps[-1] == (len(BODY), len(BODY))
    assert {step[1] for step in steps} == {len(BODY)}


def test_a_complete_file_is_not_downloaded_again(vit_b: Path, server: WeightsServer) -> None:
    download_weights("vit_b")
    download_weights("vit_b")
    assert server.requests == [PATH]


def test_a_broken_file_is_reported_and_replaced(
    vit_b: Path, caplog: pytest.LogCaptureFixture
) -> None:
    vit_b.parent.mkdir(parents=True)
    vit_b.write_bytes(BODY[:-1] + b"?")
    with caplog.at_level(logging.WARNING):
        download_weights("vit_b")
    assert "sha256" in caplog.text
    assert str(vit_b) in caplog.text
    assert vit_b.read_bytes() == BODY


def test_a_broken_file_stays_when_its_replacement_fails(vit_b: Path, server: WeightsServer) -> None:
    vit_b.parent.mkdir(parents=True)
    vit_b.write_bytes(b"older")
    server.bodies.clear()
    with pytest.raises(DownloadError):
        download_weights("vit_b")
    assert vit_b.read_bytes() == b"older"
    assert list(vit_b.parent.iterdir()) == [vit_b]


def test_wrong_content_is_not_kept(vit_b: Path, server: WeightsServer) -> None:
    wrong = b"x" * len(BODY)
    server.serve(PATH, wrong)
    expected, got = hashlib.sha256(BODY).hexdigest(), hashlib.sha256(wrong).hexdigest()
    with pytest.raises(DownloadError, match=f"{got}, expected {expected}"):
        download_weights("vit_b")
    assert list(vit_b.parent.iterdir()) == []


def test_a_connection_that_breaks_off_leaves_nothing(vit_b: Path, server: WeightsServer) -> None:
    server.serve(PATH, BODY[:2_000_000], announced=len(BODY))
    with pytest.raises(DownloadError, match=r"of 3,072,000 bytes received"):
        download_weights("vit_b")
    assert list(vit_b.parent.iterdir()) == []


def test_a_short_body_leaves_nothing(vit_b: Path, server: WeightsServer) -> None:
    server.serve(PATH, BODY[:1000])
    with pytest.raises(DownloadError, match=r"sent 1,000 bytes, expected 3,072,000"):
        download_weights("vit_b")
    assert list(vit_b.parent.iterdir()) == []


def test_a_long_body_is_cut_off(vit_b: Path, server: WeightsServer) -> None:
    server.serve(PATH, BODY * 3)
    with pytest.raises(DownloadError, match=r"more than the expected 3,072,000 bytes"):
        download_weights("vit_b")
    assert list(vit_b.parent.iterdir()) == []


def test_a_missing_page_is_named(vit_b: Path, server: WeightsServer) -> None:
    server.bodies.clear()
    with pytest.raises(DownloadError, match=r"answered 404 Not Found") as caught:
        download_weights("vit_b")
    assert server.url + PATH in str(caught.value)
    assert list(vit_b.parent.iterdir()) == []


def test_a_server_that_is_not_there_is_named(vit_b: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = replace(WEIGHTS["vit_b"], url="http://127.0.0.1:9/file.pth")
    monkeypatch.setitem(WEIGHTS, "vit_b", nowhere)
    with pytest.raises(DownloadError, match=r"http://127.0.0.1:9/file.pth: .*ConnectionError"):
        download_weights("vit_b")
    assert list(vit_b.parent.iterdir()) == []


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, RuntimeError])
def test_an_interrupted_download_leaves_nothing(
    vit_b: Path, interruption: type[BaseException]
) -> None:
    present: list[str] = []

    def interrupt(done: int, total: int) -> None:
        present.extend(path.name for path in vit_b.parent.iterdir())
        raise interruption

    with pytest.raises(interruption):
        download_weights("vit_b", interrupt)
    assert len(present) == 1
    assert present[0].endswith(".part")
    assert list(vit_b.parent.iterdir()) == []


def test_a_full_disk_is_noticed_before_the_download(
    vit_b: Path, server: WeightsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(WEIGHTS, "vit_b", replace(WEIGHTS["vit_b"], size=10**18))
    with pytest.raises(DownloadError, match=r"1,000,000,000,000,000,000 bytes needed"):
        download_weights("vit_b")
    assert server.requests == []


def test_a_folder_that_cannot_be_made_is_named(
    vit_b: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "file" / "models"))
    with pytest.raises(DownloadError, match=r"cannot write to .*models: "):
        download_weights("vit_b")


def test_unknown_names_are_refused(folder: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"unknown model 'vit_x'.*vit_b"):
        download_weights("vit_x")


def test_weights_of_the_package_are_never_downloaded(
    server: WeightsServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = replace(WEIGHTS["vit_nano"], file_name="not_there.safetensors")
    monkeypatch.setitem(WEIGHTS, "vit_nano", row)
    with pytest.raises(MissingWeightsError, match="reinstall"):
        download_weights("vit_nano")
    assert server.requests == []
