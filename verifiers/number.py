r"""The verifier of kind `number`: integers, decimals, lists of them and true/false, within a tolerance (TheoremQA).

Rules: an integer gold answer must be met exactly; a decimal gold answer within `RELATIVE_TOLERANCE` or half a unit of its last
digit; lists element by element, in order; `true`/`false` also as yes/no. TheoremQA's own script allows 4 % on decimals
(TIGER-AI-Lab/TheoremQA, `number_utils`), which accepts 3.0 for pi; 1 % is the rounding its three-digit answers need.
A unit or a percent sign in the response is held against the number only when the gold answer has one too.
"""

from __future__ import annotations

from fractions import Fraction

from ..schemas.problem import Problem
from ..schemas.verdict import Outcome, Verdict
from .canonical import canonical, unwrapped
from .exact import Number, read_number
from .extraction import LOOSE, Extraction, extract, last_number
from .structure import is_words, read_items, strip_name
from .symbolic import numeric_value

RELATIVE_TOLERANCE = Fraction(1, 100)
_TRUE = frozenset({"true", "yes", "correct"})
_FALSE = frozenset({"false", "no", "incorrect"})


def verify_number(response: str, problem: Problem) -> Verdict:
    """Judge a response to a problem whose answer is a number, a list of numbers, or true or false."""
    found = extract(response)
    gold = canonical(problem.answer).lower()
    if gold in _TRUE | _FALSE:
        found = found if found.answer is not None else Extraction(_last_truth(response), "last_word")
        outcome, rule = _same_truth(gold, canonical(found.answer or ""))
    else:
        if found.answer is None or (found.found_by in LOOSE and not found.hedged and is_words(canonical(found.answer))):
            found = last_number(response)
        outcome, rule = _same_numbers(canonical(problem.answer), canonical(found.answer or ""))
    if found.answer is None:
        return Verdict(outcome="no_answer")
    if found.hedged and outcome != "correct":
        outcome, rule = "ambiguous", "hedged"
    return Verdict(outcome=outcome, answer=found.answer, found_by=found.found_by, decided_by=rule)


def _last_truth(response: str) -> str | None:
    words = response[-2000:].lower().replace("*", " ").replace(".", " ").split()
    return next((word for word in reversed(words) if word in _TRUE | _FALSE), None)


def _same_truth(gold: str, answer: str) -> tuple[Outcome, str]:
    said = {word.strip(".,;:!") in _TRUE for word in answer.lower().split() if word.strip(".,;:!") in _TRUE | _FALSE}
    if len(said) != 1:
        return "unreadable_answer" if not said else "ambiguous", "truth"
    return "correct" if said == {gold in _TRUE} else "wrong", "truth"


def _same_numbers(gold_text: str, answer_text: str) -> tuple[Outcome, str]:
    golds = [read_number(part) for part in _parts(gold_text)]
    if not golds or None in golds:
        return "unreadable_gold", "number"
    parts = _parts(answer_text)
    answers = [read_number(part) or _evaluated(part) for part in parts]
    if None in answers:
        return "unreadable_answer", "number"
    if len(golds) != len(answers):
        return "wrong", "length"
    pairs = zip(golds, answers, strict=True)
    return ("correct" if all(gold and answer and is_close(gold, answer) for gold, answer in pairs) else "wrong"), "tolerance"


def _parts(text: str) -> tuple[str, ...]:
    text = strip_name(text).text
    items = None if read_number(text) else read_items(text)
    return items.parts if items else (unwrapped(unwrapped(text, "[]"), "()"),)


def _evaluated(text: str) -> Number | None:
    r"""Read a closed expression such as `\sqrt{2}/2` or `x \approx 0.71`."""
    value = numeric_value(text.rpartition("\\approx")[2])
    return None if value is None else Number(value, decimals=17)


def is_close(gold: Number, answer: Number) -> bool:
    """Say whether an answer is within the gold number's tolerance.

    >>> is_close(Number(Fraction("0.667"), decimals=3), Number(Fraction(2, 3)))
    True
    """
    values = [answer.value] if gold.unit == answer.unit or answer.unit != "%" else [answer.value, answer.value / 100]
    if gold.decimals is None:
        return gold.value in values or (answer.decimals == 17 and abs(gold.value - answer.value) * 10**9 <= max(1, abs(gold.value)))
    allowed = max(abs(gold.value) * RELATIVE_TOLERANCE, Fraction(1, 2 * 10**gold.decimals))
    return any(abs(gold.value - value) <= allowed for value in values)
