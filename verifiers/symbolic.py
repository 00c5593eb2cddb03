r"""Compare two expressions with math-verify (sympy), guarded where it is known to hang or to accept what is wrong.

Everything here may take unbounded time and memory within the limits below: run it in the VerifierPool. A parsed expression is
never printed, logged or pickled: its text can be larger than memory (huggingface/Math-Verify#65).

Guards, each for a wrong "equal" of math-verify 0.9: two equations without solutions are not equal, numbers are compared to a
relative precision instead of 6 decimals, letters keep their case, a trailing variable is not a unit.
"""

from __future__ import annotations

import logging
import re
from fractions import Fraction
from typing import Any

from .certified import closed_value
from .latex import read_expression
from .relations import Relation

MAX_LENGTH = 2_000
"""Longer texts are not parsed: parsing is superlinear in brackets."""
MAX_DEPTH = 40
"""Deeper nesting is not parsed: the parser recurses."""
PRECISION = 60
"""Digits to which exact numbers are compared."""
DECIMAL_TOLERANCE = 5e-7
"""Relative difference up to which a decimal stands for an exact value."""

_TOO_LARGE = re.compile(
    r"\d{500}"  # digits
    r"|\^\{?[+-]?\d{6,}"  # exponents
    r"|\^\{[^{}^]{0,40}\^\{[^{}^]{0,40}\^|\^\w\^"  # towers of four levels
    r"|\^\{?[+-]?\d{2,}\^|\^\{[+-]?\d\^\{?\d|\*\*"  # towers of numbers
    r"|\d{5,}!|\^\{?\d+\}?\)*!|!\)*!"  # factorials, of powers and of factorials
    r"|\\(?:sum|prod)[^=]{0,20}=[^^]{0,20}\^\{?\d{5,}"  # sums, products
    r"|matrix\}\)?\^\{?\d{3,}"
    r"|\\binom\{\d{5,}"
)


def too_large(text: str) -> bool:
    """Say whether a canonical text is too long, deep or explosive to be evaluated."""
    if len(text) > MAX_LENGTH or _TOO_LARGE.search(text):
        return True
    depth = deepest = 0
    for character in text:
        depth += (character in "({[") - (character in ")}]")
        deepest = max(deepest, depth)
    return deepest > MAX_DEPTH


def compare_symbolic(gold: str, answer: str) -> Relation:
    """Compare two canonical texts as expressions, equations, sets or inequalities."""
    for side, text in (("gold", gold), ("answer", answer)):
        if too_large(text):
            return Relation(None, "too_large", side)
    if letters_of(gold) != letters_of(answer) and letters_of(gold.lower()) == letters_of(answer.lower()):
        return Relation(False, "letter_case")
    parsed = {}
    for side, text in (("gold", gold), ("answer", answer)):
        parsed[side] = parse_expression(text)
        if parsed[side] is None:
            return Relation(None, "math_verify", side)
    try:
        return Relation(_same(parsed["gold"], parsed["answer"]), "math_verify")
    except (MemoryError, RecursionError):
        raise
    except Exception:  # noqa: BLE001 - sympy raises anything on expressions it was not made for
        return Relation(None, "math_verify_failed", "answer")


def letters_of(text: str) -> set[str]:
    """Give the letters of a text that are variables, outside of commands."""
    return set(re.sub(r"\\[A-Za-z]+|[^A-Za-z]", "", text))


def parse_expression(text: str) -> Any | None:
    """Parse a canonical text to a sympy object; None when it cannot be read."""
    from math_verify import LatexExtractionConfig, parse
    from math_verify.parser import NormalizationConfig
    from sympy.logic.boolalg import BooleanAtom

    logging.getLogger("math_verify").setLevel(logging.CRITICAL)  # it warns that there is no alarm, once per call
    rules = NormalizationConfig(basic_latex=True, units=False, malformed_operators=True, nits=True, boxed="none")
    try:
        found = parse(
            f"${text}$",
            extraction_config=[LatexExtractionConfig(normalization_config=rules)],
            fallback_mode="no_fallback",
            parsing_timeout=None,  # pyright: ignore[reportArgumentType] - documented: no alarm, the pool holds the deadline
            raise_on_error=True,
        )
    except (MemoryError, RecursionError):
        raise
    except Exception:  # noqa: BLE001 - the parser raises anything on texts it was not made for
        return None
    return found[0] if found and not isinstance(found[0], str | BooleanAtom) else None  # x=x+1 parses to False


def _same(gold: Any, answer: Any) -> bool:
    from math_verify import verify
    from sympy import Eq, Expr

    if isinstance(gold, Eq) and isinstance(answer, Eq):
        return _same_equation(gold, answer)
    gold_value, answer_value = (side.rhs if isinstance(side, Eq) and side.lhs.is_Symbol else side for side in (gold, answer))
    both = (gold_value, answer_value)
    if all(isinstance(side, Expr) and not side.free_symbols for side in both):
        return _same_value(gold_value, answer_value)
    same = bool(
        verify(gold, answer, timeout_seconds=None, raise_on_error=True)  # pyright: ignore[reportArgumentType]
    )
    return same and not (all(isinstance(side, Expr) for side in both) and _differ_by_a_number(gold_value, answer_value))


def _differ_by_a_number(gold: Any, answer: Any) -> bool:
    """Say whether the difference is a number that is not zero, which `verify` overlooks from the 15th digit on."""
    from sympy import Float, simplify

    difference = simplify(gold - answer)
    if difference == 0 or not difference.is_number or difference.has(Float):
        return False
    if difference.is_Rational:
        return True
    return bool(abs(difference.evalf(PRECISION, maxn=400)) > 10.0 ** -(PRECISION - 10))


def _same_equation(gold: Any, answer: Any) -> bool:
    """Equations are the same when their differences of sides are proportional; `x = 3` and `3 = x` are, too."""
    from sympy import simplify

    left, right = (equation.lhs - equation.rhs for equation in (gold, answer))
    if left.is_number or right.is_number:  # no equation in anything, such as x=x+1
        return left == right
    ratio = simplify(left / right)
    return bool(ratio.is_number and ratio != 0 and ratio.is_finite is not False)


def _same_value(gold: Any, answer: Any) -> bool:
    """Compare two numbers to `PRECISION` digits, or to the decimal tolerance when one of them holds a decimal."""
    from sympy import Float, nan, zoo

    gold, answer = _integrated(gold), _integrated(answer)
    if gold == answer:
        return gold not in (nan, zoo)  # 1/0 is not 2/0
    difference, size = (value.evalf(PRECISION, maxn=400) for value in (gold - answer, gold))
    if not all(part.is_number and part.is_finite for part in (difference, size)):
        return False
    decimal = gold.has(Float) or answer.has(Float)
    tolerance = DECIMAL_TOLERANCE if decimal else 10.0 ** -(PRECISION - 10)
    return bool(abs(difference) <= tolerance * (abs(size) or 1))


def _integrated(value: Any) -> Any:
    """Integrate what has a polynomial under the integral sign: evaluated by quadrature, such a number takes seconds."""
    from sympy import Integral

    def is_easy(part: Any) -> bool:
        if not isinstance(part, Integral):
            return False
        integrand: Any = part.function
        return integrand.is_polynomial(*part.variables)

    return value.replace(is_easy, lambda part: part.doit()) if value.has(Integral) else value


def numeric_value(text: str) -> Fraction | None:
    """Evaluate a closed real expression to 17 digits; None when it is not one."""
    read = read_expression(text) if text else None
    if read is not None and not read.variables and not read.ambiguous:
        ends = closed_value(read.tree)
        if ends is not None:
            return sum(ends) / Fraction(2)
    if not text or too_large(text):
        return None
    expression = parse_expression(text)
    try:
        if expression is None or not getattr(expression, "is_number", False):
            return None
        value = expression.evalf(17, maxn=400)
        return Fraction(str(value)) if (value.is_Float and value.is_finite) or value.is_Integer else None
    except (MemoryError, RecursionError):
        raise
    except Exception:  # noqa: BLE001 - sympy raises anything on expressions it was not made for
        return None
