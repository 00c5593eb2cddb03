r"""One spelling for a question: the forms that copies of the same problem differ in are written in one way.

Case, Unicode forms (NFKC), spaces of LaTeX, `\left` and `\right`, font and size commands, `\dfrac` and `\frac12`, `\cdot` and `×`,
`\leq` and `≤`, `^\circ` and degrees. What is not touched here but separates words (`$`, braces, brackets, punctuation) vanishes in
`words_of`. Signs and numbers stay: `x + 1` is not `x - 1`. It is a key for comparing, not a text to read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

WITHOUT_MEANING = (
    "left|right|middle|displaystyle|textstyle|scriptstyle|limits|nolimits|mathrm|mathbf|mathit|mathsf|mathop|boldsymbol|bm|bf|"
    "rm|it|text|textrm|textbf|textit|textnormal|emph|underline|mbox|hbox|operatorname|big|Big|bigg|Bigg|bigl|bigr|Bigl|Bigr|"
    "biggl|biggr|quad|qquad|ldots|dots|cdots|dotsc|dotsb|dotsm|hfill|noindent|par|newline"
)
SPELLINGS: dict[str, tuple[str, ...]] = {
    "*": ("cdot", "times", "ast"),
    "/": ("div",),
    "<=": ("leq", "le", "leqslant"),
    ">=": ("geq", "ge", "geqslant"),
    "≠": ("neq", "ne"),
    "±": ("pm",),
    "∞": ("infty",),
    "|": ("lvert", "rvert", "vert", "mid"),
    "<": ("lt",),
    ">": ("gt",),
    " pi ": ("pi",),
    " frac ": ("dfrac", "tfrac", "cfrac", "frac"),
}
CHARACTERS = {
    **{character: f"^{digit}" for digit, character in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
    **dict.fromkeys("×·⋅∙∗", "*"),
    **dict.fromkeys("÷⁄∕", "/"),
    "−": "-",
    "≤": "<=",
    "≥": ">=",
    "°": " degrees ",
    "π": " pi ",
}
DEGREES = r"(?-u)\^\s*\{?\s*\\circ\s*\}?|\\circ\b"
FRACTION = r"\\[dtc]?frac\s*(?:\{\s*([0-9A-Za-z]+)\s*\}|([0-9]))\s*(?:\{\s*([0-9A-Za-z]+)\s*\}|([0-9]))"
"""A fraction of two single words; in others the slash would hide what belongs to the numerator."""


def canonical(texts: pl.Series) -> pl.Series:
    r"""Write texts in one spelling; nulls become empty.

    >>> import polars as pl
    >>> canonical(pl.Series([r"$\dfrac{1}{2}\cdot\left(x\right)$", "½ × (X)"])).str.replace_all(r"[ $()]", "").to_list()
    ['1/2*x', '1/2*x']
    """
    import polars as pl

    text = pl.col("text").fill_null("").str.replace_all(DEGREES, " degrees ").str.replace_all(FRACTION, " ${1}${2}/${3}${4} ")
    text = text.str.replace_all(rf"(?-u)\\(?:{WITHOUT_MEANING})\b|\\[,;:!> ]", " ")
    # literals, the longest first: a command that begins like one of them, \pmod or \neg, changes alike in every copy
    known = {f"\\{command}": one for one, commands in SPELLINGS.items() for command in commands} | CHARACTERS
    longest = sorted(known, key=len, reverse=True)
    text = text.str.replace_many(longest, [known[one] for one in longest], leftmost=True)
    # self-contained, self contained: a hyphen between words is no minus
    text = text.str.replace_all(r"(?-u)([A-Za-z]{2})-([A-Za-z]{2})", "${1} ${2}")
    # the dear step, for the few texts that need it; it writes ½ as 1⁄2, with a slash of its own
    beyond_ascii = pl.when(pl.col("text").str.len_bytes() != pl.col("text").str.len_chars()).then("text")
    normal = beyond_ascii.str.normalize("NFKC").str.replace_all("⁄", "/", literal=True)
    spelled = texts.rename("text").to_frame().select(text)
    return spelled.select(pl.coalesce(normal, "text").str.to_lowercase()).to_series()
