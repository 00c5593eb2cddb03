"""Likeness of texts: words as 64-bit hashes, MinHash signatures of word shingles, near duplicates by locality-sensitive hashing.

    words.py       texts -> one stream of word hashes            signatures.py   texts -> (n, 128) uint32, packed to 128 bytes each
    canonical.py   one spelling for the LaTeX of a question      duplicates.py   signatures -> what is a duplicate of what, and how alike
    sketches.py    texts -> signatures, by compiled code where numba is installed

All hashes are our own and fixed: the same text has the same hash on every machine and in every version, so signatures may be stored.
"""

from .canonical import canonical
from .duplicates import most_diverse, near_duplicate_problems, near_duplicate_responses
from .signatures import PERMUTATIONS, Shingles, alike, pack, shingles, signature_column, signatures
from .words import Characters, Words, characters_of, word_batches, words_of

__all__ = [
    "PERMUTATIONS",
    "Characters",
    "Shingles",
    "Words",
    "alike",
    "canonical",
    "characters_of",
    "most_diverse",
    "near_duplicate_problems",
    "near_duplicate_responses",
    "pack",
    "shingles",
    "signature_column",
    "signatures",
    "word_batches",
    "words_of",
]
