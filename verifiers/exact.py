r"""Exact numbers in answers, as Fractions: integers, decimals, fractions, mixed numbers, percent, powers of ten, units.

    read_number(canonical(r"2\frac{1}{3}")) == Number(Fraction(7, 3))

Three answers are possible: equal, different, don't know (None): what is not surely a number is left to others.
Not covered: repeating decimals with dots over digits, spelled-out numbers, conversion between units.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import NamedTuple

MAX_DIGITS = 1_000
"""Longer numbers are compared as texts only."""
MAX_EXPONENT = 1_000
"""Larger powers of ten are not evaluated."""
ROUNDED_DIGITS = 6
"""A decimal stands for an exact value only when it is its correct rounding to at least so many significant digits."""

_PLAIN = r"(?:\d{1,3}(?:,\d{3})+(?:\.\d*)?|\d{1,3}(?: \d{3})+(?:\.\d*)?|\d+(?:\.\d*)?|\.\d+)"
_SIGN = r"(?:[+-] ?)?"
_TIMES_POWER = r"(?:[eE](?P<e>[+-]?\d+)|(?: ?\\times ?| ?\\cdot ?| ?\* ?| ?x ?)10\^(?P<p>\{ ?[+-]?\d+ ?\}|\d))"
_UNIT = r"(?P<unit>%|°|[ ]?\\%|[ ]?°? ?[A-Za-z][A-Za-z ]*(?:\^\{?-?\d\}?)?(?:[/ ][A-Za-z]+(?:\^\{?-?\d\}?)?)*)?"
_DECIMAL = re.compile(rf"(?P<sign>{_SIGN})(?P<digits>{_PLAIN}){_TIMES_POWER}?{_UNIT}$")
_REPEATING = re.compile(rf"(?P<sign>{_SIGN})(?P<whole>\d*)\.(?P<fixed>\d*)\\overline\{{(?P<again>\d+)\}}{_UNIT}$")
_POWER = re.compile(rf"(?P<sign>{_SIGN})10\^(?P<p>\{{ ?[+-]?\d+ ?\}}|\d){_UNIT}$")
_FRACTION = re.compile(
    rf"(?P<sign>{_SIGN})(?P<whole>\d+(?: ?(?=\\)| (?=\d)))?"
    rf"(?:\\frac\{{(?P<a>{_SIGN}{_PLAIN})\}}\{{(?P<b>{_SIGN}{_PLAIN})\}}|(?P<c>{_PLAIN}) ?/ ?(?P<d>-?{_PLAIN})){_UNIT}$"
)
_TAIL = re.compile(r"(?P<body>.*(?:[\d})]|\\pi))(?P<unit>°| ?[A-Za-z]{2,}(?: [A-Za-z]{2,}){0,3}(?:\^\{?\d\}?)?)$", re.DOTALL)
_SHORT_UNITS = frozenset(
    [
        "m",
        "g",
        "s",
        "h",
        "N",
        "J",
        "W",
        "K",
        "C",
        "F",
        "L",
        "A",
        "V",
        "cm",
        "mm",
        "km",
        "dm",
        "nm",
        "kg",
        "mg",
        "lb",
        "oz",
        "ml",
        "mL",
        "ms",
        "hr",
        "in",
        "ft",
        "yd",
        "mi",
        "pm",
        "am",
        "Hz",
        "eV",
        "mph",
        "kph",
    ]
)
_NO_UNITS = frozenset(
    [
        "sin",
        "cos",
        "tan",
        "cot",
        "sec",
        "csc",
        "log",
        "ln",
        "exp",
        "max",
        "min",
        "gcd",
        "lcm",
        "mod",
        "and",
        "or",
        "pi",
        "sqrt",
        "if",
        "for",
        "all",
        "not",
    ]
)
_SAME_UNIT = {
    "degrees": "°",
    "degree": "°",
    "meters": "m",
    "meter": "m",
    "metres": "m",
    "metre": "m",
    "centimeters": "cm",
    "centimeter": "cm",
    "inches": "in",
    "inch": "in",
    "feet": "ft",
    "foot": "ft",
    "miles": "mi",
    "mile": "mi",
    "kilometers": "km",
    "grams": "g",
    "kilograms": "kg",
    "seconds": "s",
    "second": "s",
    "hours": "h",
    "hour": "h",
    "hr": "h",
    "percent": "%",
    "minutes": "min",
    "mL": "ml",
}
_VARIABLES = frozenset(["m", "g", "s", "h", "N", "J", "W", "K", "C", "F", "L", "A", "V"])


class Number(NamedTuple):
    """An exact value with its unit; `decimals` counts the digits after the point of a decimal, None when it is no decimal."""

    value: Fraction
    unit: str = ""
    decimals: int | None = None


def read_number(text: str) -> Number | None:
    """Read a canonical text that is one number and nothing else; None when it is not, or too large to evaluate.

    >>> read_number("1,234.50"), read_number("3t")
    (Number(value=Fraction(2469, 2), unit='', decimals=2), None)
    """
    if len(text) > MAX_DIGITS or not any(character.isdigit() for character in text):
        return None
    for pattern, read in ((_DECIMAL, _decimal), (_FRACTION, _fraction), (_REPEATING, _repeating), (_POWER, _power)):
        match = pattern.match(text)
        if match:
            unit = _unit(match["unit"] or "")
            number = None if unit is None else read(match)
            return number and number._replace(unit=unit, value=-number.value if "-" in match["sign"] else number.value)
    return None


def split_unit(text: str) -> tuple[str, str]:
    r"""Split a canonical formula from the unit or the noun behind it; the unit is empty when there is none.

    >>> split_unit(r"2\sqrt{3}cm"), split_unit("2ab")
    (('2\\sqrt{3}', 'cm'), ('2ab', ''))
    """
    match = _TAIL.match(text)
    words = re.findall(r"[A-Za-z]+", match["unit"]) if match else []
    if match is None or not all(
        word in _SAME_UNIT or (word in _SHORT_UNITS and len(word) > 1) or (len(word) > 4 and word not in _NO_UNITS) for word in words
    ):
        return text, ""
    unit = match["unit"].strip()
    return match["body"].strip(), _SAME_UNIT.get(unit, unit)


def units_differ(one: str, other: str) -> bool:
    """Say whether two units are both known and not the same."""
    return one != other and _is_known(one) and _is_known(other)


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


def _is_known(unit: str) -> bool:
    words = re.findall(r"[A-Za-z]+|[%°]", unit)
    return bool(words) and all(word in _SHORT_UNITS or word in _SAME_UNIT or word in "%°" for word in words)


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


def _power(match: re.Match[str]) -> Number | None:
    exponent = _exponent(match["p"])
    return None if exponent is None else Number(Fraction(10) ** exponent)


def _plain(text: str) -> Fraction:
    return Fraction(re.sub(r"[, +]|(?<=\d)\.$", "", text))


def _exponent(text: str | None) -> int | None:
    digits = (text or "0").strip("{} ")
    return int(digits) if len(digits) <= 5 and abs(int(digits)) <= MAX_EXPONENT else None


def _unit(text: str) -> str | None:
    """Normalise a unit; None when the letters are more likely a variable or a function."""
    unit = text.replace("\\", "").strip()
    if not unit or unit in ("%", "°"):
        return unit
    spaced = text.startswith(" ")
    words = re.findall(r"[A-Za-z]+", unit)
    if any(word in _NO_UNITS for word in words):
        return None
    known = all(word in _SHORT_UNITS or word in _SAME_UNIT for word in words)
    if not spaced and (words[0] in _VARIABLES or not known):  # 3t, 5m and 2xyz are products
        return None
    if not known and any(len(word) < 3 for word in words):
        return None
    return _SAME_UNIT.get(unit, unit)
