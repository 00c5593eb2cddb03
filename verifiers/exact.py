r"""Exact numbers in answers, as Fractions: integers, decimals, fractions, mixed numbers, percent, powers of ten, units.

    read_number(canonical(r"2\frac{1}{3}")) == Number(Fraction(7, 3))

Three answers are possible: equal, different, don't know (None): what is not surely a number is left to others.
Not covered: repeating decimals with dots over digits, spelled-out numbers, conversion between units.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import NamedTuple

from .memory import remembered
from .units import UNIT, normal_unit, units_differ

MAX_DIGITS = 1_000
"""Longer numbers are compared as texts only."""
MAX_EXPONENT = 1_000
"""Larger powers of ten are not evaluated."""
ROUNDED_DIGITS = 6
"""A decimal stands for an exact value only when it is its correct rounding to at least so many significant digits."""

_PLAIN = r"(?:\d{1,3}(?:,\d{3})+(?:\.\d*)?|\d{1,3}(?: \d{3})+(?:\.\d*)?|\d+(?:\.\d*)?|\.\d+)"
_SIGN = r"(?:[+-] ?)?"
_TIMES_POWER = r"(?:[eE](?P<e>[+-]?\d+)|(?: ?\\times ?| ?\\cdot ?| ?\* ?| ?x ?)10\^(?P<p>\{ ?[+-]?\d+ ?\}|\d))"
_UNIT = rf"(?P<unit> ?{UNIT})?"
_DECIMAL = re.compile(rf"(?P<sign>{_SIGN})(?P<digits>{_PLAIN}){_TIMES_POWER}?{_UNIT}$")
_REPEATING = re.compile(rf"(?P<sign>{_SIGN})(?P<whole>\d*)\.(?P<fixed>\d*)\\overline\{{(?P<again>\d+)\}}{_UNIT}$")
_POWER = re.compile(rf"(?P<sign>{_SIGN})10\^(?P<p>\{{ ?[+-]?\d+ ?\}}|\d){_UNIT}$")
_FRACTION = re.compile(
    rf"(?P<sign>{_SIGN})(?P<whole>\d+(?: ?(?=\\)| (?=\d)))?"
    rf"(?:\\frac\{{(?P<a>{_SIGN}{_PLAIN})\}}\{{(?P<b>{_SIGN}{_PLAIN})\}}|(?P<c>{_PLAIN}) ?/ ?(?P<d>-?{_PLAIN})){_UNIT}$"
)

_SEXAGESIMAL = re.compile(rf"(?P<sign>{_SIGN})(?P<degrees>\d+)(?P<unit>°)(?P<minutes>\d\d?)'(?:(?P<seconds>\d\d?(?:\.\d+)?)(?:''|\")?)?$")


class Number(NamedTuple):
    """An exact value with its unit; `decimals` counts the digits after the point of a decimal, None when it is no decimal."""

    value: Fraction
    unit: str = ""
    decimals: int | None = None


@remembered
def read_number(text: str) -> Number | None:
    """Read a canonical text that is one number and nothing else; None when it is not, or too large to evaluate.

    >>> read_number("1,234.50"), read_number("3t")
    (Number(value=Fraction(2469, 2), unit='', decimals=2), None)
    """
    if not text or len(text) > MAX_DIGITS or not (text[0].isdecimal() or text[0] in "+-.\\"):
        return None
    for mark, pattern, read in _READERS:
        match = pattern.match(text) if mark in text else None
        if match:
            unit = normal_unit(match["unit"]) if match["unit"] else ""
            number = None if unit is None else read(match)
            return number and number._replace(unit=unit, value=-number.value if "-" in match["sign"] else number.value)
    return None


def same_number(gold: Number, answer: Number) -> bool:
    """Say whether two numbers are the same answer.

    A percentage equals its number with or without the sign (28% is 28 and 0.28); a unit that only one side gives is not
    held against it, two known units must agree; a decimal equals an exact value when it is its correct rounding.

    >>> same_number(Number(Fraction(1, 3)), Number(Fraction("0.3333333"), decimals=7))
    True
    """
    if units_differ(gold.unit, answer.unit):
        return False
    if gold.value == answer.value or is_rounding(gold, answer) or is_rounding(answer, gold):
        return True
    if gold.unit == "%" and answer.unit == "":
        return gold.value == 100 * answer.value
    return gold.unit == "" and answer.unit == "%" and answer.value == 100 * gold.value


def is_rounding(rounded: Number, exact: Number) -> bool:
    """Say whether a decimal of enough significant digits is the correct rounding of a value that no shorter decimal gives."""
    if rounded.decimals is None or (exact.decimals is not None and exact.decimals <= rounded.decimals):
        return False
    scaled = abs(rounded.value) * 10**rounded.decimals
    return scaled >= 10 ** (ROUNDED_DIGITS - 1) and abs(rounded.value - exact.value) * 2 * 10**rounded.decimals <= 1


def _decimal(match: re.Match[str]) -> Number | None:
    digits = match["digits"].replace(",", "").replace(" ", "").rstrip(".")
    exponent = _exponent(match["e"] or match["p"])
    if exponent is None:
        return None
    fraction = digits.partition(".")[2]
    value = Fraction(digits) * Fraction(10) ** exponent
    return Number(value, decimals=max(0, len(fraction) - exponent) if fraction else None)


def _fraction(match: re.Match[str]) -> Number | None:
    above, below = (_plain(part) for part in ((match["a"], match["b"]) if match["a"] else (match["c"], match["d"])))
    if below == 0 or (match["whole"] and (above < 0 or below < 0)):
        return None
    return Number(int(match["whole"] or 0) + above / below)


def _repeating(match: re.Match[str]) -> Number:
    fixed, again = match["fixed"], match["again"]
    scale = 10 ** len(fixed)
    return Number(
        Fraction(int(match["whole"] or 0)) + Fraction(int(fixed or 0), scale) + Fraction(int(again), scale * (10 ** len(again) - 1))
    )


def _sexagesimal(match: re.Match[str]) -> Number:
    """Read degrees, minutes and seconds."""
    return Number(int(match["degrees"]) + Fraction(int(match["minutes"]), 60) + Fraction(match["seconds"] or 0) / 3600)


def _power(match: re.Match[str]) -> Number | None:
    exponent = _exponent(match["p"])
    return None if exponent is None else Number(Fraction(10) ** exponent)


def _plain(text: str) -> Fraction:
    return Fraction(re.sub(r"[, +]|(?<=\d)\.$", "", text))


def _exponent(text: str | None) -> int | None:
    digits = (text or "0").strip("{} ")
    return int(digits) if len(digits) <= 5 and abs(int(digits)) <= MAX_EXPONENT else None


_READERS = (
    ("", _DECIMAL, _decimal),
    ("/", _FRACTION, _fraction),
    ("\\frac", _FRACTION, _fraction),
    ("\\overline", _REPEATING, _repeating),
    ("10^", _POWER, _power),
    ("°", _SEXAGESIMAL, _sexagesimal),
)
"""What is told by a mark in the text, in order."""
