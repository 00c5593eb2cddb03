"""Lexicons: named behaviours of reasoning, the files that define them, and the search for them in texts."""

from .lexicon import Behaviour, Lexicon
from .loading import load_lexicon, load_lexicons, shipped_lexicons
from .matching import Matches, Span, find_matches, spans
from .utf8 import Utf8, compiled, is_for_compiled_code, utf8_of

__all__ = [
    "Behaviour",
    "Lexicon",
    "Matches",
    "Span",
    "Utf8",
    "compiled",
    "find_matches",
    "is_for_compiled_code",
    "load_lexicon",
    "load_lexicons",
    "shipped_lexicons",
    "spans",
    "utf8_of",
]
