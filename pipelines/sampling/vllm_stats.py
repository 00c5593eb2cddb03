"""What vLLM's engine says of itself: requests that run and wait, and how much of the prompts came from the prefix cache."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any


class EngineStats:
    """Sums over the engine's replicas; all zero until the first step."""

    def __init__(self) -> None:
        self.running: dict[int, int] = {}
        self.waiting: dict[int, int] = {}
        self.asked_tokens = 0
        self.cached_tokens = 0
        self.aborted_tokens = 0
        """Drawn for requests that were aborted; in no sample."""

    def record(self, engine: int, stats: Any) -> None:
        """Take one step's `SchedulerStats`."""
        self.running[engine] = stats.num_running_reqs
        self.waiting[engine] = stats.num_waiting_reqs
        self.asked_tokens += stats.prefix_cache_stats.queries
        self.cached_tokens += stats.prefix_cache_stats.hits

    def facts(self) -> dict[str, str]:
        """Give the facts in words; of the cache only once it was asked."""
        facts = {"running": f"{sum(self.running.values())}", "waiting": f"{sum(self.waiting.values())}"}
        if self.asked_tokens:
            facts["cache hits"] = f"{self.cached_tokens / self.asked_tokens:.0%}"
        if self.aborted_tokens:
            facts["aborted tokens"] = f"{self.aborted_tokens:,}"
        return facts


def stat_logger(kept: EngineStats) -> Callable[..., Any]:
    """Make the factory of a vLLM stat logger that only keeps the figures; vLLM calls that interface unstable, so it asks for little."""
    base: Any = import_module("vllm.v1.metrics.loggers").StatLoggerBase

    class Keep(base):
        """Hands what it is told to `kept`."""

        def __init__(self, vllm_config: Any, engine_index: int = 0) -> None:  # noqa: ARG002
            self.engine_index = engine_index

        def record(self, scheduler_stats: Any, *_: Any, **__: Any) -> None:
            """Keep one step."""
            if scheduler_stats is not None:
                kept.record(self.engine_index, scheduler_stats)

        def log_engine_initialized(self) -> None:
            """Say nothing."""

    return Keep
