"""Table, plot and the sentences below them of what :mod:`benchmarks.mini_table` measured."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

__all__ = ["METHODS", "SETS", "Score", "Table", "make_table", "write_docs", "write_report"]

METHODS = ("sam", "vpt-shallow", "vpt-deep", "adaptformer", "lora", "hq", "cat-t", "cat-a")
"""In the order of the paper's table."""

OURS = ("cat-t", "cat-a")

SETS = {
    "nuclei_dsb2018": "nuclei",
    "xray_jsrt": "X-ray",
    "sonar_fls": "sonar",
    "em_isbi2012": "EM",
    "aerial_roads": "roads",
}

BEGIN, END = "<!-- mini_table: begin -->", "<!-- mini_table: end -->"
"""What is between them in a page is written by the program."""

PLOT = "mini_table.png"

Lines = list[dict[str, Any]]


@dataclass(frozen=True)
class Score:
    """One value a seed.

    Attributes
    ----------
    values : tuple of float
        IoU, 0..1, in the order of the seeds.
    """

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Over the seeds."""
        return fmean(self.values)

    def __str__(self) -> str:
        percent = [100 * value for value in self.values]
        if len(percent) < 2:
            return f"{percent[0]:.1f}"
        return f"{fmean(percent):.1f} ± {stdev(percent):.1f}"


@dataclass(frozen=True)
class Table:
    """The results of one recipe, of the seeds and methods for which every set is done.

    Attributes
    ----------
    sets, methods : tuple of str
        In the order of the table.
    seeds : tuple of int
        That are complete.
    cells : dict of (method, set) to Score
        Dataset IoU.
    means, object_means : dict of method to Score
        Mean over the sets for each seed, of dataset IoU and of mean object IoU.
    trainable : dict of method to int
    lines : list of dict
        What it was made of.
    """

    sets: tuple[str, ...]
    methods: tuple[str, ...]
    seeds: tuple[int, ...]
    cells: dict[tuple[str, str], Score]
    means: dict[str, Score]
    object_means: dict[str, Score]
    trainable: dict[str, int]
    lines: Lines


def make_table(lines: Lines) -> Table:
    """Bring lines of one recipe together; what is not complete is left out.

    ``sam`` depends on no seed and has one value.
    """
    known = {(line["method"], line["data"], line["seed"]): line for line in lines}
    sets = tuple(name for name in SETS if any(data == name for _, data, _ in known))
    methods = tuple(m for m in METHODS if any(method == m for method, _, _ in known))
    tuned = [method for method in methods if method != "sam"]
    seeds = tuple(
        seed
        for seed in sorted({seed for method, _, seed in known if method != "sam"})
        if all((method, data, seed) in known for method in tuned for data in sets)
    )
    seeds_of = {method: (0,) if method == "sam" else seeds for method in methods}
    methods = tuple(
        method
        for method in methods
        if seeds_of[method] and all((method, data, seeds_of[method][0]) in known for data in sets)
    )

    def score(method: str, data: tuple[str, ...], measure: str) -> Score:
        return Score(
            tuple(
                fmean(known[method, name, seed][measure] for name in data)
                for seed in seeds_of[method]
            )
        )

    return Table(
        sets,
        methods,
        seeds,
        {(m, name): score(m, (name,), "dataset_iou") for m in methods for name in sets},
        {m: score(m, sets, "dataset_iou") for m in methods},
        {m: score(m, sets, "object_iou") for m in methods},
        {m: known[m, sets[0], seeds_of[m][0]]["trainable"] for m in methods},
        [known[m, name, seed] for m in methods for name in sets for seed in seeds_of[m]],
    )


def list_tables(lines: Lines) -> list[Table]:
    """Make a table of each recipe, the one that was added to last at the end."""
    recipes: dict[tuple[Any, ...], Lines] = defaultdict(list)
    for line in lines:
        if line["method"] != "sam":
            key = tuple(line[name] for name in ("backbone", "weights", "steps", "init", "settings"))
            recipes.setdefault(key, []).append(line)
    tables = []
    for (backbone, weights, *_), some in recipes.items():
        plain = [
            line
            for line in lines
            if line["method"] == "sam"
            and (line["backbone"], line["weights"]) == (backbone, weights)
        ]
        tables.append(make_table(plain + some))
    return tables


def render(table: Table) -> list[str]:
    """Write the Markdown of a table, and below it what it comes to."""
    names = [SETS[name] for name in table.sets]
    rows = [
        ["method", "trained values", *names, "mean", "mean of objects"],
        ["---", *["---:"] * (len(names) + 3)],
    ]
    best = max(table.methods, key=lambda method: table.means[method].mean)
    for method in table.methods:
        cells = [str(table.cells[method, name]) for name in table.sets]
        mean = str(table.means[method])
        mean = f"**{mean}**" if method == best else mean
        trained = f"{table.trainable[method]:,}"
        rows.append([f"`{method}`", trained, *cells, mean, str(table.object_means[method])])
    parts = ["| " + " | ".join(row) + " |" for row in rows]
    return [*parts, "", *_describe(table), "", *_conclude(table)]


def _describe(table: Table) -> list[str]:
    tuned = [line for line in table.lines if line["method"] != "sam"]
    line, minutes = tuned[0], sum(line["cpu_seconds"] for line in table.lines) / 60
    seeds = ", ".join(map(str, table.seeds))
    return [
        f"IoU in %, mean ± standard deviation over the seeds {seeds}. `{line['backbone']}`, weights "
        f"`{line['weights']}`; {line['steps']} steps, start `{line['init']}`, other settings "
        f"`{line['settings']}`. All of it took {minutes:.0f} minutes of one CPU core."
    ]


def _conclude(table: Table) -> list[str]:
    """Say what the numbers say, whatever it is."""
    means = {method: table.means[method].mean for method in table.methods}
    parts = []
    if "sam" in means:
        below = [f"`{m}`" for m in means if m != "sam" and means[m] <= means["sam"]]
        said = f"not above it: {', '.join(below)}" if below else "every tuned method is above it"
        parts.append(f"- Beside `sam` without adaptation, on average: {said}.")
        worse = sum(
            table.cells[method, name].mean < table.cells["sam", name].mean
            for method in means
            for name in table.sets
        )
        cells = (len(means) - 1) * len(table.sets)
        parts.append(f"- In {worse} of {cells} cells a tuned method is below `sam` on that set.")
    best = max(means, key=means.__getitem__)
    parts.append(f"- Best on average: `{best}`.{_compare_with_ours(table, best)}")
    return parts


def _compare_with_ours(table: Table, best: str) -> str:
    others = [m for m in table.methods if m not in (*OURS, "sam")]
    ours = [m for m in table.methods if m in OURS]
    if not ours or not others:
        return ""
    first = max(ours, key=lambda m: table.means[m].mean)
    second = max(others, key=lambda m: table.means[m].mean)
    pairs = zip(table.means[first].values, table.means[second].values, strict=True)
    gaps = Score(tuple(one - other for one, other in pairs))
    verdict = "above" if gaps.mean > 0 else "below"
    plain = "" if best in OURS else " **Neither `cat-a` nor `cat-t` is the best here.**"
    higher = sum(value > 0 for value in gaps.values)
    return (
        f"{plain} `{first}` is {100 * abs(gaps.mean):.1f} points {verdict} `{second}`, the best of the "
        f"others, and above it with {higher} of {len(gaps.values)} seeds."
    )


def write_report(lines: Lines, folder: Path) -> None:
    """Write ``table.md`` with all recipes, and a plot of the last one where matplotlib is there."""
    tables = [table for table in list_tables(lines) if table.seeds]
    if not tables:
        print("no seed is complete yet")
        return
    text = "\n\n".join("\n".join(render(table)) for table in tables)
    (folder / "table.md").write_text(text + "\n", encoding="utf-8")
    plot(tables[-1], folder / PLOT)
    print(f"wrote {folder / 'table.md'}")


def write_docs(lines: Lines, page: Path) -> None:
    """Put the table of the last recipe between the marks of a page, and its plot into ``images/``."""
    tables = [table for table in list_tables(lines) if table.seeds]
    text = page.read_text(encoding="utf-8")
    if not tables or BEGIN not in text or END not in text:
        raise SystemExit(f"{page} has no place for a table ({BEGIN} ... {END}), or no seed is done")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    body = render(tables[-1])
    if plot(tables[-1], page.parent / "images" / PLOT):
        body += ["", f"![Mean IoU of each method, a dot a seed](images/{PLOT})"]
    page.write_text("\n".join([before + BEGIN, "", *body, "", END + after]), encoding="utf-8")
    print(f"wrote {page}")


def plot(table: Table, path: Path) -> bool:
    """Draw a bar a method with a dot a seed, for each set and their mean; False without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print("matplotlib is not installed, there is no plot")
        return False
    figure = Figure(figsize=(9, 5.2), layout="constrained")
    panels = [*table.sets, None]
    columns = -(-len(panels) // 2)
    axes = figure.subplots(2, columns, sharey=True, squeeze=False).ravel()
    for axis, name in zip(axes, panels, strict=False):
        scores = [table.cells[m, name] if name else table.means[m] for m in table.methods]
        _draw_panel(axis, table.methods, scores)
        axis.set_title(SETS[name] if name else "mean of the sets", fontsize=10)
    for axis in axes[len(panels) :]:
        axis.set_visible(False)
    for axis in axes[-columns:]:
        axis.set_xlabel("dataset IoU, %", fontsize=8)
    figure.savefig(path, dpi=130, facecolor="white")
    return True


def _draw_panel(axis: Any, methods: tuple[str, ...], scores: list[Score]) -> None:
    places = range(len(methods))
    colours = ["#2a6f97" if m in OURS else "#7d8597" if m == "sam" else "#a9bcd0" for m in methods]
    axis.barh(places, [100 * score.mean for score in scores], color=colours)
    for place, score in zip(places, scores, strict=True):
        values = [100 * value for value in score.values]
        axis.plot(values, [place] * len(values), ".", color="#222222", markersize=4)
    if methods[0] == "sam":
        axis.axvline(100 * scores[0].mean, color="#7d8597", linewidth=0.8)
    axis.set_yticks(list(places), methods)
    axis.tick_params(labelsize=8)
    axis.set_ylim(len(methods) - 0.4, -0.6)  # the paper's order, from the top
    axis.set_xlim(0, 100)
