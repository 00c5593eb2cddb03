r"""The verifier of kind `game24`: a formula of the numbers on the cards, each used once, that makes the target.

The gold answer is one solution, `8/(3-8/3)=24`; its numbers are the hand and its value is the target, so that nothing else is
needed to judge a reply, and it verifies itself. Any other solution is as good. What is wrong with a reply stands in `decided_by`:

    solved           correct            the formula makes the target from every number once
    wrong_value      wrong              the numbers are right, the value is not, or the equation states another one
    wrong_numbers    wrong              a number that is on no card, one that is used too often or not at all
    illegal_formula  wrong              no formula of the game: see `formulas`; division by zero too
    no_formula       no_answer

A hedged answer is `ambiguous`. With images, `meta` has `vision` and the `cards`; a reply that names other cards gets
`; wrong_cards` added: it is judged by its formula all the same.
"""

from __future__ import annotations

import json
from collections import Counter
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from ...schemas.problem import Problem
from ...schemas.verdict import Outcome
from ..finding import Finding
from .cards import same_cards
from .formulas import Illegal, Rational, read_formula
from .replies import Reply, read_reply, sides

Fault = Literal["solved", "wrong_value", "wrong_numbers", "illegal_formula", "no_formula"]
OUTCOMES: dict[Fault, Outcome] = {
    "solved": "correct",
    "wrong_value": "wrong",
    "wrong_numbers": "wrong",
    "illegal_formula": "wrong",
    "no_formula": "no_answer",
}
REWARDS: dict[Fault, float] = {"solved": 5.0, "wrong_value": -1.0, "wrong_numbers": -2.0, "illegal_formula": -3.0, "no_formula": -3.0}
"""Source: arXiv 2501.17161, appendix A.3. One kind of fault per reply, the gravest; the published code adds them up."""
WRONG_CARDS = -1.5
"""Added for a hand that was misread from its image; the published code gives it alone and leaves the formula unread."""


class Hand(NamedTuple):
    """What a gold answer says of the game."""

    numbers: Counter[int]
    target: Rational


class Assessment(NamedTuple):
    """All that can be said of a reply."""

    fault: Fault
    reply: Reply
    reads_cards: bool = True
    """False when the hand is shown as an image and the reply names other cards."""
    detail: str = ""
    """Why the formula is illegal, in words for the player."""
    foreign: tuple[int, ...] = ()
    """Numbers that are on no card."""
    overused: tuple[int, ...] = ()
    unused: tuple[int, ...] = ()


def verify_game24(response: str, problem: Problem) -> Finding:
    """Judge a reply."""
    hand = _hand(problem.answer)
    if hand is None:
        return Finding(outcome="unreadable_gold", decided_by="formula")
    found = assess(response, problem, hand)
    outcome: Outcome = "ambiguous" if found.reply.is_hedged else OUTCOMES[found.fault]
    decided_by = found.fault if found.reads_cards else f"{found.fault}; wrong_cards"
    return Finding(outcome, found.reply.formula, found.reply.found_by, decided_by)


def reward_game24(response: str, problem: Problem) -> float:
    """Give the study's reward of a reply; 0 when the gold answer cannot be read."""
    hand = _hand(problem.answer)
    if hand is None:
        return 0.0
    found = assess(response, problem, hand)
    fault = "illegal_formula" if found.reply.is_hedged else found.fault  # several answers are no formula
    return REWARDS[fault] + (0.0 if found.reads_cards else WRONG_CARDS)


def feedback_game24(response: str, problem: Problem) -> str:
    """Name the fault of a reply for the next try; empty when there is none. No part of a solution is told."""
    hand = _hand(problem.answer)
    if hand is None:
        return ""
    found = assess(response, problem, hand)
    if found.fault == "solved" and found.reads_cards and not found.reply.is_hedged:
        return ""
    faults = [] if found.reads_cards else ["the cards are not read correctly"]
    faults += _faults(found, hand, _about(problem.meta).get("vision") is True)
    return f"Your last answer is not correct: {'; '.join(faults)}. Try again and answer in the same form."


def assess(response: str, problem: Problem, hand: Hand) -> Assessment:
    """Find what is right and wrong in a reply."""
    reply = read_reply(response)
    about = _about(problem.meta)
    reads_cards = about.get("vision") is not True or (reply.cards is not None and same_cards(reply.cards, about.get("cards", ())))
    if reply.formula is None:
        return Assessment("no_formula", reply, reads_cards)
    text, stated = sides(reply.formula)
    try:
        formula = read_formula(text.strip().rstrip(".,;"))
    except Illegal as fault:
        return Assessment("illegal_formula", reply, reads_cards, str(fault))
    used = Counter(formula.numbers)
    if used != hand.numbers:
        foreign = tuple(sorted(number for number in used if number not in hand.numbers))
        overused = tuple(sorted(number for number in used if 0 < hand.numbers[number] < used[number]))
        unused = tuple(sorted((hand.numbers - used).elements()))
        return Assessment("wrong_numbers", reply, reads_cards, "", foreign, overused, unused)
    makes_target = _equal(formula.value, hand.target) and (stated is None or _equal((int(stated), 1), hand.target))
    return Assessment("solved" if makes_target else "wrong_value", reply, reads_cards)


def _faults(found: Assessment, hand: Hand, has_image: bool) -> list[str]:
    if found.reply.is_hedged:
        return ["several answers are given"]
    if found.fault == "no_formula":
        return ["it has no formula"]
    if found.fault == "illegal_formula":
        return [f"the formula is illegal, {found.detail}"]
    if found.fault == "wrong_value":
        return [f"the formula does not equal {_shown(hand.target)}"]
    faults = []
    if found.foreign:
        faults.append(f"numbers that are on no card: {_listed(found.foreign)}")
    if found.overused:
        faults.append(f"numbers that are used too often: {_listed(found.overused)}")
    if found.unused:  # of an image, the numbers are what is to be read
        faults.append("a card is not used" if has_image else f"numbers that are not used: {_listed(found.unused)}")
    return faults


def _listed(numbers: tuple[int, ...]) -> str:
    return ", ".join(map(str, numbers))


def _shown(target: Rational) -> str:
    num, den = target
    return str(num // den) if num % den == 0 else f"{num}/{den}"


def _equal(left: Rational, right: Rational) -> bool:
    return left[0] * right[1] == right[0] * left[1]


@lru_cache(maxsize=4096)
def _hand(gold: str) -> Hand | None:
    """Read a gold answer; None when it is no solution."""
    text, stated = sides(gold)
    try:
        formula = read_formula(text)
    except Illegal:
        return None
    if stated is not None and not _equal(formula.value, (int(stated), 1)):
        return None
    return Hand(Counter(formula.numbers), formula.value) if len(formula.numbers) > 1 else None


@lru_cache(maxsize=4096)
def _about(meta: str) -> dict[str, Any]:
    try:
        about = json.loads(meta)
    except ValueError:
        return {}
    return about if isinstance(about, dict) else {}
