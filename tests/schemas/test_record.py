"""A record's names and types are written once: its polars schema comes from its fields."""

import polars as pl
import pytest
from cotkit.schemas.decision import Decision
from cotkit.schemas.errors import CotkitError, unknown_name
from cotkit.schemas.problem import Problem
from cotkit.schemas.record import Record, content_hash
from cotkit.schemas.sample import Sample
from cotkit.schemas.tags import Tags
from cotkit.schemas.verdict import OUTCOMES, SampleVerdict
from pydantic import ValidationError


@pytest.mark.parametrize("record", [Problem, Sample, SampleVerdict, Tags, Decision])
def test_every_field_has_a_column_and_a_sentence(record: type[Record]) -> None:
    assert list(record.polars_schema()) == list(record.model_fields)
    assert all(field.description for field in record.model_fields.values())


def test_column_types_follow_the_annotations() -> None:
    schema = Problem.polars_schema()
    assert schema["prompt"] == pl.String
    assert schema["options"] == pl.List(pl.String)
    assert schema["subject"] == pl.String
    assert isinstance(Tags.polars_schema()["behaviours"], pl.List)


def test_a_field_without_a_column_type_is_an_error() -> None:
    class Odd(Record):
        field: complex

    with pytest.raises(TypeError, match="no column type"):
        Odd.polars_schema()


def test_records_are_frozen_and_take_no_unknown_fields() -> None:
    problem = Problem.make("What is 3 + 4?", "7", "math")
    with pytest.raises(ValidationError):
        problem.answer = "8"
    with pytest.raises(ValidationError):
        Problem.make("What is 3 + 4?", "7", "math", hint="none")


def test_a_problems_id_is_its_content() -> None:
    problem = Problem.make("What is 3 + 4?", "7", "math", source="a")
    assert problem.problem_id == Problem.make("What is 3 + 4?", "7", "math", source="b").problem_id
    others = [
        Problem.make("What is 3 + 5?", "7", "math"),
        Problem.make("What is 3 + 4?", "8", "math"),
        Problem.make("What is 3 + 4?", "7", "text"),
    ]
    assert problem.problem_id not in {other.problem_id for other in others}


def test_a_hash_is_the_same_everywhere() -> None:
    assert content_hash("a", 1, [None, {"b": 2.5}]) == content_hash("a", 1, [None, {"b": 2.5}])
    assert content_hash("ab", "c") != content_hash("a", "bc")


def test_an_unknown_outcome_is_refused() -> None:
    assert len(set(OUTCOMES)) == 10
    with pytest.raises(ValidationError):
        SampleVerdict.model_validate({"outcome": "true", "sample_id": "x"})


def test_an_error_reads_as_message_then_hint() -> None:
    assert str(CotkitError("a", "b")) == "a\nhint: b"
    assert str(CotkitError("a")) == "a"
    assert "math, text" in unknown_name("kind", "maths", ["math", "text"]).hint
