"""What a reply states: its action, and what it says it sees."""

from __future__ import annotations

import re
from typing import NamedTuple

from ..extraction import TAIL, statement
from ..json_fields import text_field
from .directions import COMPASS, TURNS
from .routes import FORWARD, STOP

ACTIONS = (FORWARD, STOP, *(f"turn_direction({word})" for word in (*COMPASS, *TURNS)))
"""Every action of both spaces."""

_WORDS = "|".join(sorted((word.replace(" ", r"[\s_-]+") for word in (*COMPASS, *TURNS)), key=len, reverse=True))
_ACTION = re.compile(
    rf"(?<![a-z_])(?:turn[\s\\]*_?direction\s?[(:]\s?[\"'“”]?({_WORDS})\b[\"'“”]?\s?\)?|(forward|stop)\s?\(\s?\))", re.IGNORECASE
)
_BARE = re.compile(rf"(?:go\s|move\s|turn\s)?({_WORDS}|forward|stop)", re.IGNORECASE)


class Reply(NamedTuple):
    """The action in its own spelling, None when there is none; how it was found; what it says it sees, None when it says nothing."""

    action: str | None
    text: str | None
    found_by: str | None
    is_hedged: bool
    observation: str | None


def read_reply(response: str) -> Reply:
    """Read the JSON field `action`, else the answer that the reply states, else the last action that it names.

    >>> read_reply('{"current observation": "No landmark in sight", "action": "Turn_Direction( slightly  left )"}').action
    'turn_direction(slightly left)'
    >>> read_reply("I see the bakery, so I go on: forward()").action
    'forward()'
    """
    seen = text_field(response, "current observation") or text_field(response, "current_observation")
    text = text_field(response, "action")
    if text is not None:
        actions = named_actions(text)
        return Reply(actions[-1] if actions else None, text, "json", len(set(actions)) > 1, seen)
    found = statement(response)
    actions = named_actions(found.answer) if found.answer else []
    if actions:
        hedged = found.hedged or len(set(actions)) > 1
        return Reply(actions[-1], found.answer, found.found_by, hedged, seen)
    last = [_spelled(match) for match in _ACTION.finditer(response[-TAIL:])]
    if last:
        return Reply(last[-1], last[-1], "last_action", False, seen)
    return Reply(None, found.answer, found.found_by, found.hedged, seen)


def named_actions(text: str) -> list[str]:
    """Give the actions that a short text names; a bare `left` or `go forward` is one when it is the whole text.

    >>> named_actions("turn_direction(north)"), named_actions("Turn left."), named_actions("the left door")
    (['turn_direction(north)'], ['turn_direction(left)'], [])
    """
    found = [_spelled(match) for match in _ACTION.finditer(text[:TAIL])]
    bare = None if found else _BARE.fullmatch(text.strip(" .\"'`$()"))
    return [_action(bare[1])] if bare else found


def _spelled(match: re.Match[str]) -> str:
    return _action(match[1] or match[2])


def _action(word: str) -> str:
    word = " ".join(word.lower().replace("_", " ").replace("-", " ").split())
    return f"{word}()" if word in ("forward", "stop") else f"turn_direction({word})"
