"""A model as a judge, beside the rule: it sees the reference answer and the end of the response, gives reasons, then a verdict.

    verdicts.py   a reply -> its verdict: the last line alone, with the fence's token
    judging.py    the step: judgements/NAME/00000.parquet beside verdicts/00000.parquet
    agreement.py  rule x judge, a table

Source of the set-up: arXiv 2502.03373, App. E.6 (last 20 lines, reasons, correct / wrong / not found, temperature 0). The prompt is ours.
"""

from .agreement import Agreement, agreement
from .judging import Judged, judge_run

__all__ = ["Agreement", "Judged", "agreement", "judge_run"]
