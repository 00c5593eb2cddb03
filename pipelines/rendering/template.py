"""A chat template, rendered as transformers 5.23 does (`utils/chat_template_utils.py`): the same sandbox, filters and functions.

    ChatTemplate("{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% endfor %}").render([{"role": "user", "content": "Hi"}])

`{% generation %}` blocks give the character spans that assistant-only loss trains on. Reasoning is passed under the three names that
transformers fills in (`reasoning_content`, and `thinking` for gpt-oss). Not covered: tools, documents, images.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ...schemas.errors import CotkitError

Message = Mapping[str, Any]
GENERATION_MARK = re.compile(r"\{%-?\s*generation\s*-?%\}")
REASONING_FIELDS = ("reasoning_content", "thinking", "reasoning")


class Span(NamedTuple):
    """A half-open range of characters."""

    start: int
    end: int


class TemplateFailure(CotkitError):
    """A template refused a conversation: by its own `raise_exception`, or because it does not bear what it was given."""


class ChatTemplate:
    """A compiled template with the variables it is always given, such as `eos_token`; raises CotkitError when it does not compile."""

    def __init__(self, source: str, variables: Mapping[str, Any] | None = None, name: str = "the template") -> None:
        self.source = source
        self.variables = dict(variables or {})
        self.name = name
        try:
            self._compiled = _compile(source)
        except jinja2.TemplateError as error:
            raise CotkitError(f"{name}: the chat template does not compile: {error}", "give another --student") from None

    def render(self, messages: Sequence[Message], generation_prompt: bool = False, **variables: Any) -> str:
        """Render a conversation; raises TemplateFailure with the template's own words."""
        return self._checked(lambda given: self._compiled.render(given), messages, generation_prompt, variables)

    def render_generated(self, messages: Sequence[Message], **variables: Any) -> tuple[str, list[Span]]:
        """Render a conversation and give the spans of its `{% generation %}` blocks; none when the template has no such blocks."""
        blocks, spans = [], []

        def generate(given: dict[str, Any]) -> str:
            with self._compiled.environment.tracking(blocks, spans):  # pyright: ignore[reportAttributeAccessIssue]
                for block in self._compiled.generate(given):
                    blocks.append(block)
            return "".join(blocks)

        return self._checked(generate, messages, False, variables), spans

    @cached_property
    def marks_generation(self) -> bool:
        """Say whether the template has `{% generation %}` blocks."""
        return GENERATION_MARK.search(self.source) is not None

    @cached_property
    def literal_text(self) -> str:
        """Give the texts that stand in the template itself, joined by null characters."""
        tree = self._compiled.environment.parse(self.source)
        literals = [node.data for node in tree.find_all(nodes.TemplateData)]
        literals += [node.value for node in tree.find_all(nodes.Const) if isinstance(node.value, str)]
        return "\0".join(literals)

    @cached_property
    def asks_for(self) -> set[str]:
        """Name the variables that the template reads and does not set."""
        return find_undeclared_variables(self._compiled.environment.parse(self.source))

    def _checked(
        self, render: Callable[[dict[str, Any]], str], messages: Sequence[Message], generation_prompt: bool, variables: dict[str, Any]
    ) -> str:
        shared = {"tools": None, "documents": None, "add_generation_prompt": generation_prompt}
        given = {**self.variables, **shared, **variables, "messages": [_aliased(message) for message in messages]}
        try:
            return render(given)
        except (jinja2.TemplateError, TypeError, ValueError, AttributeError, LookupError, ArithmeticError, RecursionError) as error:
            # a template is a stranger's program: what it raises is an outcome of the row
            reason = " ".join(str(error).split()) or type(error).__name__
            raise TemplateFailure(f"{self.name} raises: {reason[:300]}", "see the turns it was given") from None


def _aliased(message: Message) -> dict[str, Any]:
    """Copy a message with its reasoning under the names that templates read."""
    reasoning = next((message[name] for name in REASONING_FIELDS if message.get(name) is not None), None)
    return dict(message) if reasoning is None else {"thinking": reasoning, **message, "reasoning_content": reasoning}


class _Generation(Extension):
    """The `{% generation %}` block; while tracking is on it notes where its text stands in the rendered whole."""

    tags = {"generation"}  # noqa: RUF012

    def __init__(self, environment: jinja2.Environment) -> None:
        super().__init__(environment)
        environment.extend(tracking=self.tracking)
        self._blocks: list[str] | None = None
        self._spans: list[Span] = []

    def parse(self, parser: Any) -> nodes.Node:
        """Parse the block into a call."""
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return nodes.CallBlock(self.call_method("_note"), [], [], body).set_lineno(line)

    def _note(self, caller: Callable[[], str]) -> str:
        text = caller()
        if self._blocks is not None:
            start = sum(map(len, self._blocks))
            self._spans.append(Span(start, start + len(text)))
        return text

    @contextmanager
    def tracking(self, blocks: list[str], spans: list[Span]) -> Iterator[None]:
        """Note the spans of the blocks while the template writes into `blocks`."""
        self._blocks, self._spans = blocks, spans
        try:
            yield
        finally:
            self._blocks = None


class _Namespace(jinja2.utils.Namespace):
    """jinja's `namespace` without underscored names, which lead out of the sandbox."""

    def __init__(*args: Any, **kwargs: Any) -> None:  # pyright: ignore[reportSelfClsParameterName]  # `namespace(self=…)` must work
        self, values = args[0], dict(*args[1:], **kwargs)
        for name in values:
            _Namespace._check(name)
        jinja2.utils.Namespace.__init__(self, values)

    def __setitem__(self, name: str, value: Any) -> None:
        _Namespace._check(name)
        super().__setitem__(name, value)

    @staticmethod
    def _check(name: Any) -> None:
        if isinstance(name, str) and name.startswith("_"):
            raise jinja2.exceptions.SecurityError(f"underscored name {name!r} on a namespace")


class _Dict:
    """`dict` as a callable and `dict.fromkeys`, nothing more of the class."""

    def __call__(self, *args: Any, **kwargs: Any) -> dict[Any, Any]:
        return dict(*args, **kwargs)

    def fromkeys(self, *args: Any) -> dict[Any, Any]:
        """Give `dict.fromkeys`."""
        return dict.fromkeys(*args)


@lru_cache(maxsize=256)
def _compile(source: str) -> jinja2.Template:
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols])
    environment.filters["tojson"] = _to_json
    environment.globals |= {"raise_exception": _raise, "strftime_now": _now, "dict": _Dict(), "namespace": _Namespace}
    return environment.from_string(source)


def _raise(message: str) -> None:
    raise jinja2.TemplateError(message)


def _to_json(value: Any, ensure_ascii: bool = False, indent: Any = None, separators: Any = None, sort_keys: bool = False) -> str:
    """Write JSON; jinja's own filter would escape HTML."""
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _now(format: str) -> str:
    return datetime.now().strftime(format)
