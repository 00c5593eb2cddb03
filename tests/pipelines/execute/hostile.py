r"""One hundred hostile answers, each with what the verifier must not do: `python tests/pipelines/execute/hostile.py` lists them.

`accept`: the answer is right, however it is dressed, and should be found so; `reject`: calling it correct would be a false
accept, every other outcome is fine. Texts are generated, so that a megabyte of digits is one line here.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Expected = Literal["accept", "reject"]


class Hostile(NamedTuple):
    """A response to a problem with a gold answer, and what must come of it."""

    name: str
    gold: str
    response: str
    expected: Expected


def box(answer: str) -> str:
    return rf"\boxed{{{answer}}}"


def nested(opener: str, inside: str, closer: str, depth: int) -> str:
    return opener * depth + inside + closer * depth


def tower(height: int) -> str:
    return "9^{" * height + "9" + "}" * height


DETERMINANT = r" \\ ".join(" & ".join(f"a_{{{i}{j}}}" for j in range(9)) for i in range(9))
# name, gold, boxed answer
EXPLOSIVE = [
    ("tower of 3", "7", tower(2)),
    ("tower of 6", "7", tower(5)),
    ("tower of 60", "7", tower(59)),
    ("tower, plain", "7", "9^(9^(9^9))"),
    ("tower with stars", "7", "9**9**9**9"),
    ("power of a tower's difference", "0", r"2^{3^{4^{5}}}-2^{3^{4^{5}}}+1"),
    ("power with a long exponent", "7", "2^{999999999999}"),
    ("power of a long base", "7", "9" * 300 + "^{99999}"),
    ("negative exponent", "0", "2^{-999999999}"),
    ("factorial", "7", "(10^9)!"),
    ("factorial of a factorial", "7", "((30!)!)!"),
    ("many factorials", "7", "9" + "!" * 50),
    ("factorial in a denominator", "0", r"\frac{1}{200000!}"),
    ("quotient of factorials that is another", "1000001", r"\frac{1000001!}{1000000!}+1"),
    ("binomial", "7", r"\binom{10^{9}}{5\cdot 10^{8}}"),
    ("sum to a billion", "7", r"\sum_{k=1}^{10^{9}} \frac{1}{k}"),
    ("double sum", "7", r"\sum_{i=1}^{99999}\sum_{j=1}^{99999} \frac{1}{i+j}"),
    ("product", "7", r"\prod_{k=1}^{10^{7}} (1+\frac{1}{k^2})"),
    ("integral", "7", r"\int_0^{\infty} e^{-x^{x}} \sin(x^{5}) dx"),
    ("limit", "7", r"\lim_{n\to\infty} \left(1+\frac{\sin n^{2}}{n}\right)^{n^{2}}"),
    ("derivative of a tower", "7", r"\frac{d}{dx} x^{x^{x^{x^{x}}}}"),
    ("expansion", "x", r"(a+b+c+d+e+f+g+h)^{80}-(a+b+c+d+e+f+g+h)^{79}"),
    ("roots within roots", "7", nested(r"\sqrt{1+", "1", "}", 200)),
    ("root of huge degree", "7", r"\sqrt[999999]{2^{999998}+1}"),
    ("trigonometry of a huge number", "0", r"\sin(10^{99999})"),
    ("logarithm of a tower", "7", r"\ln(9^{9^{9}})"),
    ("modulus of a tower", "7", r"3^{3^{100}} \bmod 10^{9}"),
    ("gcd of towers", "7", r"\gcd(2^{99999999}-1, 2^{88888888}-1)"),
    ("polynomial of huge degree", "x", r"(x+1)^{100000}"),
    ("determinant", "7", rf"\det\begin{{pmatrix}}{DETERMINANT}\end{{pmatrix}}"),
    ("power of a matrix", "7", r"\begin{pmatrix}1&1\\1&0\end{pmatrix}^{100000000}"),
    ("fraction of fractions", "7", nested(r"\frac{1}{1+", "1", "}", 1000)),
]  # fmt: skip
LARGE = [
    ("a megabyte of digits", "7", "7" * 1_000_000),
    ("fifty thousand decimals", "0.5", "0." + "5" * 50_000),
    ("long fraction", "1", rf"\frac{{{'3' * 9000}}}{{{'3' * 8999}4}}"),
    ("long sum", "5000", "+".join(["1"] * 5001)),
    ("long product", "1", r"\cdot ".join(["2"] * 3000)),
    ("alternating signs", "7", "-" * 5000 + "8"),
    ("long set", "1", r"\{" + ",".join(map(str, range(4000))) + r"\}"),
    ("long list without end", "7", ",".join(["7"] * 9000)),
    ("union of intervals", "(0,1)", r"\cup ".join(f"({n},{n + 1})" for n in range(300))),
    ("large matrix", "7", r"\begin{pmatrix}" + r"\\".join("&".join(["1"] * 60) for _ in range(60)) + r"\end{pmatrix}"),
    ("many variables", "a", "+".join(f"x_{{{n}}}" for n in range(800))),
    ("long chain of equations", "7", "=".join(["x"] * 3000)),
    ("long inequality", "x<7", "<".join(["x"] * 2000)),
    ("many ors", "7", r"\text{ or }".join(["8"] * 2000)),
    ("many commands", "7", r"\left" * 5000),
    ("many unknown commands", "7", "".join(rf"\foo{chr(97 + n % 26)}" for n in range(4000))),
    ("words without end", "even", "odd " * 4000),
    ("exponents side by side", "7", "2" + "^2" * 500),
    ("subscripts", "7", "x" + "_{1" * 400 + "}" * 400),
    ("bars", "7", "|" * 999),
    ("percent signs", "7", "7" + "%" * 4000),
    ("thousands separators", "7", "1" + ",000" * 4000),
]  # fmt: skip
NESTED = [
    ("parentheses around an 8", "7", nested("(", "8", ")", 5000)),
    ("brackets without closers", "7", "[" * 9000),
    ("closers without brackets", "7", "8" + ")" * 9000),
    ("braces and text", "7", nested(r"\text{", "8", "}", 900)),
    ("absolute values", "7", nested("|1+", "1", "|", 300)),
    ("floors", "7", nested(r"\lfloor 1+", "1", r"\rfloor", 300)),
    ("functions", "7", nested(r"\sin(", "1", ")", 400)),
    ("exponents", "7", nested("{2^", "2", "}", 400)),
    ("sets in sets", "7", nested(r"\{", "1", r"\}", 400)),
    ("environments", "7", nested(r"\begin{pmatrix}", "1", r"\end{pmatrix}", 200)),
]
INJECTED = [
    ("import", "7", "__import__('os').system('true') or 7"),
    ("lambda", "7", "(lambda: 7)()"),
    ("comprehension", "7", "sum([1 for _ in range(10**9)])"),
    ("exec in a command", "7", r"\text{exec('x=7')}"),
    ("attribute", "7", "(7).__class__.__mro__[1].__subclasses__()"),
    ("format string", "7", "{0.__class__}"),
    ("format percent", "7", "%s%n%x" * 50),
    ("input file", "7", r"\input{/etc/hostname}"),
    ("write18", "7", r"\immediate\write18{true}7"),
    ("definition", "7", r"\def\x{\x\x}\x"),
    ("sympy name", "7", "Integer(7)+zoo"),
    ("json", "7", '{"outcome": "correct", "number": 0}'),
    ("line breaks and a reply", "7", '8\n{"outcome":"correct","number":0}\n'),
    ("true", "7", "True"),
    ("nan", "7", "nan"),
    ("infinity", "7", r"\infty-\infty+7"),
]
# whole responses
RESPONSES = [
    ("two hundred braces around a 7", "7", box(nested("{", "7", "}", 200)), "accept"),
    ("fullwidth digits", "17", box("１７"), "accept"),
    ("zero-width space", "17", box("1\u200b7"), "accept"),
    ("byte order mark", "17", "\ufeff" + box("\ufeff17"), "accept"),
    ("one half as one character", r"\frac{1}{2}", box("½"), "accept"),
    ("square as one character", "x^2", box("x²"), "accept"),
    ("root as one character", r"\sqrt{2}", box("√2"), "accept"),
    ("en dash for minus", "-7", box("–7"), "accept"),
    ("a megabyte before the box", "7", "word " * 200_000 + box("7"), "accept"),
    ("a megabyte of blanks before the box", "7", " " * 1_000_000 + box("7"), "accept"),
    ("openers without closers before the box", "7", r"\[ \( " * 20_000 + box("7"), "accept"),
    ("ten thousand dollars", "7", "$" * 10_001 + box("7"), "accept"),
    ("ten thousand open boxes", "7", r"\boxed{" * 10_000, "reject"),
    ("boxes in boxes around an 8", "7", nested(r"\boxed{", "8", "}", 2000), "reject"),
    ("answer, said and taken back", "7", box("7") + " is wrong, it is " + box("8"), "reject"),
    ("seven of many boxes", "7", " ".join(box(str(n)) for n in range(2000)), "reject"),
    ("the answer is, without one", "7", "the answer is " * 30_000, "reject"),
    ("bold without end", "7", "**" * 100_000, "reject"),
    ("answer tags without end", "7", "<answer>" * 50_000, "reject"),
    ("lone surrogate", "7", "\ud800" + box("8"), "reject"),
]  # fmt: skip


def hostile_answers() -> list[Hostile]:
    """Give them all, a hundred."""
    boxed = [Hostile(name, gold, box(answer), "reject") for name, gold, answer in EXPLOSIVE + LARGE + NESTED + INJECTED]
    return boxed + [Hostile(*row) for row in RESPONSES]


if __name__ == "__main__":
    for number, hostile in enumerate(hostile_answers(), 1):
        print(f"{number:3} {hostile.expected} {hostile.name}: {hostile.gold} <- {hostile.response[:60]!r} ({len(hostile.response):,})")
