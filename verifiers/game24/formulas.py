r"""Formulas of the game: numbers, + - * / and brackets, read and evaluated as exact rationals; nothing is ever run.

    read_formula("8/(3-8/3)") == Formula((24, 1), (8, 3, 8, 3))
    read_formula(r"\frac{8}{3-\frac{8}{3}}") == Formula((24, 1), (8, 3, 8, 3))
    read_formula("4 × (3 + 3)").value == (24, 1)

Blanks count for nothing; × · ÷ − and their LaTeX forms, x for times and square or curly brackets are read. Not part of the game:
a sign before a number, powers, factorials, decimals, numbers written together, products without a sign.
"""

from __future__ import annotations

import re
from typing import NamedTuple

LONGEST = 200
"""Characters of a formula; one of four cards takes some 30."""

Rational = tuple[int, int]
"""Numerator and denominator, not reduced; the denominator is not 0."""


class Formula(NamedTuple):
    """A formula that was read."""

    value: Rational
    numbers: tuple[int, ...]
    """The numbers in it, in their order."""


class Illegal(Exception):
    """A text is no formula of the game; the message says why, in words for the player."""


_PLAIN = str.maketrans(
    "×·∙⋅∗•✕✖xX÷／⁄∕−–—﹣－＋（）［］[]{}＝＊０１２３４５６７８９", "**********////-----+()()()()=*0123456789", "$\u200b\u2060\ufeff"
)
_COMMANDS = (("\\times", "*"), ("\\cdot", "*"), ("\\ast", "*"), ("\\div", "/"), ("\\left", ""), ("\\right", ""), ("\\displaystyle", ""))
_SPACING = re.compile(r"\\(?:[,;:!() \[\]]|quad|qquad)")
_TOKEN = re.compile(r"[0-9]+|\S", re.ASCII)
_FRAC = re.compile(r"\\[dtc]?frac\s*(?=\{)")
_PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2, "(": 0}


def plain_formula(text: str) -> str:
    """Write a formula with the signs of the game alone; what is none of them stays as it is."""
    if "\\" in text and len(text) <= LONGEST:
        for command, sign in _COMMANDS:
            text = text.replace(command, sign)
        text = _without_fractions(_SPACING.sub(" ", text))
    return text.translate(_PLAIN)


def read_formula(text: str) -> Formula:
    """Read and evaluate a formula without an equals sign; raises Illegal."""
    if len(text) > LONGEST:
        raise Illegal("it is too long")
    values: list[Rational] = []
    waiting: list[str] = []
    numbers: list[int] = []
    operand_next = True
    for token in _TOKEN.findall(plain_formula(text)):
        if token.isdigit():
            _expect(operand_next, "a number must not follow a number or a bracket")
            if token[0] == "0" and len(token) > 1:
                raise Illegal("a number must not begin with 0")
            numbers.append(int(token))
            values.append((numbers[-1], 1))
            operand_next = False
        elif token == "(":
            _expect(operand_next, "an opening bracket must not follow a number or a bracket")
            waiting.append(token)
        elif token == ")":
            _expect(not operand_next, "a closing bracket must follow a number or a bracket")
            _close(values, waiting)
        elif token in _PRECEDENCE:
            _expect(not operand_next, "an operator must stand between two numbers or brackets")
            while waiting and _PRECEDENCE[waiting[-1]] >= _PRECEDENCE[token]:
                _apply(values, waiting.pop())
            waiting.append(token)
            operand_next = True
        else:
            raise Illegal(f"it has a character that is not allowed: {token}")
    if operand_next:
        raise Illegal("it ends too early" if numbers else "it is empty")
    while waiting:
        if waiting[-1] == "(":
            raise Illegal("a bracket is never closed")
        _apply(values, waiting.pop())
    return Formula(values[0], tuple(numbers))


def _expect(holds: bool, message: str) -> None:
    if not holds:
        raise Illegal(message)


def _close(values: list[Rational], waiting: list[str]) -> None:
    while waiting:
        sign = waiting.pop()
        if sign == "(":
            return
        _apply(values, sign)
    raise Illegal("a bracket is closed that was never opened")


def _apply(values: list[Rational], sign: str) -> None:
    right_num, right_den = values.pop()
    num, den = values[-1]
    if sign == "*":
        values[-1] = num * right_num, den * right_den
    elif sign == "/":
        if right_num == 0:
            raise Illegal("it divides by zero")
        values[-1] = num * right_den, den * right_num
    elif sign == "+":
        values[-1] = num * right_den + right_num * den, den * right_den
    else:
        values[-1] = num * right_den - right_num * den, den * right_den


def _without_fractions(text: str) -> str:
    r"""Write `\frac{a}{b}` as `((a)/(b))`, the innermost first; what is no whole fraction stays, and is illegal later."""
    while fractions := list(_FRAC.finditer(text)):
        last = fractions[-1]
        above = _group_end(text, last.end())
        below = text.find("{", above) if above > 0 else -1
        end = _group_end(text, below) if below >= 0 and not text[above:below].strip() else -1
        if end < 0:
            return text
        text = f"{text[: last.start()]}(({text[last.end() + 1 : above - 1]})/({text[below + 1 : end - 1]})){text[end:]}"
    return text


def _group_end(text: str, start: int) -> int:
    """Give the place after the brace that closes the one at `start`; -1 when there is none."""
    depth = 0
    for place in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return place + 1
    return -1
