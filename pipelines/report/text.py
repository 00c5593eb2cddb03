"""How numbers and texts are written in a report."""

from __future__ import annotations

SHOWN_CHARACTERS = 1_200_000
"""Longer texts lose their middle."""

# NUL and its like end or garble a page: shown as their pictures, as editors do
CONTROL_PICTURES = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n\r"} | {127: 0x2421}


def number(value: float) -> str:
    """Write a count in full.

    >>> number(1234567)
    '1,234,567'
    """
    return f"{value:,.0f}"


def short_number(value: float) -> str:
    """Write a large count in three digits.

    >>> [short_number(value) for value in (950, 1234, 45_600, 999_999, 7_890_000_000)]
    ['950', '1.23K', '45.6K', '1.00M', '7.89B']
    """
    for unit, name in ((1e9, "B"), (1e6, "M"), (1e3, "K")):
        if value >= unit * 0.9995:
            scaled = value / unit
            return f"{scaled:.{2 if scaled < 9.995 else 1 if scaled < 99.95 else 0}f}{name}"
    return f"{value:.0f}"


def tick_label(value: float) -> str:
    """Write a round number as short as it goes.

    >>> [tick_label(value) for value in (0, 0.25, 500, 2000, 1_500_000, 5_000_000, -0.5)]
    ['0', '0.25', '500', '2K', '1.5M', '5M', '-0.5']
    """
    for unit, name in ((10**9, "B"), (10**6, "M"), (10**3, "K")):
        if abs(value) >= unit:
            return f"{value / unit:g}{name}"
    return f"{value:g}"


def percent(share: float) -> str:
    """Write a share; what is neither none nor all is never rounded to it.

    >>> [percent(share) for share in (0, 0.0001, 0.123, 0.9999, 1)]
    ['0 %', '<0.1 %', '12.3 %', '>99.9 %', '100 %']
    """
    if 0 < share < 0.001:
        return "<0.1 %"
    if 0.999 < share < 1:
        return ">99.9 %"
    return f"{100 * share:.0f} %" if share in (0, 1) else f"{100 * share:.1f} %"


def shown_text(text: str, longest: int = SHOWN_CHARACTERS) -> str:
    """Give a text as it can be shown: control characters as pictures, and the middle of a very long one left out."""
    if len(text) > longest:
        half = longest // 2
        text = f"{text[:half]}\n\n[… {len(text) - 2 * half:,} characters left out …]\n\n{text[-half:]}"
    return text.translate(CONTROL_PICTURES)
