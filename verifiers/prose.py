r"""The value that a sentence states: `So she pays **\$1,200 per week** for 3 rooms.` states `\$1,200`.

Where a sentence holds several values, what is set in bold counts before what is not, then an amount of money, then a value that is
no circumstance (`in 3 days`, `the 4 friends`, `more than 2`), then the last one. Values joined by `and`, `or`, `to` or a comma
are all given, and the whole is hedged. A word for a scale is multiplied out (`2.5 million`); what other words do to a number is
not guessed: `half of 3`, `3 and a half`, `2 hours 30 minutes` state nothing that is read here.

Every scan is linear in a text that the caller has bounded.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import NamedTuple

SCALES = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
SENTENCES, VALUES = 3, 20
"""So many sentences, and values of a sentence, are looked at, counted from the end."""
UNIT_WORDS = 2
"""So many words after a number are taken for its unit."""
MAX_NUMBER = 100
"""A longer number is not multiplied out."""

_BLANK = r"[ \u00a0\u202f\u2009]"
_DIGITS = r"(?:\d{1,3}(?:(?:,|\{,\}|,\\!|\\,|[\u00a0\u202f\u2009])\d{3})++(?!\d)|\d++)"
_DISPLAY = (
    r"\\\[(?P<a>(?:(?!\\\[|\\\]).)++)\\\]|\\\((?P<b>(?:(?!\\\(|\\\)).)++)\\\)|\$\$(?P<c>[^$]++)\$\$"
    r"|(?<!\\)\$(?P<d>(?![\s\d,.]*(?:\s|$))[^$\n]*?[^\s$\\*])\$(?!\d)|(?<!\\)\$ (?P<f>(?=[\\A-Za-z(\[{])[^$\n]+?) \$"
    r"|(?P<e>\\[dt]?frac\{\d{1,9}\}\{\d{1,9}\})"
)
_ITEM = re.compile(
    rf"(?P<formula>{_DISPLAY})|(?P<bold>\*\*)|(?P<end>[.!?](?=[\s*)]|$)|[。।！？]|\n\s*\n)"
    rf"|(?P<number>(?<![\w.,/^\\])(?:(?P<minus>[-−–‑]){_BLANK}?)?(?P<money>\\?\$|[€£¥₹₱₩]){_BLANK}?(?P<amount>{_DIGITS}(?:[.,]\d++)?)"
    rf"|(?<![A-Za-z0-9_.,/^\\π√])(?P<sign>[-−–‑])?(?P<plain>{_DIGITS}(?:[.,]\d++|:\d\d)?(?:{_BLANK}\d++/\d++|/\d++)?|\.\d++)(?![-‑]\s?[A-Za-z])"
    rf"(?P<percent>{_BLANK}?\\?%)?)",
    re.DOTALL,
)
_UNIT = re.compile(rf"{_BLANK}?([A-Za-z]+(?:/[A-Za-z]+)?(?:\^?\{{?[23²³]\}}?)?)(?![&\w‑-])")
_ORDINAL = re.compile(r"(?:st|nd|rd|th)\b")
_NO_UNIT_WORDS = (
    "a about after again all altogether an and are as at away because before but by combined did during each every extra"
    " fewer for from had has have he he's if in into is it left less more of on only or out over per remaining she since so"
    " than that the their then these they those to total until was were when which while who will with within"
)
_NO_UNIT = frozenset(_NO_UNIT_WORDS.split())
_CIRCUMSTANCE = re.compile(
    r"\b(?:(?:after|among|at|before|by|during|for|from|in|of|on|over|per|than|until|within|with)(?:\s+(?:all|each|every|her|his|its|the|their|these"
    r"|those))*|all|both|each of|every|the|these|those|day|week|month|year|step|part)(?:\s+(?:about|approximately|only|just)|[\s*])*$",
    re.IGNORECASE,
)
_SPOILT = re.compile(
    r"(?:\b(?:not|never|half|twice|double|triple|thrice|times|root|plus|between|least|most|under)|n't)(?: of| as| the| be)?[\s*]*$"
    r"|\S\s*(?:[+/×÷−–-]\s*|(?<!\*)\*\s+)$|\\(?!text|math|mbox)[A-Za-z]+(?:\[\d\])?\{[^{}]*$",
    re.IGNORECASE,
)
_TOTAL = re.compile(r"\b(?:for|giving|making|which gives) an? (?:[a-z]+ )?total of[\s*]*$", re.IGNORECASE)
_PURPOSE = re.compile(r"\bto [a-z]+|\b(?:so that|because|since|if|when|while|which|leaving|compared|after|before|out of)\b", re.IGNORECASE)
"""What follows these words is why or when, once a value has been said."""
_ASIDE = re.compile(r"(?<!\\)\((?=[^()\n\\$]*[A-Za-z]{3})[^()\n\\$]*+\)")
_NEGATIVE = re.compile(r"\b(?:minus|negative)\s*$", re.IGNORECASE)
_SPOILING = re.compile(
    r"[\s*]*+(?:and a half|and one[- ]half|squared|cubed|factorial|times (?:as|more|less|larger|greater|the|that)\b|out of\b|\d)"
    r"|[\^!](?=\S)|\s*+(?:[+/×÷]|\*(?!\*))",
    re.IGNORECASE,
)
_JOINED = re.compile(r"(?:[\s*]|[A-Za-z¢°]+(?=[\s*,;]))*?\s*(?:,|;|\band\b|\bor\b|\bto\b|[-–])+(?:[\s*]|and|or)*", re.IGNORECASE)
_COMPOUND = re.compile(
    r"[\s*]*(?:hours?|hrs?|h|minutes?|mins?|m|feet|foot|ft|dollars?|pounds?|lbs?|years?|months?|weeks?|days?|meters?)?,?\s*(?:and)?[\s*]*",
    re.IGNORECASE,
)
_SMALLER = re.compile(
    rf"{_BLANK}*(?:minutes?|mins?|seconds?|secs?|inch(?:es)?|in|cents?|ounces?|oz|months?|days?|hours?|cm)\b", re.IGNORECASE
)
_TEXT = re.compile(r"\\(?:text|mathrm|textbf|mbox)\s*\{[^{}]*\}|\\[A-Za-z]+")
_NAME = re.compile(r"\s*(?:[A-Za-z](?:_\{?\w+\}?)?|\\?[A-Za-z]+)\s*")
_SCALE = re.compile(rf"{_BLANK}*({'|'.join(SCALES)})\b")
_GROUPING = re.compile(r"(?:\{,\}|,\\!|\\,|,|[\u00a0\u202f\u2009])(?=\d{3}(?![\d/]))")
_DECIMAL = re.compile(r"\d*\.?\d+")
_GLUED = re.compile(r"(?:[A-Za-z](?![A-Za-z])|π|√|\\pi|\\sqrt|\()[^\s,;:*]{0,30}")
"""What makes a product of a number: `12π`, `3x`."""
_WORD = re.compile(r"(?<![\\A-Za-z{])[A-Za-z]{3,}")

_STATES = re.compile(
    r"(?:^|\b(?:is|are|was|were|be|equals|has|have|had|gets?|got|needs?|costs?|makes?|made|earns?|earned|pays?|paid|spends?|spent|takes?|took"
    r"|saves?|saved|owns?|sold|sells?|bought|buys?|uses?|used|reads?|walks?|walked|eats?|ate|contains?|weighs?|travels?|remain)\b|[=:])"
    r"[\s*]*(?:(?:now|also|exactly|only|just|about|approximately|a total of|still)\s+){0,2}(?:\\\()?[\s*]*$",
    re.IGNORECASE,
)
"""What stands right before the one value of a sentence that says nothing but this value."""
_DOUBT = re.compile(
    r"\b(?:not|never|no|none|neither|nor|cannot|without|unless|except|if|when|where|whether|otherwise|instead|rather|either|or|but|maybe"
    r"|perhaps|possibly|probably|might|may|could|would|should|unknown|unclear|impossible|undefined|false|wrong|incorrect|guess|suppose"
    r"|assume|between|least|most|up to|than|over|under|above|below|exceeds?|half|halves|thirds?|quarters?|dozens?|twice|double|triple"
    r"|thrice|times|plus|minus|divided|multiplied|multiples?|divisible|factors?|powers?|roots?|mod|modulo|remainder|short|more|less|fewer"
    r"|[a-z]{3,}(?<=older|unger|aller|orter|onger|avier|eater|arger|igher|lower|aster|igger|rther|later|rlier|etter|wider|eeper)"
    r"|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty)\b|n't\b|\?",
    re.IGNORECASE,
)
"""What makes a sentence say something else, or more, of its value."""
_PROGRAM = re.compile(r"\w\(|(?<![A-Za-z])['\"]|['\"](?![A-Za-z])|__|\b(?:lambda|import|exec|eval|def|return|print|assert)\b")
"""What no sentence holds: a piece of a program states nothing."""
_GOES_ON = re.compile(r"\s*(?:\\(?!text|mathrm|\))[A-Za-z]|[!_+*/<>=])|.*\b(?:and|to|for|by|each|every)\b", re.IGNORECASE | re.DOTALL)


class Value(NamedTuple):
    """A value in a text, as it is written there."""

    text: str
    start: int
    end: int
    money: bool = False
    in_bold: bool = False
    hedged: bool = False


def value_in(text: str) -> Value | None:
    """Give the value that the last sentence with a value states; its text is empty when more than a number is said of it."""
    sentences: list[list[tuple[re.Match[str], bool]]] = [[]]
    in_bold = False
    for item in _ITEM.finditer(text):
        if item["bold"]:
            in_bold = not in_bold
        elif item["end"]:
            sentences.append([])
            in_bold = in_bold and item["end"][0] != "\n"
        else:
            sentences[-1].append((item, in_bold))
    asides = {place for match in _ASIDE.finditer(text) for place in range(*match.span())}
    said = [[pair for pair in items if pair[0].start() not in asides] for items in sentences]
    for items in reversed([items for items in said if items][-SENTENCES:] or [items for items in sentences if items][-SENTENCES:]):
        values = [value._replace(in_bold=bold) for item, bold in items[-VALUES:] if (value := _value(text, item))]
        if values:
            return _stated(text, values)
    return None


def plain_value(text: str) -> str | None:
    """Give the only value of a text that states it flatly: no other number, no doubt, no comparison, no condition.

    >>> plain_value("She is 3 years old."), plain_value("She is not 3 years old."), plain_value("between 3 and 4")
    ('3 years old', None, None)
    """
    values: list[Value] = []
    for item in _ITEM.finditer(text):
        if item["bold"] or item["end"] or (values and item.start() < values[-1].end):
            continue
        value = _value(text, item)
        if value is None or not value.text or values:
            return None
        glued = text.startswith(value.text, value.start)
        values.append(value._replace(end=max(value.end, value.start + len(value.text))) if glued else value)
    if not values or _DOUBT.search(text) or _PROGRAM.search(text):
        return None
    (value,) = values
    return value.text if _STATES.search(text[: value.start]) and not _GOES_ON.match(text, value.end) else None


def last_side(formula: str) -> str:
    r"""Give the last side of a chain of numbers, or of one that begins with a name: `x = 3 \times 4 = 12`; any other formula whole."""
    formula = formula.rpartition("\\\\")[2] if "\\begin" not in formula else formula
    head, sign, last = _last_equals(formula)
    if not sign:
        return formula
    first = re.split(r"=|\\approx|≈", head, maxsplit=1)[0]
    if _NAME.fullmatch(_TEXT.sub(lambda match: match[0] if "{" not in match[0] else "x", first)):
        return last if "=" in head or "approx" in head else formula
    return formula if re.search(r"[A-Za-z]", _TEXT.sub(" ", head)) or ("\\text" in first and not re.search(r"\d", head)) else last


def _last_equals(formula: str) -> tuple[str, str, str]:
    places = [(formula.rfind(sign), sign) for sign in ("=", "\\approx", "≈")]
    place, sign = max(places)
    return (formula[:place], sign, formula[place + len(sign) :]) if place >= 0 else (formula, "", "")


def _value(text: str, item: re.Match[str]) -> Value | None:
    if not item["formula"]:
        return _number(text, item)
    content = next(item[name] for name in "abcdef" if item[name] is not None)
    if (item["d"] or item["f"]) and _WORD.search(_TEXT.sub(" ", content)):
        return None  # `$5 and $` is money
    content = last_side(content.strip()).strip(" &\n")
    return Value(content, item.start(), item.end()) if re.search(r"[\dA-Za-z]", content) else None


def _number(text: str, item: re.Match[str]) -> Value:
    before, after = text[max(0, item.start() - 40) : item.start()], text[item.end() : item.end() + 60]
    value = Value("", item.start(), item.end(), bool(item["money"]))
    scale = _SCALE.match(after)
    if _SPOILT.search(before) or _SPOILING.match(after) or (scale and len(item[0]) > MAX_NUMBER):
        return value
    minus = "-" if item["minus"] or item["sign"] or _NEGATIVE.search(before) else ""
    digits = _GROUPING.sub("", item["amount"] or item["plain"])
    if scale:
        scaled = Fraction(digits) * SCALES[scale[1]] if _DECIMAL.fullmatch(digits) else None
        return value if scaled is None else value._replace(text=minus + (str(scaled) if scaled.denominator == 1 else str(float(scaled))))
    glued = None if item["money"] or item["percent"] else _GLUED.match(after)
    unit = "\\%" if item["percent"] else "" if item["money"] else glued[0] if glued else _unit(after)
    return value._replace(text=f"{minus}{digits}{unit}")


def _unit(after: str) -> str:
    words: list[str] = []
    ordinal = _ORDINAL.match(after)
    for _ in range(0 if ordinal else UNIT_WORDS):
        match = _UNIT.match(after)
        if match is None or match[1].lower() in _NO_UNIT or (words and len(match[1]) < 3):
            break
        words.append(match[1])
        after = after[match.end() :]
    return "".join(f" {word}" for word in words)


def _stated(text: str, values: list[Value]) -> Value:
    """Choose among the values of a sentence."""
    bold = [value for value in values if value.in_bold]
    values = bold if bold and len(bold) < len(values) else values
    totals = [value for value in values if _TOTAL.search(text[max(0, value.start - 40) : value.start])]
    if totals and len(values) > 1:
        return totals[-1]
    first = values[0].end
    proper = [
        value
        for value in values
        if not _CIRCUMSTANCE.search(text[max(0, value.start - 30) : value.start])
        and not (value.end > first and _PURPOSE.search(text[first : value.start][-80:]))
    ]
    values = proper or values
    money = [value for value in values if value.money]
    values = money if len({value.text for value in money}) == 1 else values
    last = values[-1]
    if len(values) == 1 or values[-2].text == last.text or not last.text:
        return last
    between = text[values[-2].end : last.start]
    if _COMPOUND.fullmatch(between) and _SMALLER.match(text, last.end):
        return last._replace(text="")
    if len(between) < 60 and _JOINED.fullmatch(between):
        return last._replace(text=f"{values[-2].text}, {last.text}" if values[-2].text else "", hedged=True)
    return last
