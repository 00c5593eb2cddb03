import re
import time

import pytest
from cotkit.verifiers.extraction import extract, last_formula, last_number, statement
from hypothesis import given, settings
from hypothesis import strategies as st


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
        pytest.param(r"<answer>\text{The answer is 3}</answer>", "3", "answer_tag", id="a sentence set as text in a tag"),
        pytest.param(r"$\text{The answer is } \frac{1}{2}$", r"\frac{1}{2}$", "sentence", id="a sentence set as text before a formula"),
        pytest.param(r"{\bf The answer is \{1, 2\}} and so on", r"\{1, 2\}", "sentence", id="a sentence in braces"),
        pytest.param("The final answer is $7$.\nThanks for asking.", "$7$", "sentence", id="sentence"),
        pytest.param("**Answer:** 3.14. I hope it is correct.", "3.14", "sentence", id="a bold label"),
        pytest.param("The answer is (B) because cats purr.", "(B)", "sentence", id="a reason is cut off"),
        pytest.param("答案是7。", "7", "sentence", id="Chinese"),
        pytest.param("**সঠিক উত্তর:** B. দুই", "B. দুই", "sentence", id="Bengali"),
        pytest.param("La réponse est 7.", "7", "sentence", id="French"),
        pytest.param("Die Antwort lautet 7.", "7", "sentence", id="German"),
        pytest.param("정답은 7", "7", "sentence", id="Korean"),
        pytest.param("## Answer\n\n7 apples\n", "7 apples", "sentence", id="a heading"),
        pytest.param("Short-answer: 5 questions.\n\nThus **41** points.", "41", "bold", id="no label within a compound word"),
        pytest.param("The 3 correct answers\n- 12 points\n\nIn all **15**", "15", "bold", id="no heading within a sentence"),
        pytest.param(r"The answer to the question (in cm) is $7$.", "$7$", "sentence", id="words between answer and is"),
        pytest.param("The answer would be **7**.", "7", "sentence", id="would be"),
        pytest.param("The answer comes out to 7.", "7", "sentence", id="comes out to"),
        pytest.param("So **Total**: 3 + 4 = **7**", "7", "bold", id="a label in bold is no answer"),
        pytest.param("因此一共有**858颗**糖果。", "858", "bold", id="a counter in a script without blanks"),
        pytest.param("box " * 200 + r"\boxed{7}" + " box" * 200, "7", "boxed", id="talk of boxes is no box"),
        pytest.param("4 * 3 = 12\n#### 12", "12", "hashes", id="hashes"),
        pytest.param("We add them.\n\nThus there are **42** of them in all, as one can see.", "42", "bold", id="bold"),
        pytest.param("(2, 3)", "(2, 3)", "whole_text", id="nothing but the answer"),
        pytest.param("So, it is 0.5", "0.5", "whole_text", id="little more than the answer"),
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
        (r"$y_1 = \boxed{3}$ and $y_2 = \boxed{7}$", "3, 7"),
        (r"\boxed{86} glasses and \boxed{42} plates", "86, 42"),
        (r"\boxed{3} \text{ for part (a) and } \boxed{7}", "3, 7"),
        (r"We get $\boxed{3}$. The final answer is $7$.", "$7$"),
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


@pytest.mark.parametrize(
    "response",
    [
        r"First \boxed{3} eggs, so \boxed{7}",
        r"\boxed{3}. Hmm, wait. So \boxed{7}",
        r"\boxed{3} " + ", " * 40 + r"\boxed{7}",
        r"\boxed{3} \boxed{7}",
        r"$\boxed{7}$. The final answer is $7$.",
        r"$\boxed{7}$. Final answer: the one above.",
    ],
)
def test_boxes_that_are_no_parts_of_one_answer_are_not_joined(response):
    assert extract(response) == ("7", "boxed", False)


def test_a_box_before_an_empty_one_and_far_parts_are_found_again():
    assert extract(r"\boxed{3} and \boxed{}").answer == "3"
    assert extract(r"\boxed{" + "1+" * 1_000 + r"1} and $\boxed{7}$").hedged


GUESSES = {
    "a number": (last_number, "first 10, then 1,234.5 in all", "1,234.5", "last_number"),
    "a formula": (last_formula, r"so the area is \(2\pi\) then", r"2\pi", "last_sentence"),
    "a sentence": (last_formula, "no formula but 12 of them", "12", "last_sentence"),
    "the sentence that states the answer": (last_formula, "Answer: Tom has 4 pens.\nHe likes 2 of them.", "4 pens", "sentence"),
    "a conclusion after an answer's long way": (
        last_formula,
        "Answer: There are 50 rows. " + "Each of them is counted. " * 20 + "\nThus she has **20** rows.",
        "20",
        "bold",
    ),
    "the closing sentence in bold": (last_formula, "We add.\n\\[ 3 + 4 = 7 \\]\n\n**Tom has 7 pens.**", "7 pens", "bold"),
    "a heading and a sentence": (last_formula, "### Answer\nHe lives there for **approximately 6 years**.", "6 years", "sentence"),
    "a denied value is given with its words": (last_formula, "We see.\nSo it is not 5 of them", "So it is not 5 of them", "last_sentence"),
    "nothing": (last_formula, "no idea", None, None),
}


@pytest.mark.parametrize(("guess", "response", "answer", "found_by"), GUESSES.values(), ids=GUESSES.keys())
def test_guesses_say_where_they_come_from(guess, response, answer, found_by):
    found = guess(response)
    assert (found.answer, found.found_by) == (answer, found_by)


def test_a_conclusion_that_differs_from_the_stated_answer_is_hedged():
    assert last_formula("Answer: There are 50 rows. " + "Each of them is counted. " * 20 + "\nThus she has **20** rows.").hedged


def test_a_statement_is_given_word_by_word():
    assert statement("因此一共有**858颗**糖果。").answer == "858颗"


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from([*"{}$* \n.,17xé答", "\\boxed{", "answer is ", "**", "####", "<answer>", "\\[", "\\)", "答案", "box"]), max_size=40
    )
)
def test_no_text_makes_extraction_raise_and_no_answer_comes_from_nowhere(pieces):
    text = "".join(pieces)
    for found in (extract(text), statement(text), last_formula(text), last_number(text)):
        assert (found.answer is None) == (found.found_by is None)


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="abc123+-/ ^{}\\,", max_size=30), st.text(alphabet="so \n.$xyz", max_size=30))
def test_the_content_of_a_balanced_box_comes_back(content, before):
    depth = 0
    for brace in re.findall(r"\\[{}\\]|[{}]", content):
        depth += {"{": 1, "}": -1}.get(brace, 0)
        if depth < 0:
            return
    if depth == 0 and content.strip() and not content.endswith("\\"):
        assert extract(before + "\\boxed{" + content + "}").answer == content.strip()


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
    "box",
    "final answer ",
    "উত্তর",
    "\\[",
    "\\(",
    "and ",
    "answer is }",
    "}",
]


@pytest.mark.parametrize("head", ["", "answer", "答案", "**", "\\boxed"])
@pytest.mark.parametrize("piece", PIECES)
def test_no_repetition_makes_extraction_slow(head, piece):
    started = time.process_time()
    text = head + piece * (200_000 // len(piece))
    extract(text)
    last_formula(text)
    assert time.process_time() - started < 0.5
