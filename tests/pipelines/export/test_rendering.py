"""A student's template is rendered in a sandbox, with its own tokens, and what is no student is an error that says so."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cotkit.pipelines.rendering import ChatTemplate, load_student
from cotkit.schemas.errors import CotkitError

CHATML = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
ASKED = [{"role": "user", "content": "2+2?"}]

SOURCES = [
    pytest.param("  {% if true %}\nyes\n  {% endif %}\n", "yes\n", id="blocks-are-trimmed"),
    pytest.param("{% for x in [1, 2, 3] %}{% if x == 2 %}{% break %}{% endif %}{{ x }}{% endfor %}", "1", id="break"),
    pytest.param("{{ {'b': '<é>', 'a': 1} | tojson }}", '{"b": "<é>", "a": 1}', id="json-is-not-escaped"),
    pytest.param("{{ strftime_now('%Y') | length }}", "4", id="the-date"),
    pytest.param("{% set n = namespace(x=1) %}{% set n.x = 2 %}{{ n.x }}", "2", id="namespace"),
    pytest.param("{{ dict(a=1).a }}{{ tools is none }}{{ documents }}", "1TrueNone", id="what-is-always-given"),
    pytest.param("{{ eos_token }}", "<|im_end|>", id="a-token-of-the-student"),
    pytest.param("{{ messages[0].reasoning_content }}", "", id="no-reasoning-is-undefined"),
]


@pytest.mark.parametrize(("source", "text"), SOURCES)
def test_a_template_is_rendered_as_transformers_does(source: str, text: str) -> None:
    assert ChatTemplate(source, {"eos_token": "<|im_end|>"}).render(ASKED) == text


@pytest.mark.parametrize("name", ["reasoning_content", "thinking", "reasoning"])
def test_reasoning_is_read_under_any_of_its_names(name: str) -> None:
    template = ChatTemplate("{{ messages[0].reasoning_content }}|{{ messages[0].thinking }}")
    assert template.render([{"role": "assistant", "content": "4", name: "so"}]) == "so|so"


def test_generation_blocks_give_the_spans_of_the_texts_they_hold() -> None:
    answered = "A{%- generation -%}{{ m.content }}E{%- endgeneration -%}"
    template = ChatTemplate(
        "{% for m in messages %}{% if m.role == 'user' %}U{{ m.content }}{% else %}" + answered + "{% endif %}{% endfor %}"
    )
    text, spans = template.render_generated([*ASKED, {"role": "assistant", "content": "4"}, *ASKED, {"role": "assistant", "content": "5"}])
    assert text == "U2+2?A4EU2+2?A5E"
    assert [text[start:end] for start, end in spans] == ["4E", "5E"]
    assert template.render(ASKED) == "U2+2?"


HOSTILE = [
    pytest.param("{{ ''.__class__.__mro__ }}", "unsafe", id="attributes-of-a-class"),
    pytest.param("{% set n = namespace() %}{% set n._x = 1 %}", "underscored", id="underscored-name"),
    pytest.param("{{ messages.append(1) }}", "unsafe", id="changing-the-messages"),
    pytest.param("{{ raise_exception('roles must alternate') }}", "roles must alternate", id="its-own-words"),
    pytest.param("{{ messages[0].content + 1 }}", "str", id="a-type-error"),
    pytest.param("{{ range(999999999) | list }}", "Range too big", id="a-range-without-end"),
]


@pytest.mark.parametrize(("source", "words"), HOSTILE)
def test_a_template_that_raises_is_an_error_in_its_own_words(source: str, words: str) -> None:
    with pytest.raises(CotkitError, match=words):
        ChatTemplate(source).render(ASKED)


def test_a_template_that_does_not_compile_is_an_error() -> None:
    with pytest.raises(CotkitError, match="does not compile"):
        ChatTemplate("{% for %}")


def write(folder: Path, **files: Any) -> str:
    for name, content in files.items():
        path = folder / name.replace("__", ".")
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(folder)


CONFIG = {"eos_token": {"content": "<|im_end|>"}, "added_tokens_decoder": {"1": {"content": "<|fim|>", "special": True}}}
FOLDERS = [
    pytest.param({"chat_template__jinja": CHATML, "tokenizer_config__json": CONFIG}, id="a-file-of-its-own"),
    pytest.param({"chat_template__json": {"chat_template": CHATML}, "tokenizer_config__json": CONFIG}, id="in-json"),
    pytest.param({"tokenizer_config__json": CONFIG | {"chat_template": CHATML}}, id="in-the-configuration"),
    pytest.param(
        {
            "tokenizer_config__json": CONFIG
            | {"chat_template": [{"name": "tool_use", "template": "x"}, {"name": "default", "template": CHATML}]}
        },
        id="the-default-of-several",
    ),
]


@pytest.mark.parametrize("files", FOLDERS)
def test_a_folder_is_read_as_tokenizers_read_it(tmp_path: Path, files: dict[str, Any]) -> None:
    student = load_student(write(tmp_path, **files))
    assert student.template.render(ASKED) == "<|im_start|>user\n2+2?<|im_end|>\n"
    assert student.eos_token == "<|im_end|>"
    assert set(student.control_tokens) == {"<|im_end|>", "<|fim|>"}
    assert student.count_tokens(["x"]) is None


def test_control_tokens_are_the_special_ones_and_those_that_the_template_writes(model_folder: Path) -> None:
    (model_folder / "chat_template.jinja").write_text(CHATML + "<tool_call><think>")
    student = load_student(str(model_folder))
    assert set(student.control_tokens) == {"<|endoftext|>", "<|im_start|>", "<|im_end|>", "<tool_call>"}  # `<b>` is only text
    assert student.count_tokens(["<|im_start|>ab", ""]) == [3, 0]


def test_a_bare_template_names_its_control_tokens_itself(tmp_path: Path) -> None:
    path = tmp_path / "phi.jinja"
    path.write_text("{{ bos_token }}{% for m in messages %}{{ '<|' + m.role + '|>' + m.content + '<|end|>' }}{% endfor %}{{ eos_token }}")
    student = load_student(str(path))
    assert set(student.control_tokens) == {"<BOS>", "<EOS>", "<|user|>", "<|assistant|>", "<|end|>"}
    assert student.eos_token is None


def test_the_generation_header_and_the_end_of_a_turn(template_file: Callable[[str], str]) -> None:
    student = load_student(template_file("qwen3_5_think"))
    assert student.generation_header() == "<|im_start|>assistant\n<think>\n"
    assert load_student(template_file("idefics3")).end_of_turn() == ""  # it renders no plain string at all
    assert load_student(template_file("qwen2_5")).end_of_turn() == "<|im_end|>\n"


def test_the_marked_twin_of_a_template_is_found_in_an_installed_trl(template_file: Callable[[str], str], tmp_path: Path) -> None:
    twin = load_student(template_file("qwen3")).marked_template
    assert twin is not None
    assert twin.source == Path(template_file("qwen3_training")).read_text(encoding="utf-8")
    changed = tmp_path / "changed.jinja"
    changed.write_text(Path(template_file("qwen3")).read_text(encoding="utf-8") + " ")
    assert load_student(str(changed)).marked_template is None


NO_STUDENTS = [
    pytest.param({"tokenizer_config__json": {"eos_token": "</s>"}}, "", "no chat template", id="a-base-model"),
    pytest.param({"tokenizer_config__json": "{"}, "", "not valid JSON", id="torn-json"),
    pytest.param({"x__bin": "x"}, "x.bin", "not a student", id="another-file"),
    pytest.param({}, "absent.jinja", "no such file", id="absent-template"),
    pytest.param({}, "absent.json", "no such file", id="absent-json"),
]


@pytest.mark.parametrize(("files", "name", "words"), NO_STUDENTS)
def test_what_is_no_student_is_an_error(tmp_path: Path, files: dict[str, Any], name: str, words: str) -> None:
    write(tmp_path, **files)
    with pytest.raises(CotkitError, match=words):
        load_student(str(tmp_path / name))


def test_a_model_that_cannot_be_had_offline_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(CotkitError, match="cannot be reached"):
        load_student("nobody/no-such-model")
