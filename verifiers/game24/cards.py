"""Cards: ranks, suits and what a face card counts.

A card is written as its rank and the first letter of its suit: `10S`, `AH`, `KD`, `JC`.
"""

from __future__ import annotations

from collections.abc import Iterable

from ...schemas.making import FaceRule, Suits

RANKS = ("A", "2", "3", "4", "5", "6", "7", "8", "9", "10", "J", "Q", "K")
SUITS: dict[Suits, str] = {"black": "SC", "red": "HD", "mixed": "SHDC"}
"""Letters of the suits: spades, hearts, diamonds, clubs."""
HIGHEST: dict[FaceRule, int] = {"ten": 10, "eleven_twelve_thirteen": 13}
"""The highest value of a card under each rule."""
FIRST_FACE = 11
"""From here on a rank is a face card."""

_NAMES = {"ace": "A", "jack": "J", "queen": "Q", "king": "K", "1": "A", "11": "J", "12": "Q", "13": "K", "t": "10"}
_MARKS = str.maketrans("", "", "♠♥♦♣♤♡♢♧\ufe0f ")


def value(rank: int, faces: FaceRule) -> int:
    """Give what the card of a rank, 1 to 13, counts.

    >>> value(12, "ten"), value(12, "eleven_twelve_thirteen")
    (10, 12)
    """
    return min(rank, HIGHEST[faces])


def rank_name(card: str) -> str | None:
    """Read the rank of a card as a reply may write it; None when it is no card.

    >>> rank_name("10 of spades"), rank_name("K♥"), rank_name("jack"), rank_name("QD"), rank_name("14")
    ('10', 'K', 'J', 'Q', None)
    """
    text = card.partition(" of ")[0].translate(_MARKS)
    text = _NAMES.get(text.lower(), text.upper())
    if text not in RANKS and text[-1:] in tuple("SHDC"):
        text = text[:-1]
    return text if text in RANKS else None


def same_cards(written: Iterable[str], cards: Iterable[str]) -> bool:
    """Say whether a reply names the ranks of the hand, in any order; suits are not asked for."""
    names = [rank_name(card) for card in written]
    return None not in names and sorted(map(str, names)) == sorted(str(rank_name(card)) for card in cards)
