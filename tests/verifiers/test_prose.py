import time

import pytest
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
