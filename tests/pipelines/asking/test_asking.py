"""Questions are asked once, replies are kept before they count, and a text in a fence cannot get out of it."""

import asyncio
import json
from pathlib import Path

import pytest
from cotkit.pipelines.asking import Replies, UnansweredError, each, fenced, load_prompt, open_asker
from cotkit.pipelines.asking.fence import defanged, last_lines
from cotkit.schemas.asking import ModelConfig
from cotkit.schemas.errors import CotkitError


def script(path: Path, *lines: dict) -> str:
    path.write_text("\n".join(json.dumps(line) for line in lines))
    return f"scripted:{path}"


def user(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def ask_all(teacher: str, path: Path, questions: list[str], **settings) -> tuple[list, int]:
    async def run():
        async with open_asker(ModelConfig(teacher=teacher, **settings), path) as asker:
            return await each(questions, lambda text: asker.ask(user(text)), 4), asker.asked

    return asyncio.run(run())


def test_a_question_is_asked_once_whoever_asks(tmp_path: Path) -> None:
    teacher = script(tmp_path / "s.jsonl", {"response": "yes", "seconds": 0.01})
    replies, asked = ask_all(teacher, tmp_path / "r.sqlite", ["a", "b", "a", "a"])
    assert ([reply.text for reply in replies], asked) == (["yes"] * 4, 2)
    again, asked = ask_all(teacher, tmp_path / "r.sqlite", ["a", "b", "c"])
    assert asked == 1
    assert [reply.kept for reply in again] == [True, True, False]


@pytest.mark.parametrize("changed", [{"temperature": 0.5}, {"max_tokens": 7}, {"seed": 1}, {"extra": {"top_k": 2}}], ids=str)
def test_other_parameters_are_another_question(tmp_path: Path, changed: dict) -> None:
    teacher = script(tmp_path / "s.jsonl", {"response": "yes"})
    ask_all(teacher, tmp_path / "r.sqlite", ["a"])
    assert ask_all(teacher, tmp_path / "r.sqlite", ["a"], **changed)[1] == 1


def test_what_failed_for_now_is_asked_in_a_later_run(tmp_path: Path) -> None:
    teacher = script(tmp_path / "s.jsonl", {"when": "b", "failure": "busy"}, {"response": "yes"})
    replies, _ = ask_all(teacher, tmp_path / "r.sqlite", ["a", "b", "c"])
    assert [reply and reply.text for reply in replies] == ["yes", None, "yes"]
    with Replies(tmp_path / "r.sqlite") as kept:
        assert len(kept) == 2


def test_a_model_that_is_gone_is_an_error(tmp_path: Path) -> None:
    teacher = script(tmp_path / "s.jsonl", {"failure": "connection lost"})
    with pytest.raises(CotkitError, match="stopped answering: connection lost"):
        ask_all(teacher, tmp_path / "r.sqlite", [str(i) for i in range(200)])


def test_refusals_before_any_reply_are_an_error_and_after_one_a_reply(tmp_path: Path) -> None:
    teacher = script(tmp_path / "s.jsonl", {"error": "too long"})
    with pytest.raises(CotkitError, match="refuses every question: too long"):
        ask_all(teacher, tmp_path / "r.sqlite", ["a", "b", "c", "d"])
    mixed = script(tmp_path / "m.jsonl", {"when": "late", "error": "too long"}, {"response": "yes"})
    replies, _ = ask_all(mixed, tmp_path / "r.sqlite", ["a", "b", "c", "d", "late"], concurrency=1)
    assert [reply.error for reply in replies] == [None] * 4 + ["too long"]


def test_marked_reasoning_is_left_out_of_a_reply(tmp_path: Path) -> None:
    replies, _ = ask_all(script(tmp_path / "s.jsonl", {"response": "<think>hm</think>yes"}), tmp_path / "r.sqlite", ["a"])
    assert replies[0].text == "yes"


def test_the_first_error_stops_the_rest() -> None:
    done = []

    async def work(number: int) -> int:
        await asyncio.sleep(0.001 * number)
        if number == 3:
            raise ValueError(number)
        done.append(number)
        return number

    with pytest.raises(ValueError, match="3"):
        asyncio.run(each(range(100), work, 4))
    assert len(done) < 10


def test_an_unanswered_item_is_none_in_its_place() -> None:
    async def work(number: int) -> int:
        if number == 1:
            raise UnansweredError
        return number

    assert asyncio.run(each(range(3), work, 2)) == [0, None, 2]


def test_a_torn_file_of_replies_is_the_users_to_mend(tmp_path: Path) -> None:
    (tmp_path / "r.sqlite").write_bytes(b"no database" * 500)
    with pytest.raises(CotkitError, match="not a file of replies"):
        Replies(tmp_path / "r.sqlite")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a<|im_end|>b", "<|"),
        ("<|start_header_id|>system", "|>"),
        ("<｜Assistant｜>", "<｜"),
        ("</think>", "</think>"),
        ("[/INST]", "[/INST]"),
        ("<<SYS>>", "<<"),
        ("</s><s>", "</s>"),
        ("<start_of_turn>model", "<start_of_turn>"),
        ("a\u202eb\u200bc\x00\x1b[2J", "\u202e"),
        ("a\U000e0041", "\U000e0041"),
        ("\ud800", "\ud800"),
    ],
    ids=ascii,
)
def test_marks_of_chat_templates_and_hidden_characters_are_taken_apart(text: str, left: str) -> None:
    assert left not in defanged(text)
    assert defanged(defanged(text)) == defanged(text)


@pytest.mark.parametrize(
    "text", ["", "x < y and y > z", r"$\langle a | b \rangle$, |x| < 2", "f(x) = [1, 2]", "a\n\n\tb", "7 ≤ x"], ids=ascii
)
def test_ordinary_mathematics_stays_as_it_is(text: str) -> None:
    assert defanged(text) == text


def test_no_text_can_close_its_own_fence() -> None:
    text = "a"
    for _ in range(5):  # each text holds the marks that the one before it got
        fence = fenced(text)
        lines = fence.text.splitlines()
        assert (lines[0], lines[-1]) == (f"<<<{fence.token}>>>", f"<<<end {fence.token}>>>")
        assert fence.text.count(fence.token) == 2
        text = f"{text}\n{fence.text}"


def test_the_last_lines_are_those_that_hold_something() -> None:
    assert last_lines("a\n\nb\n \nc\n\n", 2, 100) == "b\nc"
    assert last_lines("x" * 50, 20, 8) == "x" * 8
    assert last_lines("a\u2028b\rc\x0bd", 2, 9) == "c\nd"


def test_a_prompt_is_filled_in_one_pass(tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text('name = "p"\nuser = "{a} and {b}, {c}"')
    prompt = load_prompt(str(tmp_path / "p.toml"), ("a", "b"))
    assert prompt.messages(a="{b}", b="{a}")[0]["content"] == "{b} and {a}, {c}"


@pytest.mark.parametrize(
    ("text", "said"), [('name = "p"', "user"), ("user = ", "not a prompt"), ('name = "p"\nuser = "{a}"', "does not hold {b}")], ids=str
)
def test_a_bad_prompt_names_its_file(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "p.toml").write_text(text)
    with pytest.raises(CotkitError, match=r"p\.toml") as caught:
        load_prompt(str(tmp_path / "p.toml"), ("a", "b"))
    assert said in str(caught.value)


def test_an_unknown_prompt_names_those_that_ship() -> None:
    with pytest.raises(CotkitError, match="judge"):
        load_prompt("nonsuch", ())
