"""Compare two canonical texts, the cheapest rule that is sure first; see `math` for their order and the policies.

compare("1,2", "2,1") == Relation(True, "exact")
"""

from __future__ import annotations

import re
from collections.abc import Callable

from .canonical import same_text, squeezed, unwrapped
from .certified import closed_value, same_value
from .exact import read_number, same_number
from .latex import read_expression
from .relations import Relation, compare_formulas, compare_ranges
from .structure import Items, is_words, read_items, split, strip_name
from .symbolic import compare_symbolic, letters_of
from .units import measure, take_unit, units_differ

MAX_PAIRS = 1_000
"""Unordered collections with more pairs to compare are only compared number by number."""
MAX_SPELLINGS = 4
"""An answer may give its value in so many spellings: `\\frac{1}{2}` or `0.5`."""
_INTEGER = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.0*)?")
_BINDERS = ("\\lim", "\\int", "\\sum", "\\prod")
"""Their letters are bound: the value of `\\lim_{x\\to 0} x` has none."""
_LETTERS = re.compile(r"[A-Za-z]{2,}")
_LAST_LETTERS = re.compile(r"(?<![A-Za-z\\])[A-Za-z]+$")
_GREEK = re.compile(r"\\(?:alpha|beta|gamma|delta|epsilon|theta|lambda|mu|nu|omega|phi|rho|sigma|tau|psi|Delta|Omega)(?![A-Za-z])")
_CALL = re.compile(r" ?[A-Za-z]'*\(")
_BASED = re.compile(r"\{?(-?(?:\d|[A-F]+\d)[\dA-F]*)\}?(?:_\{?(\d+|[a-z]+)\}?)?")

_ENVIRONMENT = re.compile(r"\\(?:begin|end)\{[a-z]+\}(?:\{[lcr| ]+\})?")
_UNION = re.compile(r"\\bigcup_(?:\{[^{}]*\}|\w)(?:\^(?:\{[^{}]*\}|\w))? ?")


def compare(gold: str, answer: str) -> Relation:
    """Compare two canonical texts."""
    if same_text(gold, answer):
        return Relation(True, "same_text")
    if gold.isdigit() and answer.isdigit():
        return Relation(gold.lstrip("0") == answer.lstrip("0"), "exact")
    if ("_" in gold or "_" in answer) and (relation := _compare_bases(gold, answer)):
        return relation
    gold_value, answer_value = strip_name(gold), strip_name(answer)
    if gold_value.name and answer_value.name and gold_value.name != answer_value.name:
        return _compare_leaves(gold, answer)
    gold_plain, answer_plain = unwrapped(gold_value.text, "()"), unwrapped(answer_value.text, "()")
    if ("," in gold and _is_decimal_comma(gold_plain, answer_plain)) or ("," in answer and _is_decimal_comma(answer_plain, gold_plain)):
        return Relation(True, "exact")
    if _INTEGER.fullmatch(gold_plain) and _INTEGER.fullmatch(answer_plain):  # of any length
        return Relation(_digits(gold_plain) == _digits(answer_plain), "exact")
    gold_number, answer_number = read_number(gold_plain), read_number(answer_plain)
    if gold_number and answer_number:
        if units_differ(gold_number.unit, answer_number.unit):
            return Relation(False, "unit")
        return Relation(same_number(gold_number, answer_number), "exact")
    if (gold_value.name and "=" in answer_value.text) or (answer_value.name and "=" in gold_value.text):
        return _compare_leaves(gold, answer)  # two equations
    (gold_text, gold_unit), (answer_text, answer_unit) = take_unit(gold_value.text), take_unit(answer_value.text)
    if units_differ(gold_unit, answer_unit):
        return Relation(False, "unit")
    if (gold_unit or answer_unit) and not (is_words(gold_text) or is_words(answer_text)):
        relation = compare(gold_text, answer_text)
        if not relation.equal and {gold_unit, answer_unit} == {"°", ""} and "\\pi" in gold_text + answer_text:  # an angle in radians
            return compare_formulas(gold_value.text, answer_value.text) or relation
        return relation
    return _compare_shapes(gold_value.text, answer_value.text)


def _compare_bases(gold: str, answer: str) -> Relation | None:
    """Compare numbers of which one at least names its base; a base that only one side names is the other's, too."""
    gold_based, answer_based = _BASED.fullmatch(gold), _BASED.fullmatch(answer)
    if gold_based and answer_based and (gold_based[2] or answer_based[2]):
        bases = {gold_based[2], answer_based[2]} - {None}
        return Relation(gold_based[1] == answer_based[1] and len(bases) == 1, "base")
    for based, other in ((gold_based, answer), (answer_based, gold)):
        if based and based[2] and (read_number(other) or read_expression(other)):
            return Relation(False, "base")
    return None


def _is_decimal_comma(text: str, decimal: str) -> bool:
    """Say whether `0,25` is meant as 0.25: it is read so only where the other side is that decimal."""
    return (
        text.count(",") == 1
        and text.replace(",", ".") == decimal
        and (text[0] == "0" or not _INTEGER.fullmatch(text))
        and bool(read_number(decimal))
    )


def _compare_shapes(gold: str, answer: str) -> Relation:
    """Compare two texts without their names that are not two numbers."""
    relation = _compare_readings(gold, answer) or _compare_approximation(gold, answer) or _compare_unions(gold, answer)
    if relation:
        return relation
    relation = compare_ranges(gold, answer, compare)
    if relation:
        return relation
    gold_items, answer_items = read_items(gold), read_items(answer)
    if gold_items and answer_items:
        return _compare_items(gold_items, answer_items)
    if answer_items and answer_items.choice and not gold_items and len(answer_items.parts) <= MAX_SPELLINGS:
        relations = [compare(gold, part) for part in answer_items.parts]
        if all(relation.equal for relation in relations):  # one value in several spellings
            return relations[-1]
    for items, other in ((gold_items, answer), (answer_items, gold)):
        if items and len(items.parts) > 1 and (read_number(other) or (not is_words(other) and read_expression(other))):
            return Relation(False, "structure")
    if "=" in answer and "=" not in gold:
        return _compare_chain(gold, answer)
    return _compare_leaves(gold, answer)


def _compare_readings(gold: str, answer: str) -> Relation | None:
    r"""Compare with the sides of a gold answer that gives its value twice: `\sin 1\approx 0.84`, `[\ln e^2,3]=[2,3]`."""
    if "=" in answer or "\\approx" in answer or not ("=" in gold or "\\approx" in gold):
        return None
    exact = split(gold, ("\\approx",))
    sides = exact if len(exact) > 1 else split(gold, ("=",))
    if len(sides) < 2 or not all(map(_has_no_letters, sides)):
        return None
    found = [compare(side, answer) for side in sides]
    equal = next((relation for relation in found if relation.equal), None)
    different = [relation for relation in found if relation.equal is False]
    enough = len(sides) if len(exact) > 1 else 1  # what is not one of equal sides is none of them
    return equal or (different[0] if len(different) >= enough else found[-1])


def _compare_approximation(gold: str, answer: str) -> Relation | None:
    r"""Compare with the exact side of `\frac{400}{11} s\approx 36.4 s`; what is none of the sides is different."""
    if "\\approx" not in answer or "\\approx" in gold or "=" in gold + answer:
        return None
    exact, *rounded = (take_unit(side)[0] for side in split(answer, ("\\approx",)))
    letters = _LAST_LETTERS.search(exact)
    if letters and measure(letters[0]):  # what is about a number has no variable
        exact = exact[: letters.start()].rstrip()
    tree, decimals = read_expression(exact), [read_number(side) for side in rounded]
    value = closed_value(tree.tree) if tree and not tree.variables else None
    if not value or not decimals or not all(decimal and abs(decimal.value - value[0]) * 100 <= abs(value[0]) for decimal in decimals):
        return None
    found = [compare(gold, side) for side in (exact, *rounded)]
    return found[0] if found[0].equal or all(relation.equal is False for relation in found) else None


def _has_no_letters(side: str) -> bool:
    return bool(side) and not letters_of(_ENVIRONMENT.sub("", side)) - {"e", "i"} and not _GREEK.search(side)


def _compare_unions(gold: str, answer: str) -> Relation | None:
    """Compare unions over an index, written alike, by what is united; a value is no union."""
    if "\\bigcup" not in gold + answer:
        return None
    unions = _UNION.match(gold), _UNION.match(answer)
    if unions[0] and unions[1]:
        return compare(gold[unions[0].end() :], answer[unions[1].end() :]) if unions[0][0] == unions[1][0] else None
    other = answer if unions[0] else gold
    return Relation(False, "structure") if any(unions) and (read_number(other) or read_expression(other)) else None


def _compare_chain(gold: str, chain: str) -> Relation:
    """Compare with the last side of `17 mod 5 = 2` or `m+n=2`; `1 = 2` is not 2, and `2x = 6` need not be 6."""
    *before, last = chain.split("=")
    if any(
        len(letters_of(side)) == 1 and not side.startswith(_BINDERS) and not _CALL.match(side) and not strip_name(f"{side}={last}").name
        for side in before
    ):
        return Relation(None, "equation", "answer")
    relation = compare(gold, last.strip())
    numbers = [read_number(side.strip()) for side in before]
    end = read_number(last.strip())
    return Relation(False, "exact") if relation.equal and end and any(n and n.value != end.value for n in numbers) else relation


def _digits(integer: str) -> str:
    digits = integer.partition(".")[0].replace(",", "").replace("+", "")
    return ("-" if digits.startswith("-") else "") + digits.lstrip("-0") if digits.strip("-0") else "0"


def _compare_leaves(gold: str, answer: str) -> Relation:
    gold_words, answer_words = is_words(gold), is_words(answer)
    if _LETTERS.fullmatch(gold) and _LETTERS.fullmatch(answer) and not gold_words:
        return (
            Relation(None, "words", "answer") if sorted(gold) == sorted(answer) else Relation(False, "words")
        )  # ab and ba: words or products
    if gold_words:
        return Relation(_plain_words(gold) == _plain_words(answer), "words")
    if answer_words:
        return Relation(None, "words", "answer")
    if "=" in gold and "=" in answer:
        (*gold_heads, gold_tail), (*answer_heads, answer_tail) = split(gold, ("=",)), split(answer, ("=",))
        if gold_heads and gold_tail and answer_tail and [*map(squeezed, gold_heads)] == [*map(squeezed, answer_heads)]:
            return compare(gold_tail, answer_tail)
        if len(split(gold_tail, (",", ";"))) > 1 and gold_heads and read_expression(gold_heads[0]) and read_expression(answer_heads[0]):
            return Relation(False, "equation")  # a list of values of x, and one of -x
    relation = compare_formulas(gold, answer)
    if relation is None and _have_own_symbols(gold, answer):
        return Relation(False, "symbols")
    return relation or _undecided(gold, answer) or compare_symbolic(gold, answer)


def _undecided(gold: str, answer: str) -> Relation | None:
    """Name the side without a value of two numbers that were read: where all digits at hand could not tell, fewer must not."""
    left, right = read_expression(gold), read_expression(answer)
    if not left or not right or left.variables or right.variables or left.ambiguous or right.ambiguous:
        return None
    return Relation(None, "undecided", "answer" if same_value(left, left) else "gold")


def _have_own_symbols(gold: str, answer: str) -> bool:
    """Say whether each text has a variable that the other lacks; bound variables have no name of their own."""
    if any(binder in text for text in (gold, answer) for binder in (*_BINDERS, "|", ":")):
        return False
    gold_symbols, answer_symbols = ((letters_of(text) | set(_GREEK.findall(text))) - {"e", "i", "d"} for text in (gold, answer))
    return bool(gold_symbols - answer_symbols) and bool(answer_symbols - gold_symbols)


def _compare_items(gold: Items, answer: Items) -> Relation:
    gold, answer = _distinct(gold), _distinct(answer)
    if len(gold.parts) != len(answer.parts) or not gold.compatible(answer):
        return Relation(False, "exact")
    if gold.ordered and answer.ordered and not gold.brackets:  # two rows of tuples side by side: cycles, or a set after all
        relation = _all(compare(left, right) for left, right in zip(gold.parts, answer.parts, strict=True))
        turned = not relation.equal and _match(gold.parts, list(answer.parts), compare).equal
        return Relation(None, "structure", "answer") if turned else relation
    if gold.ordered or answer.ordered:
        return _all(compare(left, right) for left, right in zip(gold.parts, answer.parts, strict=True))
    gold_values, answer_values = [_value(part) for part in gold.parts], [_value(part) for part in answer.parts]
    if None not in gold_values and None not in answer_values and not any(value[1] for value in (*gold_values, *answer_values)):  # pyright: ignore[reportOptionalSubscript]
        return Relation(sorted(gold_values) == sorted(answer_values), "exact")  # pyright: ignore[reportArgumentType]
    if len(gold.parts) ** 2 > MAX_PAIRS:
        same = sorted(map(squeezed, gold.parts)) == sorted(map(squeezed, answer.parts))
        return Relation(True, "same_text") if same else Relation(None, "too_large", "answer")
    return _match(gold.parts, list(answer.parts), compare)


def _distinct(items: Items) -> Items:
    """Drop the repeated members of a set and of a list of tuples; a list of numbers keeps its repeated roots."""
    if items.ordered or not (items.brackets == "\\{\\}" or all(part.startswith("(") for part in items.parts)):
        return items
    return items._replace(parts=tuple({squeezed(part): part for part in items.parts}.values()))


def _value(part: str) -> tuple | None:
    number = read_number(part)
    return number and (number.value, number.unit)


def _match(gold: tuple[str, ...], left: list[str], same: Callable[[str, str], Relation]) -> Relation:
    """Pair each gold part with an answer part of its own; the relation is symmetric enough for the first match to be the one."""
    rule = "same_text"
    for part in gold:
        relations = [same(part, candidate) for candidate in left]
        match = next((place for place, relation in enumerate(relations) if relation.equal), None)
        if match is None:
            return next((relation for relation in relations if relation.equal is None), relations[0])
        rule = max(rule, relations[match].rule, key=_RULES.index)
        del left[match]
    return Relation(True, rule)


def _all(relations: object) -> Relation:
    found: list[Relation] = []
    for relation in relations:  # pyright: ignore[reportGeneralTypeIssues]
        if relation.equal is False:
            return relation
        found.append(relation)
    unknown = next((relation for relation in found if relation.equal is None), None)
    return unknown or Relation(True, max((relation.rule for relation in found), key=_RULES.index))


_RULES = [
    "same_text",
    "words",
    "exact",
    "base",
    "unit",
    "structure",
    "interval",
    "equation",
    "symbols",
    "algebra",
    "certified",
    "math_verify",
]
"""From the plainest rule to the one that reads most into a text; a collection is decided by the last that it needed."""


def _plain_words(text: str) -> str:
    return squeezed(" ".join(re.sub(r"(?<=[a-z])-(?=[a-z])", " ", text.lower()).split())).strip(" .")
