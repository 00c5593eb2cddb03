"""Hands of the game of 24 as problems: only solvable ones, all different, each with one solution as its gold answer.

`meta` holds what the hand is: `{"cards": ["3S", "8H", "KD", "AC"], "numbers": [3, 8, 10, 1], "target": 24, "faces": "ten",
"solutions": 2, "vision": false}`, with an image also `image` and `layout`.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from functools import lru_cache
from itertools import combinations_with_replacement
from math import factorial, perm
from typing import TYPE_CHECKING, Any, NamedTuple

from ...schemas.errors import CotkitError
from ...schemas.making import Game24Config
from ...schemas.problem import Problem, problem_id
from ...schemas.record import content_hash
from ...verifiers.game24.cards import FIRST_FACE, HIGHEST, RANKS, SUITS, value
from ...verifiers.game24.solver import solved_hands
from .prompts import is_in_part, words_of

if TYPE_CHECKING:
    import polars as pl

LAYOUTS = ("row", "grid", "scattered")
SOURCE = "cotkit:game24"


class Rules(NamedTuple):
    """Which hands may be drawn: those whose sorted values have an entry in `solutions`."""

    solutions: dict[tuple[int, ...], tuple[str, ...]]
    values: tuple[int, ...]
    """What each rank counts; the first is that of the ace."""
    needs_face: bool


def make_game24(config: Game24Config) -> pl.DataFrame:
    """Make a problem set; raises CotkitError when there are fewer different hands than asked for."""
    import polars as pl

    rules = rules_of(config)
    _check_enough(config, rules)
    words, dice = words_of("game24"), random.Random(f"game24 {config.seed}")
    rows, drawn = [], set[Any]()
    while len(rows) < config.n:
        cards, numbers = draw_hand(config, rules, dice)
        layout = (dice.choice(LAYOUTS) if config.layout == "any" else config.layout) if config.vision else None
        key = (cards, layout) if config.vision else tuple(card >> 2 for card in cards)
        if key not in drawn:
            drawn.add(key)
            rows.append(_row(config, words, rules, _Hand(cards, numbers, layout)))
    columns = list(zip(*rows, strict=True))
    fixed = {"kind": "game24", "source": SOURCE, "subject": config.faces, "level": None}
    schema = Problem.polars_schema()
    made = pl.DataFrame(dict(zip(("problem_id", "prompt", "answer", "meta"), columns, strict=True)), schema_overrides={"meta": pl.String})
    made = made.with_columns(**{name: pl.lit(text, pl.String) for name, text in fixed.items()}, options=pl.lit([], schema["options"]))
    return made.select(*schema).cast(dict(schema))  # type: ignore[arg-type]


def rules_of(config: Game24Config) -> Rules:
    """Find the hands that a setting allows."""
    highest = HIGHEST[config.faces]
    needs_face = config.faces != "ten"
    allowed = {
        hand: found
        for hand, found in solved_hands(highest, config.cards, config.target).items()
        if is_in_part(f"{config.faces} {config.target} {hand}", config.split, config.test_share)
    }
    return Rules(allowed, tuple(value(rank, config.faces) for rank in range(1, 14)), needs_face)


def draw_hand(config: Game24Config, rules: Rules, dice: random.Random) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Draw cards, 4 times the rank from 0 plus the suit's place, until they are a hand that the rules allow; and what they count."""
    suits = [place for place, suit in enumerate(SUITS["mixed"]) if suit in SUITS[config.suits]]
    deck = _deck(tuple(suits))
    random_place, size = dice.random, len(deck)
    while True:
        if config.with_replacement:
            cards = [deck[int(random_place() * size)] for _ in range(config.cards)]
            if rules.needs_face:  # as the study draws: one card of the hand is a face card, wherever it lies
                cards[int(random_place() * config.cards)] = dice.choice(deck[-3 * len(suits) :])
        else:
            cards = [deck[int(random_place() * size)] for _ in range(config.cards)]
            if len(set(cards)) < config.cards:
                continue
        numbers = tuple(rules.values[card >> 2] for card in cards)
        if tuple(sorted(numbers)) in rules.solutions and not (rules.needs_face and max(cards) >> 2 < FIRST_FACE - 1):
            return tuple(cards), numbers


class _Hand(NamedTuple):
    cards: tuple[int, ...]
    numbers: tuple[int, ...]
    layout: str | None


def _row(config: Game24Config, words: dict[str, Any], rules: Rules, hand: _Hand) -> tuple[str, str, str, str]:
    """Give problem_id, prompt, answer and meta of a hand."""
    found = rules.solutions[tuple(sorted(hand.numbers))]
    names = [NAMES[card] for card in hand.cards]
    about: dict[str, Any] = {"cards": names, "numbers": hand.numbers, "target": config.target, "faces": config.faces}
    about |= {"solutions": len(found), "vision": config.vision}
    if config.vision:
        image = f"images/{content_hash('cards', names, hand.layout)}.png"
        about |= {"image": image, "layout": hand.layout}
        shown = words["input_image"].format(image=image)
    else:
        shown = words["input_text"].format(hand=", ".join([RANKS[card >> 2] for card in hand.cards]))
    before, after = _around(config.faces, config.target, config.cards, config.vision)
    prompt, answer = f"{before}\n\n{shown}\n\n{after}", f"{found[0]}={config.target}"
    return problem_id("game24", prompt, answer), prompt, answer, json.dumps(about, separators=(",", ":"))


@lru_cache(maxsize=16)
def _around(faces: str, target: int, cards: int, vision: bool) -> tuple[str, str]:
    """Give the sections before and after the input."""
    words = words_of("game24")
    shown = words["shown"]["image" if vision else "text"]
    task = words["task"].format(target=target, cards=cards, shown=shown, faces=words["faces"][faces])
    names = ", ".join(f'"card {place}"' for place in range(1, cards + 1))
    numbers = ", ".join(f'"number {place}"' for place in range(1, cards + 1))
    return task, words["output"].format(target=target, names=names, numbers=numbers)


def _check_enough(config: Game24Config, rules: Rules) -> None:
    there = count_hands(config, rules)
    if config.n > there:
        hint = f"lower --n to {there}" if there else "choose another target, more cards or another split"
        raise CotkitError(f"{config.n} hands are asked for, and {there} different ones have a solution", hint)


def count_hands(config: Game24Config, rules: Rules) -> int:
    """Count the different hands that can be drawn: orders count, suits and layouts where they are shown."""
    copies = len(SUITS[config.suits])
    layouts = len(LAYOUTS) if config.layout == "any" else 1
    count = 0
    for ranks in combinations_with_replacement(range(13), config.cards):
        numbers = tuple(sorted(rules.values[rank] for rank in ranks))
        if numbers not in rules.solutions or (rules.needs_face and max(ranks) < FIRST_FACE - 1):
            continue
        orders, ways = factorial(config.cards), 1
        for times in Counter(ranks).values():
            orders //= factorial(times)
            ways *= copies**times if config.with_replacement else perm(copies, times)
        count += orders * (ways * layouts if config.vision else min(ways, 1))
    return count


NAMES = tuple(f"{rank}{suit}" for rank in RANKS for suit in SUITS["mixed"])
"""The 52 cards in the order of their numbers."""


@lru_cache(maxsize=4)
def _deck(suits: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(4 * rank + suit for rank in range(13) for suit in suits)
