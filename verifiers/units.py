r"""Units of measure and of money, and the nouns that stand behind an answer: what may be left out, and what contradicts.

    take_unit(r"12\pi inches per second") == (r"12\pi", "in·s^-1")          units_differ("in·s^-1", "m·s^-1") is True

A unit in the table is normal: its symbols with their powers. A noun that the table lacks (`12 apples`) is taken as it stands, and
contradicts nothing. A single letter is a unit only behind a number and a blank, or where it was set upright: `3m` is a product.
Nothing is converted: `90 cents` is not `0.90 dollars`, and `10 km/h` not `10000 m/h`.
"""

from __future__ import annotations

import re
from functools import lru_cache

from .canonical import canonical
from .memory import remembered

MAX_TAIL = 120
"""A unit is looked for in so many characters before the end of an answer."""

_TABLE = {
    "m": "m meter meters metre metres",
    "cm": "cm centimeter centimeters centimetre centimetres",
    "mm": "mm millimeter millimeters millimetre millimetres",
    "km": "km kilometer kilometers kilometre kilometres",
    "dm": "dm decimeter decimeters",
    "nm": "nm nanometer nanometers",
    "in": "in inch inches",
    "ft": "ft foot feet",
    "yd": "yd yds yard yards",
    "mi": "mi mile miles",
    "ly": "ly",
    "acre": "acre acres",
    "ha": "ha hectare hectares",
    "kg": "kg kgs kilogram kilograms",
    "g": "g gram grams",
    "mg": "mg milligram milligrams",
    "lb": "lb lbs pound pounds",
    "oz": "oz ounce ounces",
    "t": "ton tons tonne tonnes",
    "s": "s sec secs second seconds",
    "ms": "ms millisecond milliseconds",
    "min": "min mins minute minutes",
    "h": "h hr hrs hour hours",
    "day": "day days",
    "week": "week weeks",
    "month": "month months",
    "year": "yr yrs year years",
    "°C": "°C C celsius Celsius",
    "°F": "°F F fahrenheit Fahrenheit",
    "K": "K kelvin kelvins Kelvin",
    "°": "° deg degree degrees",
    "rad": "rad rads radian radians",
    "L": "L l liter liters litre litres",
    "ml": "ml mL milliliter milliliters millilitre millilitres",
    "gal": "gal gallon gallons",
    "qt": "qt quart quarts",
    "pt": "pint pints",
    "cup": "cup cups",
    "$": "dollar dollars USD",
    "¢": "cent cents",
    "€": "euro euros EUR",
    "£": "GBP",
    "₹": "Rs INR rupee rupees",
    "₱": "PHP peso pesos",
    "CNY": "CNY RMB yuan",
    "JPY": "JPY yen",
    "N": "N newton newtons",
    "J": "J joule joules",
    "kJ": "kJ kilojoule kilojoules",
    "eV": "eV",
    "W": "W watt watts",
    "kW": "kW kilowatt kilowatts",
    "kWh": "kWh",
    "V": "V volt volts",
    "A": "A amp amps ampere amperes",
    "Pa": "Pa pascal pascals",
    "kPa": "kPa",
    "atm": "atm",
    "Hz": "Hz hertz",
    "kHz": "kHz",
    "MHz": "MHz",
    "GHz": "GHz",
    "mol": "mol moles",
    "dB": "dB decibel decibels",
    "bit": "bit bits",
    "byte": "byte bytes",
    "kb": "kb kilobit kilobits",
    "Mb": "Mb megabit megabits",
    "Gb": "Gb gigabit gigabits",
    "kB": "kB KB kilobyte kilobytes",
    "MB": "MB megabyte megabytes",
    "GB": "GB gigabyte gigabytes",
    "%": "% percent",
    "am": "am AM",
    "pm": "pm PM",
}
_SYMBOLS = {spelling: symbol for symbol, spellings in _TABLE.items() for spelling in spellings.split()}
_COMPOUND = {"mph": "mi/h", "kph": "km/h", "kmh": "km/h", "kmph": "km/h", "rpm": "1/min"}
_POWERS = {"square": 2, "sq": 2, "squared": 2, "cubic": 3, "cu": 3, "cubed": 3}
_NO_NOUN = (
    "sin cos tan cot sec csc log ln exp max min gcd lcm mod and or pi sqrt if for all not is are was than by to as the"
    " hundred thousand million billion trillion half squared cubed factorial"
)
_NO_NOUNS = frozenset(_NO_NOUN.split())
"""Words behind a number that make it more than a number with a noun."""
_MONEY = {"\\$": "$", "€": "€", "£": "£", "₹": "₹", "₱": "₱"}
"""The signs that stand for one currency each: `¥` stands for two."""

_EXPONENT = r"(?:\^(?:\{-?\d\}|\d))"
_NAME = rf"(?:°[CF](?![A-Za-z])|°|%|[A-Za-z]+\.?){_EXPONENT}?"
_JOINT = r"(?: ?\\cdot ?| ?/ ?| ?\* ?| )"
UNIT = rf"(?:{_NAME}(?:{_JOINT}{_NAME})*)"
"""What may be a unit or a few nouns, in a canonical text."""
_TAIL = re.compile(rf"(?<=[\d.)}}\]|])(?P<unit> ?{UNIT})$")
_CONSTANT_TAIL = re.compile(rf"(?<=\\pi)(?P<unit> ?°| {UNIT})$")
_PART = re.compile(rf"(?P<joint>{_JOINT})?(?P<name>°[CF](?![A-Za-z])|°|%|[A-Za-z]+)\.?(?:\^\{{?(?P<power>-?\d)\}}?)?")
_OF_UNITS = re.compile(r"\\frac\{ ?([A-Za-z]+(?:\^\d)?) ?\}\{ ?([A-Za-z]+(?:\^\d)?) ?\}$")
_OVER_NUMBER = re.compile(r"(?P<head>[+-]?\\frac\{)(?P<above>.+)(?P<below>\}\{\d+\})$")
_DEGREES_OVER = re.compile(r"(?P<above>[+-]?\d+(?:\.\d+)?)°(?P<below>/\d+)$")
_BEFORE = re.compile(r"(?P<unit>Rs|INR|USD|EUR|GBP|PHP|CNY|RMB|JPY)\.? ?(?P<body>[\d.].*)$", re.DOTALL)
_ANGLE_TAKEN = re.compile(r"\\?(?:sin|cos|tan|cot|sec|csc)(?![A-Za-z])")
_OTHER_THAN_NUMBERS = re.compile(r"[A-Za-z^_]")
_UPRIGHT = re.compile(
    r"(?:(?:[\s~]|\\[,;: ]|\\cdot(?![A-Za-z])|/|\^\s*(?:\\circ|\{\s*\\circ\s*\}))*\\(?:text|mathrm|textrm|mbox|operatorname)\s*\{[^{}]*\}"
    r"(?:\s*\^\s*(?:\d|\{\s*-?\d\s*\}))?)+[\s$.]*$"
)
_SIGNED_MONEY = re.compile(r"[\s${]*(?:\\text\s*\{\s*)?(\\\$|[€£₹₱])\s*[\d.]")


@lru_cache(maxsize=4_096)
def measure(unit: str) -> tuple[tuple[str, int], ...] | None:
    """Read a unit of the table: its symbols with their powers; None when a word is no unit.

    >>> measure("miles per hour") == measure("mph") == (("h", -1), ("mi", 1)), measure("apples")
    (True, None)
    """
    powers: dict[str, int] = {}
    place, sign, factor = 0, 1, 1
    while place < len(unit):
        part = _PART.match(unit, place)
        if part is None or (place and not part["joint"] and part["name"][0] not in "°%"):
            return None
        place, name = part.end(), part["name"]
        sign = -1 if "/" in (part["joint"] or "") or name == "per" else sign  # `J/kg K` is J/(kg·K)
        if name == "per":
            continue
        if name in _POWERS and factor == 1:
            last = next(reversed(powers), None)
            if name in ("squared", "cubed") and last is not None:
                powers[last] *= _POWERS[name]
            else:
                factor = _POWERS[name]
            continue
        for symbol, power in _symbols(name):
            powers[symbol] = powers.get(symbol, 0) + sign * power * factor * int(part["power"] or 1)
        if not _symbols(name):
            return None
        factor = 1
    if "°" in powers and {"°C", "°F"} & set(powers):  # degrees Celsius
        del powers["°"]
    return tuple(sorted(powers.items())) if powers and factor == 1 else None


def _symbols(name: str) -> list[tuple[str, int]]:
    if name in _COMPOUND:
        above, below = _COMPOUND[name].split("/")
        return [(above, 1), (below, -1)] if above != "1" else [(below, -1)]
    symbol = _SYMBOLS.get(name) or _SYMBOLS.get(name.lower() if len(name) > 3 else name)
    return [(symbol, 1)] if symbol else []


@lru_cache(maxsize=4_096)
def normal_unit(text: str) -> str | None:
    r"""Bring what stands directly behind a number to one spelling; None when the letters are more likely variables or a function.

    >>> normal_unit(" meters"), normal_unit("m"), normal_unit(" red apples"), normal_unit("xyz")
    ('m', None, 'red apples', None)
    """
    unit = text.replace("\\%", "%").strip()
    if not unit:
        return ""
    words = re.findall(r"[A-Za-z]+", unit)
    spaced, known = text[0] == " ", measure(unit)
    if known:
        glued_letter = not spaced and unit[0] not in "°%" and len(words[0]) == 1
        return None if glued_letter else _written(known)  # 3t, 5m and 2xyz are products
    if not spaced or any(len(word) < 3 or word in _NO_NOUNS for word in words):
        return None
    return unit


def _written(powers: tuple[tuple[str, int], ...]) -> str:
    ordered = sorted(powers, key=lambda item: -item[1])
    return "·".join(symbol if power == 1 else f"{symbol}^{power}" for symbol, power in ordered)


def units_differ(one: str, other: str) -> bool:
    """Say whether two normal units are both in the table and not the same."""
    return one != other and _is_normal(one) and _is_normal(other)


def _is_normal(unit: str) -> bool:
    return bool(unit) and all(part.partition("^")[0] in _TABLE for part in unit.split("·"))


@remembered
def take_unit(text: str) -> tuple[str, str]:
    r"""Split a canonical formula from the unit or the noun behind it, a currency's code before it, or the unit of a numerator.

    >>> take_unit(r"2\sqrt{3}cm"), take_unit("2ab"), take_unit(r"\frac{270°}{7}")
    (('2\\sqrt{3}', 'cm'), ('2ab', ''), ('\\frac{270}{7}', '°'))
    """
    before = _BEFORE.match(text)
    if before:
        return before["body"], _written(measure(before["unit"]) or ())
    tail = text[-MAX_TAIL:]
    quotient = _OF_UNITS.search(tail) if "\\frac" in tail else None
    if quotient and measure(f"{quotient[1]}/{quotient[2]}"):
        tail = f"{tail[: quotient.start()].rstrip()} {quotient[1]}/{quotient[2]}"
    place = len(text) - len(text[-MAX_TAIL:])
    match = _TAIL.search(tail) or ("\\pi" in tail and _CONSTANT_TAIL.search(tail))
    if match:
        unit = _unit_behind(text[:place] + tail[: match.start("unit")], match["unit"])
        return (text[:place] + tail[: match.start("unit")].strip(), unit) if unit else (text, "")
    return _from_numerator(text)


def _unit_behind(body: str, text: str) -> str:
    r"""Give the normal unit behind a formula, which may glue it: `2\sqrt{3}cm`; empty when it may be anything else."""
    unit = text.strip()
    words = re.findall(r"[A-Za-z]+", unit)
    known = measure(unit)
    if known:
        if known == (("°", 1),) and _ANGLE_TAKEN.search(body):  # the sine of 30°
            return ""
        behind_number = text[0] == " " and body[-1:].isdigit() and not _OTHER_THAN_NUMBERS.search(body)
        return _written(known) if unit[0] in "°%" or len(words[0]) > 1 or behind_number else ""
    nouns = all(len(word) > 4 or _symbols(word) or word in _POWERS or word == "per" for word in words)
    single = any(len(word) == 1 for word in words)
    return unit if nouns and not single and not any(word in _NO_NOUNS for word in words) else ""


def _from_numerator(text: str) -> tuple[str, str]:
    r"""Take the unit out of a numerator, where the whole text is one fraction over a number: `\frac{3 cm}{4}`."""
    degrees = _DEGREES_OVER.match(text)
    if degrees:
        return degrees["above"] + degrees["below"], "°"
    match = _OVER_NUMBER.match(text)
    if match is None or "}{" in match["above"] or match["above"].count("{") != match["above"].count("}"):
        return text, ""
    above, unit = take_unit(match["above"])
    return (match["head"] + above + match["below"], unit) if unit and _is_normal(unit) else (text, "")


def take_upright_unit(text: str) -> tuple[str, str]:
    r"""Split an answer, as it was written, from a unit of the table that is set upright: `3\sqrt2\text{ m}`.

    >>> take_upright_unit(r"3\sqrt{2}\ \mathrm{m}^2"), take_upright_unit(r"3\sqrt{2}m")
    (('3\\sqrt{2}', 'm^2'), ('3\\sqrt{2}m', ''))
    """
    tail = text[-MAX_TAIL:]
    if "\\text" not in tail and "\\m" not in tail and "\\operatorname" not in tail:
        return text, ""
    match = _UPRIGHT.search(tail)
    known = measure(canonical(match[0])) if match else None
    body = text[: len(text) - len(tail) + match.start()].strip() if match else ""
    return (body, _written(known)) if known and body and body.count("{") == body.count("}") else (text, "")


def money_of(text: str) -> str:
    r"""Give the currency whose sign stands before an answer, as it was written; empty when there is none.

    >>> money_of(r"\$5"), money_of("$5$")
    ('$', '')
    """
    match = _SIGNED_MONEY.match(text) if "\\$" in text or not text.isascii() else None
    return _MONEY[match[1]] if match else ""
