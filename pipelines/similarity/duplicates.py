"""Near duplicates: which text is so like an earlier one that one of them is enough.

Texts are taken in their order. A text that reaches the threshold with one kept before it is a duplicate of the most similar such
text; else it is kept. So every duplicate names a *kept* text and the similarity to it, and no chain a ~ b ~ c joins an a and a c
that have little in common, as the connected components of the pairs would.

Candidates come from locality-sensitive hashing: signatures are cut into bands, and texts that agree in all of any band are
compared. Only kept texts are in the buckets, so a hundred thousand copies of one text cost a hundred thousand comparisons.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from .canonical import canonical
from .signatures import PERMUTATIONS, SHINGLE_WORDS, Shingles, alike, pack, shingles, signatures, unpacked_column
from .words import word_batches

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import polars as pl

    from .signatures import Packed

    Score = Callable[[int, npt.NDArray[np.int64]], npt.NDArray[np.float64]]
    """Gives the similarities of a text to some earlier ones."""

RECALL = 0.995
"""Probability that two texts just at the threshold become candidates."""
FEW = 128
"""So many texts are each compared with all: no slower than bands, and nothing is missed."""
MOST_PER_BUCKET = 1024
"""Further kept texts with the same band, such as a common opening, are found by their other bands."""
MARGIN = 0.12
"""Candidates whose estimated similarity is so far below the threshold are not compared exactly: more than three standard errors."""


class Duplicates(NamedTuple):
    """For each text, in order."""

    of: npt.NDArray[np.int64]
    """The number of the kept text that it is a duplicate of; -1 when it is kept."""
    similarity: npt.NDArray[np.float64]
    """Jaccard similarity to that text; 0 when it is kept."""


def bands_for(threshold: float) -> tuple[int, int]:
    """Give the number of bands and the slots per band: the widest bands that still find a pair at the threshold.

    >>> bands_for(0.8), bands_for(0.5)
    ((21, 6), (42, 3))
    """
    for rows in range(PERMUTATIONS // 2, 0, -1):
        bands = PERMUTATIONS // rows
        if 1 - (1 - threshold**rows) ** bands >= RECALL:
            return bands, rows
    return PERMUTATIONS, 1


def duplicates(packed: Packed, threshold: float, score: Score | None = None) -> Duplicates:
    """Tell which texts are near duplicates of earlier ones by their packed signatures, shape (texts, 128).

    `score` decides on candidates in place of the estimate of the signatures.
    """
    import numpy as np

    result = Duplicates(np.full(len(packed), -1, np.int64), np.zeros(len(packed)))
    kept = _Kept(packed, threshold)
    for number in range(len(packed)):
        candidates = kept.candidates(number)
        if len(candidates):
            similarity = alike(packed[candidates], packed[number])
            if score is not None:
                candidates = candidates[similarity >= threshold - MARGIN]
                similarity = score(number, candidates)
            best = int(similarity.argmax()) if len(candidates) else -1
            if best >= 0 and similarity[best] >= threshold:
                result.of[number], result.similarity[number] = candidates[best], similarity[best]
                continue
        kept.add(number)
    return result


class _Kept:
    """The texts kept so far, found by their bands."""

    def __init__(self, packed: Packed, threshold: float) -> None:
        bands, self.rows = bands_for(threshold)
        self.starts = range(0, bands * self.rows, self.rows)
        self.packed = packed
        self.all: list[int] | None = [] if len(packed) <= FEW else None
        self.buckets: list[defaultdict[bytes, list[int]]] = [defaultdict(list) for _ in self.starts]

    def candidates(self, number: int) -> npt.NDArray[np.int64]:
        import numpy as np

        if self.all is not None:
            return np.array(self.all, np.int64)
        found: set[int] = set()
        for bucket, key in zip(self.buckets, self._keys(number), strict=True):
            if key in bucket:
                found.update(bucket[key])
        return np.array(sorted(found), np.int64)

    def add(self, number: int) -> None:
        if self.all is not None:
            self.all.append(number)
            return
        for bucket, key in zip(self.buckets, self._keys(number), strict=True):
            if len(bucket[key]) < MOST_PER_BUCKET:
                bucket[key].append(number)

    def _keys(self, number: int) -> list[bytes]:
        slots = self.packed[number].tobytes()
        return [slots[start : start + self.rows] for start in self.starts]


def near_duplicate_responses(samples: pl.DataFrame, threshold: float = 0.8) -> pl.DataFrame:
    """Tell which samples are near duplicates of an earlier sample of the same problem.

    `samples` has the columns problem_id, sample_id and signature (of `signature_column`), in the order in which the first is to be
    kept; no texts, so 128 bytes and two ids per sample. Gives the same rows with sample_id, duplicate_of (null for the kept) and
    similarity (null, too), estimated to a standard error of 0.04.
    """
    import numpy as np
    import polars as pl

    of, similarity = np.full(samples.height, -1, np.int64), np.zeros(samples.height)
    numbered = samples.select("problem_id").with_row_index("row").group_by("problem_id", maintain_order=True).agg("row")
    for rows in numbered.filter(pl.col("row").list.len() > 1)["row"]:
        found = duplicates(unpacked_column(samples["signature"].gather(rows)), threshold)
        copies, places = np.flatnonzero(found.of >= 0), rows.to_numpy()
        of[places[copies]], similarity[places[copies]] = places[found.of[copies]], found.similarity[copies]
    return _named(samples["sample_id"], Duplicates(of, similarity))


def near_duplicate_problems(
    problems: pl.DataFrame, threshold: float = 0.8, shingle_words: int = SHINGLE_WORDS, numbers_may_differ: bool = False
) -> pl.DataFrame:
    """Tell which problems are near duplicates of an earlier one, by the exact Jaccard similarity of their shingles.

    `problems` has the columns problem_id and prompt. Two problems with other numbers are other problems, unless
    `numbers_may_differ`. Gives the same rows with problem_id, duplicate_of (null for the kept) and similarity (null, too).
    """
    import numpy as np
    import polars as pl

    texts = canonical(problems["prompt"])
    of_all = _all_shingles(texts, shingle_words)
    sets = [np.unique(of_all.hashes[start:end]) for start, end in zip(of_all.bounds[:-1], of_all.bounds[1:], strict=True)]
    numbers = texts.str.extract_all("(?-u)[0-9]+").list.join(" ").hash().to_numpy()

    def exact(number: int, candidates: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        own = sets[number]
        shared = np.array([len(np.intersect1d(own, sets[other], assume_unique=True)) for other in candidates], np.float64)
        union = len(own) + np.array([len(sets[other]) for other in candidates]) - shared
        return np.where((numbers[candidates] == numbers[number]) | numbers_may_differ, shared / union, 0.0)

    found = duplicates(pack(signatures(texts, shingle_words)), threshold, exact)
    return _named(problems["problem_id"].rename("problem_id"), found).with_columns(pl.col("similarity").round(4))


def most_diverse(packed: Packed, count: int) -> list[int]:
    """Give the numbers of `count` texts that are least alike: the first, then each time the one least like any taken.

    Farthest-first traversal (Gonzalez 1985); ties go to the lower number.
    """
    import numpy as np

    if not len(packed) or count < 1:
        return []
    taken, nearest = [0], alike(packed, packed[0])
    while len(taken) < min(count, len(packed)):
        nearest[taken[-1]] = np.inf
        taken.append(int(nearest.argmin()))
        nearest = np.maximum(nearest, alike(packed, packed[taken[-1]]))
    return taken


def _all_shingles(texts: pl.Series, size: int) -> Shingles:
    import numpy as np

    parts = [shingles(words, size) for words in word_batches(texts)] or [Shingles(np.empty(0, np.uint64), np.zeros(1, np.int64))]
    counts = np.concatenate([np.diff(part.bounds) for part in parts])
    return Shingles(np.concatenate([part.hashes for part in parts]), np.concatenate(([0], np.cumsum(counts))))


def _named(ids: pl.Series, found: Duplicates) -> pl.DataFrame:
    import polars as pl

    kept = pl.Series(found.of < 0)
    frame = pl.DataFrame({ids.name: ids, "duplicate_of": ids.gather(found.of.clip(0)), "similarity": found.similarity})
    return frame.with_columns(pl.when(~kept).then(pl.col("duplicate_of", "similarity")))
