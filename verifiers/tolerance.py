"""How near a number must come to a gold number: the rules of the kinds `number` and `list`.

- An integer gold answer must be met exactly, `7.0` included.
- A decimal gold answer is met within 1 %, or half a unit of its last digit where that is more: `0.67` by 2/3.
- A unit or a percent sign in the response is held against the number only when the gold answer has one too.

TheoremQA's own script (TIGER-AI-Lab/TheoremQA, `number_utils`) rounds the response to compare it with an integer, and allows 4 %
on decimals, which accepts 3.02 for pi; 1 % is the rounding that its three-digit answers need.
"""

from __future__ import annotations

from fractions import Fraction

from .exact import Number

RELATIVE_TOLERANCE = Fraction(1, 100)
"""What a decimal gold answer allows, as a part of it."""
EVALUATED = 17
"""`decimals` of a number that was evaluated from an expression."""


def is_close(gold: Number, answer: Number) -> bool:
    """Say whether an answer is within the gold number's tolerance.

    >>> is_close(Number(Fraction("0.667"), decimals=3), Number(Fraction(2, 3)))
    True
    """
    values = [answer.value] if gold.unit == answer.unit or answer.unit != "%" else [answer.value, answer.value / 100]
    if gold.decimals is None:
        return gold.value in values or (answer.decimals == EVALUATED and abs(gold.value - answer.value) * 10**9 <= max(1, abs(gold.value)))
    allowed = max(abs(gold.value) * RELATIVE_TOLERANCE, Fraction(1, 2 * 10**gold.decimals))
    return any(abs(gold.value - value) <= allowed for value in values)
