"""A run folder: the whole state of a run, readable with any Parquet tool.

    run/  recipe.toml  problems.parquet
          samples/live.sqlite   finished samples, committed one by one; sealed into
          samples/00000.parquet …   verdicts/00000.parquet   tags/00000.parquet   decisions/00000.parquet
          keys/00000.parquet    what `curate` read in the texts      contamination.parquet   problems that stand in a benchmark
          exports/…  report.html  log.jsonl

Shard i of every stage holds the same samples in the same order; its Parquet footer carries the fingerprint of what it was
made from, so a shard whose fingerprint still holds is not computed again.
"""

from .folder import STAGES, RunFolder, Stage, check_problems, stage_fingerprint
from .ledger import Ledger
from .parquet import disk_errors, read_fingerprint, write_parquet, write_text
from .resume import Resume

__all__ = [
    "STAGES",
    "Ledger",
    "Resume",
    "RunFolder",
    "Stage",
    "check_problems",
    "disk_errors",
    "read_fingerprint",
    "stage_fingerprint",
    "write_parquet",
    "write_text",
]
