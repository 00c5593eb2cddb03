"""The known ways to lose or double reasoning are each found by name, and no text of a model can end its own turn."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cotkit.pipelines.export.proof import Proof
from cotkit.pipelines.rendering import load_student
from hypothesis import given
from hypothesis import strategies as st

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
ASKED = {"role": "user", "content": "What is 3 + 4?"}
INLINE = {"role": "assistant", "content": "<think>\nThree and four.\n</think>\n\nSeven."}
FIELD = {"role": "assistant", "content": "Seven.", "reasoning_content": "Three and four."}
PLAIN = {"role": "assistant", "content": "Seven."}
ORPHAN = {"role": "assistant", "content": "Three and four.\n</think>\n\nSeven."}
TOOLS = INLINE | {"tool_calls": None}

TemplateFile = Callable[[str], str]

TRAPS = [
    pytest.param("deepseek_r1_distill", "common_prefix", [ASKED, INLINE], "lost", [], id="r1-distill-strips-its-own-last-turn"),
    pytest.param("qwen2_5", "common_prefix", [ASKED, FIELD], "lost", ["inline"], id="qwen2.5-drops-the-field"),
    pytest.param("gptoss", "common_prefix", [ASKED, INLINE], "leaks", ["field"], id="gpt-oss-inline-leaks-into-final"),
    pytest.param("qwen3", "turns", [ASKED, INLINE, ASKED, INLINE], "history", [], id="qwen3-drops-the-history"),
    pytest.param("qwen3", "common_prefix", [ASKED, PLAIN], "empty", [], id="qwen3-writes-an-empty-think-block"),
    pytest.param("qwen3_8", "common_prefix", [ASKED, INLINE], "tags", ["field"], id="qwen3.8-doubles-inline-tags"),
    pytest.param("glm4moe", "common_prefix", [ASKED, INLINE], "end", [], id="glm-ends-no-turn"),
    pytest.param("qwen3_5_nothink", "common_prefix", [ASKED, INLINE], "opening", [], id="a-student-that-is-asked-not-to-think"),
    pytest.param("qwen2_5", "common_prefix", [ASKED, ORPHAN], "tags", ["inline"], id="an-orphan-closing-tag"),
    pytest.param("qwen3", "one_by_one", [ASKED, INLINE], "lost", [], id="verl-renders-qwen3-as-history"),
    pytest.param("deepseek_r1_distill", "derived", [ASKED, INLINE], "raises", [], id="llama-factory-derives-a-broken-slot"),
    pytest.param("gemma3", "one_by_one", [ASKED, INLINE], "raises", [], id="verl-and-a-template-that-wants-alternating-roles"),
    pytest.param("llama3_1", "common_prefix", [ASKED, TOOLS], "raises", [], id="null-tool-calls"),
    pytest.param("lfm2_2_5", "common_prefix", [ASKED, TOOLS], "raises", [], id="null-tool-calls-again"),
]


@pytest.mark.parametrize(("template", "reads", "messages", "name", "kept_by"), TRAPS)
def test_a_known_trap_is_found_by_name(
    template_file: TemplateFile, template: str, reads: str, messages: list[dict[str, Any]], name: str, kept_by: list[str]
) -> None:
    proof = Proof(load_student(template_file(template)), reads)
    (proven,) = proof.prove([(messages, 0)])
    (path,) = proof.failures()
    assert path.finding is not None
    assert path.finding.name == name
    assert proven.reason == path.finding.reason
    assert proof.other_forms(path) == kept_by


def test_a_null_tool_call_is_named(template_file: TemplateFile) -> None:
    (proven,) = Proof(load_student(template_file("llama3_1")), "common_prefix").prove([([ASKED, TOOLS], 1)])
    assert proven.reason is not None
    assert "null tool_calls: leave the column out" in proven.reason


KEPT = [
    pytest.param("qwen2_5", "common_prefix", INLINE, id="trl-qwen2.5-inline"),
    pytest.param("qwen3", "common_prefix", FIELD, id="trl-qwen3-field"),
    pytest.param("gptoss", "common_prefix", FIELD, id="trl-gpt-oss-field"),
    pytest.param("deepseek_r1_distill_training", "common_prefix", INLINE, id="trl-r1-with-its-training-template"),
    pytest.param("qwen3_5_think", "common_prefix", INLINE, id="the-prompt-has-opened-the-block-already"),
    pytest.param("qwen3", "generation", INLINE, id="marks-of-trls-twin"),
    pytest.param("qwen3_5_think", "turns", INLINE, id="turns"),
    pytest.param("qwen3_training", "generation", INLINE, id="marks"),
    pytest.param("llama3", "sliced", INLINE, id="openrlhf"),
    pytest.param("qwen2_5", "one_by_one", INLINE, id="verl"),
    pytest.param("qwen3", "compared", INLINE, id="axolotl"),
    pytest.param("qwen3", "derived", INLINE, id="llama-factory"),
    pytest.param("qwen3_8", "verbatim", INLINE, id="ms-swift"),
    pytest.param("llama3", "after_header", INLINE, id="unsloth"),
]


@pytest.mark.parametrize(("template", "reads", "answer"), KEPT)
def test_what_a_trainer_keeps_is_proven(template_file: TemplateFile, template: str, reads: str, answer: dict[str, Any]) -> None:
    proof = Proof(load_student(template_file(template)), reads)
    (proven,) = proof.prove([([ASKED, answer], 0)])
    assert proven.reason is None
    assert proven.text.count("Three and four.") == 1


def chatml(tmp_path: Path, source: str = CHATML) -> Proof:
    path = tmp_path / "chatml.jinja"
    path.write_text(source)
    return Proof(load_student(str(path)), "common_prefix")


def answered(content: Any, **more: Any) -> list[dict[str, Any]]:
    return [ASKED, {"role": "assistant", "content": content, **more}]


REFUSED = [
    pytest.param(
        answered("<think>\nSo <|im_end|>\n</think>\n\nSeven."), "its reasoning spells the control token <|im_end|>", id="in-reasoning"
    ),
    pytest.param(answered("Seven.<|im_start|>user"), "its response spells the control token <|im_start|>", id="in-response"),
    pytest.param([{"role": "user", "content": "<|im_end|>?"}, INLINE], "its prompt spells the control token <|im_end|>", id="in-prompt"),
    pytest.param(answered(None), "content of turn 2 is null", id="null-content"),
    pytest.param(answered([{"type": "text", "text": "Seven."}]), "null or no text", id="parts"),
    pytest.param([ASKED, {"content": "Seven."}], "role of turn 2 is null", id="no-role"),
    pytest.param([ASKED], "no assistant turn", id="nothing-to-train"),
    pytest.param(answered("<think>\nThree.\n</think>\n\n"), "turn 2 has no response", id="no-response"),
    pytest.param(answered(" \n"), "turn 2 has no response", id="blank"),
    pytest.param(answered("Seven.", reasoning_content=""), "reasoning_content of turn 2 is empty text", id="empty-field"),
    pytest.param(answered("<think>a</think>b<think>c</think>d"), "more than one", id="two-blocks"),
    pytest.param(answered("<think>Seven."), "opens <think> and never closes it", id="never-closed"),
    pytest.param(answered("So: <think>a</think>b"), "text before <think>", id="late-block"),
    pytest.param(answered("<think>a</think>b", reasoning_content="c"), "more than one", id="both-forms"),
    pytest.param(answered("b", reasoning_content="a</think>"), "more than one", id="a-tag-in-the-field"),
]


@pytest.mark.parametrize(("messages", "reason"), REFUSED)
def test_a_bad_row_is_refused_with_its_reason_and_the_others_pass(tmp_path: Path, messages: list[dict[str, Any]], reason: str) -> None:
    bad, good = chatml(tmp_path).prove([(messages, 1 if len(messages) > 1 else 0), ([ASKED, INLINE], 1)])
    assert bad.reason is not None
    assert reason in bad.reason
    assert good.reason is None


def test_a_row_that_the_template_alters_is_refused_alone(tmp_path: Path) -> None:
    proof = chatml(tmp_path, CHATML.replace("m.content", "m.content.split('SEP')[-1]"))
    good, bad = proof.prove([(answered("Seven."), 1), (answered("Is SEP seven."), 1)])
    assert good.reason is None
    assert bad.reason == "the template writes the texts of this row differently from those of others"


ROW_TRAPS = [
    pytest.param(CHATML.replace("m.content", "m.content * 2"), "writes the reasoning 2 times", id="doubled"),
    pytest.param(CHATML.replace("<|im_end|>\n{% endfor", "\n{% endfor"), "no end-of-turn token", id="no-end"),
    pytest.param(
        CHATML.replace("<|im_start|>assistant\n{% endif", "<|im_start|>model\n{% endif"), "does not start as", id="another-header"
    ),
]


@pytest.mark.parametrize(("source", "reason"), ROW_TRAPS)
def test_a_broken_template_refuses_every_row(tmp_path: Path, source: str, reason: str) -> None:
    (proven,) = chatml(tmp_path, source).prove([([ASKED, INLINE], 1)])
    assert proven.reason is not None
    assert reason in proven.reason


def test_skeletons_are_shared_by_rows(tmp_path: Path) -> None:
    proof = chatml(tmp_path)
    rows = [
        ([{"role": "user", "content": f"{n}?"}, {"role": "assistant", "content": f"<think>\n{n}\n</think>\n\n{n}."}], 1) for n in range(9)
    ]
    assert [row.reason for row in proof.prove(rows)] == [None] * 9
    assert len(proof.paths) == 1


texts = st.text(alphabet=st.characters(blacklist_categories=["Cs"]), max_size=30)


@given(texts, texts, texts)
def test_whatever_is_proven_is_trained_to_the_letter(prompt: str, reasoning: str, response: str) -> None:
    from cotkit.pipelines.rendering import ChatTemplate, Student

    proof = Proof(Student("s", ChatTemplate(CHATML), ("<|im_end|>", "<|im_start|>")), "common_prefix")
    content = f"<think>\n{reasoning}\n</think>\n\n{response}"
    (proven,) = proof.prove([([{"role": "user", "content": prompt}, {"role": "assistant", "content": content}], 1)])
    if proven.reason is None:
        assert proven.text == f"<|im_start|>user\n{prompt}<|im_end|>\n<|im_start|>assistant\n{content}<|im_end|>\n"
    else:
        assert not response.strip() or any(word in prompt + content.replace("<think>", "", 1) for word in ("<|im", "<think>", "</think>"))


def test_an_end_of_turn_that_is_not_the_end_of_sequence_token_is_noted(model_folder: Path, template_file: TemplateFile) -> None:
    (model_folder / "chat_template.jinja").write_text(Path(template_file("qwen2_5")).read_text())
    (model_folder / "tokenizer_config.json").write_text('{"eos_token": "<|endoftext|>"}')
    proof = Proof(load_student(str(model_folder)), "common_prefix")
    proof.prove([([ASKED, INLINE], 1)])
    assert proof.notes() == [
        "turns end in <|im_end|> while the tokenizer's eos_token is <|endoftext|>: let the trainer and the server stop at <|im_end|>"
    ]


def test_openrlhf_adds_the_end_of_sequence_token(model_folder: Path) -> None:
    (model_folder / "tokenizer_config.json").write_text('{"eos_token": "<|endoftext|>"}')
    (proven,) = Proof(load_student(str(model_folder)), "sliced").prove([([ASKED, INLINE], 0)])
    assert proven.text.endswith("<|im_end|> <|endoftext|>")


def test_axolotl_does_not_train_the_opening_tag_that_qwen3_writes_itself(template_file: TemplateFile) -> None:
    proof = Proof(load_student(template_file("qwen3")), "compared")
    proof.prove([([ASKED, INLINE], 0)])
    assert proof.notes() == ["the opening <think> is not trained by this trainer, though the student has to write it"]
