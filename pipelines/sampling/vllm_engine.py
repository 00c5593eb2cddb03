"""The vllm teacher: vLLM's asynchronous engine in this process, `vllm:MODEL` (a Hub id or a folder).

Every sample is a request of its own with its own seed, fed as others finish, so the engine is never drained for a long tail;
the prompt that a problem's samples share is computed once, by the prefix cache. `[sample.engine]` takes any argument of
`vllm serve` (tensor_parallel_size, data_parallel_size, dtype, max_model_len, quantization, …), `[sample.extra]` any of vLLM's
sampling parameters, `chat_template` and `chat_template_kwargs`. What the recipe leaves out is vLLM's neutral default, not what
the model's generation_config.json recommends: a sample's parameters say all there is to say.

The CPU build takes no seeds per request (they kill its engine); samples drawn there have none.
"""

from __future__ import annotations

import asyncio
import difflib
import itertools
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast, get_args

from ...schemas.errors import CotkitError
from ...schemas.recipe import SampleConfig
from ...schemas.sample import FinishReason
from ..prompts import render_messages
from .loops import LoopDetector
from .teacher import Completion, Request, TeacherError
from .vllm_model import check_model, model_fingerprint
from .vllm_prompts import CHAT_FIELDS, Prompts, keeps_special_tokens
from .vllm_start import EngineLog, engine_arguments, on_cpu, require_vllm, running_engine
from .vllm_stats import EngineStats, stat_logger

if TYPE_CHECKING:
    import polars as pl

OURS = ("n", "seed", "output_kind", "detokenize", "skip_clone", "logprobs", "prompt_logprobs", "flat_logprobs")
"""Sampling parameters that are not the user's: one response per request, streamed, with its own seed, as text."""


class VllmTeacher:
    """Draws from one engine; `engine` is vLLM's `AsyncLLM`."""

    def __init__(self, config: SampleConfig, engine: Any, prompts: Prompts, log: EngineLog, stats: EngineStats) -> None:
        self.name = config.teacher
        self.fingerprint = ""
        self._config, self._prompts, self._log, self._stats = config, prompts, log, stats
        self._engine: Any = engine
        self._context: int = engine.model_config.max_model_len
        self._seeded = not on_cpu()
        running = engine.vllm_config.scheduler_config.max_num_seqs * engine.vllm_config.parallel_config.data_parallel_size
        # a few always wait in the engine's queue, so that none of its places is empty while a next request is on its way
        self.at_once = running + max(8, running // 4)
        self._text_options = {"skip_special_tokens": False} if keeps_special_tokens(engine.get_tokenizer(), config.reasoning) else {}
        self._numbers = itertools.count()

    async def generate(self, request: Request) -> Completion:
        """Draw one response; what the engine refuses is a completion with `error`, a broken engine is a CotkitError."""
        errors = import_module("vllm.v1.engine.exceptions")
        prompt = self._prompts.render(request.messages)
        if len(prompt.token_ids) >= self._context:
            said = f"the prompt has {len(prompt.token_ids)} tokens, the engine's context {self._context} (engine.max_model_len)"
            return Completion("", "error", prompt_tokens=len(prompt.token_ids), seeded=self._seeded, error=said)
        try:
            text, tokens, reason = await self._stream(request, prompt.token_ids)
        except errors.EngineDeadError as error:
            cause = self._log.first_error() or "it says nothing of it (killed for lack of memory?)"
            raise self._log.failure(f"{self.name}: the engine died", cause) from error
        except errors.EngineGenerateError as error:
            raise TeacherError(f"{self.name}: {error.__cause__ or error}") from error
        except _refusals() as error:
            return Completion("", "error", prompt_tokens=len(prompt.token_ids), seeded=self._seeded, error=str(error))
        if reason in ("abort", "error"):
            raise TeacherError(f"{self.name}: the engine ended a request with {reason!r}")
        return Completion(
            text=f"{prompt.opened}\n{text}" if prompt.opened else text,
            finish_reason=cast(FinishReason, reason) if reason in get_args(FinishReason) else "unknown",
            prompt_tokens=len(prompt.token_ids),
            completion_tokens=tokens,
            seeded=self._seeded,
        )

    def let_go(self) -> None:
        """Forget the engine, so that it is gone before the interpreter is: its destructor fails when it comes last."""
        self._engine = None

    def engine_facts(self) -> dict[str, str]:
        """Give the prefix cache's hit rate and how many requests run and wait."""
        return self._stats.facts()

    def sampling_parameters(self, request: Request) -> Any:
        """Make vLLM's `SamplingParams` of a request."""
        return sampling_parameters(self._text_options | request.parameters, request.seed if self._seeded else None)

    async def _stream(self, request: Request, token_ids: list[int]) -> tuple[str, int, str | None]:
        """Give text, tokens and finish reason; leaving early, by a loop or by cancellation, aborts the engine's request."""
        parameters = self.sampling_parameters(request)
        detector = LoopDetector() if self._config.stop_loops else None
        texts: list[str] = []
        tokens, reason, limit = 0, None, self._config.timeout_seconds
        loop = asyncio.get_running_loop()
        name = f"{request.problem_id}-{request.index}-{next(self._numbers)}"
        try:
            async with (
                asyncio.timeout(limit) as clock,
                aclosing(self._engine.generate({"type": "token", "prompt_token_ids": token_ids}, parameters, name)) as outputs,
            ):
                async for output in outputs:
                    clock.reschedule(loop.time() + limit)
                    part = output.outputs[0]
                    texts.append(part.text)
                    tokens += len(part.token_ids)
                    reason = part.finish_reason
                    if detector and reason is None and detector.looping(part.token_ids):
                        reason = "repetition"
                        break
        except asyncio.CancelledError:
            self._stats.aborted_tokens += tokens
            raise
        except TimeoutError as error:
            raise TeacherError(f"{self.name}: the engine gave no token for {limit:g} s") from error
        return "".join(texts), tokens, reason


def sampling_parameters(given: dict[str, Any], seed: int | None) -> Any:
    """Make vLLM's `SamplingParams`; raises CotkitError for an unknown parameter or a value that it refuses."""
    vllm = import_module("vllm.sampling_params")
    known = {name for name in vllm.SamplingParams.__struct_fields__ if not name.startswith("_") and name not in OURS}
    given = {name: value for name, value in given.items() if name not in CHAT_FIELDS}
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, [*known, *CHAT_FIELDS], n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(known))}"
            raise CotkitError(f"sample.extra.{name}: vLLM has no such sampling parameter", hint)
    given = {name: _structured(name, value) for name, value in given.items()}
    try:
        return vllm.SamplingParams(**given, seed=seed, output_kind=vllm.RequestOutputKind.DELTA)
    except (TypeError, *_refusals()) as error:
        raise CotkitError(f"vLLM refuses the sampling parameters: {error}", "mend [sample] and [sample.extra]") from error


@asynccontextmanager
async def open_vllm(config: SampleConfig, problems: pl.DataFrame) -> AsyncIterator[VllmTeacher]:
    """Check the settings, start the engine and render the first prompt; raises CotkitError before anything is drawn."""
    model = config.teacher.partition(":")[2]
    check_model(model)
    require_vllm()
    make = import_module("vllm.v1.engine.async_llm").AsyncLLM.from_engine_args
    arguments = engine_arguments(model, config.engine)
    sampling_parameters({name: value for name, value in config.parameters().items() if name != "seed"}, None)
    log, stats = EngineLog(), EngineStats()
    sys.stderr.write(f"vllm: starting {model}; what it says is in {log.path}\n")
    try:
        async with running_engine(lambda: make(arguments, stat_loggers=[stat_logger(stats)]), log, model) as engine:
            prompts = Prompts(model, engine.get_tokenizer(), config)
            for row in problems.head(1).iter_rows(named=True):
                prompts.render(render_messages(row["prompt"], config))
            teacher = VllmTeacher(config, engine, prompts, log, stats)
            teacher.fingerprint = model_fingerprint(model, config, engine.model_config, prompts.template)
            try:
                yield teacher
            finally:
                teacher.let_go()
                engine = None
    except asyncio.CancelledError:
        log.remove()
        raise
    log.remove()


def _structured(name: str, value: Any) -> Any:
    """Turn a table of the recipe into the dataclass that vLLM wants for a few parameters."""
    types = {"repetition_detection": "RepetitionDetectionParams", "structured_outputs": "StructuredOutputsParams"}
    if name not in types or not isinstance(value, dict):
        return value
    return getattr(import_module("vllm.sampling_params"), types[name])(**value)


def _refusals() -> tuple[type[Exception], ...]:
    """Give the errors by which vLLM refuses a request; those of its own were ValueErrors in 0.25 and have a family since."""
    return (ValueError, getattr(import_module("vllm.exceptions"), "VLLMClientError", ValueError))
