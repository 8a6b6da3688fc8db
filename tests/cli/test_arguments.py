"""Options that take several values, and the objects that boxes and points mean."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_catsam.cli.arguments import check_output, spread
from napari_catsam.cli.prompts import build_prompts, paint_labels, parse_box, parse_point
from napari_catsam.errors import PromptError, UnreadableFileError


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("x.tif --box 1 2 3 4 -o y", ["x.tif", "--box=1 2 3 4", "-o", "y"]),
        ("--box 1 2 3 4 x.tif", ["--box=1 2 3 4", "x.tif"]),
        ("--box -1 -2.5 3 -.5", ["--box=-1 -2.5 3 -.5"]),
        ("--point 1 2 - x.tif", ["--point=1 2 -", "x.tif"]),
        ("--point 1 2 --box 1 2 3 4", ["--point=1 2", "--box=1 2 3 4"]),
        ("--box=1,2,3,4 x.tif", ["--box=1,2,3,4", "x.tif"]),
        (
            "--image a b --mask c d --seed 1",
            "--image=a --image=b --mask=c --mask=d --seed 1".split(),
        ),
        ("--image a --image b", ["--image=a", "--image=b"]),
        ("--image --mask", ["--image", "--mask"]),
        ("-o y -- --box 1", ["-o", "y", "--", "--box", "1"]),
    ],
)
def test_several_values_become_one_argument_each(typed: str, read: list[str]) -> None:
    assert spread(typed.split()) == read


def test_boxes_and_points_are_read_with_blanks_or_commas() -> None:
    assert parse_box("1, 2, 3.5, 4") == (1, 2, 3.5, 4)
    assert (parse_point("1 2 -").label, parse_point("1,2,+").label) == (0, 1)


@pytest.mark.parametrize("text", ["1 2 3", "1 2 3 4 5", "a b c d", ""])
def test_a_box_that_cannot_be_read_is_said(text: str) -> None:
    with pytest.raises(PromptError, match="give four numbers"):
        parse_box(text)


@pytest.mark.parametrize("text", ["1 2", "1 2 3", "1 2 *", "a 2 +", ""])
def test_a_point_that_cannot_be_read_is_said(text: str) -> None:
    with pytest.raises(PromptError, match="give row, column"):
        parse_point(text)


def test_not_a_number_is_no_coordinate() -> None:
    with pytest.raises(PromptError, match="NaN"):
        build_prompts(["1 2 nan 4"], [])


def test_without_boxes_all_points_are_one_object() -> None:
    prompts = build_prompts([], ["1 2 +", "3 4 -"])
    assert prompts is not None
    assert prompts.boxes is None
    assert np.asarray(prompts.points).tolist() == [[[1, 2], [3, 4]]]
    assert np.asarray(prompts.labels).tolist() == [[1, 0]]


def test_with_one_box_every_point_refines_it() -> None:
    prompts = build_prompts(["0 0 10 10"], ["5 5 +", "50 50 -"])
    assert prompts is not None
    assert np.asarray(prompts.labels).tolist() == [[1, 0]]


def test_a_point_belongs_to_the_smallest_box_around_it_or_else_to_the_nearest() -> None:
    boxes = ["0 0 100 100", "10 10 20 20", "200 0 210 10"]
    prompts = build_prompts(boxes, ["15 15 -", "50 50 +", "195 5 -"])
    assert prompts is not None
    assert np.asarray(prompts.labels).tolist() == [[1], [0], [0]]
    assert np.asarray(prompts.points)[:, 0].tolist() == [[50, 50], [15, 15], [195, 5]]


def test_boxes_alone_have_no_points() -> None:
    prompts = build_prompts(["0 0 10 10"], [])
    assert prompts is not None
    assert prompts.points is None
    assert build_prompts([], []) is None


def test_the_object_given_first_stays_on_top() -> None:
    masks = np.array([[[1, 1, 0, 0]], [[0, 1, 1, 0]]], bool)
    assert paint_labels(masks).tolist() == [[1, 1, 2, 0]]


def test_an_output_is_refused_before_the_work(tmp_path: Path) -> None:
    check_output(tmp_path / "x.TIF", ".tif", ".tiff")
    with pytest.raises(UnreadableFileError, match=r"must end in \.tif or \.tiff"):
        check_output(tmp_path / "x.png", ".tif", ".tiff")
    with pytest.raises(UnreadableFileError, match="there is no folder"):
        check_output(tmp_path / "nowhere" / "x.tif")
    with pytest.raises(UnreadableFileError, match="cannot be written"):
        check_output(tmp_path)
