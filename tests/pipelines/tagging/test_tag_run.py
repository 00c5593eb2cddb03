"""The tag step over a run: columns, what makes a shard stale, worker processes."""

import polars as pl
import pytest
from cotkit.pipelines.execute.stages import Computed
from cotkit.pipelines.run_folder import RunFolder
from cotkit.pipelines.tagging import tag, tag_run
from cotkit.schemas.errors import CotkitError
from cotkit.schemas.problem import Problem
from cotkit.schemas.recipe import Recipe, TagConfig
from cotkit.schemas.tags import Tags

KEYWORDS = TagConfig(lexicons=["demystify"])
OWN = """
name = "own"
version = 1
description = "For a test."
language = "en"
[[behaviour]]
name = "stop"
description = "Stops."
patterns = ['stop']
examples = ["Stop!"]
counterexamples = ["unstoppable"]
"""


def counts(row: dict, lexicon: str = "demystify") -> dict[str, int]:
    return {entry["behaviour"]: entry["count"] for entry in row["behaviours"] if entry["lexicon"] == lexicon}


def test_no_rows_and_no_lexicons_give_the_right_columns(frame):
    assert tag(frame(), TagConfig()).equals(pl.DataFrame(schema=Tags.polars_schema()))
    bare = tag(frame((None, "wait")), TagConfig(lexicons=[]))
    assert bare.schema == Tags.polars_schema()
    assert bare["behaviours"].to_list() == [[]]


def test_two_lexicons_of_one_name_are_an_error(frame):
    with pytest.raises(CotkitError, match="two lexicons are named 'demystify'"):
        tag(frame(), TagConfig(lexicons=["demystify", "demystify"]))


@pytest.fixture
def run(frame, tmp_path):
    problem = Problem.make("What is 3 + 4?", "7", "math").model_dump()
    run = RunFolder.create(tmp_path / "run", Recipe(), pl.DataFrame([problem], schema=Problem.polars_schema()))
    for number, text in enumerate(["Stop.", "Wait. Stop, stop."]):
        run.write("samples", number, frame((None, text)), f"samples-{number}")
    return run


def test_a_run_is_tagged_again_only_when_a_lexicon_changes(run, tmp_path):
    own = tmp_path / "own.toml"
    own.write_text(OWN, encoding="utf-8")
    config = TagConfig(lexicons=["demystify", str(own)])
    seen = []
    assert tag_run(run, config, workers=1, progress=lambda done, total: seen.append((done, total))) == Computed(2, 0)
    assert seen == [(1, 2), (2, 2)]
    assert counts(run.read("tags", 1).row(0, named=True), "own") == {"stop": 2}
    assert tag_run(run, config) == Computed(0, 2)
    own.write_text(OWN.replace("Stops.", "Comes to a stop."), encoding="utf-8")
    assert tag_run(run, config) == Computed(0, 2)
    own.write_text(OWN.replace("['stop']", "['stop', 'halt']").replace('"Stop!"', '"Stop!", "Halt!"'), encoding="utf-8")
    assert tag_run(run, config, workers=1) == Computed(2, 0)
    assert tag_run(run, KEYWORDS, workers=1) == Computed(2, 0)


def test_worker_processes_write_what_one_process_writes(run):
    assert tag_run(run, TagConfig(), workers=2) == Computed(2, 0)
    for number in run.shard_numbers():
        assert run.read("tags", number).equals(tag(run.read("samples", number), TagConfig()))
