"""What the bare import costs, and that every public name can be had."""

from __future__ import annotations

import subprocess
import sys

import pytest

import napari_catsam

HEAVY = ("torch", "torchvision", "segment_anything", "napari", "magicgui", "qtpy", "superqt",
         "PyQt5", "PyQt6", "PySide6", "numpy", "scipy", "skimage")  # fmt: skip


def modules_after(statement: str) -> set[str]:
    code = f"{statement}; import sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=120
    )
    return set(done.stdout.split())


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert not modules_after("import napari_catsam") & set(HEAVY)


def test_a_public_model_needs_neither_napari_nor_qt() -> None:
    loaded = modules_after(
        "from napari_catsam import load_model, Predictor, fit, evaluate, CATSAMA"
    )
    assert "torch" in loaded
    assert not loaded & {"napari", "magicgui", "qtpy", "superqt", "PyQt6", "PySide6"}


@pytest.mark.parametrize("name", napari_catsam.__all__)
def test_every_public_name_exists_and_is_listed(name: str) -> None:
    assert getattr(napari_catsam, name) is not None
    assert name in dir(napari_catsam)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'load_modle'"):
        napari_catsam.load_modle  # noqa: B018


def test_the_installed_version_is_that_of_the_source() -> None:
    from importlib.metadata import version

    assert version("napari-catsam") == napari_catsam.__version__
