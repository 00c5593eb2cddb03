import time

import pytest
from cotkit.verifiers.extraction import extract, last_formula, last_number


@pytest.mark.parametrize(
    ("response", "answer", "found_by"),
    [
        pytest.param(r"So $x = \boxed{7}$.", "7", "boxed", id="a box"),
        pytest.param(r"\boxed{\frac{1}{2}} done", r"\frac{1}{2}", "boxed", id="braces balance"),
        pytest.param(r"\boxed{\{1, 2\}}", r"\{1, 2\}", "boxed", id="escaped braces do not count"),
        pytest.param(r"\boxed {7}", "7", "boxed", id="blanks before the brace"),
        pytest.param(r"\fbox{7} and no more", "7", "boxed", id="fbox"),
        pytest.param(r"\framebox{7}", "7", "boxed", id="framebox"),
        pytest.param(r"\boxed7", "7", "boxed", id="a box without braces"),
        pytest.param(r"\boxed{3}. Hmm, wait. So \boxed{7}", "7", "boxed", id="the last box counts"),
        pytest.param(r"\boxed{7}, that is \boxed{}", "7", "boxed", id="an empty box is none"),
        pytest.param(r"\boxed{7} and then \boxed{8", "7", "boxed", id="a box that is never closed is none"),
        pytest.param(r"\boxed{x = \boxed{7}}", r"x = \boxed{7}", "boxed", id="a box within a box is part of it"),
        pytest.param(r"The answer is 8. \boxed{7} <answer>9</answer>", "7", "boxed", id="a box before a tag and a sentence"),
        pytest.param("Well: <answer> 7 </answer>", "7", "answer_tag", id="tag"),
        pytest.param("<answer>The answer is 7.</answer>", "7", "answer_tag", id="a sentence in a tag"),
        pytest.param("The final answer is $7$.\nThanks for asking.", "$7$", "sentence", id="sentence"),
        pytest.param("**Answer:** 3.14. I hope it is correct.", "3.14", "sentence", id="a bold label"),
        pytest.param("The answer is (B) because cats purr.", "(B)", "sentence", id="a reason is cut off"),
        pytest.param("答案是7。", "7", "sentence", id="Chinese"),
        pytest.param("4 * 3 = 12\n#### 12", "12", "hashes", id="hashes"),
        pytest.param("We add them.\n\nThus there are **42** of them in all, as one can see.", "42", "bold", id="bold"),
        pytest.param("(2, 3)", "(2, 3)", "whole_text", id="nothing but the answer"),
        pytest.param("", None, None, id="nothing"),
        pytest.param(r"Put it in \boxed{}.", None, None, id="only an empty box"),
    ],
)
def test_the_stated_answer_is_found(response, answer, found_by):
    found = extract(response)
    assert (found.answer, found.found_by) == (answer, found_by)


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        (r"$\boxed{3}$ and $\boxed{7}$", "3, 7"),
        (r"$x=\boxed{3}$, $y=\boxed{7}$", "3, 7"),
        (r"(a) \boxed{3} (b) \boxed{7}", "3, 7"),
        (r"\boxed{3} \quad \text{or} \quad \boxed{7}", "3, 7"),
        (r"It is not \boxed{8}", "8"),
        ("The answer is either 3 or 4.", "either 3 or 4"),
    ],
)
def test_several_answers_are_joined_and_marked_as_hedged(response, answer):
    found = extract(response)
    assert found.hedged
    assert found.answer == answer


def test_the_same_box_twice_is_one_answer():
    assert extract(r"\boxed{7}, \boxed{7}").hedged is False


def test_guesses_take_the_last_formula_or_number():
    assert last_number("first 10, then 1,234.5 in all").answer == "1,234.5"
    assert last_formula(r"so the area is \(2\pi\) then").answer == r"2\pi"
    assert last_formula("no formula but 12 of them").found_by == "last_number"


PIECES = [
    "answer is ",
    "answer",
    "\\boxed{",
    "\\boxed{1} ",
    "\\boxed{1},",
    "**",
    "####",
    "<answer>",
    " ",
    "\n",
    "$",
    "1",
    "1,",
    "{",
    "\\\\",
    "not ",
]


@pytest.mark.parametrize("head", ["", "answer", "answer to", "**", "\\boxed"])
@pytest.mark.parametrize("piece", PIECES)
def test_no_repetition_makes_extraction_slow(head, piece):
    started = time.process_time()
    text = head + piece * (200_000 // len(piece))
    extract(text)
    last_formula(text)
    assert time.process_time() - started < 0.5
