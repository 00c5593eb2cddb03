"""Phrase search finds what the exact similarity finds, wherever it runs, says where it stands, and loses nothing to its filters."""

import json
import os
import random
import re
import sys
from pathlib import Path

import polars as pl
import pytest
from cotkit.cli import app
from cotkit.pipelines.execute.stages import Part
from cotkit.pipelines.phrases import search_phrases
from cotkit.pipelines.phrases.corpus import corpus_tasks
from cotkit.pipelines.phrases.matching import PhraseMatcher, load_phrases, split_sentences
from cotkit.schemas.errors import CotkitError
from cotkit.schemas.phrases import PhraseHit, PhrasesConfig
from typer.testing import CliRunner

CONFIG = PhrasesConfig()
PHRASES = load_phrases("aha")
FILLER = [
    "The sum of the angles in a triangle is a straight angle.",
    "She wrote the numbers on the board, one after the other!",
    "In 1837 the bridge was closed for repairs (it rained a lot).",
    "Consider the function f(x) = x^2 - 3x + 1 on the interval [0, 3].",
    "Der Rest ist leicht, sagte sie, und ging nach Hause.",
    "解：先求导数。",
]


def triples(text: str) -> set[tuple[str, ...]]:
    """Give the runs of three words of an ASCII text, by other means than the search."""
    words = re.findall(r"[a-z]+|[0-9]+", text.lower())
    return {tuple(words[at : at + 3]) for at in range(max(1, len(words) - 2))}


def jaccard(one: str, other: str) -> float:
    return len(triples(one) & triples(other)) / len(triples(one) | triples(other))


def altered(phrase: str, dice: random.Random) -> str:
    """Change a phrase: words put before it, after it, or replaced, other punctuation and case."""
    words = phrase.rstrip(".?").split()
    for _ in range(dice.randrange(3)):
        words[dice.randrange(len(words))] = dice.choice(["seven", "green", "tomorrow"])
    words = dice.choice([[], ["well,"], ["and", "so"]]) + words + dice.choice([[], ["today"], ["as", "you", "said", "before"]])
    text = dice.choice([" ", " ", "  ", " - ", ", "]).join(words)
    return dice.choice([str, str.upper, str.title])(text) + dice.choice([".", "!", "?", "..."])


@pytest.fixture(scope="module")
def planted() -> tuple[pl.Series, list[str]]:
    """Give texts of filler with altered phrases planted between, and the planted sentences."""
    dice = random.Random(5)
    sentences = [altered(phrase, dice) for phrase in PHRASES for _ in range(12)]
    texts = [" ".join([*dice.choices(FILLER, k=2), sentence, *dice.choices(FILLER, k=2)]) for sentence in sentences]
    return pl.Series(texts), sentences


def test_recall_against_exact_similarity_on_a_planted_corpus(planted: tuple[pl.Series, list[str]]) -> None:
    texts, sentences = planted
    exact = {(row, phrase): jaccard(sentence, phrase) for row, sentence in enumerate(sentences) for phrase in PHRASES}
    hits = PhraseMatcher(PHRASES, CONFIG).hits(texts)
    found = {(row, phrase): similarity for row, phrase, similarity in hits.select("row", "phrase", "jaccard").iter_rows()}
    above = {key for key, similarity in exact.items() if similarity >= 0.5}
    assert len(above) > 150
    assert all(found[key] == pytest.approx(exact[key], abs=1e-3) for key in found)
    assert {key for key, similarity in exact.items() if similarity >= 0.65} <= found.keys()
    assert all(exact[key] > 0.35 for key in found)
    assert len(above & found.keys()) / len(above) > 0.9  # those just at the threshold are found by half
    errors = [similarity - jaccard for similarity, jaccard in hits.select("similarity", "jaccard").iter_rows()]
    assert abs(sum(errors) / len(errors)) < 0.02


def test_the_filters_before_the_sketch_lose_no_hit(planted: tuple[pl.Series, list[str]]) -> None:
    texts = pl.concat([planted[0], pl.Series(["wait4a minute, THAT  does\tnot/look right", "now-i_see why this works", "", None, "\x1e"])])
    plain = PhraseMatcher(PHRASES, CONFIG)
    plain.__dict__["run_pattern"] = None  # every sentence is then compared
    expected = plain.hits(texts)
    assert expected.height > 150
    assert PhraseMatcher(PHRASES, CONFIG).hits(texts).equals(expected)


@pytest.mark.parametrize(
    ("phrases", "text"),
    [
        (["x2 is 4 again, as we see"], "So x2 is 4 again - as we see!"),
        (["déjà vu all over again"], "It is déjà vu all over again."),
        (["等一下，我再检查一遍"], "好。\n等一下，我再检查一遍\n完"),
        (["aha moment"], "An\nAha moment!\nhere"),
        (["isn't it wrong to say so"], "Isn't it wrong to say so?"),
    ],
    ids=ascii,
)
def test_phrases_of_any_kind_are_found(phrases: list[str], text: str) -> None:
    hits = PhraseMatcher(phrases, CONFIG).hits(pl.Series([text]))
    assert hits["phrase"].to_list() == phrases


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three? Four… five", ["One.", "Two!", "Three?", "Four…", "five"]),
        ("It is 3.5 here.", ["It is 3.5 here."]),
        ('He said "stop." Then he left.', ['He said "stop."', "Then he left."]),
        ("a\n\n  b\r\nc", ["a", "b", "c"]),
        ("先求导数。再检查一遍！Yes", ["先求导数。", "再检查一遍！", "Yes"]),
        ("", [""]),
    ],
    ids=repr,
)
def test_sentences(text: str, sentences: list[str]) -> None:
    assert split_sentences(pl.Series([text]))["sentence"].to_list() == sentences


def write_corpus(folder: Path, texts: list[str], per_group: int = 20) -> Path:
    """Write two files of several row groups, one in a folder below."""
    (folder / "b").mkdir(parents=True, exist_ok=True)
    half = len(texts) // 2
    for path, part in ((folder / "a.parquet", texts[:half]), (folder / "b" / "c.parquet", texts[half:])):
        frame = pl.DataFrame({"text": part, "url": [f"https://example.org/{number}" for number in range(len(part))], "other": part})
        frame.write_parquet(path, row_group_size=per_group)
    return folder


def all_hits(out: Path) -> pl.DataFrame:
    return pl.concat([pl.read_parquet(file) for file in sorted((out / "hits").glob("*.parquet"))])


@pytest.fixture(scope="module")
def searched(planted: tuple[pl.Series, list[str]], tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("phrases")
    write_corpus(path / "corpus", planted[0].to_list()[:200])
    search_phrases(path / "corpus", path / "here", CONFIG, workers=1)
    return path


def test_a_hit_says_where_it_stands(searched: Path) -> None:
    hits = all_hits(searched / "here")
    assert hits.schema == PhraseHit.polars_schema()
    for hit in hits.iter_rows(named=True):
        text = pl.read_parquet(searched / "corpus" / hit["file"])["text"][hit["row"]]
        place = text.index(hit["sentence"])
        assert hit["document"] == f"https://example.org/{hit['row']}"
        assert text[:place].split() == hit["before"].split()
        assert text[place + len(hit["sentence"]) :].split() == hit["after"].split()
    assert set(hits["file"]) == {"a.parquet", "b/c.parquet"}


def test_parts_and_processes_give_the_same_hits(searched: Path, tmp_path: Path) -> None:
    for index in range(2):
        search_phrases(searched / "corpus", tmp_path / "parts", CONFIG, Part(index, 2), workers=1)
    search_phrases(searched / "corpus", tmp_path / "processes", CONFIG, workers=2)
    for name in ("parts", "processes"):
        assert all_hits(tmp_path / name).equals(all_hits(searched / "here"))


@pytest.mark.slow
def test_ray_gives_the_same_hits(searched: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from cotkit.pipelines.phrases import search_phrases; "
        "from cotkit.pipelines.execute.stages import Part; from cotkit.schemas.phrases import PhrasesConfig; "
        "search_phrases(Path(sys.argv[1]), Path(sys.argv[2]), PhrasesConfig(), Part(0, 1, 'ray'))"
    )
    import subprocess

    environment = os.environ | {"RAY_ADDRESS": "local"}
    subprocess.run([sys.executable, "-c", code, str(searched / "corpus"), str(tmp_path / "ray")], check=True, env=environment, timeout=120)
    assert all_hits(tmp_path / "ray").equals(all_hits(searched / "here"))


def test_small_tasks_and_small_batches_change_nothing(searched: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cotkit.pipelines.phrases import corpus, searching

    monkeypatch.setattr(corpus, "BATCH_BYTES", 2000)
    tasks = corpus_tasks(searched / "corpus", CONFIG, task_bytes=4000)
    assert len(tasks) == 10
    assert [task.number for task in tasks] == list(range(10))
    search = searching.Search(str(tmp_path), PHRASES, CONFIG)
    for task in tasks:
        searching.search_task(search, task)
    assert all_hits(tmp_path).equals(all_hits(searched / "here"))


def test_what_is_done_is_left_and_what_changed_is_searched_again(searched: Path, tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", pl.read_parquet(searched / "corpus" / "a.parquet")["text"].to_list())
    out = tmp_path / "out"
    assert search_phrases(corpus, out, CONFIG, workers=1)[:2] == (2, 2)
    assert search_phrases(corpus, out, CONFIG, workers=1)[:2] == (2, 0)
    (out / "hits" / "000001.parquet").unlink()
    assert search_phrases(corpus, out, CONFIG, workers=1).computed == 1
    pl.DataFrame({"text": ["Aha, now I see what is going on here."]}).write_parquet(corpus / "a.parquet")
    assert search_phrases(corpus, out, CONFIG, workers=1).computed == 1
    assert search_phrases(corpus, out, CONFIG.model_copy(update={"min_similarity": 0.9}), workers=1).computed == 2


@pytest.mark.parametrize(
    ("frame", "config", "said"),
    [
        ({"words": ["a"]}, {}, "no a text column"),
        ({"text": ["a"]}, {"column": "body"}, "no body"),
        ({"text": ["a"]}, {"document": "page"}, "no page"),
        ({"text": ["a"]}, {"phrases": "nonsuch"}, "no such phrases"),
    ],
    ids=str,
)
def test_a_bad_corpus_or_phrases_are_told_before_anything_is_read(tmp_path: Path, frame: dict, config: dict, said: str) -> None:
    pl.DataFrame(frame).write_parquet(tmp_path / "c.parquet")
    with pytest.raises(CotkitError, match=said):
        search_phrases(tmp_path / "c.parquet", tmp_path / "out", PhrasesConfig(**config))


def test_a_torn_file_and_an_empty_one(tmp_path: Path) -> None:
    pl.DataFrame({"text": []}, schema={"text": pl.String}).write_parquet(tmp_path / "empty.parquet")
    assert search_phrases(tmp_path, tmp_path / "out", CONFIG, workers=1).hits == 0
    (tmp_path / "torn.parquet").write_bytes(b"PAR1")
    with pytest.raises(CotkitError, match="not a Parquet file"):
        search_phrases(tmp_path, tmp_path / "out", CONFIG, workers=1)
    with pytest.raises(CotkitError, match="no Parquet file"):
        search_phrases(tmp_path / "nowhere", tmp_path / "out", CONFIG)


def test_the_command_searches_with_phrases_of_ones_own(searched: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('phrases = ["the bridge was closed for repairs it rained a lot"]')
    words = ["search-phrases", str(searched / "corpus"), "--phrases", str(own), "-o", str(tmp_path / "out"), "--workers", "1", "--json"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    texts = pl.concat([pl.read_parquet(file)["text"] for file in (searched / "corpus").rglob("*.parquet")])
    assert said["hits"] == texts.str.count_matches("the bridge was closed", literal=True).sum() > 20
