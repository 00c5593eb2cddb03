r"""Cut a LaTeX answer into tokens: numbers, commands, letters, operators; names of functions count as commands.

tokens_of("2sin(x)") == ["2", "\\sin", "(", "x", ")"]
"""

from __future__ import annotations

import re

MAX_WORD = 3
"""Longer runs of letters are words, not products."""


class Unread(Exception):
    """The text is not surely an expression."""


_TOKEN = re.compile(r"\s*(?:(?P<num>\d+(?:\.\d*)?|\.\d+)|(?P<cmd>\\[A-Za-z]+|\\[{}|])|(?P<word>[A-Za-z]+)|(?P<op>[-+*/^!|(){}\[\]_'°]))")
_GREEK_NAMES = (
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi rho sigma tau upsilon phi varphi chi"
    " psi omega Gamma Delta Theta Lambda Xi Sigma Upsilon Phi Psi Omega ell hbar"
)
GREEK = frozenset(_GREEK_NAMES.split())
TRIGONOMETRIC = ("sin", "cos", "tan", "cot", "sec", "csc")
FUNCTIONS = frozenset(
    (*TRIGONOMETRIC, *("arc" + name for name in TRIGONOMETRIC), "sinh", "cosh", "tanh", "coth", "ln", "log", "lg", "exp", "sqrt", "abs")
)
_WORDS = "gcd lcm max min mod bmod det dim Re Im arg lim sup inf deg ker sgn or and if for is of to in no yes"
_NO_PRODUCT = frozenset(_WORDS.split())


def tokens_of(text: str) -> list[str]:
    """Cut a canonical text into tokens; raises Unread where it has something else, or words."""
    tokens: list[str] = []
    place, end = 0, len(text.rstrip())
    digits_end = -1
    while place < end:
        match = _TOKEN.match(text, place)
        if match is None:
            raise Unread
        token = match[match.lastgroup or 0]
        if match.lastgroup == "num":
            if digits_end == place:  # 2 3
                raise Unread
            digits_end = -1 if tokens[-1:] in (["_"], ["^"]) else match.end()
        if match.lastgroup == "word" and token not in FUNCTIONS and token != "pi":
            tokens.extend(_letters(token))
        else:
            tokens.append("\\" + token if match.lastgroup == "word" else token)
        place = match.end()
    return tokens


def _letters(word: str) -> list[str]:
    """Take a short word for a product of its letters; a function may end it, as in `xsin`, and is then not read."""
    if word in _NO_PRODUCT or len(word) > MAX_WORD:
        raise Unread
    return list(word)
