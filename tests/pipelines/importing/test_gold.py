r"""Golds come out bare: no dollar signs, no box, no worked solution around them; and each says its kind."""

import pytest
from cotkit.pipelines.importing.gold import bare_gold, kind_of
from cotkit.verifiers.kinds import is_prose

GOLDS = {
    "plain": ("7", "7"),
    "zero-padded": ("025", "025"),
    "integer": (7, "7"),
    "whole float": (27.0, "27"),
    "float": (0.5, "0.5"),
    "not a number": (float("nan"), None),
    "boolean": (True, "True"),
    "none": (None, None),
    "empty": ("  ", None),
    "gsm8k": ("3 + 4 = <<3+4=7>>7 apples.\n#### 7", "7"),
    "gsm8k with thousands": ("So it costs $1,200.\n#### 1,200", "1200"),
    "gsm8k, negative": ("#### -1,234.5", "-1234.5"),
    "gsm8k, a list is no number": ("#### 1,22", "1,22"),
    "worked solution": (r"We get $x = \boxed{\frac{1}{2}}$, as wanted.", r"\frac{1}{2}"),
    "the last box counts": (r"First $\boxed{1}$. But no: it is $\boxed{2}$.", "2"),
    "nested braces in the box": (r"\boxed{\left\{ \frac{1}{2} \right\}}", r"\left\{ \frac{1}{2} \right\}"),
    "box without braces": (r"so \boxed 7", "7"),
    "box in a formula": (r"\(\boxed{337}\)", "337"),
    "formula in a box": (r"\boxed{$x+1$}", "x+1"),
    "dollars": (r"$4-2 \sqrt{3}$", r"4-2 \sqrt{3}"),
    "dollars and a full stop": ("$x-1$.", "x-1"),
    "two dollars": ("$$x-1$$", "x-1"),
    "parentheses": (r"\(x-1\)", "x-1"),
    "brackets": ("\\[\nx-1\n\\]", "x-1"),
    "two formulas stay": ("$x<2$ or $x>3$", "$x<2$ or $x>3$"),
    "two formulas in parentheses stay": (r"\(a\) or \(b\)", r"\(a\) or \(b\)"),
    "money": ("$87.50", r"\$87.50"),
    "money in dollars": (r"$\$5$", r"\$5"),
    "a dollar too many": ("$221,$8$", "221,8"),
    "one element": (["$12$"], "12"),
    "several elements": (["$1$", "$2$"], "1, 2"),
    "an empty list": ([], None),
    "json true": ("true", "True"),
    "json list": ("[1, 2]", "[1, 2]"),
    "json float": ("3e-36", "3e-36"),
    "escaped twice": (r"\\frac{1}{2}", r"\frac{1}{2}"),
    "rows of a matrix are not escaped twice": (r"\begin{pmatrix}1\\x\end{pmatrix}", r"\begin{pmatrix}1\\x\end{pmatrix}"),
}


@pytest.mark.parametrize(("value", "expected"), GOLDS.values(), ids=GOLDS.keys())
def test_a_gold_is_made_bare(value: object, expected: str | None) -> None:
    assert bare_gold(value) == expected


@pytest.mark.parametrize("gold", [expected for _, expected in GOLDS.values() if expected])
def test_a_bare_gold_stays_as_it_is(gold: str) -> None:
    assert bare_gold(gold) == gold


CHOICES = "Which one is it? (a) one; (b) two; (c) none."
KINDS = {
    "number": ("7", "What?", None, ("math", "7")),
    "formula": (r"\frac{1}{2}", "What?", None, ("math", r"\frac{1}{2}")),
    "matrix": (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", "What?", None, ("math", r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}")),
    "product of variables": ("abc", "What?", None, ("math", "abc")),
    "function": (r"\sin x + C", "What?", None, ("math", r"\sin x + C")),
    "amount with a unit": ("9 hours", "How long?", None, ("math", "9 hours")),
    "formulas joined by a word": ("$x<2$ or $x>3$", "What?", None, ("math", r"x<2\text{ or }x>3")),
    "a list of formulas": ("$69$, $84$", "What?", None, ("math", "69, 84")),
    "amount of a formula": (r"$4 \frac{4}{9}$ days", "How long?", None, ("math", r"4 \frac{4}{9}\text{ days}")),
    "text with a formula": (r"6 \text{ pints}", "How much?", None, ("math", r"6 \text{ pints}")),
    "yes": ("Yes", "Is it?", None, ("boolean", "Yes")),
    "odd": (r"\text{odd}", "Even or odd?", None, ("text", "odd")),
    "boolean": ("True", "Is it?", "bool", ("boolean", "True")),
    "a name": ("{Clara}", "Who?", None, ("text", "Clara")),
    "prose": ("does not exist", "What is the limit?", None, ("text", "does not exist")),
    "prose with a formula": ("The mode is $1$.", "What?", None, ("text", "The mode is $1$.")),
    "lettered choice": ("(c)", CHOICES, "option", ("choice", "C")),
    "lettered choice in LaTeX": (r"\text{(B)}", r"$\textbf{(A)}\ 1 \qquad \textbf{(B)}\ 2$", None, ("choice", "B")),
    "lettered choice on lines": ("B", "Which?\nA. one\nB. two", None, ("choice", "B")),
    "a letter past the choices": ("D", "Which?\nA. one\nB. two", None, ("math", "D")),
    "a variable": ("C", "Which point?", None, ("math", "C")),
    "a variable beside lettered parts": ("a", CHOICES, None, ("math", "a")),
    "tolerant float": ("0.333", "What?", "float", ("number", "0.333")),
    "tolerant list": ("[0.5, 1.5]", "What?", "list of float", ("list", "[0.5, 1.5]")),
    "a list": ("[1, 2, 3]", "Which?", None, ("list", "[1, 2, 3]")),
    "an interval": ("[1, 2]", "Which?", None, ("math", "[1, 2]")),
    "other answer types": ("0.333", "What?", "Numerical", ("math", "0.333")),
}


@pytest.mark.parametrize(("gold", "prompt", "answer_type", "expected"), KINDS.values(), ids=KINDS.keys())
def test_the_kind_is_told_from_the_gold(gold: str, prompt: str, answer_type: str | None, expected: tuple[str, str]) -> None:
    assert kind_of(gold, prompt, answer_type) == expected


def test_a_very_long_gold_is_prose_at_once() -> None:
    assert is_prose(r"\(" * 500_000)
