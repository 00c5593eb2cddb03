"""Lexicons: named behaviours of reasoning, the files that define them, and the search for them in texts."""

from .lexicon import Behaviour, Lexicon
from .loading import load_lexicon, load_lexicons, shipped_lexicons
from .matching import Matches, Span, find_matches, fold, spans

__all__ = [
    "Behaviour",
    "Lexicon",
    "Matches",
    "Span",
    "find_matches",
    "fold",
    "load_lexicon",
    "load_lexicons",
    "shipped_lexicons",
    "spans",
]
