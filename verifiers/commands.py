r"""Read LaTeX commands and symbols of a formula: fractions, roots, functions with their arguments, names with scripts, calls.

Each function takes the parser of `latex` with its place behind the command, and leaves it behind what was read.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from .tokens import FUNCTIONS, GREEK, TRIGONOMETRIC, Unread
from .trees import HALF, MINUS_ONE, Tree, product_of

if TYPE_CHECKING:
    from .latex import Parser

CLOSER = {"(": ")", "[": "]", "{": "}"}
STOPS = frozenset([")", "]", "}", "+", "-", "*", "/", "\\cdot", "\\times", "\\div", "!", "^", "_", "'", "°", "\\rfloor", "\\rceil", None])
"""What ends a product of factors without signs between them."""
_CALLED = frozenset("fghFGHPQ")
_MARKED = frozenset(["vec", "hat", "bar", "tilde", "overline", "dot", "ddot", "mathbf", "mathcal"])


def read_command(parser: Parser, name: str, depth: int) -> Tree:
    r"""Read what follows a command, such as `\frac`, a function or a Greek letter; raises Unread."""
    if name == "pi":
        return ("const", "pi")
    if name == "frac":
        return _fraction(parser, depth)
    if name == "binom":
        return ("fn", "binom", parser.group(depth), parser.group(depth))
    if name == "sqrt" and parser.peek() in ("[", "{"):
        return _root(parser, depth)
    if name in FUNCTIONS:
        return _function(parser, name, depth)
    if name in GREEK:
        return read_name(parser, "\\" + name, depth)
    if name in _MARKED and parser.peek() == "{":
        return read_name(parser, f"\\{name}" + _raw(parser), depth)
    raise Unread


def _fraction(parser: Parser, depth: int) -> Tree:
    start = parser.place
    above = parser.group(depth)
    middle = parser.place
    below = parser.group(depth)
    if parser.tokens[start + 1] == parser.tokens[middle + 1] == "d" and middle - start > 3:  # dx/dt is no product
        raise Unread
    return ("div", above, below)


def _root(parser: Parser, depth: int) -> Tree:
    index: Tree = ("num", Fraction(2))
    if parser.peek() == "[":
        parser.next()
        index = parser.until("]", depth)
    return ("pow", parser.group(depth), ("div", ("num", Fraction(1)), index)) if index != ("num", 2) else ("pow", parser.group(depth), HALF)


def _raw(parser: Parser) -> str:
    """Take a braced group of a subscript or a mark as it stands."""
    parts: list[str] = []
    while parser.peek() != "}":
        token = parser.next()
        if token is None or len(parts) > 12 or (not token.strip("\\").replace(",", "").isalnum() and token != "{" and token not in "+-'"):
            raise Unread
        parts.append(token)
    parser.next()
    return "".join(parts) + "}"


def read_name(parser: Parser, name: str, depth: int) -> Tree:
    """Read a symbol with its subscript and primes; a symbol of a function takes its argument."""
    if not name.startswith("\\") and not name.isalpha():
        raise Unread
    if parser.peek() == "_":
        parser.next()
        token = parser.next()
        if token == "{":
            name += "_{" + _raw(parser)
        elif token is not None and (token.isalnum() or token[1:].isalpha()) and (len(token) == 1 or token[0] == "\\"):
            name += "_" + token
        else:
            raise Unread
    while parser.peek() == "'":
        parser.next()
        name += "'"
    if parser.peek() == "(" and (name[0] in _CALLED or name.endswith("'") or not _holds_sum(parser)):
        return _call(parser, name, depth)
    if name in ("e", "i"):
        parser.imaginary |= name == "i"
        return ("const", name)
    parser.variables.add(name)
    return ("var", name)


def _holds_sum(parser: Parser) -> bool:
    """Say whether the bracket ahead holds a sum, so that a letter before it is a factor; looks a few tokens ahead."""
    opened = 0
    for place in range(parser.place, min(parser.place + 40, len(parser.tokens))):
        token = parser.tokens[place]
        if token is None:
            return False
        opened += (token in "([{") - (token in ")]}")
        if opened == 0:
            return False
        if opened == 1 and token in ("+", "-") and place > parser.place + 1:
            return True
    return True


def _call(parser: Parser, name: str, depth: int) -> Tree:
    if name[0] not in _CALLED and not name.endswith("'"):
        raise Unread
    parser.next()
    parser.variables.add(name)
    return ("call", name, parser.until(")", depth))


def _function(parser: Parser, name: str, depth: int) -> Tree:
    base = exponent = None
    for _ in range(2):
        if parser.peek() == "_" and name == "log" and base is None:
            parser.next()
            base = parser.script(depth)
        elif parser.peek() == "^" and exponent is None:
            parser.next()
            exponent = parser.script(depth)
    argument = _argument(parser, depth)
    inverse = exponent == MINUS_ONE
    if inverse:
        if name not in TRIGONOMETRIC:
            raise Unread
        name = "arc" + name
    value = _applied(name, argument, base)
    return value if exponent is None or inverse else ("pow", value, exponent)


def _argument(parser: Parser, depth: int) -> Tree:
    """Read the argument of a function: a bracket, or factors side by side up to a sign or another function."""
    if parser.peek() in CLOSER:
        inner = parser.until(CLOSER[parser.next() or ""], depth)
        parser.ambiguous |= parser.peek() == "^"
        return inner
    factors = [parser.operand(depth + 1) if parser.peek() == "-" else parser.power(depth + 1)]
    while (token := parser.peek()) not in STOPS and not (token == "|" and parser.bars):
        if token and (token[1:] in FUNCTIONS - {"sqrt"} and token[0] == "\\"):
            break
        if token in ("(", "["):
            parser.ambiguous = True
            break
        parser.join(factors, depth + 1)
    parser.ambiguous |= parser.peek() in ("/", "\\cdot", "\\times", "*")
    return product_of(factors)


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
