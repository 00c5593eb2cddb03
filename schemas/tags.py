"""Tags: how one sample reasons. Counts of behaviours from a lexicon, repetition, scripts used.

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
    """Count per 1,000 generated tokens."""
    first_position: float
    """Where the first match starts, as a share of the text's bytes, 0 to 1."""


class ScriptCount(Record):
    """How many letters of one writing system a sample holds."""

    script: str
    """Unicode script, such as `Latin` or `Han`."""
    characters: int
    """Letters of that script."""


class Tags(Record):
    """How one sample reasons; its key is `sample_id`. The text tagged is the reasoning, a line break, the response."""

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
    compression_ratio: float
    """Size of the text after zlib level 1 over its UTF-8 size; long loops fall below 0.1. 1 for an empty text."""
    scripts: list[ScriptCount]
    """Letters per script, most frequent first."""
