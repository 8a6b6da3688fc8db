"""Which files labels may belong to, as the viewer's layers tell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile
from napari import Viewer

from napari_catsam.plugin.image_files import find_georeferenced_files, find_image_name


def test_files_are_looked_at_from_the_likeliest_on(window: Viewer, tmp_path: Path) -> None:
    names = ["gray", "bands", "other", "labels"]
    sizes = [(24, 30), (4, 24, 30), (12, 15), (24, 30)]
    for name, size in zip(names, sizes, strict=True):
        pixels = np.zeros(size, np.uint16)
        tifffile.imwrite(tmp_path / f"{name}.tif", pixels, photometric="minisblack")
    for name in ("bands", "other", "gray"):
        window.open(tmp_path / f"{name}.tif", plugin="napari")
    window.add_image(np.zeros((24, 30)))  # of no file
    (own,) = window.open(tmp_path / "labels.tif", plugin="napari", layer_type="labels")
    found = [Path(path).stem for path in find_georeferenced_files(own.data)]
    assert found == ["gray", "bands", "labels"]
    assert find_georeferenced_files(own.data.copy()) == []
    assert find_image_name(tmp_path / "x.json", own.data) == "gray.tif"
    assert find_image_name(tmp_path / "x.json", own.data.copy()) == "x.tif"
