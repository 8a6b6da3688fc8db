from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_catsam.errors import UnreadableFileError
from napari_catsam.evaluation.examples import read_examples, write_examples
from tests.evaluation.table.runs import make_example


def test_examples_are_read_as_they_were_written(tmp_path: Path) -> None:
    written = make_example("b")
    write_examples(tmp_path, [written, make_example("a/../x y")])
    found = read_examples(tmp_path)
    assert [example.name for example in found] == ["a_.._x_y", "b"]
    for name in ("image", "truth", "base", "adapted"):
        np.testing.assert_array_equal(getattr(found[1], name), getattr(written, name))


def test_large_images_are_made_smaller_and_masks_stay_masks(tmp_path: Path) -> None:
    write_examples(tmp_path, [make_example(size=(600, 1200))])
    (found,) = read_examples(tmp_path)
    assert found.image.shape == (256, 512, 3)
    assert found.truth.shape == (256, 512)
    assert found.truth.any()


def test_no_examples_are_none(tmp_path: Path) -> None:
    assert read_examples(tmp_path) == ()


def test_an_incomplete_example_is_named(tmp_path: Path) -> None:
    write_examples(tmp_path, [make_example()])
    (tmp_path / "examples" / "a" / "base.png").unlink()
    with pytest.raises(UnreadableFileError, match=r"base\.png"):
        read_examples(tmp_path)


def test_masks_of_another_size_are_named(tmp_path: Path) -> None:
    write_examples(tmp_path, [make_example()])
    write_examples(tmp_path / "other", [make_example(size=(30, 30))])
    other = tmp_path / "other" / "examples" / "a" / "truth.png"
    other.replace(tmp_path / "examples" / "a" / "truth.png")
    with pytest.raises(UnreadableFileError, match="fit together"):
        read_examples(tmp_path)
