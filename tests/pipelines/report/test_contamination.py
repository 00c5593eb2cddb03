"""The report shows which problems stand in a benchmark, by which matcher, with pairs and scores; nothing of it is markup."""

from html.parser import HTMLParser
from typing import Any

import polars as pl
import pytest
from cotkit.cli import app
from cotkit.pipelines.report import write_report
from cotkit.pipelines.report.contamination import contamination_found
from cotkit.pipelines.run_folder import RunFolder, write_parquet
from cotkit.schemas.problem import Problem
from cotkit.schemas.recipe import CurateConfig, Recipe, SampleConfig
from typer.testing import CliRunner

SCHEMA = {"problem_id": str, "benchmark": str, "row": int, "matcher": str, "score": float, "prompt": str, "question": str}


def hits(run: RunFolder, *rows: tuple) -> None:
    write_parquet(pl.DataFrame(rows, schema=SCHEMA, orient="row"), run.path / "contamination.parquet")


def page(run: RunFolder) -> str:
    return write_report(run).read_text(encoding="utf-8")


def test_problems_are_counted_per_benchmark_and_matcher(make_run: Any) -> None:
    run = make_run()
    found = [("p1", "math500", 7, "exact", 1.0, "a", None), ("p1", "math500", 9, "ngram", 0.6, "a", None)]
    found += [("p2", "math500", 8, "ngram", 0.9, "b", None), ("p3", "mine", 1, "renumbered", 1.0, "c", "d")]
    hits(run, *found)
    contamination = contamination_found(run)
    assert contamination is not None
    assert contamination.problems == 3
    assert contamination.benchmarks == [("math500", [1, 0, 2], 2), ("mine", [0, 1, 0], 1)]
    # one of each benchmark and matcher, the surest, before a second of any
    assert [(pair["benchmark"], pair["row"]) for pair in contamination.pairs] == [
        ("math500", 7),
        ("mine", 1),
        ("math500", 8),
        ("math500", 9),
    ]


def test_a_run_curated_without_benchmarks_has_no_such_section(make_run: Any) -> None:
    run = make_run()
    assert contamination_found(run) is None
    assert "Contamination" not in page(run)


def test_a_run_without_a_hit_says_so(make_run: Any) -> None:
    run = make_run(problems=12)
    hits(run)
    assert "0 of 12 problems stand in a benchmark" in page(run)


class Texts(HTMLParser):
    """Collects elements with their attributes, and the texts of `pre`."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, list[str]]] = []
        self.pre: list[str] = []
        self.inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, sorted(name for name, _ in attrs)))
        self.inside = tag == "pre"
        if self.inside:
            self.pre.append("")

    def handle_endtag(self, tag: str) -> None:
        self.inside = False

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.pre[-1] += data


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "</pre></details><img src=x onerror=alert(1)>",
        '" onmouseover="alert(1)',
        "{{ 7 * 7 }}{% raw %}",
        "a\x00b",
    ],
    ids=["script", "closing", "attribute", "template", "control"],
)
def test_what_benchmarks_and_problems_say_is_text(make_run: Any, text: str) -> None:
    shown = []
    for name, said in (("plain", "plain"), ("hostile", text)):
        run = make_run(name=name)
        hits(run, (said, said, 1, "exact", 1.0, said, said), (said, said, 2, "ngram", 0.7, said, None))
        shown.append(Texts(page(run)))
    assert shown[0].elements == shown[1].elements
    assert shown[1].pre[:3] == ["\n" + text.replace("\0", "␀")] * 3


def test_the_pairs_of_a_curated_run_are_in_its_report(make_run: Any, tmp_path: Any) -> None:
    question = "A baker sells 12 loaves in the morning and 30 in the afternoon. How many loaves does the baker sell in all?"
    (tmp_path / "held_out.jsonl").write_text(f'{{"question": "{question}"}}\n')
    recipe = Recipe(sample=SampleConfig(n=2), curate=CurateConfig(decontaminate=[str(tmp_path / "held_out.jsonl"), "aime24"]))
    problems = [Problem.make(question.upper(), "42", "number"), Problem.make("What is 2 + 2?", "4", "number")]
    run = make_run(recipe=recipe, problems=problems, stages=("samples", "verdicts", "tags"))
    curated = CliRunner().invoke(app, ["curate", str(run.path)])
    assert curated.exit_code == 0, curated.output
    text = page(run)
    for said in ("1 of 2 problems stand in a benchmark", "exact 1.00", "held_out row 1", question, question.upper()):
        assert said in text
    assert "stands in held_out (exact)" in text
