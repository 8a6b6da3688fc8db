from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from napari_catsam.errors import UnreadableFileError
from napari_catsam.evaluation.table.report import write_report
from tests.evaluation.table.runs import add_examples, write_plain_run, write_run


class Tags(HTMLParser):
    """Counts tags and collects what they point at."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.targets: list[str] = []
        self.cells: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "img"):
            self.open.append(tag)
        self.targets += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("td", "th"):
            self.cells.append(data)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    root = tmp_path / "runs"
    for method in ("cat-a", "lora"):
        for seed in (0, 1):
            path = write_run(root, 0.8 + 0.01 * seed, method=method, seed=seed)
        add_examples(path, "b_1", "a")
    write_plain_run(root)
    return root


def test_the_report_is_whole_and_its_html_needs_no_other_file(runs: Path, tmp_path: Path) -> None:
    report = tmp_path / "new" / "report"
    assert write_report(runs, report) == ()
    for name in ("index", "examples"):
        tags = Tags((report / f"{name}.html").read_text())
        assert tags.open == []
        outside = [target for target in tags.targets if not target.startswith("data:image/png")]
        assert outside == (["examples.html"] if name == "index" else [])
        text = (report / f"{name}.md").read_text()
        for file in re.findall(r"!\[.*\]\((.*)\)", text):
            with Image.open(report / file) as picture:
                assert picture.width > 100
    cells = Tags((report / "index.html").read_text()).cells
    assert "80.5 ± 0.7 (2)" in cells
    assert "| 80.5 ± 0.7 (2) |" in (report / "index.md").read_text().replace("**", "")
    assert "prefers-color-scheme: dark" in (report / "index.html").read_text()


def test_without_examples_there_is_no_page_of_them(tmp_path: Path) -> None:
    write_run(tmp_path / "runs")
    write_report(tmp_path / "runs", tmp_path / "report")
    assert not (tmp_path / "report" / "examples.html").exists()
    assert "examples" not in (tmp_path / "report" / "index.md").read_text()


def test_broken_examples_are_named_and_those_of_another_seed_are_shown(
    runs: Path, tmp_path: Path
) -> None:
    broken = next(runs.glob("000-*"))
    add_examples(broken, "a")
    (broken / "examples" / "a" / "truth.png").unlink()
    problems = write_report(runs, tmp_path / "report")
    assert len(problems) == 1
    assert "truth.png" in problems[0]
    assert (tmp_path / "report" / "examples.html").is_file()


def test_what_is_left_out_stands_in_the_report(runs: Path, tmp_path: Path) -> None:
    (runs / "half").mkdir()
    (runs / "half" / "config.json").write_text("{}")
    problems = write_report(runs, tmp_path / "report")
    assert len(problems) == 1
    assert "half has not ended" in (tmp_path / "report" / "index.html").read_text()


def test_names_with_marks_of_html_stay_text(tmp_path: Path) -> None:
    write_run(tmp_path / "runs", method="<b>|")
    write_report(tmp_path / "runs", tmp_path / "report")
    assert "<b>" not in (tmp_path / "report" / "index.html").read_text()
    assert "&lt;b>\\|" in (tmp_path / "report" / "index.md").read_text()


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    write_run(tmp_path / "runs")
    (tmp_path / "file").write_text("")
    with pytest.raises(UnreadableFileError, match="cannot be made"):
        write_report(tmp_path / "runs", tmp_path / "file" / "report")
