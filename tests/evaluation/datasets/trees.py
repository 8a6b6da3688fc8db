"""Small folder trees in the layouts of the archives, for all tests that need a data set on disk.

Each builder writes a few images of discs, among them all that few-shot training takes, and returns
the root to give to ``open_dataset``. Foreground is bright in the images, so that a model can learn.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from napari_catsam.evaluation.datasets.base import describe_dataset

__all__ = [
    "SIZE",
    "TREES",
    "build_coco",
    "build_folder",
    "build_kvasir",
    "build_sbu",
    "build_whu",
    "draw_pair",
]

SIZE = (48, 64)
"""Rows and columns of the images."""


def draw_pair(seed: int, size: tuple[int, int] = SIZE) -> tuple[np.ndarray, np.ndarray]:
    """Return an image (H, W, 3), uint8, of two bright discs and their mask, bool."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[: size[0], : size[1]]
    mask = np.zeros(size, bool)
    for half in (0.25, 0.75):
        row = size[0] * random.uniform(0.35, 0.65)
        column = size[1] * (half + random.uniform(-0.05, 0.05))
        mask |= (rows - row) ** 2 + (columns - column) ** 2 < (0.18 * min(size)) ** 2 * 1.5
    image = random.normal(60, 10, (*size, 3)) + 120 * mask[..., None]
    return np.clip(image, 0, 255).astype(np.uint8), mask


def build_whu(root: Path, tests: int = 3) -> Path:
    """Build tiles and labels as TIFF; 16 to train, ``tests`` in ``val``, and one unused ``test``."""
    top = root / "3. The cropped image tiles and raster labels"
    _write(top / "train", ("image", "label"), (".tif", ".tif"), _shots("whu"))
    _write(top / "val", ("image", "label"), (".tif", ".tif"), map(str, range(1, tests + 1)), 100)
    _write(top / "test", ("image", "label"), (".tif", ".tif"), ["1"], 200)
    return root


def build_kvasir(root: Path, tests: int = 3) -> Path:
    """Build PNGs as in PraNet's archives, with an image of CVC-ClinicDB and another test set."""
    _write(root / "TrainDataset", ("image", "masks"), (".png", ".png"), _shots("kvasir"))
    _write(root / "TrainDataset", ("image", "masks"), (".png", ".png"), ["101"], 50)
    names = [f"cju{number:022d}" for number in range(tests)]
    _write(root / "TestDataset" / "Kvasir", ("images", "masks"), (".png", ".png"), names, 100)
    _write(root / "TestDataset" / "ETIS-LaribPolypDB", ("images", "masks"), (".png",) * 2, ["1"])
    return root


def build_sbu(root: Path, tests: int = 3) -> Path:
    """Build JPEGs with PNG masks, 16 to train and ``tests`` to test."""
    top, folders = root / "SBU-shadow", ("ShadowImages", "ShadowMasks")
    _write(top / "SBUTrain4KRecoveredSmall", folders, (".jpg", ".png"), _shots("sbu"))
    names = [f"lssd{number}" for number in range(10_000, 10_000 + tests)]
    _write(top / "SBU-Test", folders, (".jpg", ".png"), names, 100)
    return root


def build_folder(root: Path, trained: int = 4, tests: int = 2) -> Path:
    """Build ``images`` and ``masks`` with ``train.txt`` and ``test.txt``."""
    names = [f"cell{number}" for number in range(trained + tests)]
    _write(root, ("images", "masks"), (".png", ".png"), names)
    (root / "train.txt").write_text("\n".join(names[:trained]))
    (root / "test.txt").write_text("\n".join(names[trained:]))
    return root


def build_coco(root: Path, trained: int = 4, tests: int = 2) -> Path:
    """Build folders ``train`` and ``test`` with JSONs that hold a rectangle an image."""
    for split, count in (("train", trained), ("test", tests)):
        (root / split).mkdir(parents=True, exist_ok=True)
        images, annotations = [], []
        for number in range(1, count + 1):
            image, _ = draw_pair(number)
            file = f"{split}{number}.png"
            Image.fromarray(image).save(root / split / file)
            size = {"height": SIZE[0], "width": SIZE[1]}
            images.append({"id": number, "file_name": file, **size})
            outline = [[10, 5, 30, 5, 30, 25, 10, 25]]
            annotations.append(
                {"id": number, "image_id": number, "category_id": 1, "segmentation": outline}
            )
        categories = [{"id": 1, "name": "cell"}]
        content = {"images": images, "annotations": annotations, "categories": categories}
        (root / f"{split}.json").write_text(json.dumps(content))
    return root


TREES: dict[str, Callable[[Path], Path]] = {
    "whu": build_whu,
    "kvasir": build_kvasir,
    "sbu": build_sbu,
}
"""Builders of the trees in the layouts of the archives, by the name of the data set."""


def _shots(name: str) -> tuple[str, ...]:
    return describe_dataset(name).shots[16]


def _write(
    top: Path,
    folders: tuple[str, ...],
    suffixes: tuple[str, ...],
    names: Iterable[str],
    seed: int = 0,
) -> None:
    for folder in folders:
        (top / folder).mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        image, mask = draw_pair(seed + number)
        Image.fromarray(image).save(top / folders[0] / (name + suffixes[0]))
        Image.fromarray(mask.astype(np.uint8) * 255).save(top / folders[1] / (name + suffixes[1]))
