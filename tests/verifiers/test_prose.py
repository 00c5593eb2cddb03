import time

import pytest
from cotkit.schemas.problem import Problem
from cotkit.verifiers import verify
from cotkit.verifiers.prose import last_side, value_in

STATED = {
    "a number and its unit": ("So Tom needs 4 liters of milk.", "4 liters"),
    "an amount of money before a number": ("The 3 tickets cost her $45.", "45"),
    "escaped money": (r"Therefore he pays \$1,250.50 per month.", "1250.50"),
    "thousands with narrow blanks": ("It walks 180\u202f000 steps.", "180000 steps"),
    "thousands in LaTeX": (r"They sold 12{,}500 books.", "12500 books"),
    "bold counts first": ("Of the 12 boys, **7 boys** like tea more than the 5 girls do.", "7 boys"),
    "a number in a compound word is none": ("The 6-pack costs 9 dollars.", "9 dollars"),
    "a circumstance": ("She reads 30 pages in 5 days.", "30 pages"),
    "a purpose": ("He needs 7 more weeks to reach 60 points.", "7"),
    "what follows `which`": ("It takes 120 minutes, which is 2 hours.", "120 minutes"),
    "what stands in brackets": ("They work 9 hours (they did 3 before that).", "9 hours"),
    "a sum at the end": ("He has 4 pens, 5 books, for a total of 9 things.", "9 things"),
    "percent": ("It grew by 10 %.", r"10\%"),
    "a negative number": ("The temperature is -4 degrees.", "-4 degrees"),
    "a negative number in words": ("The temperature is minus 4 degrees.", "-4 degrees"),
    "millions": ("About 2.5 million people live there.", "2500000"),
    "an ordinal": ("They live on the 18th floor.", "18"),
    "a formula": (r"The speed is \(12\pi\) inches per second.", r"12\pi"),
    "the last side of a chain": (r"In all \[ 3 \times 4 = 12 \text{ eggs}. \]", r"12 \text{ eggs}."),
    "a fraction without marks": (r"Each share is \frac{2}{5} ton.", r"\frac{2}{5}"),
    "a product with a constant": ("The area is 12π square inches.", "12π"),
    "a time": ("They meet at 2:00 PM.", "2:00 PM"),
    "a script without blanks": ("所以一共有**858颗**糖果。", "858"),
    "the last sentence with a value": ("There are 12 cats. I hope that helps.", "12 cats"),
    "times": ("They rang 22 times.", "22 times"),
    "times more is a relation": ("They rang 22 times more.", ""),
    "a denial": ("It is not 5.", ""),
    "a part of a number": ("That is half of 3 cakes.", ""),
    "a compound measure": ("It takes 2 hours and 30 minutes.", ""),
    "a root without marks": (r"The length is \sqrt{2} cm.", ""),
    "a sum": ("That makes 17 = 8 + 9.", ""),
    "a power": ("It is 10^3 km.", ""),
    "more or less": ("There are at least 3 of them.", ""),
}


@pytest.mark.parametrize(("text", "expected"), STATED.values(), ids=STATED.keys())
def test_the_value_of_a_sentence_is_found_and_no_other(text, expected):
    value = value_in(text)
    assert value is not None
    assert value.text == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("He has 86 cups and 42 plates.", "86 cups, 42 plates"), ("It is 3 or 4.", "3, 4"), ("Between 3 and 4 of them.", "")],
)
def test_joined_values_are_hedged(text, expected):
    value = value_in(text)
    assert value is not None
    assert (value.text, value.hedged) == (expected, True)


@pytest.mark.parametrize("text", ["", "No number here.", "$", "**", "\\[", "x and y"])
def test_a_text_without_values_has_none(text):
    assert value_in(text) is None


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("8 + 16 = 24", "24"),
        ("o = 4z = 4(1) = 4", "4"),
        (r"\text{Total} = 3 \times 4 = 12", "12"),
        ("x = 5", "x = 5"),
        ("x^2 + y^2 = 4", "x^2 + y^2 = 4"),
        ("2x = 6", "2x = 6"),
        ("y = 2x + 1", "y = 2x + 1"),
        ("7", "7"),
    ],
)
def test_only_a_chain_of_values_is_cut_to_its_last_side(formula, expected):
    assert last_side(formula).strip() == expected


@pytest.mark.parametrize(
    "piece",
    [
        "\\[",
        "\\(",
        "$1 ",
        "$a",
        "$a ",
        "**",
        "1,",
        "1 ",
        "1\u00a0",
        "-",
        "\\frac{1}",
        "1 and ",
        "(a",
        "(abc ",
        "abc",
        "a ",
        "\\text{",
        "to a 1 ",
        ". ",
    ],
)
def test_no_repetition_makes_the_search_slow(piece):
    started = time.process_time()
    value_in(piece * (2_000 // len(piece)))
    assert time.process_time() - started < 0.1


FLAT = [
    ("3", r"\text{She is 3 years old.}"),
    ("3 years", r"\text{She is 3 years old}"),
    ("0.5", "It is 0.5"),
    ("1/2", r"\text{It is }\frac{1}{2}"),
    ("45", r"\text{It costs \$45.}"),
    (r"2\sqrt{3}", r"\text{The length is }2\sqrt{3}\text{ cm}"),
    ("7", r"\text{Tom has \textbf{7} apples}"),
    ("2500000", r"\text{There are 2.5 million people.}"),
    ("-4", r"\text{The temperature is } -4^\circ\text{C}"),
    ("7", r"\text{7 apples are left}"),
]


@pytest.mark.parametrize(("gold", "sentence"), FLAT)
@pytest.mark.parametrize("form", [r"\boxed{{{}}}", "<answer>{}</answer>", "#### {}"])
def test_a_sentence_that_states_one_value_flatly_is_compared_by_it(gold, sentence, form):
    assert verify(form.format(sentence), Problem.make("?", gold, "math")).outcome == "correct"


NOT_FLAT = [
    "She is not 3 years old",
    "She can't be 3",
    "It is never 3",
    "neither 3 nor 4",
    "3 or 4",
    "It is three or 3",
    "between 3 and 4",
    "3, not 4",
    "maybe 3",
    "Is it 3?",
    "It is 3, wrong",
    "at least 3",
    "more than 3",
    "It is under 3",
    "It is > 3",
    "She is 3 years older than Tom",
    "She is about 3 years younger",
    "It is 3 less than x",
    "It is divisible by 3",
    "It is a multiple of 3",
    "It is half of 3",
    "twice 3",
    "It is 3 dozen",
    "It is 3 thirds",
    "It is 3 hundred",
    "It is 3 and a half",
    "It is 3 squared",
    "It is 3!",
    "It is 3 times the first",
    "It is 3 to the x",
    "It is 3 plus n",
    r"It is 3 \cdot x",
    "It is 3n",
    "It is 3^n",
    "It is n^3",
    "It is x_3",
    r"It is \sqrt{3}",
    "It is 3/4",
    "It is 3.5",
    "It is 13",
    "It is -3",
    "It is minus 3",
    "It is 3 if n is even",
    "In 3 hours",
    "It is 1 in 3",
    "It is 3 to 1",
    "There are 3 and some",
    "It has 3 solutions: 1 and 2",
    "It was 3, but it is four now",
    "It is the 3 of them each",
    "the answer is not 3",
]


@pytest.mark.parametrize("sentence", NOT_FLAT)
@pytest.mark.parametrize("form", ["{}", r"\text{{{}}}", r"\text{{{}.}}"])
def test_a_sentence_that_says_more_or_less_of_a_value_is_never_that_value(sentence, form):
    assert verify(rf"\boxed{{{form.format(sentence)}}}", Problem.make("?", "3", "math")).outcome != "correct"


def test_a_box_that_states_the_answer_in_so_many_words_is_compared_by_it():
    assert verify(r"\boxed{\text{The answer is 3}}", Problem.make("?", "3", "math")).outcome == "correct"


def test_a_sentence_with_another_value_is_wrong():
    assert verify(r"\boxed{\text{She is 4 years old.}}", Problem.make("?", "3", "math")).outcome == "wrong"
