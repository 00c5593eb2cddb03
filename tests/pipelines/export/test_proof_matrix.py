"""What the proof says of the 72 chat templates that TRL ships agrees with what the templates do, rendered here on their own."""

import json
from pathlib import Path
from typing import Any

import jinja2
import pytest
from cotkit.pipelines.export.formats import FORMATS
from cotkit.pipelines.export.proof import Proof
from cotkit.pipelines.rendering import Student, load_student
from jinja2.ext import Extension
from jinja2.sandbox import ImmutableSandboxedEnvironment

from .conftest import trl_templates

REASONING, ANSWER = "REASONING-ONE", "ANSWER-ONE"
BLIND = {"idefics3", "smolvlm", "llava_next"}  # they render no plain strings: those of images take lists of parts
BEYOND = {
    # reasoning and answer are both there, and the row is refused all the same
    "gptoss": {"inline": "leaks"},
    "gptoss_training": {"inline": "leaks"},
    "muse_glimmer": {"inline": "leaks"},
    "muse_glimmer_training": {"inline": "leaks"},
    "qwen3_8": {"inline": "tags"},
    "qwen3_8_training": {"inline": "tags"},
    "glm4moe": {"inline": "end", "field": "end"},
    "qwen3_5_nothink": {"inline": "opening", "field": "opening"},
    "qwen3_5_nothink_training": {"inline": "opening", "field": "opening"},
}


class Transparent(Extension):
    """`{% generation %}` blocks as if they were not there."""

    tags = {"generation"}  # noqa: RUF012

    def parse(self, parser: Any) -> Any:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def rendered(path: Path, messages: list[dict[str, Any]]) -> str | None:
    """Render by the shortest way there is, with the reasoning under the names that transformers gives it."""

    def fail(message: str) -> None:
        raise jinja2.TemplateError(message)

    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Transparent, "jinja2.ext.loopcontrols"])
    environment.filters["tojson"] = lambda value, **_: json.dumps(value)
    environment.globals |= {"raise_exception": fail, "strftime_now": lambda _: "2026"}
    named = [m | {"thinking": m["reasoning_content"]} if "reasoning_content" in m else m for m in messages]
    try:
        return environment.from_string(path.read_text(encoding="utf-8")).render(messages=named, bos_token="<BOS>", eos_token="<EOS>")
    except (jinja2.TemplateError, TypeError):
        return None


def conversation(form: str, turns: int) -> list[dict[str, Any]]:
    messages = []
    for number in range(turns):
        word = ["ONE", "TWO"][number]
        answer = {"content": f"ANSWER-{word}"}
        if form == "inline":
            answer = {"content": f"<think>\nREASONING-{word}\n</think>\n\nANSWER-{word}"}
        if form == "field":
            answer |= {"reasoning_content": f"REASONING-{word}"}
        messages += [{"role": "user", "content": f"QUESTION-{word}"}, {"role": "assistant", **answer}]
    return messages


def finding(student: Student, reads: str, messages: list[dict[str, Any]]) -> str:
    proof = Proof(student, reads)
    (proven,) = proof.prove([(messages, 0)])
    (path,) = proof.paths.values()
    assert (proven.reason is None) == (path.finding is None)
    return path.finding.name if path.finding else "proven"


def test_all_of_them_are_there() -> None:
    assert len(trl_templates()) == 72


@pytest.mark.parametrize("path", trl_templates(), ids=lambda path: path.stem)
def test_a_single_turn_is_proven_if_and_only_if_the_template_keeps_it(path: Path) -> None:
    student = load_student(str(path))
    for form in ("inline", "field"):
        text = rendered(path, conversation(form, 1))
        found = finding(student, "common_prefix", conversation(form, 1))
        if text is None:
            assert found == "raises"
        elif REASONING not in text or ANSWER not in text:
            assert found == "lost"
        else:
            assert found == BEYOND.get(path.stem, {}).get(form, "proven")


@pytest.mark.parametrize("path", trl_templates(), ids=lambda path: path.stem)
def test_reasoning_that_a_later_turn_drops_is_found_in_the_history(path: Path) -> None:
    student = load_student(str(path))
    for form in ("inline", "field"):
        text = rendered(path, conversation(form, 2))
        found = finding(student, "turns", conversation(form, 2))
        if text is None:
            assert found == "raises"
        elif REASONING not in text or ANSWER not in text:
            assert found == "history"
        else:
            assert found not in ("history", "lost")


@pytest.mark.parametrize("path", trl_templates(), ids=lambda path: path.stem)
def test_what_any_format_proves_holds(path: Path) -> None:
    """Every format in every form that it reads: whatever passes trains the reasoning once, the answer, its end, and no prompt."""
    student = load_student(str(path))
    for name, format in FORMATS.items():
        for form in format.reasoning:
            messages = conversation(form, 1)
            proof = Proof(student, format.reads)
            (proven,) = proof.prove([(messages, 0)])
            if proven.reason is not None:
                continue
            reading = proof.reader.read(format.reads, messages)
            trained = "".join(reading.text[start:end] for start, end in reading.trained)
            assert reading.text.count(REASONING) == trained.count(REASONING) == (form != "none"), name
            assert reading.text.count(ANSWER) == trained.count(ANSWER) == 1, name
            assert "QUESTION" not in trained, name
            assert trained.partition(ANSWER)[2].strip(), name
            assert reading.text.count("<think>") == reading.text.count("</think>") <= 1, name
            assert reading.text.startswith(reading.openings[0]), name


def test_templates_of_images_are_never_proven() -> None:
    for path in trl_templates():
        if path.stem.removesuffix("_training") in BLIND:
            assert finding(load_student(str(path)), "common_prefix", conversation("inline", 1)) in ("lost", "raises")
