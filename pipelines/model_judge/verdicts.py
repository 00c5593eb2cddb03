r"""The verdict in a judge's reply: its last line, which must hold the token that only the reader of the fence knows, and nothing else.

    read_verdict("It says 7.\nVerdict 3f9a0c21b7: correct", "3f9a0c21b7")   ->   "correct", "It says 7."

A verdict elsewhere in the reply, without the token, or beside another one with the token, is no verdict: what the judge quotes of the
response, and what a response says of itself, cannot pass for one.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ...schemas.judgement import JudgedOutcome

WORDS: dict[str, JudgedOutcome] = {
    "correct": "correct",
    "wrong": "wrong",
    "incorrect": "wrong",
    "not found": "not_found",
    "not_found": "not_found",
}
_ORNAMENT = " \t*_`#>"


class Read(NamedTuple):
    """What a reply says; `problem` is why it says nothing."""

    outcome: JudgedOutcome | None
    reasons: str
    problem: str = ""


def read_verdict(reply: str, token: str) -> Read:
    """Read a reply; Markdown around the last line, letter case and a full stop make no difference."""
    lines = [line for line in reply.splitlines() if line.strip()]
    if not lines:
        return Read(None, "", "it is empty")
    form = re.compile(rf"verdict[ \t*_`]+{token}[ \t*_`]*:[ \t*_`]*(correct|wrong|incorrect|not[ _]found)\.?", re.IGNORECASE)
    last = form.fullmatch(lines[-1].strip(_ORNAMENT))
    if last is None:
        return Read(None, reply, f"its last line is not `Verdict {token}: correct`, `… wrong` or `… not found`")
    reasons = "\n".join(lines[:-1])
    if any(WORDS[other[1].lower()] != WORDS[last[1].lower()] for other in form.finditer(reasons)):
        return Read(None, reply, "it holds two different verdicts")
    return Read(WORDS[last[1].lower()], reasons)
