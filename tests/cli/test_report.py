"""`cotkit report` and `cotkit view`: what they print, where they write, what they refuse."""

import json
from pathlib import Path
from typing import Any

from cotkit.cli import app
from typer.testing import CliRunner


def said(*words: Any, code: int = 0) -> Any:
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == code, result.output
    return result


def test_report_prints_its_path_and_its_numbers_when_asked(make_run: Any, tmp_path: Path) -> None:
    run = make_run()
    assert said("report", run.path).stdout == f"{run.path / 'report.html'}\n"
    answer = json.loads(said("report", run.path, "-o", tmp_path / "r.html", "--traces", 5, "--json").stdout)
    assert answer["report"] == str(tmp_path / "r.html")
    assert [row["name"] for row in answer["runs"][0]["funnel"]][:2] == ["problems", "problems with a correct sample"]
    assert said("report", run.path, "--markdown").stdout.startswith("# sums\n")


def test_several_runs_need_a_file_of_their_own(make_run: Any, tmp_path: Path) -> None:
    runs = [make_run(name=name).path for name in ("a", "b")]
    assert "give -o comparison.html" in said("report", *runs, code=1).stderr
    said("report", *runs, "-o", tmp_path / "both.html")
    assert "2 runs side by side" in (tmp_path / "both.html").read_text()


def test_view_writes_the_chosen_traces_and_gives_their_address(make_run: Any) -> None:
    run = make_run()
    name = run.scan("samples").collect()["sample_id"][3]
    answer = json.loads(said("view", run.path, name[:8], "--no-open", "--json").stdout)
    assert answer["address"] == f"{(run.path / 'view.html').as_uri()}#{name[:8]}"
    assert f'Traces <span class="soft">{run.recipe.sample.n}</span>' in (run.path / "view.html").read_text()
    assert "no sample zzz" in said("view", run.path, "zzz", "--no-open", code=1).stderr
    assert "one of correct, wrong" in said("view", run.path, "--outcome", "right", "--no-open", code=1).stderr
