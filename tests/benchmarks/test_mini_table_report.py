from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from benchmarks.mini_table_report import BEGIN, END, list_tables, make_table, write_docs

Lines = list[dict[str, object]]
RECIPE = {"backbone": "tiny", "weights": "abc", "settings": "{}", "cpu_seconds": 60.0}
SETS = ("nuclei_dsb2018", "xray_jsrt")


def make_lines(scores: dict[str, tuple[float, ...]], steps: int = 4) -> Lines:
    """Return a line a method, set and seed; the second set is 0.1 above the first."""
    lines: Lines = []
    for method, values in scores.items():
        for seed, value in enumerate(values):
            for number, data in enumerate(SETS):
                trained = method != "sam"
                lines.append(
                    RECIPE
                    | {"method": method, "data": data, "seed": seed, "trainable": 10 * trained}
                    | {"steps": steps * trained, "init": "base" if trained else ""}
                    | {"dataset_iou": value + 0.1 * number, "object_iou": value}
                )
    return lines


def test_a_mean_is_over_the_sets_and_its_deviation_over_the_seeds() -> None:
    table = make_table(make_lines({"sam": (0.5,), "lora": (0.6, 0.8), "cat-a": (0.7, 0.8)}))
    assert table.methods == ("sam", "lora", "cat-a")
    assert str(table.means["lora"]) == "75.0 ± 14.1"
    assert str(table.means["sam"]) == "55.0"
    assert str(table.object_means["cat-a"]) == "75.0 ± 7.1"
    assert str(table.cells["lora", "xray_jsrt"]) == "80.0 ± 14.1"


def test_a_seed_that_is_not_complete_is_left_out() -> None:
    table = make_table(make_lines({"sam": (0.5,), "lora": (0.6, 0.8), "cat-a": (0.7, 0.8)})[:-1])
    assert table.seeds == (0,)
    assert str(table.means["lora"]) == "65.0"


def test_recipes_and_weights_are_not_mixed() -> None:
    lines = make_lines({"sam": (0.5,), "lora": (0.6,)})
    lines += make_lines({"lora": (0.7,)}, steps=8)
    lines += [line | {"weights": "def"} for line in make_lines({"lora": (0.8,)})]
    tables = list_tables(lines)
    assert [table.means["lora"].mean for table in tables] == pytest.approx([0.65, 0.75, 0.85])
    assert ["sam" in table.methods for table in tables] == [True, True, False]


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        ({"sam": (0.5,), "lora": (0.6, 0.8), "cat-a": (0.7, 0.9)}, "10.0 points above `lora`"),
        ({"sam": (0.5,), "lora": (0.6, 0.8), "cat-a": (0.7, 0.9)}, "every tuned method is above"),
        ({"sam": (0.5,), "lora": (0.8, 0.8), "cat-t": (0.7, 0.6)}, "Neither `cat-a` nor `cat-t`"),
        ({"sam": (0.5,), "lora": (0.8, 0.8), "cat-t": (0.7, 0.9)}, "above it with 1 of 2 seeds"),
        ({"sam": (0.5,), "lora": (0.4, 0.5), "cat-a": (0.7, 0.6)}, "not above it: `lora`"),
    ],
)
def test_the_page_says_what_the_numbers_say(
    tmp_path: Path, scores: dict[str, tuple[float, ...]], words: str
) -> None:
    page = tmp_path / "results.md"
    (tmp_path / "images").mkdir()
    page.write_text(f"# Before\n\n{BEGIN}\nold\n{END}\n\nafter\n")
    write_docs(make_lines(scores), page)
    text = page.read_text()
    assert words in text
    assert "old" not in text
    assert text.startswith("# Before\n")
    assert text.endswith(f"{END}\n\nafter\n")
    with Image.open(tmp_path / "images" / "mini_table.png") as plot:
        assert plot.width > 500
    write_docs(make_lines(scores), page)
    assert page.read_text() == text


def test_a_page_without_a_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("nothing")
    with pytest.raises(SystemExit, match="no place"):
        write_docs(make_lines({"sam": (0.5,), "lora": (0.6,)}), tmp_path / "page.md")
