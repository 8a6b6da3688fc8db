from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_catsam import load_model
from napari_catsam.evaluation.datasets.base import open_dataset
from napari_catsam.evaluation.protocol.config import ProtocolConfig
from napari_catsam.evaluation.protocol.examples import draw_examples
from tests.evaluation.datasets.trees import build_kvasir


@pytest.mark.parametrize("prompt", ["box", "point"])
def test_examples_are_the_same_images_by_the_model_with_and_without_training(
    tmp_path: Path, prompt: str
) -> None:
    dataset = open_dataset("kvasir", build_kvasir(tmp_path))
    plain = load_model("tiny", device="cpu")
    config = ProtocolConfig(test_prompt=prompt)
    adapted = plain.with_method("hq", seed=1).eval()
    found = draw_examples(adapted, dataset, config, 2)
    base = draw_examples(plain, dataset, config, 2)
    names = dataset.list_names("test")
    assert [example.name for example in found] == [names[0], names[-1]]
    for one, other in zip(found, base, strict=True):
        image, mask = dataset.read_plane(one.name, "test")
        np.testing.assert_array_equal(one.image, image)
        np.testing.assert_array_equal(one.truth, mask > 0)
        np.testing.assert_array_equal(one.base, other.adapted)
        assert (one.adapted != one.base).any()
