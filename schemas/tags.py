"""Tags: how one sample reasons. Counts of behaviours from a lexicon, loops, scripts used, code.

Example row: `{"sample_id": "9c1e…", "behaviours": [{"lexicon": "demystify", "behaviour": "wait", "count": 2, …}], …}`
"""

from __future__ import annotations

from .record import Record


class BehaviourCount(Record):
    """How often one behaviour of one lexicon occurs in a sample; behaviours that do not occur have no entry."""

    lexicon: str
    """Name of the lexicon, such as `reflection` or `demystify`."""
    behaviour: str
    """Name of the behaviour within the lexicon, such as `verification` or `wait`."""
    count: int
    """Matches, counted leftmost-first without overlap within one lexicon."""
    per_1000_tokens: float
    """1000 * count / generated tokens (`Tags.tokens`)."""
    first_position: float
    """Where the first match starts, as a share of the text's bytes, 0 to 1."""
    curve: list[int]
    """Matches that start in each tenth of the text's bytes: ten numbers, whose sum is `count`."""


class ScriptCount(Record):
    """How many letters of one writing system a sample holds."""

    script: str
    """Unicode script, such as `Latin` or `Han`."""
    characters: int
    """Letters of that script."""


class Tags(Record):
    """How one sample reasons; its key is `sample_id`. The text tagged is the reasoning, a line break, the response.

    The columns of a measure that the recipe leaves out (`TagConfig.measures`) are null.
    """

    sample_id: str
    """The sample that was tagged."""
    tokens: int
    """Generated tokens: the engine's count, or UTF-8 bytes / 4 rounded up where it gave none."""
    tokens_estimated: bool
    """True when `tokens` was estimated."""
    reasoning_share: float
    """Share of the text's bytes that is reasoning, 0 to 1."""
    behaviours: list[BehaviourCount]
    """Counts per behaviour, sorted by lexicon and behaviour."""
    compression_ratio: float | None
    """Size of the text after zlib level 1 over its UTF-8 size; long loops fall below 0.1. 1 for an empty text."""
    repeated_share: float | None
    """Share of the tokens inside a window of 40 that was there before, 0 to 1; tokens are words, runs of signs, digits."""
    scripts: list[ScriptCount] | None
    """Letters per script, most frequent first."""
    longest_foreign: int | None
    """Letters of the longest passage in other scripts than the most frequent one; two letters of that one in a row end a passage."""
    code_blocks: int | None
    """Fenced code blocks."""
    python_blocks: int | None
    """Fenced code blocks opened with a language that begins with `python`: a coding response of arXiv 2502.03373 has one."""
    code_share: float | None
    """Share of the text's bytes in fenced code blocks, their fences included, 0 to 1."""
