"""Pass rates: correct of judged."""

import polars as pl
import pytest
from cotkit.pipelines.run_folder.pass_rates import pass_rates, pass_rates_of


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        (["correct"], (1, 1, 1, 1.0)),
        (["correct", "wrong", "ambiguous", "no_answer", "unreadable_answer", "truncated"], (6, 6, 1, 1 / 6)),
        (["wrong", "timeout", "out_of_memory", "crashed", "unreadable_gold", None], (6, 1, 0, 0.0)),
        (["timeout"], (1, 0, 0, None)),
        (["correct"] * 3 + ["wrong"] * 7, (10, 10, 3, 0.3)),
    ],
    ids=["one", "all_that_judge", "none_that_do_not", "nothing_judged", "exact_division"],
)
def test_a_pass_rate_is_correct_of_judged(outcomes, expected):
    frame = pl.DataFrame({"problem_id": ["p"] * len(outcomes), "outcome": outcomes}, schema={"problem_id": pl.String, "outcome": pl.String})
    assert pass_rates_of(frame).rows() == [("p", *expected)]


def test_pass_rates_of_a_run_hold_every_problem_in_order(run, write_shard):
    write_shard(run, 0, [{"problem": 2}, {"problem": 0}, {"problem": 0, "outcome": "wrong"}])
    write_shard(run, 1, [{"problem": 0, "outcome": "wrong"}, {"problem": 2, "outcome": "timeout"}])
    found = pass_rates(run)
    assert found["problem_id"].equals(run.problems()["problem_id"])
    assert found.drop("problem_id").rows() == [(3, 3, 1, 1 / 3), (0, 0, 0, None), (2, 1, 1, 1.0)]
    assert found.schema == pl.Schema(
        {"problem_id": pl.String, "samples": pl.Int64, "judged": pl.Int64, "correct": pl.Int64, "pass_rate": pl.Float64}
    )
