"""Tokens counted by words are those that the tokenizer itself counts, and a tokenizer of another kind is asked for every text."""

import json
from pathlib import Path
from typing import Any

import pytest
from cotkit.pipelines.rendering import load_student
from cotkit.pipelines.rendering.counting import WordCounter, counted_whole, splitting_of
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

QWEN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
LLAMA = QWEN.replace(r"|\p{N}|", r"|\p{N}{1,3}|")
LETTERS = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
SPLITS = {
    "gpt2": pre_tokenizers.ByteLevel(add_prefix_space=False),
    "smollm": pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]),
    "qwen": pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(QWEN), "isolated"), LETTERS]),
    "llama3": pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(LLAMA), "isolated"), LETTERS]),
}
CORPUS = ["So 3 + 4 is 7.\n\n  Wait, let me check:  \n   12 345   words'll do.\n", "\t\tx  y   z    \r\n\r\n (a) 好的 'S it's "] * 9


def made(split: str) -> Tokenizer:
    """Train a small byte-level BPE, with merges of blanks, that splits like a well-known one."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = SPLITS[split]
    if split == "qwen":
        tokenizer.normalizer = normalizers.NFC()
    trainer = trainers.BpeTrainer(vocab_size=420, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.add_special_tokens([AddedToken("<|im_end|>", special=True)])
    tokenizer.add_tokens([AddedToken("<think>", special=False), AddedToken("<think>>", special=False)])
    return tokenizer


TOKENIZERS = {split: made(split) for split in SPLITS}
texts = st.text(alphabet=st.sampled_from(" \n\t\r .'a12好é²ſSs\u00a0\u0301\u2028"), max_size=30)
rare = st.sampled_from(["<|im_end|>", "<think>", "<think>>", "\0", "\r\n", "   "])
mixed = st.lists(st.one_of(texts, rare), max_size=6).map("".join)


@pytest.mark.parametrize("split", SPLITS)
@settings(deadline=None)
@given(rows=st.lists(mixed, min_size=1, max_size=4))
@example(rows=["  a", " \n a", "a \n\n  12  34\t", "<think> <|im_end|>  ", "   ", ""])
def test_words_add_up_to_what_the_tokenizer_counts(split: str, rows: list[str]) -> None:
    splitting = splitting_of(json.loads(TOKENIZERS[split].to_str()))
    assert splitting is not None
    counter = WordCounter(TOKENIZERS[split], splitting)
    assert counter.count(rows) == counter.count(rows) == counted_whole(TOKENIZERS[split], rows)


UNKNOWN: list[Any] = [
    pytest.param({"normalizer": {"type": "Lowercase"}}, id="another-normal-form"),
    pytest.param({"pre_tokenizer": {"type": "Metaspace"}}, id="sentencepiece"),
    pytest.param({"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": True, "use_regex": True}}, id="a-blank-before-the-text"),
    pytest.param({"model": {"type": "Unigram"}}, id="another-model"),
    pytest.param({"added_tokens": [{"content": "<|end|>", "rstrip": True}]}, id="a-token-that-swallows-blanks"),
    pytest.param({"pre_tokenizer": None}, id="no-pattern"),
]


@pytest.mark.parametrize("change", UNKNOWN)
def test_a_tokenizer_of_another_kind_has_no_words(change: dict[str, Any]) -> None:
    assert splitting_of(json.loads(TOKENIZERS["gpt2"].to_str()) | change) is None


def test_a_student_counts_by_words_where_it_can_and_else_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "chat_template.jinja").write_text("{% for m in messages %}{{ m.content }}{% endfor %}")
    for split in (*SPLITS, "unknown"):
        settings = json.loads(TOKENIZERS["gpt2" if split == "unknown" else split].to_str())
        if split == "unknown":
            settings["normalizer"] = {"type": "Lowercase"}
        (tmp_path / "tokenizer.json").write_text(json.dumps(settings))
        student = load_student(str(tmp_path))
        assert student.tokenizer is not None
        assert student.count_tokens(CORPUS) == counted_whole(student.tokenizer, CORPUS)
