import random
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from cotkit.pipelines.similarity import (
    alike,
    near_duplicate_problems,
    near_duplicate_responses,
    pack,
    shingles,
    signature_column,
    signatures,
    words_of,
)
from cotkit.pipelines.similarity.duplicates import FEW, bands_for, duplicates
from scipy.sparse import csr_array

SHARED = Path(__file__).parents[3] / "../shared/data"
VOCABULARY = ["".join(random.Random(number).choices("abcdefghijklmnopqrstuvwxyz", k=7)) for number in range(3000)]


def variants(originals: int, copies: int, words: int, dice: random.Random) -> list[str]:
    """Texts of random words, each with copies of which 0 to 5 % of the words are replaced, shuffled."""
    texts = []
    for _ in range(originals):
        text = dice.choices(VOCABULARY, k=words)
        for copy in range(copies):
            changed = list(text)
            for place in dice.sample(range(words), int(words * 0.05 * copy / max(copies - 1, 1))):
                changed[place] = dice.choice(VOCABULARY)
            texts.append(" ".join(changed))
    dice.shuffle(texts)
    return texts


def exact_jaccard(texts: list[str], size: int = 5) -> np.ndarray:
    of = shingles(words_of(texts), size)
    distinct, which = np.unique(of.hashes, return_inverse=True)
    held = csr_array((np.ones(len(which), np.int32), which, of.bounds), shape=(len(texts), len(distinct)))
    held.sum_duplicates()
    held.data[:] = 1
    shared, sizes = (held @ held.T).toarray(), held.sum(axis=1)
    return shared / (sizes[:, None] + sizes[None] - shared)


def candidates(packed: np.ndarray, threshold: float) -> np.ndarray:
    """The pairs that agree in all of any band."""
    bands, rows = bands_for(threshold)
    cut = packed[:, : bands * rows].reshape(len(packed), bands, rows)
    return np.array([(cut == one).all(axis=2).any(axis=1) for one in cut])


def responses(texts: list[str], problem_ids: list[str] | None = None) -> pl.DataFrame:
    frame = pl.DataFrame({"problem_id": problem_ids or ["p"] * len(texts), "sample_id": [f"s{n}" for n in range(len(texts))]})
    return frame.with_columns(signature_column(pl.Series(texts)))


@pytest.mark.parametrize("threshold", [0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0])
def test_bands_find_a_pair_at_the_threshold(threshold: float) -> None:
    bands, rows = bands_for(threshold)
    assert 1 <= bands * rows <= 128
    assert 1 - (1 - threshold**rows) ** bands >= 0.995


@pytest.mark.parametrize("texts_in_all", [FEW - 8, FEW * 5])
def test_every_duplicate_names_a_kept_text_that_is_as_like_it_as_said(texts_in_all: int) -> None:
    texts = variants(texts_in_all // 4, 4, 120, random.Random(1))
    found, jaccard = duplicates(pack(signatures(pl.Series(texts))), 0.7), exact_jaccard(texts)
    kept = found.of < 0
    copies = np.flatnonzero(~kept)
    assert len(copies) > len(texts) / 4
    assert kept[found.of[copies]].all()
    assert (found.of[copies] < copies).all()
    assert (found.similarity[copies] >= 0.7).all()
    assert np.abs(found.similarity[copies] - jaccard[copies, found.of[copies]]).max() < 0.16  # four standard errors
    # and what is kept is unlike everything kept before it
    both = np.tril(jaccard, -1)[np.ix_(kept, kept)]
    assert (both >= 0.7 + 0.16).sum() == 0


def test_recall_and_precision_against_exact_jaccard_are_those_of_datasketch_or_better() -> None:
    from datasketch import MinHash, MinHashLSH

    texts, threshold = variants(150, 4, 150, random.Random(5)), 0.7
    true = {(i, j) for i, j in zip(*np.nonzero(np.tril(exact_jaccard(texts), -1) >= threshold), strict=True)}
    packed = pack(signatures(pl.Series(texts)))
    ours = candidates(packed, threshold) & (np.tril([alike(packed, one) for one in packed], -1) >= threshold)
    ours = set(zip(*np.nonzero(ours), strict=True))
    index, theirs = MinHashLSH(threshold, 128), set()
    for number, text in enumerate(texts):
        words, sketch = text.split(), MinHash(128)
        sketch.update_batch([" ".join(words[at : at + 5]).encode() for at in range(len(words) - 4)])
        theirs |= {(number, other) for other in index.query(sketch)}
        index.insert(number, sketch)

    def f1(found: set) -> float:
        return 2 * len(found & true) / (len(found) + len(true))

    assert len(true) > 200
    assert f1(ours) >= f1(theirs) - 0.01
    assert len(ours & true) / len(true) >= 0.85
    assert len(ours & true) / len(ours) >= 0.85


def test_problems_are_compared_exactly_and_by_spelling_and_numbers() -> None:
    prompts = [
        "Let $n$ be the least positive integer such that $n^2 + 3n \\leq 28$ holds and $n$ is odd. Find $n$.",
        "Let $n$ be the least positive integer such that $n^2+3n\\le 28$ holds and $n$ is odd.  Find $n$.",
        "Let $n$ be the least positive integer such that $n^2 + 3n \\leq 29$ holds and $n$ is odd. Find $n$.",
        "Solve x + 1 = 2",
        "Solve x - 1 = 2",
        "",
        None,
    ]
    problems = pl.DataFrame({"problem_id": list("abcdefg"), "prompt": prompts})
    found = near_duplicate_problems(problems)
    assert found["duplicate_of"].to_list() == [None, "a", None, None, None, None, "f"]
    assert found["similarity"].to_list() == [None, 1.0, None, None, None, None, 1.0]
    renumbered = near_duplicate_problems(problems, threshold=0.5, numbers_may_differ=True)
    assert renumbered["duplicate_of"].to_list()[:3] == [None, "a", "a"]
    assert 0.5 <= renumbered["similarity"][2] < 1


def test_problem_similarity_is_the_exact_jaccard_in_any_number() -> None:
    texts = variants(100, 4, 60, random.Random(3))
    problems = pl.DataFrame({"problem_id": [str(n) for n in range(len(texts))], "prompt": texts})
    found, jaccard = near_duplicate_problems(problems, threshold=0.6), exact_jaccard(texts)
    copies = found.with_row_index().filter(pl.col("duplicate_of").is_not_null())
    assert copies.height > 80
    for row, _, of, similarity in copies.iter_rows():
        assert similarity == pytest.approx(jaccard[row, int(of)], abs=1e-4)
    kept = found["duplicate_of"].is_null().to_numpy()
    missed = (np.tril(jaccard, -1)[np.ix_(kept, kept)] >= 0.6).sum()
    assert missed <= 0.01 * copies.height


def test_responses_are_compared_within_their_problem_only() -> None:
    texts = ["wait, let me check this once more by hand", "something else entirely is written here now"] * 2
    found = near_duplicate_responses(responses(texts + texts, ["p"] * 4 + ["q"] * 4))
    assert found.columns == ["sample_id", "duplicate_of", "similarity"]
    assert found["duplicate_of"].to_list() == [None, None, "s0", "s1", None, None, "s4", "s5"]
    assert found["similarity"].to_list() == [None, None, 1.0, 1.0] * 2


def test_the_shards_they_came_from_change_nothing() -> None:
    texts = variants(60, 5, 80, random.Random(9))
    whole = responses(texts, [f"p{n % 3}" for n in range(len(texts))])
    by_shard = pl.concat([signature_column(pl.Series(texts[start : start + 37])).to_frame() for start in range(0, len(texts), 37)])
    assert near_duplicate_responses(whole).equals(near_duplicate_responses(whole.with_columns(by_shard["signature"])))


def test_no_samples_have_no_duplicates() -> None:
    assert near_duplicate_responses(responses(["a"]).clear()).height == 0
    assert (
        near_duplicate_problems(pl.DataFrame({"problem_id": [], "prompt": []}, {"problem_id": pl.String, "prompt": pl.String})).height == 0
    )


@pytest.mark.slow
@pytest.mark.parametrize("distinct", [1, 100, 100_000])
def test_one_problem_with_100_000_samples_is_done_in_seconds(distinct: int) -> None:
    packed = np.random.default_rng(0).integers(0, 256, (distinct, 128), np.uint8)[np.arange(100_000) % distinct]
    started = time.process_time()
    found = duplicates(packed, 0.8)
    assert (found.of < 0).sum() == distinct
    assert time.process_time() - started < 60


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.exists(), reason="no ../shared/data beside the checkout")
def test_on_real_responses_recall_and_precision_against_exact_jaccard() -> None:
    traces = pl.scan_parquet(SHARED / "traces/real_traces.parquet").filter(pl.col("source") == "s1_mgsm_14B_forced_languages_enq")
    texts = traces.select("problem", "raw").sort("problem").head(600).collect()
    # real pairs at the threshold are rare within a problem, so halves of responses are joined to make some
    half = texts.with_columns(pl.col("raw").str.slice(0, pl.col("raw").str.len_chars() * 9 // 10)).rows()
    both = [text for _, text in [*texts.rows(), *half]]
    jaccard, threshold = np.tril(exact_jaccard(both), -1), 0.8
    packed = pack(signatures(pl.Series(both)))
    estimated = np.tril(np.array([(packed == one).mean(axis=1) for one in packed]), -1)
    true, found = jaccard >= threshold, (estimated - 1 / 256) / (255 / 256) >= threshold
    assert true.sum() > 300
    assert (true & found).sum() / true.sum() >= 0.9
    assert (true & found).sum() / found.sum() >= 0.9
