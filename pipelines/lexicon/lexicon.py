"""Lexicon: named behaviours of reasoning, each a list of patterns with examples that the file must pass.

    [[behaviour]]
    name = "branching"
    description = "Turns to another line of thought."
    patterns = ['alternatively,']
    also = ["alternatively"]
    examples = ["Alternatively, expand the square."]
    counterexamples = ["We could alternatively expand it."]

`data/lexicon/demystify.toml` shows the whole format. A lexicon counts what one alternation of all its patterns matches,
leftmost first and without overlap: where two patterns match at one place, the one that stands first in the file wins.

Letter case is taken out of the texts (A-Z to a-z, in place), not built into the expression: `(?i)` doubles each letter into a
class, with which the engine's DFA outgrew its cache on real traces (2 times slower for `reflection`, 3 times for `demystify`).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ...schemas.record import content_hash

if TYPE_CHECKING:
    import polars as pl

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
Text = Annotated[str, Field(min_length=1)]

# ASCII classes: with Unicode word boundaries the Rust engine leaves its DFA at the first non-ASCII character of a text, which
# made the count 49 times slower (rust-lang/regex PR 768).
FLAGS = "(?-u)"
# "Not inside an ASCII word": true as well after a pattern that ends in a comma, where \b would ask for a letter to follow, and
# on both sides of a Chinese character, which is no ASCII word character: Chinese patterns need no boundary.
EDGE = r"(?:\b{start-half}|\b{end-half})"
TOKEN = re.compile(r"\\.|\[(?:\\.|[^\\\]])*\]|.", re.DOTALL)
# \p{L}, \x41, (?i) and (?P<Name> hold letters that are no text, and [A-z] is not [a-z]
_NOT_PLAIN = re.compile(r"\\[A-Za-z](?<!\\[dswDSWnrtfv])|\(\?(?!:)|\[[^\]]*[A-Z]")


class Behaviour(BaseModel):
    """One behaviour of a lexicon."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    """Name, unique within the lexicon."""
    description: Text
    """One sentence: what a match shows."""
    patterns: Annotated[list[Text], Field(min_length=1)]
    """Regular expressions of the Rust `regex` crate, without anchors; letter case makes no difference, and ' stands for ’ too."""
    also: list[Name] = []
    """Other behaviours for which each match counts too."""
    examples: Annotated[list[Text], Field(min_length=1)]
    """Texts that hold the behaviour; each pattern must match in at least one."""
    counterexamples: Annotated[list[Text], Field(min_length=1)]
    """Texts that do not hold it."""


class Lexicon(BaseModel):
    """Named behaviours and the patterns that show them."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    name: Name
    """Name, as in `Tags.behaviours`."""
    version: Annotated[int, Field(ge=1)]
    """Raised when the counts change."""
    description: Text
    """What the lexicon measures, and its source."""
    language: Text
    """Language of the texts it is for, such as `en`; one of `zh` is searched only in texts that hold a Chinese character."""
    behaviours: Annotated[list[Behaviour], Field(alias="behaviour", min_length=1)]
    """The behaviours; their order decides between patterns that match at one place."""

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        names = [behaviour.name for behaviour in self.behaviours]
        doubled = next((name for name in names if names.count(name) > 1), None)
        if doubled:
            raise ValueError(f"behaviour {doubled!r} is there twice")
        for behaviour in self.behaviours:
            strange = [name for name in behaviour.also if name not in names or name == behaviour.name]
            if strange:
                raise ValueError(f"behaviour {behaviour.name!r}: also: {strange[0]!r} is no other behaviour of this lexicon")
        return self

    def expression(self) -> str:
        """Give the one regular expression that matches all patterns in folded text, in their order, and never inside a word."""
        alternatives = "|".join(f"(?:{pattern})" for pattern in self.spellings())
        return f"{FLAGS}{EDGE}(?:{alternatives}){EDGE}"

    def patterns(self) -> list[tuple[Behaviour, str]]:
        """Give every pattern with its behaviour, in the order in which they are tried."""
        return [(behaviour, pattern) for behaviour in self.behaviours for pattern in behaviour.patterns]

    def fingerprint(self) -> str:
        """Hash what the counts depend on; descriptions and examples are left out."""
        return content_hash(self.name, self.version, self.language, [(b.name, b.patterns, b.also) for b in self.behaviours])

    def spellings(self) -> tuple[str, ...]:
        """Give every pattern as it is searched in folded text, in the order in which they are tried."""
        return tuple(spelled(pattern) for _, pattern in self.patterns())

    def counted_for(self, pattern: int) -> tuple[str, ...]:
        """Give the behaviours for which a match of a pattern counts: its own, then those it `also` counts for."""
        behaviour, _ = self.patterns()[pattern]
        return behaviour.name, *behaviour.also

    def patterns_of(self, matches: pl.Series) -> pl.Series:
        """Give the number of the pattern that matched, for each of some matched texts.

        The first pattern that matches the whole text is the one that matched in its place, because patterns hold no anchors and so
        do not see what stands around them.
        """
        import polars as pl

        whole = [
            pl.when(pl.col("match").str.contains(rf"{FLAGS}\A(?:{pattern})\z")).then(pl.lit(number, pl.Int64))
            for number, pattern in enumerate(self.spellings())
        ]
        return matches.alias("match").to_frame().select(pl.coalesce(whole)).to_series()


@lru_cache(maxsize=4096)
def spelled(pattern: str) -> str:
    """Spell a pattern as it is searched in folded text: small letters, and the curly apostrophe beside the straight one."""
    both = "".join("(?:'|’)" if token == "'" else token for token in TOKEN.findall(pattern))
    if _NOT_PLAIN.search(pattern):
        return f"(?i:{both})"
    return "".join(token if token.startswith("\\") else token.lower() for token in TOKEN.findall(both))
