"""Reasoning and response are told apart by every shape that teachers write, and nothing but marks is lost."""

import re
import time
from collections import Counter
from pathlib import Path

import pytest
from cotkit.pipelines.delimiters import Split, load_styles, split_reasoning
from cotkit.schemas.errors import CotkitError
from hypothesis import given
from hypothesis import strategies as st

TRACES = Path(__file__).parents[2] / "../shared/data/traces/real_traces.parquet"

SHAPES = {
    "think": ("<think>\nAdd.\n</think>\n\nIt is 7.", ("Add.", "It is 7.", "think")),
    "think, on one line": ("<think>Add.</think>It is 7.", ("Add.", "It is 7.", "think")),
    "think after white space": ("\n <think>Add.</think>7", ("Add.", "7", "think")),
    "think after a preamble": ("Sure! <think>Add.</think>7", ("Sure! \nAdd.", "7", "think")),
    "only the closing tag": ("Add.\n</think>\n\nIt is 7.", ("Add.", "It is 7.", "think_close_only")),
    "several blocks": ("<think>a</think>so<think>b</think>7", ("a\nso\nb", "7", "think")),
    "several closing tags": ("a</think>b</think>7", ("a\nb", "7", "think_close_only")),
    "a block that was cut off after the answer": ("<think>a</think>7 <think>b", ("a", "7 <think>b", "think")),
    "an empty block": ("<think>\n\n</think>\n\n7", (None, "7", "think")),
    "an empty block, only closed": ("</think>7", (None, "7", "think_close_only")),
    "never closed": ("<think>Add 3 and", ("Add 3 and", "", "think")),
    "closed, nothing after it": ("<think>Add.</think>", ("Add.", "", "think")),
    "answer tags": ("<think>Add.</think>\n<answer>7</answer>", ("Add.", "7", "think_answer")),
    "answer tags, cut off": ("<think>Add.</think><answer>It is", ("Add.", "It is", "think_answer")),
    "answer tags, only closed": ("Add.</think><answer>7</answer>", ("Add.", "7", "think_answer_close_only")),
    "text after the answer tag": ("<think>Add.</think><answer>7</answer> ok", ("Add.", "<answer>7</answer> ok", "think")),
    "reasoning": ("<reasoning>Add.</reasoning>7", ("Add.", "7", "reasoning")),
    "reasoning and answer": ("<reasoning>\nAdd.\n</reasoning>\n<answer>\n7\n</answer>", ("Add.", "7", "reasoning_answer")),
    "thinking": ("<thinking>Add.</thinking>7", ("Add.", "7", "thinking")),
    "begin_of_thought": (
        "<|begin_of_thought|>\n\nAdd.\n\n<|end_of_thought|>\n\n<|begin_of_solution|>\n\n7\n\n<|end_of_solution|>",
        ("Add.", "7", "begin_of_thought"),
    ),
    "begin_of_thought, cut off in the solution": (
        "<|begin_of_thought|>Add.<|end_of_thought|><|begin_of_solution|>It is",
        ("Add.", "It is", "begin_of_thought"),
    ),
    "begin_of_thought, cut off": ("<|begin_of_thought|>Add", ("Add", "", "begin_of_thought")),
    "words": ("think\nAdd.\nanswer\nAnswer: 7", ("Add.", "Answer: 7", "words")),
    "words, cut off": ("think\nAdd 3 and", ("Add 3 and", "", "words")),
    "words that come again in the text": ("think\nI think\nthis\nanswer\n7\nanswer\n8", ("I think\nthis", "7\nanswer\n8", "words")),
    "chatml": ("<|im_start|>think\nAdd.\n<|im_start|>answer\nAnswer: 7", ("Add.", "Answer: 7", "chatml")),
    "chatml without line breaks": ("<|im_start|>thinkAdd.\n<|im_start|>answerAnswer: 7<|im_end|>", ("Add.", "Answer: 7", "chatml")),
    "chatml with breaks before the words": ("<|im_start|>\nthink\nAdd.<|im_start|>\nanswer\n7", ("Add.", "7", "chatml")),
    "chatml with both": (
        "<|im_start|>thinkAdd.\nFinal Answer: 7\n<|im_start|>answerAnswer: 7",
        ("Add.\nFinal Answer: 7", "Answer: 7", "chatml"),
    ),
    "chatml with a final answer only": ("<|im_start|>thinkAdd.\nFinal Answer: 7", ("Add.", "Final Answer: 7", "chatml")),
    "chatml that takes its final answer back": (
        "<|im_start|>thinkAdd.\nFinal Answer: 8\nWait.\nFinal Answer: 7",
        ("Add.\nFinal Answer: 8\nWait.", "Final Answer: 7", "chatml"),
    ),
    "chatml with a heading only": ("<|im_start|>thinkAdd.\n**Final Answer**\n7", ("Add.\n**Final Answer**\n7", "", "chatml")),
    "chatml that thinks twice": ("<|im_start|>thinka<|im_start|>thinkb<|im_start|>answer7", ("a\nb", "7", "chatml")),
    "chatml that loops": (
        "<|im_start|>thinka<|im_start|>answer7<|im_start|>thinkb<|im_start|>answer8",
        ("a", "7<|im_start|>thinkb<|im_start|>answer8", "chatml"),
    ),
    "chatml, cut off": ("<|im_start|>thinkAdd", ("Add", "", "chatml")),
    "harmony": (
        "<|channel|>analysis<|message|>Add.<|end|><|start|>assistant<|channel|>final<|message|>7<|return|>",
        ("Add.", "7", "harmony"),
    ),
    "harmony, opened in the prompt": (
        "analysis<|message|>Add.<|end|><|start|>assistant<|channel|>final<|message|>7",
        ("Add.", "7", "harmony"),
    ),
    "harmony with a tool's commentary": (
        "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>commentary json<|message|>b<|call|>"
        "<|start|>assistant<|channel|>final<|message|>7<|return|>",
        ("a\nb", "7", "harmony"),
    ),
    "harmony, cut off": ("<|channel|>analysis<|message|>Add", ("Add", "", "harmony")),
    "harmony without reasoning": ("<|channel|>final<|message|>7<|return|>", (None, "7", "harmony")),
    "harmony without its special tokens": ("analysisAdd.assistantfinal7", ("Add.", "7", "harmony_stripped")),
    "brackets": ("[THINK]Add.[/THINK]7", ("Add.", "7", "bracket_think")),
    "kimi": ("◁think▷Add.◁/think▷7", ("Add.", "7", "kimi")),
    "no delimiter": ("Add.\n\n\\boxed{7}\n", (None, "Add.\n\n\\boxed{7}\n", "none")),
    "an empty text": ("", (None, "", "none")),
    "prose that thinks": ("I think\nthe answer\nis 7", (None, "I think\nthe answer\nis 7", "none")),
    "prose that begins with think": ("think of 3 and 4.\nanswer\n7", (None, "think of 3 and 4.\nanswer\n7", "none")),
    "analysis in prose": ("analysis shows 7", (None, "analysis shows 7", "none")),
    "an opening tag in prose": ("The tag <think> opens it.", (None, "The tag <think> opens it.", "none")),
    "talk about the tags": ("Use `<think>` and `</think>`.", (None, "Use `<think>` and `</think>`.", "none")),
    "talk about the tag after the end": ("<think>a</think>Split at `</think>`.", ("a", "Split at `</think>`.", "think")),
    "talk about the tag before the end": ("<think>at '</think>' I stop</think>7", ("at '</think>' I stop", "7", "think")),
    "a reasoning tag within the text": ("So <reasoning>a</reasoning>7", (None, "So <reasoning>a</reasoning>7", "none")),
}


@pytest.mark.parametrize(("text", "expected"), SHAPES.values(), ids=SHAPES.keys())
def test_every_shape_is_split(text: str, expected: tuple) -> None:
    assert split_reasoning(text) == Split(*expected)


def test_every_shipped_style_has_a_shape_here() -> None:
    covered = {expected[2] for _, expected in SHAPES.values()}
    untested = {"thought", "seed", "start_thinking"}  # same code, other marks: the law below takes them
    assert covered | untested == {*load_styles(), "none"}


@pytest.mark.parametrize(
    ("text", "style", "expected"),
    [
        ("Add.</think>7", "think", ("Add.", "7", "think_close_only")),
        ("Add 3 and", "think_close_only", ("Add 3 and", "", "think_close_only")),
        ("<think>Add 3 and", "think_close_only", ("Add 3 and", "", "think_close_only")),
        ("<think>Add.</think>7", "none", (None, "<think>Add.</think>7", "none")),
        ("<think>Add.</think>7", "reasoning", (None, "<think>Add.</think>7", "none")),
        ("no tags", "think", (None, "no tags", "none")),
        ("7", "harmony", (None, "7", "none")),
    ],
)
def test_a_named_style_takes_its_own_texts_only(text: str, style: str, expected: tuple) -> None:
    assert split_reasoning(text, style) == Split(*expected)


def test_an_unknown_style_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(CotkitError, match="unknown delimiter 'thonk'") as error:
        split_reasoning("7", "thonk")
    assert "think_close_only" in error.value.hint


MARKS = ["<think>", "</think>", "<answer>", "</answer>", "<|im_start|>think", "<|im_start|>answer", "Final Answer:"]
MARKS += ["think\n", "\nanswer\n", "<|channel|>analysis<|message|>", "<|end|>", "<|start|>assistant<|channel|>final<|message|>"]
MARKS += ["<|begin_of_thought|>", "`", " ", "a", "7"]


@given(st.lists(st.sampled_from(MARKS), max_size=12).map("".join))
def test_nothing_is_invented_and_only_marks_are_lost(text: str) -> None:
    reasoning, response, delimiter = split_reasoning(text)
    kept = Counter(re.sub(r"\s", "", (reasoning or "") + response))
    assert kept <= Counter(re.sub(r"\s", "", text))
    assert kept["7"] == text.count("7")
    if delimiter == "none":
        assert response == text


PLAIN = st.text(alphabet="ab 7\n.\\{}$é", max_size=40)


@pytest.mark.parametrize("name", [name for name in load_styles() if name != "harmony"])
@given(reasoning=PLAIN, response=PLAIN)
def test_what_is_put_between_marks_comes_back(name: str, reasoning: str, response: str) -> None:
    style = load_styles()[name]
    marks = {key: getattr(style, key) for key in ("open", "close", "answer_open", "answer_close")}
    written = {key: mark.pattern.pattern.replace(r"\s{0,16}+", "").replace("\\", "") if mark else "" for key, mark in marks.items()}
    opening = "" if style.opened_in_prompt else written["open"]
    text = f"{opening}{reasoning}{written['close']}{written['answer_open']}{response}{written['answer_close']}"
    assert split_reasoning(text, name) == (reasoning.strip() or None, response.strip(), name)


@pytest.mark.parametrize(
    "unit",
    [
        "<think>",
        "</think>",
        "<|im_start|>",
        "<|im_start|>think",
        "<|channel|>",
        "<|message|>",
        '"</think>"',
        "think\n",
        "\nanswer",
        " ",
        "<answer>",
    ],
)
@pytest.mark.parametrize("head", ["", "<think>", "<|im_start|>think", "<think></think>"])
def test_a_hostile_megabyte_takes_no_longer_than_any_other(head: str, unit: str) -> None:
    text = head + unit * (1_000_000 // len(unit))
    started = time.process_time()
    split_reasoning(text)
    assert time.process_time() - started < 0.5


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.skipif(not TRACES.exists(), reason="no ../shared/data beside the checkout")
def test_real_texts_are_split_where_their_sources_split_them() -> None:
    import polars as pl

    traces = pl.read_parquet(TRACES, columns=["source", "teacher", "raw", "reasoning", "final"])
    agreed, given_split, styles = Counter(), Counter(), Counter()
    for source, teacher, raw, reasoning, final in traces.iter_rows():
        split = split_reasoning(raw)
        styles[source.partition(".")[0], teacher.partition("-")[0] if "mip" in source else "", split.delimiter] += 1
        if final is not None:
            given_split[source] += 1
            marks = r"<\|im_start\|>\s*think|\s"
            same = re.sub(marks, "", split.reasoning or "") == re.sub(marks, "", reasoning)
            agreed[source] += same and split.response == final.strip()
    assert agreed == given_split
    assert given_split.total() == 21_099 - 9_043
    assert styles["bangla_mmlu", "", "think"] == 3000
    assert styles["gsm8k_gpt_oss_120b", "", "think_close_only"] == 1319
    assert styles["mip/gsm8k", "simplescaling/s1.1", "words"] == 582
    assert styles["mip/gsm8k", "deepseek", "think_close_only"] == 581
    assert styles["mip/gsm8k", "deepseek", "none"] == 1, "the row that is an API's error message"
    assert styles["s1_mgsm_en_all_settings", "", "chatml"] == 4396
    assert styles["s1_mgsm_14B_forced_languages_enq", "", "chatml"] == 2750
    assert styles["longcot_example/jl", "", "none"] == 6330
