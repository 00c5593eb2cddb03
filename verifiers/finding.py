"""Finding: what the verifier of one kind says of one response; `verify` makes the record, a `Verdict`, of it."""

from __future__ import annotations

from typing import NamedTuple

from ..schemas.verdict import Outcome


class Finding(NamedTuple):
    """An outcome, the answer as it stands in the response, how it was found, and the rule that decided: see `Verdict`."""

    outcome: Outcome
    answer: str | None = None
    found_by: str | None = None
    decided_by: str = ""
