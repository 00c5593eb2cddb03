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

from .tokens import FUNCTIONS, GREEK, TRIGONOMETRIC, Unread, tokens_of

MAX_LENGTH = 8_000
"""Longer texts are not read."""
MAX_DEPTH = 50
"""Deeper nesting is not read: the parser recurses, a few Python frames for each level."""
MAX_NUMBER = 1_000
"""Digits of the longest number that is read."""

Tree = tuple
"""A node: its kind, then its parts."""


class Expression(NamedTuple):
    """A parsed text."""

    tree: Tree
    variables: frozenset[str]
    ambiguous: bool
    imaginary: bool
    """True when the text mentions the imaginary unit."""


_CALLED = frozenset("fghFGHPQ")
_MARKED = frozenset(["vec", "hat", "bar", "tilde", "overline", "dot", "ddot", "mathbf", "mathcal"])
_CLOSER = {"(": ")", "[": "]", "{": "}"}
_PAIRED = {"\\lfloor": ("\\rfloor", "floor"), "\\lceil": ("\\rceil", "ceil")}
_STOPS = frozenset([")", "]", "}", "+", "-", "*", "/", "\\cdot", "\\times", "\\div", "!", "^", "_", "'", "°", "\\rfloor", "\\rceil", None])
_TIMES = frozenset(["*", "\\cdot", "\\times"])
HALF = ("num", Fraction(1, 2))
MINUS_ONE = ("num", Fraction(-1))


@lru_cache(maxsize=4_096)
def read_expression(text: str) -> Expression | None:
    r"""Parse a canonical text; None when it is not surely an expression.

    >>> read_expression("x(").__class__.__name__, read_expression("2x").variables
    ('NoneType', frozenset({'x'}))
    """
    if len(text) > MAX_LENGTH:
        return None
    try:
        parser = _Parser(tokens_of(text))
        tree = parser.sum(0)
        parser.expect(None)
    except Unread:
        return None
    return Expression(tree, frozenset(parser.variables), parser.ambiguous, parser.imaginary)


class _Parser:
    """Recursive descent over tokens; each method reads one level of precedence and leaves the place behind it."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens: list[str | None] = [*tokens, None]
        self.place = 0
        self.bars = 0
        self.variables: set[str] = set()
        self.ambiguous = False
        self.imaginary = False

    def next(self) -> str | None:
        token = self.tokens[self.place]
        self.place += token is not None
        return token

    def peek(self) -> str | None:
        return self.tokens[self.place]

    def expect(self, token: str | None) -> None:
        if self.peek() != token:
            raise Unread
        self.next()

    def sum(self, depth: int) -> Tree:
        if depth > MAX_DEPTH:
            raise Unread
        terms = [self.signed(depth)]
        while self.peek() in ("+", "-"):
            terms.append(self.signed(depth))
        return terms[0] if len(terms) == 1 else ("add", *terms)

    def signed(self, depth: int) -> Tree:
        negative = False
        while self.peek() in ("+", "-"):
            negative ^= self.next() == "-"
        term = self.term(depth)
        return _negated(term) if negative else term

    def term(self, depth: int) -> Tree:
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
                factors = [("div", _product(factors), self.operand(depth))]
                divided = True
            elif token in _STOPS or (token == "|" and self.bars):
                return _product(factors)
            else:
                self.ambiguous |= divided
                self.join(factors, depth)

    def operand(self, depth: int) -> Tree:
        """Read what follows an explicit operator: one power, with its sign."""
        negative = self.peek() == "-"
        if negative:
            self.next()
        power = self.power(depth)
        return _negated(power) if negative else power

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
        base = self.atom(depth)
        while self.peek() in ("!", "^", "'", "°"):
            token = self.next()
            if token == "^":
                base = ("pow", base, self.script(depth))
                if self.peek() == "^":
                    raise Unread
            elif token == "!":
                if self.peek() == "!":
                    raise Unread
                base = ("fn", "factorial", base)
            elif token == "°":
                base = ("mul", base, ("div", ("const", "pi"), ("num", Fraction(180))))
            else:
                raise Unread
        return base

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
        token = self.next()
        if token is None or depth > MAX_DEPTH:
            raise Unread
        if token[0].isdigit() or token[0] == ".":
            if len(token) > MAX_NUMBER:
                raise Unread
            return ("num", Fraction(token.rstrip(".")))
        if token in _CLOSER:
            return self.until(_CLOSER[token], depth)
        if token == "|":
            self.bars += 1
            inner = self.until("|", depth)
            self.bars -= 1
            return ("fn", "abs", inner)
        if token in _PAIRED:
            closer, name = _PAIRED[token]
            return ("fn", name, self.until(closer, depth))
        if token[0] == "\\":
            return self.command(token[1:], depth)
        return self.name(token, depth)

    def until(self, closer: str, depth: int) -> Tree:
        bars, self.bars = self.bars, self.bars if closer == "|" else 0
        inner = self.sum(depth + 1)
        self.expect(closer)
        self.bars = bars
        return inner

    def group(self, depth: int) -> Tree:
        self.expect("{")
        return self.until("}", depth)

    def command(self, name: str, depth: int) -> Tree:
        if name == "pi":
            return ("const", "pi")
        if name == "frac":
            return self.fraction(depth)
        if name == "binom":
            return ("fn", "binom", self.group(depth), self.group(depth))
        if name == "sqrt" and self.peek() in ("[", "{"):
            return self.root(depth)
        if name in FUNCTIONS:
            return self.function(name, depth)
        if name in GREEK:
            return self.name("\\" + name, depth)
        if name in _MARKED and self.peek() == "{":
            return self.name(f"\\{name}" + self.raw(), depth)
        raise Unread

    def fraction(self, depth: int) -> Tree:
        start = self.place
        above = self.group(depth)
        middle = self.place
        below = self.group(depth)
        if self.tokens[start + 1] == self.tokens[middle + 1] == "d" and middle - start > 3:  # dx/dt is no product
            raise Unread
        return ("div", above, below)

    def root(self, depth: int) -> Tree:
        index: Tree = ("num", Fraction(2))
        if self.peek() == "[":
            self.next()
            index = self.until("]", depth)
        return ("pow", self.group(depth), ("div", ("num", Fraction(1)), index)) if index != ("num", 2) else ("pow", self.group(depth), HALF)

    def raw(self) -> str:
        """Take a braced group of a subscript or a mark as it stands."""
        parts: list[str] = []
        while self.peek() != "}":
            token = self.next()
            if (
                token is None
                or len(parts) > 12
                or (not token.strip("\\").replace(",", "").isalnum() and token != "{" and token not in "+-'")
            ):
                raise Unread
            parts.append(token)
        self.next()
        return "".join(parts) + "}"

    def name(self, name: str, depth: int) -> Tree:
        """Read a symbol with its subscript and primes; a symbol of a function takes its argument."""
        if not name.startswith("\\") and not name.isalpha():
            raise Unread
        if self.peek() == "_":
            self.next()
            token = self.next()
            if token == "{":
                name += "_{" + self.raw()
            elif token is not None and (token.isalnum() or token[1:].isalpha()) and (len(token) == 1 or token[0] == "\\"):
                name += "_" + token
            else:
                raise Unread
        while self.peek() == "'":
            self.next()
            name += "'"
        if self.peek() == "(" and (name[0] in _CALLED or name.endswith("'") or not self.sums()):
            return self.call(name, depth)
        if name in ("e", "i"):
            self.imaginary |= name == "i"
            return ("const", name)
        self.variables.add(name)
        return ("var", name)

    def sums(self) -> bool:
        """Say whether the bracket ahead holds a sum, so that a letter before it is a factor; looks a few tokens ahead."""
        opened = 0
        for place in range(self.place, min(self.place + 40, len(self.tokens))):
            token = self.tokens[place]
            if token is None:
                return False
            opened += (token in "([{") - (token in ")]}")
            if opened == 0:
                return False
            if opened == 1 and token in ("+", "-") and place > self.place + 1:
                return True
        return True

    def call(self, name: str, depth: int) -> Tree:
        if name[0] not in _CALLED and not name.endswith("'"):
            raise Unread
        self.next()
        self.variables.add(name)
        return ("call", name, self.until(")", depth))

    def function(self, name: str, depth: int) -> Tree:
        base = exponent = None
        for _ in range(2):
            if self.peek() == "_" and name == "log" and base is None:
                self.next()
                base = self.script(depth)
            elif self.peek() == "^" and exponent is None:
                self.next()
                exponent = self.script(depth)
        argument = self.argument(depth)
        inverse = exponent == MINUS_ONE
        if inverse:
            if name not in TRIGONOMETRIC:
                raise Unread
            name = "arc" + name
        value = _applied(name, argument, base)
        return value if exponent is None or inverse else ("pow", value, exponent)

    def argument(self, depth: int) -> Tree:
        """Read the argument of a function: a bracket, or factors side by side up to a sign or another function."""
        if self.peek() in _CLOSER:
            inner = self.until(_CLOSER[self.next() or ""], depth)
            self.ambiguous |= self.peek() == "^"
            return inner
        factors = [self.operand(depth + 1) if self.peek() == "-" else self.power(depth + 1)]
        while (token := self.peek()) not in _STOPS and not (token == "|" and self.bars):
            if token and (token[1:] in FUNCTIONS - {"sqrt"} and token[0] == "\\"):
                break
            if token in ("(", "["):
                self.ambiguous = True
                break
            self.join(factors, depth + 1)
        self.ambiguous |= self.peek() in ("/", "\\cdot", "\\times", "*")
        return _product(factors)


def _product(factors: list[Tree]) -> Tree:
    return factors[0] if len(factors) == 1 else ("mul", *factors)


def _negated(tree: Tree) -> Tree:
    return ("num", -tree[1]) if tree[0] == "num" else ("mul", MINUS_ONE, tree)


def _applied(name: str, argument: Tree, base: Tree | None) -> Tree:
    if name == "sqrt":
        return ("pow", argument, HALF)
    if name == "exp":
        return ("pow", ("const", "e"), argument)
    if name == "lg":
        base = ("num", Fraction(10))
    if base is not None:
        return ("div", ("fn", "ln", argument), ("fn", "ln", base))
    return ("fn", "ln" if name == "log" else name, argument)
