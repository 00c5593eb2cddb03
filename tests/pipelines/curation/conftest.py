"""Keys and runs for the tests of curation: each fixture but `run` gives a function."""

import polars as pl
import pytest
from cotkit.pipelines.curation import curate
from cotkit.pipelines.run_folder import RunFolder
from cotkit.schemas.problem import Problem
from cotkit.schemas.recipe import CurateConfig, Recipe, SplitConfig
from cotkit.schemas.sample import Sample
from cotkit.schemas.tags import Tags
from cotkit.schemas.verdict import SampleVerdict

KEYS = {
    "sample_id": pl.String,
    "problem_id": pl.String,
    "index": pl.Int64,
    "finish_reason": pl.String,
    "outcome": pl.String,
    "tokens": pl.Int64,
    "compression_ratio": pl.Float64,
    "text_hash": pl.UInt64,
    "draw": pl.UInt64,
    "budget": pl.Int64,
    "teacher": pl.String,
    "repeated_share": pl.Float64,
    "foreign_share": pl.Float64,
    "boxes": pl.Int64,
    "has_reasoning": pl.Boolean,
    "doubled_reasoning": pl.Boolean,
    "answered_in_reasoning": pl.Boolean,
    "leaked": pl.Boolean,
    "behaviours": pl.List(pl.String),
    "densities": pl.List(pl.Float64),
    "signature": pl.Binary,
    "double_problem": pl.String,
    "contaminated": pl.String,
}


def _keys(*rows: dict) -> pl.DataFrame:
    """Make keys: right, finished samples of problem `p`, each with its own text, but for what a row says."""
    full = [
        {
            "sample_id": f"s{number}",
            "problem_id": "p",
            "index": number,
            "finish_reason": "stop",
            "outcome": "correct",
            "tokens": 100,
            "compression_ratio": 0.4,
            "text_hash": number,
            "draw": number,
            "budget": 8192,
            "teacher": "t",
            "repeated_share": 0.0,
            "foreign_share": 0.0,
            "boxes": 1,
            "has_reasoning": True,
            "doubled_reasoning": False,
            "answered_in_reasoning": False,
            "leaked": False,
            "behaviours": [],
            "densities": [],
            "signature": bytes(128),
            "double_problem": None,
            "contaminated": None,
        }
        | row
        for number, row in enumerate(rows)
    ]
    return pl.DataFrame(full, schema=KEYS)


def _reasons(rows: list[dict], **config) -> list[str | None]:
    return curate(_keys(*rows), CurateConfig(**config))["reason"].to_list()


def _splits(rows: list[dict], *configs: SplitConfig) -> list[list[str]]:
    return curate(_keys(*rows), CurateConfig(splits=list(configs)))["splits"].to_list()


def problems(count: int) -> pl.DataFrame:
    return pl.DataFrame(
        [Problem.make(f"{n} + 1?", str(n + 1), "number").model_dump() for n in range(count)], schema=Problem.polars_schema()
    )


def _write_shard(run: RunFolder, number: int, rows: list[dict]) -> None:
    """Write samples, verdicts and tags of rows `{problem, index, text, outcome, tokens}`."""
    fixed = {"delimiter": "none", "finish_reason": "stop", "prompt_tokens": None, "completion_tokens": None, "seed": None, "seconds": None}
    fixed |= {"teacher": "t", "teacher_fingerprint": "t", "parameters": "{}", "prompt_hash": "h", "error": None, "reasoning": None}
    told = ("reasoning", "finish_reason", "parameters", "teacher")
    ids = run.problems()["problem_id"]
    names = [f"{number}-{n}" for n in range(len(rows))]
    samples = [
        fixed
        | {key: row[key] for key in told if key in row}
        | {"sample_id": name, "problem_id": ids[row.get("problem", 0)], "index": row.get("index", 0), "response": row.get("text", name)}
        for name, row in zip(names, rows, strict=True)
    ]
    verdicts = [{"sample_id": name, "outcome": row.get("outcome", "correct")} for name, row in zip(names, rows, strict=True)]
    tags = [{"sample_id": name, "tokens": row.get("tokens", 100), "compression_ratio": 0.5} for name, row in zip(names, rows, strict=True)]
    tables = (("samples", Sample, samples), ("verdicts", SampleVerdict, verdicts), ("tags", Tags, tags))
    for stage, record, table in tables:
        run.write(stage, number, pl.DataFrame(table, schema=record.polars_schema()), f"{stage}-{number}")


@pytest.fixture
def run(tmp_path):
    return RunFolder.create(tmp_path / "run", Recipe(), problems(3))


def _decided(run: RunFolder) -> list[list[str | None]]:
    return [run.read("decisions", number)["reason"].to_list() for number in run.shard_numbers()]


@pytest.fixture
def keys():
    return _keys


@pytest.fixture
def reasons():
    return _reasons


@pytest.fixture
def splits():
    return _splits


@pytest.fixture
def write_shard():
    return _write_shard


@pytest.fixture
def decided():
    return _decided
