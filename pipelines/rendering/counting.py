r"""Count tokens by words: each distinct word is given to the tokenizer once, and words are told apart many rows at a time.

    WordCounter.of(tokenizer, Path("tokenizer.json"))       # None where words cannot be told apart in this way
    counter.count(["So 3 + 4 is 7.", …])                    # [9, …], what the tokenizer itself counts

Byte-level BPE never joins what its pattern splits (GPT-2's, Qwen 2's and 3's, Llama 3's), so a text has as many tokens as its words
have together. The pattern's last part, `\s+(?!\S)`, looks ahead, which the engine that runs it here cannot do: a null character is put
before the last blank of a run instead. A text that holds a null character is counted by the tokenizer.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import polars as pl
    from tokenizers import Tokenizer

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
AHEAD = r"|\s+(?!\S)|\s+"
MOST_WORDS = 500_000
"""Distinct words that are remembered: some 50 MB."""


SPECIMENS = [
    "<|im_start|>user\nIt's 3  + 4,\t\tisn't   it?<|im_end|>\n<think>\r\n\n  So  12 345.  \n\n\n</think>\n\n  \\boxed{7}  ",
    "É é 好的，因为　ſ'S x²\u00a0 \u2028y 🙂🙂 \n \n  \t z\n",
]
"""Texts on which a counter is held against its tokenizer before it is trusted."""


class Splitting(NamedTuple):
    """How a text falls apart into words."""

    added: str
    """Matches the tokens that are no part of the vocabulary, the longest first."""
    digits: bool
    """Each digit is a word."""
    blanks: str
    """Matches a run of blanks before a word, in two parts between which the run is cut."""
    word: str
    normal_form: bool
    """The text is brought into Unicode's form C first."""


class WordCounter:
    """Counts tokens of texts and remembers the words it has seen."""

    def __init__(self, tokenizer: Tokenizer, splitting: Splitting) -> None:
        self._tokenizer = tokenizer
        self._splitting = splitting
        self._words: pl.DataFrame | None = None

    @classmethod
    def of(cls, tokenizer: Tokenizer, file: Path) -> WordCounter | None:
        """Make the counter of a tokenizer; None when its `tokenizer.json` asks for what is not known here."""
        splitting = splitting_of(json.loads(file.read_text(encoding="utf-8")))
        return cls(tokenizer, splitting) if splitting else None

    def count(self, texts: list[str]) -> list[int]:
        """Count the tokens of texts, as the tokenizer does without tokens of its own."""
        import polars as pl

        column = pl.Series("text", texts, pl.String)
        if "\0" in "".join(texts):
            return counted_whole(self._tokenizer, texts)
        of_added = (
            column.str.count_matches(self._splitting.added).cast(pl.Int64) if self._splitting.added else pl.zeros(len(texts), eager=True)
        )
        words = pl.DataFrame({"row": pl.int_range(len(texts), eager=True), "word": self._split(column)}).explode("word").drop_nulls()
        counted = words.join(self._known(words["word"].unique()), on="word").group_by("row").agg(pl.col("tokens").sum())
        totals = pl.DataFrame({"row": pl.int_range(len(texts), eager=True), "added": of_added}).join(
            counted, on="row", how="left", maintain_order="left"
        )
        return totals.select((pl.col("added") + pl.col("tokens").fill_null(0)).cast(pl.Int64)).to_series().to_list()

    def _split(self, texts: pl.Series) -> pl.Series:
        splitting = self._splitting
        texts = texts.str.normalize("NFC") if splitting.normal_form else texts
        texts = texts.str.replace_all(splitting.added, "\0") if splitting.added else texts
        texts = texts.str.replace_all(r"(\p{N})", "\0${1}\0") if splitting.digits else texts
        return texts.str.replace_all(splitting.blanks, "${1}\0${2}").str.extract_all(splitting.word)

    def _known(self, words: pl.Series) -> pl.DataFrame:
        """Give the tokens of words: columns word and tokens."""
        import polars as pl

        known = self._words
        if known is None or known.height > MOST_WORDS:
            known = pl.DataFrame(schema={"word": pl.String, "tokens": pl.Int64})
        new = words.to_frame("word").join(known, on="word", how="anti")["word"]
        tokens = pl.Series("tokens", counted_whole(self._tokenizer, new.to_list()), pl.Int64)
        self._words = pl.concat([known, pl.DataFrame([new, tokens])])
        return self._words


def counted_whole(tokenizer: Tokenizer, texts: list[str]) -> list[int]:
    """Count the tokens of texts by encoding each from its start to its end."""
    return [len(encoding.ids) for encoding in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]


def splitting_of(settings: dict[str, Any]) -> Splitting | None:
    """Tell from a `tokenizer.json` how its texts fall apart; None when it is not byte-level BPE with a pattern of a known form."""
    normalizer = (settings.get("normalizer") or {"type": None})["type"]
    added = settings.get("added_tokens", [])
    if settings["model"].get("type") != "BPE" or normalizer not in (None, "NFC"):
        return None
    if any(token.get(flag) for token in added for flag in ("lstrip", "rstrip", "single_word")) or not all(
        token["content"].isprintable() for token in added
    ):
        return None
    found = _pattern(settings.get("pre_tokenizer") or {})
    if found is None or not found[0].endswith(AHEAD) or "(?!" in found[0].removesuffix(AHEAD) or "(?<" in found[0] or "(?=" in found[0]:
        return None
    pattern, digits = found
    word = pattern.removesuffix(AHEAD).replace("[^", r"[^\x00") + r"|\s+"
    # a run that ends a line is a word of its own where the pattern has one for it: only the blanks after it are cut
    blank = r"[^\S\r\n]" if r"\s*[\r\n]+" in pattern else r"\s"
    contents = sorted((token["content"] for token in added), key=len, reverse=True)
    return Splitting("|".join(map(re.escape, contents)), digits, rf"({blank}+)({blank}[^\s\x00])", word, normalizer == "NFC")


def _pattern(pre: dict[str, Any]) -> tuple[str, bool] | None:
    """Give the pattern and whether digits are split off before it."""
    steps = pre["pretokenizers"] if pre.get("type") == "Sequence" else [pre]
    kinds = [step.get("type") for step in steps]
    if kinds[-1] != "ByteLevel" or steps[-1].get("add_prefix_space"):
        return None
    own = steps[-1].get("use_regex", True)
    if kinds == ["ByteLevel"] and own:
        return GPT2, False
    if kinds == ["Digits", "ByteLevel"] and own and steps[0].get("individual_digits"):
        return GPT2, True
    if kinds == ["Split", "ByteLevel"] and not own and steps[0].get("behavior") == "Isolated" and not steps[0].get("invert"):
        return steps[0]["pattern"].get("Regex", ""), False
    return None
