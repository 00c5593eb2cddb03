"""Charts, curves, accuracy and tables: what is drawn and written is what the files say, and texts in it are no markup."""

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
from cotkit.pipelines.report import as_json, markdown, run_numbers, write_plots, write_report
from cotkit.pipelines.report.charts import Line, LineChart, Scale, draw
from cotkit.pipelines.report.figures import accuracy_charts, pass_at_k_chart
from cotkit.pipelines.report.training import MOST_POINTS, trainings
from cotkit.schemas.recipe import Recipe, SampleConfig

SVG = "{http://www.w3.org/2000/svg}"


def curves(run: Any, name: str, lines: list[dict[str, Any]], end: str = "") -> None:
    folder = run.path / "training" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "curves.jsonl").write_text("\n".join(map(json.dumps, lines)) + end)


def test_training_curves_are_read_past_torn_lines_and_thinned_by_means(make_run: Any) -> None:
    run = make_run(stages=())
    lines = [{"step": step, "loss": float(step), "outcome/correct": 0.5, "grad_norm": 1.0} for step in range(1, 1001)]
    curves(run, "sft", [*lines, {"step": 1000, "train_runtime": 3.0}], '\n{"step": 10')
    curves(run, "empty", [])
    (training,) = trainings(run)
    assert (training.name, training.steps) == ("sft", 1000)
    charts = dict(training.charts)
    assert set(charts) == {"Loss", "Outcomes"}
    points = charts["Loss"]["loss"]
    assert len(points) <= MOST_POINTS
    assert points[0] == (3.0, 3.0)  # the mean of steps 1 to 5
    assert all(step == value for step, value in points)


ESTIMATE = {"value": 0.5, "low": 0.4, "high": 0.6}


def evaluation(folder: Path, teacher: str, value: float) -> None:
    """Write a result file as `cotkit eval` does."""
    at_k = {"value": value, "low": value - 0.1, "high": value + 0.1, "k": 4, "problems": 10}
    source = {"origin": "f", "split": None, "revision": None, "rows": 1, "left_out": {}, "content": "c", "as_expected": True}
    engine = {"name": "vllm", "version": None, "model": "m", "fingerprint": "f", "dtype": None, "parallel": {}}
    engine |= {"chat_template": None, "settings": {}}
    scores: dict[str, Any] = {"benchmark": "math500", "run": "math500", "source": source, "engine": engine, "protocol": {}}
    scores |= {"verifiers": [], "problems": 10, "asked": 10, "samples": 40, "samples_hash": "h", "outcomes": {}, "avg": at_k}
    scores |= {"passing": [], "majority": [], "rates": {}, "tokens": ESTIMATE, "tokens_total": 1}
    scores |= {"subjects": [], "levels": [], "behaviours": []}
    result = {"cotkit": "0", "teacher": teacher, "protocol": "paper", "benchmarks": {"math500": scores}}
    folder.mkdir(parents=True)
    (folder / "result.json").write_text(json.dumps(result))


def test_accuracy_stands_over_the_tokens_that_the_model_was_tuned_on(make_run: Any) -> None:
    from cotkit.pipelines.export import export_sft

    run = make_run(problems=20)
    tokens = {item.path.name: item.tokens for item in export_sft(run, run.recipe.export.sft)}
    trained = {"sft": {"kind": "sft", "export": "runs/x/exports/sft-trl-long"}, "rl": {"kind": "rl", "model": "runs/x/training/sft/model"}}
    for name, settings in trained.items():
        (run.path / "training" / name).mkdir(parents=True)
        lines = [f'{key} = "{value}"' for key, value in settings.items()]
        (run.path / "training" / name / "training.toml").write_text("\n".join(lines))
    evaluation(run.path / "evals/sft", "vllm:runs/x/training/sft/model", 0.5)
    evaluation(run.path / "training/rl/evaluation", "vllm:model", 0.7)
    evaluation(run.path / "evals/base", "vllm:Qwen/Qwen2.5", 0.2)
    (run.path / "evals/torn").mkdir()
    (run.path / "evals/torn/result.json").write_text("{")
    numbers = run_numbers(run)
    found = {(point.kind, point.tokens, point.value) for point in numbers.accuracy}
    kept = next(row.tokens for row in numbers.funnel if row.name == "kept")
    assert found == {("sft", tokens["sft-trl-long"], 0.5), ("rl", tokens["sft-trl-long"], 0.7), ("run", kept, 0.2)}
    (chart,) = accuracy_charts([numbers])
    assert [line.dashed for line in chart.lines] == [True, False, False]
    assert "Accuracy against SFT tokens" in write_report(run).read_text()


def test_runs_side_by_side_are_told_apart(make_run: Any) -> None:
    runs = [make_run(name=name, recipe=Recipe(name=name, sample=SampleConfig(n=4))) for name in ("first", "second")]
    numbers = [run_numbers(run) for run in runs]
    chart = pass_at_k_chart(numbers)
    assert chart is not None
    assert [line.name for line in chart.lines] == ["first", "second"]
    path = write_report(runs, runs[0].path.parent / "both.html", numbers=numbers)
    text = path.read_text()
    assert "2 runs side by side" in text
    assert text.count('id="funnel-0"') == text.count('id="funnel-1"') == 1


def test_every_chart_is_an_svg_and_a_png(make_run: Any, tmp_path: Path) -> None:
    pytest.importorskip("vl_convert")
    run = make_run(problems=20)
    curves(run, "../x y", [{"step": step, "loss": 1.0 / step} for step in (1, 2, 3)])
    written, notes = write_plots([run_numbers(run)], tmp_path / "plots")
    assert notes == []
    names = {path.name for path in written}
    assert {"outcomes.svg", "pass_at_k.svg", "pass_rates.svg", "lengths.svg", "tokens.svg", "behaviours_demystify.svg"} <= names
    assert {path.stem for path in written if path.suffix == ".png"} == {path.stem for path in written if path.suffix == ".svg"}
    for path in written:
        assert path.parent == tmp_path / "plots"
        if path.suffix == ".svg":
            assert ElementTree.parse(path).getroot().tag == f"{SVG}svg"
        else:
            assert path.read_bytes().startswith(b"\x89PNG")


def test_a_charts_texts_are_no_markup_and_its_points_lie_inside() -> None:
    hostile = '</svg><script>alert(1)</script>"'
    lines = [Line(hostile, [(1, 0.0), (8, 1.0)], "s0", [(1, 0.0, 0.2), (8, 0.7, 1.0)]), Line("b", [(2, 0.5)], "s1")]
    root = ElementTree.fromstring(draw(LineChart("k", hostile, hostile, "", lines, log_x=True, shares=True), hostile))
    assert {node.tag for node in root.iter()} == {"svg", "path", "text", "circle", "rect"}
    for circle in root.iter("circle"):
        assert 0 <= float(circle.attrib["cx"]) <= 360
        assert 0 <= float(circle.attrib["cy"]) <= 220


@pytest.mark.parametrize(
    ("scale", "ticks"),
    [
        pytest.param(Scale(0, 1, 0, 100), [0, 0.2, 0.4, 0.6, 0.8, 1.0], id="shares"),
        pytest.param(Scale(3, 9_000, 0, 100, log=True), [10, 100, 1000], id="logarithmic"),
        pytest.param(Scale(7, 7, 0, 100), [6.6, 6.8, 7.0, 7.2, 7.4], id="one-value"),
        pytest.param(Scale(-2, 40, 0, 100), [0, 10, 20, 30, 40], id="below-zero"),
    ],
)
def test_ticks_are_round_and_on_the_axis(scale: Scale, ticks: list[float]) -> None:
    assert scale.ticks() == pytest.approx(ticks)
    assert all(0 <= scale.at(tick) <= 100 for tick in ticks)


def test_json_and_markdown_say_what_the_report_counts(make_run: Any) -> None:
    run = make_run(recipe=Recipe(name="pipes | and <b>", sample=SampleConfig(n=6)), problems=12)
    numbers = run_numbers(run)
    said = json.loads(json.dumps(as_json(numbers)))
    outcomes = dict(run.scan("verdicts").collect()["outcome"].value_counts().iter_rows())
    assert {row["outcome"]: row["count"] for row in said["outcomes"]} == outcomes
    assert said["funnel"][0] == {"name": "problems", "unit": "problems", "count": 12, "tokens": None}
    text = markdown([numbers])
    assert "# pipes \\| and &lt;b>" in text
    assert f"| correct | {outcomes['correct']} |" in text
    assert {line.count("|") for line in text.split("## Outcomes")[1].split("##")[0].strip().splitlines()} == {5}
