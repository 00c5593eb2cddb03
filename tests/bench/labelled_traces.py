"""Real traces that carry their source's own label, judged again: every disagreement, to be read by eye.

    python tests/bench/labelled_traces.py TRACES.parquet [OUT.jsonl]     (columns problem, gold, raw, kind, source, source_correct)

A disagreement is a label "right" that is not `correct` here, or a label "wrong" that is.
"""

import json
import sys

import polars as pl
from cotkit.pipelines.delimiters import split_reasoning
from cotkit.pipelines.execute.pool import VerifierPool
from cotkit.schemas.problem import Problem
from cotkit.schemas.recipe import VerifyConfig


def main(traces: str, out: str | None) -> None:
    rows = pl.read_parquet(traces).filter(pl.col("source_correct").is_not_null() & (pl.col("gold") != ""))
    kinds = {"mcq": "choice"}
    with VerifierPool(VerifyConfig()) as pool:
        futures = [
            pool.submit(
                split_reasoning(row["raw"]).response,
                Problem.make(row["problem"], row["gold"], kinds.get(row["kind"], row["kind"])),
                "unknown",
            )
            for row in rows.iter_rows(named=True)
        ]
        verdicts = [future.result() for future in futures]
    judged = rows.with_columns(
        pl.Series("outcome", [verdict.outcome for verdict in verdicts]),
        pl.Series("answer", [verdict.answer for verdict in verdicts], pl.String),
        pl.Series("decided_by", [verdict.decided_by for verdict in verdicts]),
    )
    apart = judged.filter(pl.col("source_correct") != (pl.col("outcome") == "correct"))
    print(f"{judged.height} labelled traces, {apart.height} disagreements ({apart.height / judged.height:.2%})")
    with pl.Config(tbl_rows=200, tbl_hide_dataframe_shape=True, fmt_str_lengths=60, tbl_width_chars=200):
        print(apart.group_by("source_correct", "outcome", "decided_by").len().sort("len", descending=True))
        print(apart.group_by("gold", "answer", "source_correct", "outcome").len().sort("len", descending=True))
    if out:
        with open(out, "w", encoding="utf-8") as file:
            for row in apart.drop("reasoning", "final", strict=False).iter_rows(named=True):
                file.write(json.dumps(row | {"raw": row["raw"][-400:]}, ensure_ascii=False, default=str) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None)
