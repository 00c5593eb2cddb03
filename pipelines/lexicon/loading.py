"""Reads lexicon files and tests each by its own examples; what is wrong is named with file and line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from ...data import data_file
from ...schemas.errors import CotkitError, unknown_name
from ...schemas.recipe import is_lexicon_path
from .lexicon import FLAGS, TOKEN, Behaviour, Lexicon, spelled
from .matching import find_matches

_ASSERTIONS = {"^", "$", r"\b", r"\B", r"\A", r"\z", r"\<", r"\>"}
_CASE_AGAIN = re.compile(r"\(\?[a-zA-Z]*-[a-zA-Z]*i")


def load_lexicon(name_or_path: str) -> Lexicon:
    """Read a shipped lexicon by name, or a TOML file by path.

    Raises CotkitError naming the file and the behaviour when a pattern is not a valid regular expression or an example fails.
    """
    path, source = _find(name_or_path), ""
    try:
        source = path.read_text(encoding="utf-8")
        lexicon = Lexicon.model_validate(tomllib.loads(source))
    except (FileNotFoundError, IsADirectoryError):
        hint = f"a path in a recipe starts from the recipe file; lexicons that ship: {', '.join(shipped_lexicons())}"
        raise CotkitError(f"{path}: no such lexicon", hint) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CotkitError(f"{path}: not valid TOML: {error}", "mend the file; patterns are safest in 'single quotes'") from None
    except ValidationError as error:
        raise _schema_error(path, source, error) from None
    for behaviour, pattern in lexicon.patterns():
        where = f"{path}{_line(source, pattern, behaviour.name)}: behaviour {behaviour.name!r}: pattern {pattern!r}"
        _check_pattern(where, pattern)
    _check_examples(path, source, lexicon)
    return lexicon


def load_lexicons(names: Sequence[str]) -> list[Lexicon]:
    """Read several lexicons; raises CotkitError when two have one name."""
    lexicons = [load_lexicon(name) for name in names]
    for lexicon, origin in zip(lexicons, names, strict=True):
        if sum(other.name == lexicon.name for other in lexicons) > 1:
            raise CotkitError(f"{origin}: two lexicons are named {lexicon.name!r}", "rename one: its counts are kept under its name")
    return lexicons


def shipped_lexicons() -> list[str]:
    """Give the names of the lexicons that ship with cotkit."""
    return sorted(path.stem for path in data_file("lexicon").glob("*.toml"))


def _find(name_or_path: str) -> Path:
    if is_lexicon_path(name_or_path):
        return Path(name_or_path)
    if name_or_path not in shipped_lexicons():
        raise unknown_name("lexicon", name_or_path, [*shipped_lexicons(), "or the path of a .toml file"])
    return data_file("lexicon", f"{name_or_path}.toml")


def _schema_error(path: Path, source: str, error: ValidationError) -> CotkitError:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    known = f"a behaviour has {', '.join(Behaviour.model_fields)}; the file has name, version, description, language"
    lines = source.splitlines()
    heads = [number for number, line in enumerate(lines, 1) if line.strip().startswith("[[behaviour]]")]
    index = next((part for part in first["loc"] if isinstance(part, int)), None)
    line = heads[index] if index is not None and index < len(heads) else None
    keys = [str(part) for part in first["loc"] if isinstance(part, str) and part != "behaviour"]
    key = re.compile(rf"\s*{re.escape(keys[0])}\s*=") if keys else None
    line = next((n for n in range(line or 1, len(lines) + 1) if key and key.match(lines[n - 1])), line)
    where = f"{path}:{line}" if line else f"{path}"
    return CotkitError(f"{where}: {place}: {message}" if place else f"{where}: {message}", known)


def _line(source: str, text: str, behaviour: str) -> str:
    """Give `:LINE` of a pattern or example within the section of its behaviour; empty where it is spelled in another way."""
    lines = source.splitlines()
    named = re.compile(rf"""\s*name\s*=\s*["']{re.escape(behaviour)}["']""")
    start = next((n for n, line in enumerate(lines) if named.match(line)), 0)
    first_line = text.splitlines()[0]
    spellings = (first_line, first_line.replace("\\", "\\\\"), first_line.replace("\\", "\\\\").replace('"', '\\"'))
    found = (n for n in range(start, len(lines)) if any(f"{mark}{spelling}" in lines[n] for spelling in spellings for mark in "\"'"))
    number = next(found, start if start or (lines and named.match(lines[0])) else None)
    return "" if number is None else f":{number + 1}"


def _check_pattern(where: str, pattern: str) -> None:
    import polars as pl

    assertion = next((token for token in TOKEN.findall(pattern) if token in _ASSERTIONS), None)
    if assertion:
        raise CotkitError(
            f"{where} holds {assertion}", "leave it out: a match never starts or ends inside a word, and sees nothing around it"
        )
    if _CASE_AGAIN.search(pattern):
        raise CotkitError(f"{where} asks for letter case", "leave it out: letter case makes no difference in a lexicon")
    for form in (f"{FLAGS}(?i){pattern}", rf"{FLAGS}\A(?:{spelled(pattern)})\z"):
        try:
            matches_nothing = pl.Series([""]).str.contains(form)[0]
        except pl.exceptions.ComputeError as error:
            hint = "use the Rust regex syntax, without look-around; for any character write (?u:.), for é in a class (?:e|é)"
            raise CotkitError(f"{where} is not a valid regular expression: {_reason(error)}", hint) from None
    if matches_nothing:
        raise CotkitError(f"{where} matches the empty text", "make it match at least one character")


def _reason(error: Exception) -> str:
    return next((line.removeprefix("error: ") for line in str(error).splitlines() if line.startswith("error: ")), str(error))


def _check_examples(path: Path, source: str, lexicon: Lexicon) -> None:
    import polars as pl

    rows = [(b.name, text, True) for b in lexicon.behaviours for text in b.examples]
    rows += [(b.name, text, False) for b in lexicon.behaviours for text in b.counterexamples]
    texts = pl.DataFrame(rows, schema=["expected", "text", "holds"], orient="row").with_row_index("row")
    (matches,) = find_matches(texts["text"], [lexicon])
    behaviours = pl.Series([lexicon.counted_for(pattern) for pattern in matches.pattern.tolist()], dtype=pl.List(pl.String))
    found = texts[matches.text].with_columns(pl.Series("pattern", matches.pattern), behaviours.alias("behaviour")).explode("behaviour")
    counted = found.filter(pl.col("behaviour") == pl.col("expected"))["row"].unique()
    for _, name, text, holds in texts.filter(pl.col("holds") != pl.col("row").is_in(counted.implode())).iter_rows():
        what = "example is not matched" if holds else "counterexample is matched"
        hint = "mend the pattern or the example; an earlier pattern of the file may have taken the match"
        raise CotkitError(f"{path}{_line(source, text, name)}: behaviour {name!r}: {what}: {text!r}", hint)
    reached = set(found.filter((pl.col("behaviour") == pl.col("expected")) & pl.col("holds"))["pattern"])
    for number, (behaviour, pattern) in enumerate(lexicon.patterns()):
        if number not in reached:
            where = f"{path}{_line(source, pattern, behaviour.name)}: behaviour {behaviour.name!r}"
            hint = "add an example that it matches, or leave it out: an earlier pattern of the file may always win"
            raise CotkitError(f"{where}: no example is matched by {pattern!r}", hint)
