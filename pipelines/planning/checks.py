"""What is checked before a run is paid for: gold answers, prompts, teacher, disk; and the first prompt, as the teacher sees it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import shutil
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ...schemas.errors import CotkitError
from ...schemas.recipe import Recipe, SampleConfig, VerifyConfig
from ..prompts import render_messages
from ..rendering import ChatTemplate, load_student
from ..rendering.template import TemplateFailure
from ..sampling.teacher import open_teacher
from ..verification import check_gold

if TYPE_CHECKING:
    import polars as pl

UNUSABLE_GOLD = 0.01
"""Share of gold answers that may fail: public sets hold a few broken ones, and their samples are paid for in vain."""
BYTES_PER_TOKEN = 3.5
"""Of a prompt, where no tokenizer is at hand: on the safe side of 4 for English."""
SHOWN_END = 40
"""Characters of a rendered prompt that are shown: whether it opens the reasoning stands at its end."""
TOKENS_PER_MESSAGE = 8
"""What a chat template adds to each message."""


class Check(NamedTuple):
    """One thing that was looked at."""

    name: str
    ok: bool
    said: str
    hint: str = ""


def check_answers(problems: pl.DataFrame, config: VerifyConfig) -> Check:
    """Check that gold answers verify themselves."""
    failing, count = check_gold(problems, config).height, problems.height
    hint = "`cotkit verify --check-gold` names them" if failing else ""
    vain = f", the samples of {failing} would be paid for in vain" if failing else ""
    return Check("gold answers", failing <= UNUSABLE_GOLD * count, f"{count - failing:,} of {count:,} verify themselves{vain}", hint)


def check_prompts(problems: pl.DataFrame, config: SampleConfig, context: int | None = None) -> Check:
    """Check that the longest prompt and a whole response fit the context: what the teacher said, or what is known of it here."""
    sizes = problems["prompt"].str.len_bytes()
    longest = problems.filter(sizes == sizes.max())["prompt"][0]
    tokens, exact = _count([message["content"] for message in render_messages(longest, config)], config)
    context = context or _context(config)
    said = f"the longest has {'' if exact else 'about '}{tokens:,} tokens, max_tokens is {config.max_tokens:,}"
    if context is None:
        return Check("prompts", True, f"{said}; the context is not known here")
    hint = "lower max_tokens, or give the engine a larger context (engine.max_model_len, engine.context)"
    fits = tokens + config.max_tokens <= context
    return Check("prompts", fits, f"{said}, the context {context:,}", "" if fits else hint)


def check_teacher(config: SampleConfig, problems: pl.DataFrame) -> tuple[Check, int | None]:
    """Check that the teacher can be opened, and give its context where it says; an engine in this process is not started twice."""
    if config.teacher.startswith("vllm:") or config.executor == "ray":
        return Check("teacher", True, f"{config.teacher}: the engine starts with the pilot"), None

    async def asked() -> tuple[str, int | None]:
        async with open_teacher(config, problems) as teacher:
            return teacher.name, getattr(teacher, "context", None)

    try:
        name, context = asyncio.run(asked())
    except CotkitError as error:
        return Check("teacher", False, error.message, error.hint), None
    return Check("teacher", True, f"{name} answers"), context


def check_disk(path: Path, wanted: float) -> Check:
    """Check that a run of `wanted` bytes fits where `path` is or will be."""
    place = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    free = shutil.disk_usage(place).free
    said = f"{wanted / 1e9:,.2f} GB wanted at most, {free / 1e9:,.2f} GB free at {place}"
    return Check("disk", wanted <= free, said, "" if wanted <= free else "free some space, or choose another folder with -o")


def first_prompt(problems: pl.DataFrame, recipe: Recipe) -> list[dict[str, str]]:
    """Give the first problem's messages."""
    return render_messages(problems["prompt"][0], recipe.sample)


def check_template(messages: list[dict[str, str]], config: SampleConfig) -> Check | None:
    """Check that the model's chat template renders the first prompt, where its tokenizer is on this machine; None where it is not."""
    path = _model_file(config, "tokenizer_config.json")
    own = config.extra.get("chat_template")
    if config.api == "completions" or not (path or own):
        return None
    try:
        template = ChatTemplate(own, name="sample.extra.chat_template") if own else load_student(str(path and path.parent)).template
        text = template.render(messages, generation_prompt=True, **config.extra.get("chat_template_kwargs", {}))
    except CotkitError as error:
        if path and "snapshots" in path.parts and not isinstance(error, TemplateFailure):
            return None  # the Hub's cache need not hold all files of a model
        hint = "mend system_prompt and shots, or chat_template and chat_template_kwargs in sample.extra"
        return Check("chat template", False, error.message, hint)
    return Check("chat template", True, f"renders the first prompt, which ends with {text[-SHOWN_END:]!r}")


def _count(texts: list[str], config: SampleConfig) -> tuple[int, bool]:
    """Count tokens; say whether exactly (but for the template's own), with the model's tokenizer where it is on this machine."""
    template = TOKENS_PER_MESSAGE * len(texts)
    path = _model_file(config, "tokenizer.json")
    if path is not None:
        with contextlib.suppress(ImportError):
            tokenizer = import_module("tokenizers").Tokenizer.from_file(str(path))
            return sum(len(tokenizer.encode(text, add_special_tokens=False).ids) for text in texts) + template, True
    return math.ceil(sum(len(text.encode()) for text in texts) / BYTES_PER_TOKEN) + template, False


def _context(config: SampleConfig) -> int | None:
    kind = config.teacher.partition(":")[0]
    if kind == "embedded":
        from ..sampling.embedded import EngineConfig

        return int(config.engine.get("context", EngineConfig().context))
    given = config.engine.get("max_model_len")
    if isinstance(given, int):
        return given
    path = _model_file(config, "config.json") if kind == "vllm" else None
    settings: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path else {}
    most = settings.get("max_position_embeddings")
    return most if isinstance(most, int) else None


def _model_file(config: SampleConfig, name: str) -> Path | None:
    """Find a file of the teacher's model in its folder or in the Hub's cache; nothing is downloaded."""
    kind, _, place = config.teacher.partition(":")
    model = place.partition("#")[2] if kind == "openai" else place if kind == "vllm" else ""
    if not model:
        return None
    if (Path(model) / name).is_file():
        return Path(model) / name
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(model, name)
    except HFValidationError:
        return None
    return Path(found) if isinstance(found, str) else None
