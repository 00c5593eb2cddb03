"""What the tests of tagging share: rows of samples, tags of one text, and the real traces."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from cotkit.pipelines.tagging import tag
from cotkit.schemas.recipe import TagConfig
from cotkit.schemas.sample import Sample

TRACES = Path(__file__).parents[4] / "shared/data/traces/real_traces.parquet"


def rows_of(*texts: tuple[str | None, str], tokens: list[int | None] | None = None) -> pl.DataFrame:
    given_tokens = tokens or [None] * len(texts)
    rows = [
        Sample(
            sample_id=f"s{row}",
            problem_id="p",
            index=row,
            reasoning=reasoning,
            response=response,
            delimiter="none",
            finish_reason="stop",
            prompt_tokens=None,
            completion_tokens=given_tokens[row],
            seed=None,
            seconds=None,
            teacher="scripted",
            teacher_fingerprint="t",
            parameters="{}",
            prompt_hash="h",
        ).model_dump()
        for row, (reasoning, response) in enumerate(texts)
    ]
    return pl.DataFrame(rows, schema=Sample.polars_schema())


def tags_of(reasoning: str | None, response: str, tokens: int | None = None) -> dict:
    return tag(rows_of((reasoning, response), tokens=[tokens]), TagConfig(lexicons=["demystify"])).row(0, named=True)


@pytest.fixture(scope="session")
def frame() -> Callable[..., pl.DataFrame]:
    """Give a function that makes samples: `frame((reasoning, response), …, tokens=[50, …])`."""
    return rows_of


@pytest.fixture(scope="session")
def tag_one() -> Callable[..., dict]:
    """Give a function that tags one text with the lexicon `demystify`: `tag_one(reasoning, response, tokens)`."""
    return tags_of


@pytest.fixture(scope="session")
def traces() -> pl.Series:
    """Give 2,000 real responses."""
    if not TRACES.exists():
        pytest.skip("no ../shared/data beside the checkout")
    return pl.read_parquet(TRACES, columns=["raw"])["raw"].sample(2000, seed=7)
