r"""Read the common forms of LaTeX answers into small trees: a tokenizer and a recursive-descent parser, nothing evaluated.

    read_expression(r"2\sqrt{x}+1").tree == ("add", ("mul", ("num", 2), ("pow", ("var", "x"), ("num", 1/2))), ("num", 1))

Trees are tuples: `num`, `var`, `const` (pi, e, i), `add`, `mul`, `div`, `pow`, `fn` (name, arguments) and `call` (an unknown
function). What is not surely an expression is None. Linear in the length of the text; depth and size are capped.

Readings, the same for both sides of a comparison:
- `ab^2` is a·b²; `-x^2` is -(x²); `x(x+1)` is a product, `f(x)` (f, g, h, P, Q) a call, and `y(t)` is not read;
- `\sin 2x` is sin(2x), `\sin x\cos y` a product, `\sin(x)y` is sin(x)·y, `\sin^{-1}x` the inverse; `\log` is the natural one;
- `2\frac{1}{3}` is a mixed number; `1/2x` is (1/2)·x, `2^10` is 2 to the tenth, `\sin(x)^2` is the square of the sine: these are
  marked `ambiguous`, since others mean something else by them: they may be found equal, never different.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from .commands import CLOSER, STOPS, read_command, read_name
from .tokens import Unread, tokens_of
from .trees import Tree, negated, product_of

MAX_LENGTH = 8_000
"""Longer texts are not read."""
MAX_DEPTH = 50
"""Deeper nesting is not read: the parser recurses, a few Python frames for each level."""
MAX_NUMBER = 1_000
"""Digits of the longest number that is read."""


class Expression(NamedTuple):
    """A parsed text."""

    tree: Tree
    variables: frozenset[str]
    ambiguous: bool
    imaginary: bool
    """True when the text mentions the imaginary unit."""


_PAIRED = {"\\lfloor": ("\\rfloor", "floor"), "\\lceil": ("\\rceil", "ceil")}
_TIMES = frozenset(["*", "\\cdot", "\\times"])


@lru_cache(maxsize=4_096)
def read_expression(text: str) -> Expression | None:
    r"""Parse a canonical text; None when it is not surely an expression.

    >>> read_expression("x(").__class__.__name__, read_expression("2x").variables
    ('NoneType', frozenset({'x'}))
    """
    if len(text) > MAX_LENGTH:
        return None
    try:
        parser = Parser(tokens_of(text))
        tree = parser.sum(0)
        parser.expect(None)
    except Unread:
        return None
    return Expression(tree, frozenset(parser.variables), parser.ambiguous, parser.imaginary)


class Parser:
    """Recursive descent over tokens; each method reads one level of precedence and leaves the place behind it."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens: list[str | None] = [*tokens, None]
        self.place = 0
        self.bars = 0
        self.variables: set[str] = set()
        self.ambiguous = False
        self.imaginary = False

    def next(self) -> str | None:
        """Take a token; the end, None, stays."""
        token = self.tokens[self.place]
        self.place += token is not None
        return token

    def peek(self) -> str | None:
        """Look at the token ahead."""
        return self.tokens[self.place]

    def expect(self, token: str | None) -> None:
        """Take a token that must be there."""
        if self.peek() != token:
            raise Unread
        self.next()

    def sum(self, depth: int) -> Tree:
        """Read terms with signs between them."""
        if depth > MAX_DEPTH:
            raise Unread
        terms = [self.signed(depth)]
        while self.peek() in ("+", "-"):
            terms.append(self.signed(depth))
        return terms[0] if len(terms) == 1 else ("add", *terms)

    def signed(self, depth: int) -> Tree:
        """Read a term with its signs."""
        negative = False
        while self.peek() in ("+", "-"):
            negative ^= self.next() == "-"
        term = self.term(depth)
        return negated(term) if negative else term

    def term(self, depth: int) -> Tree:
        """Read a product or a quotient."""
        factors = [self.power(depth)]
        divided = False
        while True:
            token = self.peek()
            if token in _TIMES:
                self.next()
                factors.append(self.operand(depth))
                divided = False
            elif token in ("/", "\\div"):
                self.next()
                factors = [("div", product_of(factors), self.operand(depth))]
                divided = True
            elif token in STOPS or (token == "|" and self.bars):
                return product_of(factors)
            else:
                self.ambiguous |= divided
                self.join(factors, depth)

    def operand(self, depth: int) -> Tree:
        """Read what follows an explicit operator: one power, with its sign."""
        negative = self.peek() == "-"
        if negative:
            self.next()
        power = self.power(depth)
        return negated(power) if negative else power

    def join(self, factors: list[Tree], depth: int) -> None:
        r"""Read one more factor of a product without a sign; `2\frac{1}{3}` is a mixed number."""
        mixed = factors[-1][0] == "num" and self.peek() == "\\frac" and self.tokens[self.place - 1] not in (")", "]", "}")
        if self.peek()[:1].isdigit():  # pyright: ignore[reportOptionalSubscript] - the end is a stop
            self.ambiguous = True
        factor = self.power(depth)
        if mixed and factor[0] == "div" and factor[1][0] == factor[2][0] == "num" and factor[1][1] > 0:
            if len(factors) > 1 or factors[0][1].denominator != 1:
                raise Unread
            factors[-1] = ("add", factors[-1], factor)
        else:
            factors.append(factor)

    def power(self, depth: int) -> Tree:
        """Read a symbol with what stands behind it: exponents, factorials, degrees."""
        base = self.atom(depth)
        while self.peek() in ("!", "^", "'", "°"):
            token = self.next()
            if token == "^":
                base = ("pow", base, self.script(depth))
                if self.peek() == "^":
                    raise Unread
            elif token == "!":
                base = ("fn", self.factorial(), base)
            elif token == "°":
                base = ("mul", base, ("div", ("const", "pi"), ("num", Fraction(180))))
            else:
                raise Unread
        return base

    def factorial(self) -> str:
        """Tell `n!` from `n!!`, which is 7·5·3·1 for 7; `n!!!` is not read."""
        if self.peek() != "!":
            return "factorial"
        self.next()
        if self.peek() == "!":
            raise Unread
        return "double_factorial"

    def script(self, depth: int) -> Tree:
        """Read an exponent: a group, a sign and a number, or one symbol."""
        token = self.peek()
        if token in ("-", "+"):
            self.ambiguous = True
            return self.operand(depth + 1)
        if token is not None and len(token) > 1 and token[0].isdigit():
            self.ambiguous = True
        return self.atom(depth + 1)

    def atom(self, depth: int) -> Tree:
        """Read a number, a bracket, a command or a symbol."""
        token = self.next()
        if token is None or depth > MAX_DEPTH:
            raise Unread
        if token[0].isdigit() or token[0] == ".":
            if len(token) > MAX_NUMBER:
                raise Unread
            return ("num", Fraction(token.rstrip(".")))
        if token in CLOSER:
            return self.until(CLOSER[token], depth)
        if token == "|":
            self.bars += 1
            inner = self.until("|", depth)
            self.bars -= 1
            return ("fn", "abs", inner)
        if token in _PAIRED:
            closer, name = _PAIRED[token]
            return ("fn", name, self.until(closer, depth))
        if token[0] == "\\":
            return read_command(self, token[1:], depth)
        return read_name(self, token, depth)

    def until(self, closer: str, depth: int) -> Tree:
        """Read a sum and the bracket that closes it."""
        bars, self.bars = self.bars, self.bars if closer == "|" else 0
        inner = self.sum(depth + 1)
        self.expect(closer)
        self.bars = bars
        return inner

    def group(self, depth: int) -> Tree:
        """Read a sum in braces."""
        self.expect("{")
        return self.until("}", depth)
