"""What a reply states: its formula, and the cards it says it sees."""

from __future__ import annotations

import re
from typing import NamedTuple

from ..extraction import LOOSE, TAIL, statement
from ..json_fields import list_field, text_field
from .formulas import LONGEST

_SIGNS = r"[-0-9+*/() \t×·÷−–xX\[\]]"
_RUN = re.compile(
    rf"(?<![-0-9.+*/^!√×÷−])[(\[0-9]{_SIGNS}{{2,200}}+"
    rf"(?:(?:={_SIGNS}{{1,200}}+){{1,5}}(?!\.?[0-9])|(?:(?<=[ \t])|(?![A-Za-z_^!²³%\\]|\.[0-9])))"
)
"""Numbers and signs on one line, with what they are said to equal; no part of a decimal, a power or a factorial."""
_OPERATOR = re.compile(r"[0-9)\]}]\s*(?:[-+*/×·÷−–xX∗]|\\[a-z]+)\s*[(\[{0-9\\]|\\[dtc]?frac")
_BOLD = re.compile(r"(?<![\d)\]])\*\*|\*\*(?!\s?[\d(\[])")
"""Marks of bold text; two asterisks between numbers are a power."""
_WORDS = re.compile(r"(?<!\\)\b[A-WYZa-wyz]{3}")


class Reply(NamedTuple):
    """The formula as it stands in the reply, None when there is none; how it was found; and the cards, None when it names none."""

    formula: str | None
    found_by: str | None
    is_hedged: bool
    cards: list[str] | None


def read_reply(response: str) -> Reply:
    r"""Read the JSON field `formula`, else the answer that the reply states, else the last run of numbers and signs.

    >>> read_reply('{"cards": ["A", "2"], "formula": "(1+2+3)*4=24"}')
    Reply(formula='(1+2+3)*4=24', found_by='json', is_hedged=False, cards=['A', '2'])
    >>> read_reply("We multiply at the end.\n(1+2+3)*4 = 24").formula
    '(1+2+3)*4 = 24'
    """
    cards = list_field(response, "cards")
    formula = text_field(response, "formula")
    if formula is not None:
        return Reply(formula, "json", False, cards)
    found = statement(response)
    if found.answer is None or not _OPERATOR.search(found.answer) or (found.found_by in LOOSE and _WORDS.search(found.answer)):
        runs = [run[0].strip() for run in _RUN.finditer(_BOLD.sub(" ", response[-TAIL:])) if _OPERATOR.search(run[0])]
        if runs:  # such as `(1+2+3)*4 = 24, so the answer is 24`
            return Reply(runs[-1], "last_formula", False, cards)
        if found.answer is not None and not any(letter.isdigit() for letter in found.answer):
            return Reply(None, None, False, cards)
    return Reply(found.answer, found.found_by, found.hedged, cards)


def sides(formula: str) -> tuple[str, str | None]:
    """Part an equation into the formula and the number it is said to equal, None when it says none that can be read.

    >>> sides("8/(3-8/3) = 8/(1/3) = 24."), sides("24 = 4*6"), sides("4*6")
    (('8/(3-8/3) ', '24'), (' 4*6', '24'), ('4*6', None))
    """
    first, *others = formula.replace("＝", "=")[: 3 * LONGEST].split("=")
    if others and not _OPERATOR.search(first):
        number = _NUMBER.fullmatch(first)
        return others[0], number[1] if number else None
    number = _NUMBER.fullmatch(others[-1]) if others else None
    return first, number[1] if number else None


_NUMBER = re.compile(r"[\s$\\(\[]*([0-9]+)(?:\.0+)?(?![0-9])\W*(?:\s.*)?", re.DOTALL)
