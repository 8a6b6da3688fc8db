from __future__ import annotations

from pathlib import Path

from napari_catsam.evaluation.table.groups import group_runs
from napari_catsam.evaluation.table.published import METHOD_TITLES, PAPER, find_published
from napari_catsam.evaluation.table.reading import read_runs
from napari_catsam.evaluation.table.report import make_sheets
from napari_catsam.evaluation.table.sheets import Sheet
from tests.evaluation.table.runs import write_plain_run, write_run


def make(root: Path) -> list[Sheet]:
    return make_sheets(group_runs(read_runs(root).runs)[0])


def texts(sheet: Sheet) -> dict[str, list[str]]:
    return {row[0].text: [cell.text for cell in row] for row in sheet.rows}


def test_the_papers_rows_and_columns_come_in_the_papers_order(tmp_path: Path) -> None:
    for dataset in ("sbu", "kvasir", "whu", "folder"):
        write_run(tmp_path, dataset=dataset)
    write_run(tmp_path, method="zeta")
    write_plain_run(tmp_path)
    (sheet,) = make(tmp_path)
    assert [row[0].text for row in sheet.rows] == [*METHOD_TITLES.values(), "zeta"]
    heads = [cell.text for cell in sheet.header]
    others = ["paper", "reproduced"]
    assert heads[2:] == ["whu", *others, "kvasir", *others, "sbu", *others, "folder", "average"]


def test_ours_stands_beside_the_papers_and_the_reproduced_numbers(tmp_path: Path) -> None:
    for dataset, iou in (("whu", 0.85), ("kvasir", 0.81), ("sbu", 0.77)):
        for seed in (0, 1):
            write_run(tmp_path, iou + 0.01 * seed, dataset=dataset, seed=seed)
    (sheet,) = make(tmp_path)
    row = texts(sheet)["CAT-SAM-A"]
    assert row[1:5] == ["1,848,128", "85.5 ± 0.7 (2)", "88.2", "84.0 to 85.0"]
    assert row[-2:] == ["81.5 ± 0.7 (2)", "85.2"]
    assert texts(sheet)["LoRA"][1:4] == ["", "", "86.1"]


def test_the_papers_averages_are_those_of_its_table() -> None:
    averages = (61.6, 69.8, 71.4, 79.1, 79.3, 69.5, 82.7, 85.2)
    for method, average in zip(METHOD_TITLES, averages, strict=True):
        found = [find_published(PAPER, method, name) for name in ("whu", "kvasir", "sbu")]
        assert round(sum(n.low for n in found if n) / 3, 1) == average


def test_sam_is_a_row_of_every_table_of_its_backbone_and_input(tmp_path: Path) -> None:
    write_plain_run(tmp_path, 0.6)
    write_plain_run(tmp_path, 0.5, settings={"resize": "pad"})
    write_run(tmp_path, shots="1")
    write_run(tmp_path, shots="16")
    write_run(tmp_path, settings={"resize": "pad"})
    write_run(tmp_path, backbone="vit_b", model="vit_b-a/sam-0")
    sheets = {sheet.title: texts(sheet) for sheet in make(tmp_path)}
    column = {title: rows.get("SAM, not adapted", [""] * 3)[2] for title, rows in sheets.items()}
    assert column == {
        "1 shot, vit_b": "",
        "1 shot, vit_l": "60.0",
        "1 shot, vit_l, resize pad": "50.0",
        "16 shots, vit_l": "60.0",
    }


def test_sam_alone_has_a_table_too(tmp_path: Path) -> None:
    write_plain_run(tmp_path, 0.6)
    (sheet,) = make(tmp_path)
    assert sheet.title == "Not adapted, vit_l"
    assert texts(sheet)["SAM, not adapted"][2] == "60.0"


def test_the_papers_numbers_stand_beside_nothing_else_than_one_shot_boxes_and_all_images(
    tmp_path: Path,
) -> None:
    write_run(tmp_path, shots="16")
    write_run(tmp_path, prompt="point")
    write_run(tmp_path, limited=True, dataset="whu")
    heads = [[cell.text for cell in sheet.header] for sheet in make(tmp_path)]
    assert [line[2:] for line in heads] == [
        ["whu, 100 images only", "kvasir, point prompts", "average"],
        ["kvasir"],
    ]


def test_the_best_of_ours_is_marked_also_where_lower_is_better(tmp_path: Path) -> None:
    write_run(tmp_path, 0.8, method="cat-a")
    write_run(tmp_path, 0.7, method="lora")
    (sheet,) = make(tmp_path)
    best = {row[0].text for row in sheet.rows if row[2].kind == "best"}
    assert best == {"CAT-SAM-A"}
    for method, iou in (("cat-a", 0.2), ("lora", 0.1)):
        changed = {"dataset": "folder", "metric": "balanced_error_rate", "shots": "full"}
        path = write_run(tmp_path, 0.5, method=method, **changed)
        text = (path / "result.json").read_text()
        old = '"balanced_error_rate": 0.1'
        (path / "result.json").write_text(text.replace(old, f'"balanced_error_rate": {iou}'))
    sheet = make(tmp_path)[1]
    assert {row[0].text for row in sheet.rows if row[2].kind == "best"} == {"LoRA"}
    assert sheet.header[2].text == "folder, balanced error rate"


def test_missing_runs_and_foreign_settings_are_noted(tmp_path: Path) -> None:
    write_run(tmp_path, backbone="vit_b", model="vit_b-abc/sam-0")
    (sheet,) = make(tmp_path)
    notes = "\n".join(sheet.notes)
    assert "No run yet on kvasir: sam, vpt-shallow" in notes
    assert "not the paper's" in notes
    assert "Weights of vit_b: abc" in notes


def test_an_average_needs_all_data_sets(tmp_path: Path) -> None:
    write_run(tmp_path, 0.8, dataset="whu")
    write_run(tmp_path, 0.6, dataset="kvasir")
    write_run(tmp_path, 0.6, dataset="kvasir", method="cat-t")
    rows = texts(make(tmp_path)[0])
    assert rows["CAT-SAM-A"][-1] == "70.0"
    assert rows["CAT-SAM-T"][-1] == ""
