"""Decontamination: which problems stand in a benchmark, word for word, nearly so, or with other numbers.

    entries.py    a benchmark, or a problem set, as rows of hashes: of a file, or of those that ship in `data/decontamination`
    matching.py   problems against benchmarks: every pair that matches, with matcher and score

Three matchers. `exact`: the same letters, digits and operators once the spelling is the same (`similarity.canonical`); questions of
any length. `renumbered`: equal when each run of numbers is replaced by a mark, where at least 8 words are left besides. `ngram`: at
least half of the shorter one's runs of 8 words stand in the other, or a fifth where both have the same numbers. A single shared run is
no hit, as common phrases have one ("find the smallest positive integer n such that"), and a question of fewer than 8 words is left to
`exact`.

Not found: translations, and paraphrases that keep no run of 8 words.
"""

from .entries import SHIPPED, entries_of, hashes_of, read_benchmark, read_questions
from .matching import MATCHERS, THRESHOLD, Matcher, contamination

__all__ = ["MATCHERS", "SHIPPED", "THRESHOLD", "Matcher", "contamination", "entries_of", "hashes_of", "read_benchmark", "read_questions"]
