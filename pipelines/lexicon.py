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
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ..data import data_file
from ..schemas.errors import CotkitError, unknown_name
from ..schemas.record import content_hash

if TYPE_CHECKING:
    import polars as pl

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
Text = Annotated[str, Field(min_length=1)]

# ASCII case folding and ASCII classes: with Unicode word boundaries the Rust engine leaves its DFA at the first non-ASCII
# character of a text, which made the count 49 times slower (rust-lang/regex PR 768).
_FLAGS = "(?i-u)"
# "Not inside a word": true as well after a pattern that ends in a comma, where \b would ask for a letter to follow.
_EDGE = r"(?:\b{start-half}|\b{end-half})"
_TOKEN = re.compile(r"\\.|\[(?:\\.|[^\\\]])*\]|.", re.DOTALL)
_ASSERTIONS = {"^", "$", r"\b", r"\B", r"\A", r"\z", r"\<", r"\>"}


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
    """Language of the texts it is for, such as `en`."""
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
        """Give the one regular expression that matches all patterns, in their order, and never starts or ends inside a word."""
        alternatives = "|".join(f"(?:{_spelled(pattern)})" for _, pattern in self.patterns())
        return f"{_FLAGS}{_EDGE}(?:{alternatives}){_EDGE}"

    def patterns(self) -> list[tuple[Behaviour, str]]:
        """Give every pattern with its behaviour, in the order in which they are tried."""
        return [(behaviour, pattern) for behaviour in self.behaviours for pattern in behaviour.patterns]

    def fingerprint(self) -> str:
        """Hash what the counts depend on; descriptions and examples are left out."""
        return content_hash(self.name, self.version, [(b.name, b.patterns, b.also) for b in self.behaviours])

    def attribute(self, matches: pl.Series) -> pl.DataFrame:
        """Give, for each distinct matched text, the number of the pattern that matched it and each behaviour it counts for.

        Columns `match`, `pattern`, `behaviour`. The first pattern that matches the whole text is the one that matched in its
        place, because patterns hold no anchors and so do not see what stands around them.
        """
        import polars as pl

        patterns = self.patterns()
        whole = [
            pl.when(pl.col("match").str.contains(rf"{_FLAGS}\A(?:{_spelled(pattern)})\z")).then(pl.lit(number, pl.UInt32))
            for number, (_, pattern) in enumerate(patterns)
        ]
        names = pl.DataFrame(
            [(number, name) for number, (behaviour, _) in enumerate(patterns) for name in (behaviour.name, *behaviour.also)],
            schema={"pattern": pl.UInt32, "behaviour": pl.String},
            orient="row",
        )
        distinct = matches.drop_nulls().unique(maintain_order=True).alias("match").to_frame()
        return distinct.with_columns(pl.coalesce(whole).alias("pattern")).join(names, on="pattern", how="left", maintain_order="left_right")


def load_lexicon(name_or_path: str) -> Lexicon:
    """Read a shipped lexicon by name, or a TOML file by path.

    Raises CotkitError naming the file and the behaviour when a pattern is not a valid regular expression or an example fails.
    """
    path = _find(name_or_path)
    try:
        lexicon = Lexicon.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise CotkitError(f"{path}: no such lexicon", f"name a TOML file, or a shipped lexicon: {', '.join(shipped_lexicons())}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CotkitError(f"{path}: not valid TOML: {error}", "mend the file; patterns are safest in 'single quotes'") from None
    except ValidationError as error:
        raise _schema_error(path, error) from None
    for behaviour, pattern in lexicon.patterns():
        _check_pattern(path, behaviour, pattern)
    _check_examples(path, lexicon)
    return lexicon


def shipped_lexicons() -> list[str]:
    """Give the names of the lexicons that ship with cotkit."""
    return sorted(path.stem for path in data_file("lexicon").glob("*.toml"))


def _find(name_or_path: str) -> Path:
    if name_or_path.endswith(".toml") or "/" in name_or_path:
        return Path(name_or_path)
    if name_or_path not in shipped_lexicons():
        raise unknown_name("lexicon", name_or_path, [*shipped_lexicons(), "or the path of a .toml file"])
    return data_file("lexicon", f"{name_or_path}.toml")


def _schema_error(path: Path, error: ValidationError) -> CotkitError:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    known = f"a behaviour has {', '.join(Behaviour.model_fields)}; the file has name, version, description, language"
    return CotkitError(f"{path}: {place}: {message}" if place else f"{path}: {message}", known)


def _check_pattern(path: Path, behaviour: Behaviour, pattern: str) -> None:
    import polars as pl

    where = f"{path}: behaviour {behaviour.name!r}: pattern {pattern!r}"
    assertion = next((token for token in _TOKEN.findall(pattern) if token in _ASSERTIONS), None)
    if assertion:
        raise CotkitError(
            f"{where} holds {assertion}", "leave it out: a match never starts or ends inside a word, and sees nothing around it"
        )
    for form in (f"{_FLAGS}{pattern}", rf"{_FLAGS}\A(?:{_spelled(pattern)})\z"):
        try:
            matches_nothing = pl.Series([""]).str.contains(form)[0]
        except pl.exceptions.ComputeError as error:
            hint = "use the Rust regex syntax, without look-around; for any character write (?u:.), for é in a class (?:e|é)"
            raise CotkitError(f"{where} is not a valid regular expression: {_reason(error)}", hint) from None
    if matches_nothing:
        raise CotkitError(f"{where} matches the empty text", "make it match at least one character")


def _spelled(pattern: str) -> str:
    return "".join("(?:'|’)" if token == "'" else token for token in _TOKEN.findall(pattern))


def _reason(error: Exception) -> str:
    return next((line.removeprefix("error: ") for line in str(error).splitlines() if line.startswith("error: ")), str(error))


def _check_examples(path: Path, lexicon: Lexicon) -> None:
    import polars as pl

    rows = [(b.name, text, True) for b in lexicon.behaviours for text in b.examples]
    rows += [(b.name, text, False) for b in lexicon.behaviours for text in b.counterexamples]
    texts = pl.DataFrame(rows, schema=["expected", "text", "holds"], orient="row").with_row_index("row")
    found = texts.with_columns(pl.col("text").str.extract_all(lexicon.expression()).alias("match")).explode("match", empty_as_null=True)
    found = found.join(lexicon.attribute(found["match"]), on="match", how="left")
    counted = found.filter(pl.col("behaviour") == pl.col("expected"))["row"].unique()
    for _, name, text, holds in texts.filter(pl.col("holds") != pl.col("row").is_in(counted.implode())).iter_rows():
        what = "example is not matched" if holds else "counterexample is matched"
        hint = "mend the pattern or the example; an earlier pattern of the file may have taken the match"
        raise CotkitError(f"{path}: behaviour {name!r}: {what}: {text!r}", hint)
    reached = set(found.filter((pl.col("behaviour") == pl.col("expected")) & pl.col("holds"))["pattern"])
    for number, (behaviour, pattern) in enumerate(lexicon.patterns()):
        if number not in reached:
            hint = "add an example that it matches, or leave it out: an earlier pattern of the file may always win"
            raise CotkitError(f"{path}: behaviour {behaviour.name!r}: no example is matched by {pattern!r}", hint)
