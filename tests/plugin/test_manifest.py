"""What napari finds when the package is installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from npe2 import PluginManifest

import napari_catsam

MANIFEST = Path(napari_catsam.__file__).parent / "napari.yaml"

NO_TORCH = """
import sys
from napari.components import ViewerModel
from qtpy.QtWidgets import QApplication
app = QApplication([])
from napari_catsam.plugin.catsam_widget import CatsamWidget
import numpy
viewer = ViewerModel()
widget = CatsamWidget(viewer)
viewer.add_image(numpy.zeros((9, 9)))
viewer.add_points([[3, 3]])
assert widget.status.text().startswith("Press Segment"), widget.status.text()
loaded = sorted({name.split(".")[0] for name in sys.modules} & {"torch", "segment_anything"})
widget.close()
sys.exit(f"loaded {loaded}" if loaded else 0)
"""


@pytest.fixture
def manifest() -> PluginManifest:
    return PluginManifest.from_file(MANIFEST)


def test_every_command_exists_and_lies_in_the_plugin(manifest: PluginManifest) -> None:
    manifest.validate_imports()
    for command in manifest.contributions.commands or []:
        assert command.python_name is not None
        assert command.python_name.startswith("napari_catsam.plugin.")


def test_the_widget_is_found_under_plugins_and_under_segment(manifest: PluginManifest) -> None:
    assert manifest.display_name == "CAT-SAM"
    (widget,) = manifest.contributions.widgets or []
    (item,) = (manifest.contributions.menus or {})["napari/layers/segment"]
    assert (widget.display_name, widget.command) == ("CAT-SAM", item.command)


def test_napari_opens_the_widget_from_the_plugin(make_napari_viewer_proxy: Any) -> None:
    viewer = make_napari_viewer_proxy()
    _, widget = viewer.window.add_plugin_dock_widget("napari-catsam", "CAT-SAM")
    viewer.add_image(np.zeros((9, 9)), name="proxied")
    assert widget.segment_view.image.currentText() == "proxied"
    widget.shut_down()


@pytest.mark.parametrize("key", ["coins", "immunohistochemistry", "cell"])
def test_samples_open_without_a_download(make_napari_viewer: Any, key: str) -> None:
    viewer = make_napari_viewer()
    (layer,) = viewer.open_sample("napari-catsam", key)
    assert layer.name == key
    assert layer.rgb == (key == "immunohistochemistry")


def test_the_generated_sample_opens_with_its_ground_truth(make_napari_viewer: Any) -> None:
    viewer = make_napari_viewer()
    image, truth = viewer.open_sample("napari-catsam", "stack")
    assert (image.name, truth.name) == ("cells", "cells ground truth")
    assert not truth.visible


def test_the_widget_can_be_made_without_loading_torch() -> None:
    done = subprocess.run(
        [sys.executable, "-c", NO_TORCH], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
