import time

import pytest
from cotkit.verifiers.algebra import same_algebra
from cotkit.verifiers.canonical import canonical
from cotkit.verifiers.certified import size
from cotkit.verifiers.latex import MAX_LENGTH, read_expression
from hypothesis import given, settings
from hypothesis import strategies as st


def read(text):
    return read_expression(canonical(text))


@pytest.mark.parametrize(
    ("text", "same_as"),
    [
        pytest.param("ab^2", r"a\cdot b^{2}", id="a power binds its letter only"),
        pytest.param("-x^2", "-(x^2)", id="a sign binds less than a power"),
        pytest.param("x(x+1)", r"x\cdot(x+1)", id="a letter before a sum is a factor"),
        pytest.param("2(3)", r"2\cdot 3", id="a number before a bracket is a factor"),
        pytest.param(r"\sin 2x", r"\sin(2x)", id="a function takes a product"),
        pytest.param(r"\sin x\cos y", r"\sin(x)\cdot\cos(y)", id="a function ends before the next"),
        pytest.param(r"\sin(x)y", r"y\sin x", id="a bracket is the whole argument"),
        pytest.param(r"\sin^2 x", r"(\sin x)^2", id="a power of a function"),
        pytest.param(r"\tan^{-1} x", r"\arctan x", id="an inverse function"),
        pytest.param(r"\ln x^2", r"\ln(x^2)", id="a power within an argument"),
        pytest.param("sqrt(2)", r"\sqrt{2}", id="plain names of functions"),
        pytest.param(r"\lvert x\rvert", "|x|", id="bars"),
        pytest.param(r"\exp(2x)", "e^{2x}", id="exp is a power of e"),
        pytest.param(r"2\frac{1}{3}", "2+1/3", id="a mixed number"),
        pytest.param("2^10", "2^{10}", id="two digits after a hat"),
    ],
)
def test_readings_are_the_documented_ones(text, same_as):
    one, other = read(text), read(same_as)
    assert one is not None
    assert other is not None
    assert same_algebra(one.tree, other.tree) is True


@pytest.mark.parametrize("text", ["1/2x", "2^10", r"\sin(x)^2", r"\cos x/2", r"\sin x(x+1)", "x/2(x+1)"])
def test_what_others_read_differently_is_marked(text):
    assert read(text).ambiguous


@pytest.mark.parametrize("text", [r"\frac{1}{2}x", "2^{10}", r"(\sin x)^2", r"\frac{\cos x}{2}", "ab/c", r"\log_2 8"])
def test_what_everybody_reads_alike_is_not_marked(text):
    assert not read(text).ambiguous


@pytest.mark.parametrize(
    "text",
    [
        *("", "x(", ")", "2 3", "y(t)", r"\frac{dx}{dt}", r"\int x dx", r"\sum_{k=1}^n k", "word", "is", "1,2", "x=1", r"\pm 1", "n!!!"),
        *(r"\frac{1}", r"\sqrt", "x^", "x^y^z", "|x", r"\{1\}", "x_", r"\infty", r"\gcd(2,3)", "1..2", "a:b"),
    ],
)
def test_what_is_not_surely_an_expression_is_not_read(text):
    assert read(text) is None


def test_a_call_is_no_product():
    assert read("f(-x)").tree != read("-f(x)").tree
    assert read("f(-x)").tree[0] == "call"


SOUP = r"1 x + - * / ^ _ ! ( ) { } [ ] | ' ° e i ab 2.5 f( ^{ _{ \vec{ \frac{1}{ \frac \sqrt \sin \log \pi \cdot \lfloor \rfloor \binom"
PIECES = [*SOUP.split(), " ", "\\"]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join) | st.text(max_size=30))
def test_no_text_breaks_the_parser(text):
    expression = read_expression(text)
    assert expression is None or size(expression.tree) <= 6 * len(text) + 6


@pytest.mark.parametrize("head", ["", "x", "\\sin"])
@pytest.mark.parametrize("piece", PIECES)
def test_no_repetition_makes_the_parser_slow(head, piece):
    started = time.process_time()
    read_expression(head + piece * (MAX_LENGTH // len(piece) - 5))
    assert time.process_time() - started < 0.5
