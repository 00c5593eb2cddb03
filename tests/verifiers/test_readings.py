import pytest
from cotkit.verifiers.canonical import canonical
from cotkit.verifiers.math import compare

READINGS = [
    (r"\sin(78.95^\circ)\approx 0.981", "0.981", True),
    (r"\sin(78.95^\circ)\approx 0.981", r"\sin(78.95^\circ)", True),
    (r"\sin(78.95^\circ)\approx 0.981", "0.982", False),
    (r"[\ln e^2,3)=[2,3)", "[2,3)", True),
    (r"[\ln e^2,3)=[2,3)", "(2,3)", False),
    (r"\left|\begin{array}{ll}1&2\\3&4\end{array}\right|=-2", "-2", True),
    (r"\left|\begin{array}{ll}1&2\\3&4\end{array}\right|=-2", "2", False),
    ("2=3x", "2", False),
    ("2=3x", "3x", False),
    (r"63^\circ 45^\prime", r"63.75^\circ", True),
    (r"63^\circ 45'", r"63.45^\circ", False),
    (r"179^{\circ} 59^{\prime} 60^{\prime\prime}", "180°", True),
    (r"\frac n2", "n/2", True),
    (r"\frac {n^2} 4 + \dfrac n 2", r"\frac{n^2+2n}{4}", True),
    ("(1,2)(3,4)", "(1,2),(3,4)", True),
    ("(1,2)(3,4)", "(3,4)(1,2)", None),
    ("(1,2)(3,4)", "(1,3)(2,4)", False),
    (r"\bigcup_{k=1}^{\infty}(k,k+1)", r"\bigcup_{k=1}^{\infty}(k,1+k)", True),
    (r"\bigcup_{k=1}^{\infty}(k,k+1)", r"\bigcup_{k=1}^{\infty}(k,k+2)", False),
    (r"\bigcup_{k=1}^{\infty}(k,k+1)", "7", False),
    ("2008!-1", "2009!", False),
    ("2008!-1", "2008!", None),
    (r"\frac{1}{2010!+1}", "3", False),
    ("(1+10^{-9999})^{10^{-100}}", "1", None),
    ("{A5}_{11}", "A6_{11}", False),
    ("{A5}_{11}", "A5_{11}", True),
    (r"m_{\max}=n^2", "n^2", True),
    (r"m_{\max}=n^2", "n^3", False),
    (r"f^{\prime}(x)", "f'(x)", True),
    ("-2{or}-12", "-12,-2", True),
    (r"60^\circ \text{ and } 90^\circ", r"90^\circ, 60^\circ", True),
    (r"(30,92) \text{ OR } (92,30)", "(92,30),(30,92)", True),
    (r"(30,92) \text{ OR } (92,30)", "(30,92)", False),
    ("1, 2, and 3", "1,2,3", True),
    ("1, 2, or 3", "1,2", False),
    (r"2i, 3i\text{, and }\frac{1}{2}", r"\frac12,2i,3i", True),
    (r"a, b, and c", "c,b,a", True),
    ("sand", "s", False),
    (r"\frac{\sqrt3}{3}", r"\frac{1}{\sqrt3}\text{ or }\frac{\sqrt3}{3}", True),
    (r"\frac{\sqrt3}{3}", r"\frac{1}{\sqrt3}\text{ or }\sqrt3", False),
]


@pytest.mark.parametrize(("gold", "answer", "equal"), READINGS, ids=[f"{gold} and {answer}" for gold, answer, _ in READINGS])
def test_gold_answers_of_public_problem_sets_are_read(gold, answer, equal):
    assert compare(canonical(gold), canonical(answer)).equal is equal
