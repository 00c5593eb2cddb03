import pytest
from cotkit.schemas.problem import Problem
from cotkit.verifiers import verify
from cotkit.verifiers.canonical import canonical
from cotkit.verifiers.units import measure, take_unit, take_upright_unit, units_differ


def outcome(gold, answer):
    return verify(rf"so \boxed{{{answer}}}", Problem.make("?", gold, "math")).outcome


ONE_SIDE_HAS_THE_UNIT = [
    ("270/7", r"\frac{270^\circ}{7}"),
    ("270/7", r"\frac{270°}{7}"),
    ("270/7", "270°/7"),
    (r"\frac{270}{7}", r"\frac{270^{\circ}}{7}"),
    ("3/4", r"\frac{3\text{ cm}}{4}"),
    (r"\frac{45}{2}", r"\left(\frac{45}{2}\right)^\circ"),
    (r"12\pi", r"12\pi \text{ inches per second}"),
    ("49", "49 °C"),
    ("49", r"49^\circ\text{C}"),
    ("49", "49 degrees Celsius"),
    ("-10", r"-10^\circ\text{F}"),
    ("90", "90¢"),
    ("90", r"90\text{ cents}"),
    ("72", r"72\,\text{Mb/h}"),
    ("72", r"72 \frac{\text{Mb}}{\text{h}}"),
    ("72", r"72\ \text{km}\cdot\text{h}^{-1}"),
    ("72", r"72\ \mathrm{m/s^2}"),
    ("250", r"\text{₱250}"),
    ("250", "Rs. 250"),
    ("250", "250 USD"),
    (r"3\sqrt{2}", r"3\sqrt{2}\ \mathrm{cm}^2"),
    (r"3\sqrt{2}", r"3\sqrt{2}\text{ m}"),
    (r"3\sqrt{2}", r"3\sqrt{2}\ \mathrm{m/s}"),
    (r"25\pi", r"25\pi\text{ square units}"),
    (r"\frac{\pi}{3}", r"\frac{\pi}{3}\text{ rad}"),
    ("12", "12 apples per day"),
    ("22", "22 times"),
    ("3", "3 more"),
    ("60", "60 min"),
    ("5, 3", "3 cm, 5 cm"),
]
SAME_UNIT = [
    ("49 °C", r"49^\circ\text{ C}"),
    ("49 °C", "49 degrees Celsius"),
    ("5 m", r"5\text{ meters}"),
    ("12.5 square feet", r"12.5\text{ ft}^2"),
    ("12.5 square feet", "12.5 sq ft"),
    ("10 km/h", "10 kilometers per hour"),
    ("10 mph", "10 miles per hour"),
    ("2 m/s", r"2\text{ m}\,\text{s}^{-1}"),
    ("60 min", "60 minutes"),
    ("90 cents", "90¢"),
    (r"\$5", "5 dollars"),
    ("270/7 degrees", r"\frac{270}{7}^\circ"),
    (r"\frac{\pi}{6}", r"30^\circ"),
]


@pytest.mark.parametrize(("bare", "measured"), ONE_SIDE_HAS_THE_UNIT)
def test_a_unit_that_only_one_side_has_is_not_held_against_it(bare, measured):
    assert outcome(bare, measured) == "correct"
    assert outcome(measured, bare) == "correct"


@pytest.mark.parametrize(("one", "other"), SAME_UNIT)
def test_one_unit_in_two_spellings_is_the_same(one, other):
    assert outcome(one, other) == "correct"
    assert outcome(other, one) == "correct"


OTHER_UNIT = [
    ("49 °C", "49 °F"),
    ("49 K", "49 °C"),
    ("5 kg", "5 g"),
    ("90 cents", "90 dollars"),
    ("90¢", r"\$90"),
    ("250 USD", "250 EUR"),
    (r"\$250", "250 euros"),
    ("£5", "€5"),
    ("72 Mb/h", "72 Mb/s"),
    ("72 Mb/h", "72 MB/h"),
    ("5 cm", "5 cm^2"),
    ("5 feet", "5 square feet"),
    ("5 square feet", "5 cubic feet"),
    ("10 km/h", "10 mph"),
    ("10 km/h", "10 km"),
    ("2 m/s", r"2\text{ m/s}^2"),
    ("2 hours", "2 minutes"),
    ("60 min", "60 h"),
    (r"30^\circ", r"30\text{ rad}"),
    (r"3\sqrt2\text{ m}", r"3\sqrt2\text{ s}"),
    (r"\frac{3\text{ cm}}{4}", r"\frac{3}{4}\text{ km}"),
    ("5 am", "5 pm"),
]
NO_UNIT = [
    (r"\pi r^2 h", r"\pi r^2"),
    ("x^2 m", "x^2"),
    ("3m", "3"),
    ("3t", "3"),
    ("3 x", "3"),
    ("7d", "7"),
    ("7h", "7"),
    ("2L", "2"),
    ("3x", "3 m"),
    ("10F", "10"),
    (r"3\sqrt{2}m", r"3\sqrt{2}"),
    (r"25\pi r", r"25\pi"),
    (r"25\pi r", r"25\pi m"),
    (r"\frac{3m}{2}", r"\frac32"),
    (r"\frac{h}{2}", r"\frac12"),
    (r"\sin 30", r"\sin 30^\circ"),
    (r"\cos 60^\circ", r"\cos 60"),
    (r"\frac{\sin 30°}{2}", r"\frac{\sin 30}{2}"),
    ("5 hundred", "5"),
    ("5 squared", "5"),
    ("5 times", "5 hundred"),
]
OTHER_VALUE = [
    (r"\frac{270^\circ}{7}", "270/8"),
    (r"12\pi", r"12\pi^2\text{ in}"),
    ("12", r"12\pi \text{ inches per second}"),
    ("-10", r"10^\circ\text{F}"),
    ("250", "₱25"),
    (r"\frac{\pi}{6}", r"60^\circ"),
    ("0.90 dollars", "90 cents"),
    ("5, 3", "3 cm, 6 cm"),
    ("5 cm, 3 cm", "3 m, 5 m"),
]


@pytest.mark.parametrize(("one", "other"), OTHER_UNIT + NO_UNIT + OTHER_VALUE)
def test_other_units_variables_and_other_values_are_never_correct(one, other):
    assert outcome(one, other) != "correct"
    assert outcome(other, one) != "correct"


@pytest.mark.parametrize(("one", "other"), OTHER_UNIT)
def test_two_units_of_the_table_that_differ_are_wrong(one, other):
    assert outcome(one, other) == "wrong"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"2\sqrt{3}cm", (r"2\sqrt{3}", "cm")),
        ("2ab", ("2ab", "")),
        (r"12\pi inches per second", (r"12\pi", "in·s^-1")),
        (r"\frac{5feet}{2}", (r"\frac{5}{2}", "ft")),
        (r"\frac{1}{2}+\frac{270°}{7}", (r"\frac{1}{2}+\frac{270°}{7}", "")),
        (r"\sin 30°", (r"\sin 30°", "")),
        ("3x+2", ("3x+2", "")),
        ("2 m/s", ("2", "m·s^-1")),
        ("x m", ("x m", "")),
    ],
)
def test_a_unit_is_split_off_where_it_is_surely_one(text, expected):
    assert take_unit(text) == expected


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        (r"3\sqrt2\text{ m}", "m"),
        (r"3\sqrt2\,\mathrm{m}^{2}$", "m^2"),
        (r"3\sqrt2\text{ m}/\text{s}", "m·s^-1"),
        ("3m", ""),
        (r"3\text{ or }", ""),
        (r"\text{m}", ""),
    ],
)
def test_an_upright_unit_is_one_however_short(text, unit):
    assert take_upright_unit(text)[1] == unit


def test_units_are_known_by_their_powers():
    assert measure("meters per second squared") == measure("m/s^2") == (("m", 1), ("s", -2))
    assert measure("square") is None
    assert measure("apples") is None
    assert not units_differ("apples", "m")
    assert not units_differ("", "m")


def test_a_brace_behind_a_degree_sign_stays():
    assert canonical(r"\frac{270^\circ}{7}") == r"\frac{270°}{7}"
    assert canonical(r"270^{\circ}") == "270°"
