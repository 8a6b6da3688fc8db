from __future__ import annotations

from pathlib import Path

import pytest

from napari_catsam.errors import TrainingError
from napari_catsam.evaluation.datasets.base import open_dataset
from napari_catsam.evaluation.protocol.config import ProtocolConfig
from napari_catsam.evaluation.protocol.images import (
    TrainingImages,
    iterate_parts,
    list_training_names,
)
from napari_catsam.types import Intensity
from tests.evaluation.datasets.trees import build_kvasir
from tests.evaluation.protocol.test_views import make_recipe


@pytest.fixture
def images(tmp_path: Path) -> TrainingImages:
    dataset = open_dataset("kvasir", build_kvasir(tmp_path))
    return TrainingImages(dataset, dataset.list_names("train")[:7], Intensity())


def list_parts(images: TrainingImages, rank: int, processes: int) -> list:
    config = ProtocolConfig(shots="16", batch=3)
    return list(iterate_parts(images, make_recipe(), config, 4, rank, processes))


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_processes_share_out_the_same_batches(images: TrainingImages, processes: int) -> None:
    whole = list_parts(images, 0, 1)
    assert [part.images for part in whole] == [3, 3, 1]
    shares = [list_parts(images, rank, processes) for rank in range(processes)]
    for step, together in enumerate(whole):
        real = [share[step] for share in shares if share[step].weight]
        views = {view.rgb.tobytes() for part in real for view in part.views}
        assert views == {view.rgb.tobytes() for view in together.views}
        weight = sum(part.weight * len(part.views) for part in real) / processes
        assert weight == pytest.approx(1)
        assert all(part.images == together.images for part in real)


def test_a_process_without_an_image_takes_part_with_no_weight(images: TrainingImages) -> None:
    last = list_parts(images, 1, 2)[-1]
    assert (len(last.views), last.weight, last.images) == (1, 0.0, 1)


def test_shots_are_the_released_ones_and_full_is_the_split(tmp_path: Path) -> None:
    dataset = open_dataset("kvasir", build_kvasir(tmp_path))
    one = list_training_names(dataset, ProtocolConfig(shots="1"))
    assert one == ("cju0roawvklrq0799vmjorwfv",)
    full = list_training_names(dataset, ProtocolConfig(shots="full"))
    assert full == dataset.list_names("train")
    assert len(list_training_names(dataset, ProtocolConfig(shots="16"))) == 16


def test_a_shot_that_is_not_there_is_named(tmp_path: Path) -> None:
    build_kvasir(tmp_path)
    for folder in ("image", "masks"):
        (tmp_path / "TrainDataset" / folder / "cju0roawvklrq0799vmjorwfv.png").unlink()
    dataset = open_dataset("kvasir", tmp_path)
    with pytest.raises(TrainingError, match="cju0roawvklrq0799vmjorwfv"):
        list_training_names(dataset, ProtocolConfig(shots="1"))
