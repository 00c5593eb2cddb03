"""From messages to the tokens that vLLM is asked with, by the tokenizer's own chat template.

The template writes the beginning-of-sequence token where the model wants one, so none is added when its text is tokenized.
Templates that open the reasoning themselves (DeepSeek-R1's ends with `<think>`) leave a response with a closing mark only, and
a cut-off one with no mark at all: the opening mark is handed on, so that such a response is told to be all reasoning.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, NamedTuple

from ...schemas.errors import CotkitError
from ...schemas.recipe import SampleConfig
from ..delimiters import ChannelStyle, Mark, PairStyle, load_styles

CHAT_FIELDS = ("chat_template", "chat_template_kwargs")
"""Fields of `extra` that are for the template, not for the sampler."""
KEPT_PROMPTS = 256
"""Rendered prompts kept: all samples of a problem share one."""


class Prompt(NamedTuple):
    """A rendered prompt."""

    token_ids: list[int]
    text: str
    opened: str
    """The mark at its end that opens the reasoning; "" when there is none."""


class Prompts:
    """Renders messages with one model's tokenizer."""

    def __init__(self, model: str, tokenizer: Any, config: SampleConfig) -> None:
        self._model, self._tokenizer, self._api = model, tokenizer, config.api
        self._options: dict[str, Any] = dict(config.extra.get("chat_template_kwargs") or {})
        self.template: str | None = config.extra.get("chat_template")
        if self._api == "chat" and hasattr(tokenizer, "get_chat_template"):  # Mistral's tokenizers render in code
            self.template = self._own_template()
        self._openings = list(_openings(config.reasoning))
        self._kept: OrderedDict[str, Prompt] = OrderedDict()

    def render(self, messages: list[dict[str, str]]) -> Prompt:
        """Give the prompt of `messages`; raises CotkitError when the model's template cannot render them."""
        key = json.dumps(messages)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        text, token_ids = self._tokens(messages)
        prompt = self._kept[key] = Prompt(token_ids, text, _opened(text, self._openings))
        if len(self._kept) > KEPT_PROMPTS:
            self._kept.popitem(last=False)
        return prompt

    def _tokens(self, messages: list[dict[str, str]]) -> tuple[str, list[int]]:
        if self._api == "completions":
            text = "\n\n".join(message["content"] for message in messages)
            return text, self._tokenizer.encode(text)
        from jinja2 import TemplateError

        options = self._options | {"add_generation_prompt": True}
        try:
            if self.template is None:
                token_ids = self._tokenizer.apply_chat_template(messages, **options)
                return self._tokenizer.decode(token_ids), token_ids
            text = self._tokenizer.apply_chat_template(messages, chat_template=self.template, tokenize=False, **options)
        except (TemplateError, TypeError, ValueError) as error:
            hint = "mend system_prompt and shots, or chat_template_kwargs and chat_template in sample.extra"
            raise CotkitError(f"{self._model}: its chat template cannot render the prompt: {error}", hint) from error
        return text, self._tokenizer.encode(text, add_special_tokens=False)

    def _own_template(self) -> str:
        try:
            return self._tokenizer.get_chat_template(self.template)
        except ValueError as error:
            hint = 'set api = "completions" for a base model, or give its template as sample.extra.chat_template'
            raise CotkitError(f"{self._model}: its tokenizer has no chat template", hint) from error


def keeps_special_tokens(tokenizer: Any, style: str) -> bool:
    """Tell whether special tokens must stay in the text, because a mark between reasoning and response is one.

    `<think>` is an ordinary added token in DeepSeek-R1 and Qwen3 and survives anyway; Magistral's `[THINK]`, Command A's
    `<|START_THINKING|>` and gpt-oss's channels are special. The token that ends a response never stays.
    """
    special = set(tokenizer.all_special_tokens)
    special |= {str(token) for token in getattr(tokenizer, "added_tokens_decoder", {}).values() if getattr(token, "special", False)}
    named = style in load_styles()
    styles = [load_styles()[style]] if named else load_styles().values() if style == "auto" else ()
    if any(isinstance(style, ChannelStyle) for style in styles) and "<|channel|>" in special:
        return True
    marks = [mark for style in styles if isinstance(style, PairStyle) for mark in _marks(style)]
    # in ChatML "<|im_start|> think" is a mark only where the user says so: every ChatML model has the token
    return any(mark.pattern.fullmatch(token) or (named and mark.longest == token) for mark in marks for token in special)


def _marks(style: PairStyle) -> list[Mark]:
    return [mark for mark in (style.open, style.close, style.answer_open, style.answer_close) if mark]


def _openings(style: str) -> Iterable[Mark]:
    """Give the marks that may open the reasoning at a prompt's end; bare words are none."""
    for name, row in load_styles().items():
        if isinstance(row, PairStyle) and not row.ordinary and style in (name, "auto"):
            yield row.open


def _opened(text: str, openings: list[Mark]) -> str:
    tail = text[-100:]
    for mark in openings:
        found = mark.last(tail)
        if found and not tail[found.end() :].strip():
            return found[0]
    return ""
