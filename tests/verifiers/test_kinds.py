import pytest
from cotkit.verifiers.kinds import kind_of_gold

LETTERED = "Which one? (A) a cat (B) a dog (C) neither"
GOLDS = {
    "a number": ("7", {}, ("math", "7")),
    "a formula": (r"\frac{1}{2}", {}, ("math", r"\frac{1}{2}")),
    "true": ("true", {}, ("boolean", "True")),
    "yes in LaTeX": (r"\text{Yes}", {}, ("boolean", "Yes")),
    "a full stop": ("No.", {}, ("boolean", "No")),
    "no with more words": ("no solution", {}, ("text", "no solution")),
    "correct is a word": ("correct", {}, ("text", "correct")),
    "three numbers in brackets": ("[1, 2, 3]", {}, ("list", "[1, 2, 3]")),
    "one number in brackets": ("[0.5]", {}, ("list", "[0.5]")),
    "an interval": ("[1, 2]", {}, ("math", "[1, 2]")),
    "a vector of formulas": (r"[1, x, \pi]", {}, ("math", r"[1, x, \pi]")),
    "a word": (r"\text{Saturday}", {}, ("text", "Saturday")),
    "a letter without choices": ("B", {}, ("math", "B")),
    "a letter that the prompt explains": ("(B)", {"prompt": LETTERED}, ("choice", "B")),
    "a letter among options": ("B", {"options": ["a cat", "a dog"]}, ("choice", "B")),
    "the text of an option": ("a dog", {"options": ["a cat", "a dog"]}, ("choice", "B")),
    "several letters": ("A and C", {"options": ["1", "2", "3"]}, ("choice", "A, C")),
    "a number that is no option": ("9", {"options": ["1", "2"]}, ("math", "9")),
}


@pytest.mark.parametrize(("gold", "arguments", "expected"), GOLDS.values(), ids=GOLDS.keys())
def test_the_kind_is_told_from_the_gold_answer(gold, arguments, expected):
    assert kind_of_gold(gold, **arguments) == expected
