"""Phrase search in a corpus of any size: which sentences are like given phrases.

matching.py   texts -> hits: sentences, shingles, candidates, MinHash
corpus.py     Parquet files -> tasks of bounded size, and their texts in batches of bounded size
searching.py  tasks -> OUT/hits/000000.parquet …, in local workers, as part i of n, or on Ray
"""

from .searching import Searched, search_phrases

__all__ = ["Searched", "search_phrases"]
