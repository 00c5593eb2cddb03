"""Filters: the rules that drop a sample, in their order, each with the rows that it drops and those that it keeps.

A rule is an expression over the keys that gives the reason for dropping, null where a sample passes. `cases` are rows that pass
every rule but for what they say; the tests put each through the whole table. To add one: a field of `CurateConfig`, a row here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from ...schemas.recipe import CurateConfig

if TYPE_CHECKING:
    import polars as pl


class Case(NamedTuple):
    """A row, the settings, and the reason for which it is dropped; None when it is kept."""

    row: dict[str, Any]
    settings: dict[str, Any]
    reason: str | None


class Filter(NamedTuple):
    """One rule."""

    fields: tuple[str, ...]
    """The settings it reads, the first of which names it."""
    keys: tuple[str, ...]
    """The keys it reads besides those that are always there."""
    reason: Callable[[CurateConfig], pl.Expr]
    cases: tuple[Case, ...]

    def is_on(self, config: CurateConfig) -> bool:
        """Say whether the settings differ from those under which everything passes."""
        return any(getattr(config, field) not in OFF.get(field, (None, [])) for field in self.fields)


OFF: dict[str, tuple[Any, ...]] = {
    "reasoning": ("any",),
    "min_compression_ratio": (0.0,),
    **dict.fromkeys(("keep_doubled_reasoning", "keep_answered_in_reasoning", "keep_leaked"), (True,)),
}
"""Settings under which a rule drops nothing, where that is not None or an empty list."""


def _finish_reason(config: CurateConfig) -> pl.Expr:
    import polars as pl

    finish = pl.col("finish_reason").cast(pl.String)
    return pl.when(~finish.is_in(config.finish_reasons)).then(pl.format("finish reason is {}", finish))


def _outcome(config: CurateConfig) -> pl.Expr:
    import polars as pl

    outcome = pl.col("outcome").cast(pl.String)
    unfit = pl.when(~outcome.is_in(config.outcomes)).then(pl.format("outcome is {}", outcome))
    return pl.when(outcome.is_null()).then(pl.lit("no verdict")).otherwise(unfit)


def _length(config: CurateConfig) -> pl.Expr:
    import polars as pl

    tokens = pl.col("tokens")
    short = pl.when(tokens < (config.min_tokens or 0)).then(pl.lit(f"shorter than {config.min_tokens} tokens"))
    return (
        short
        if config.max_tokens is None
        else short.when(tokens > config.max_tokens).then(pl.lit(f"longer than {config.max_tokens} tokens"))
    )


def _above(key: str, field: str, text: str) -> Callable[[CurateConfig], pl.Expr]:
    def reason(config: CurateConfig) -> pl.Expr:
        import polars as pl

        return pl.when(pl.col(key) > getattr(config, field)).then(pl.lit(text.format(getattr(config, field))))

    return reason


def _compresses(config: CurateConfig) -> pl.Expr:
    import polars as pl

    least = config.min_compression_ratio
    return pl.when(pl.col("compression_ratio") < least).then(pl.lit(f"loops (compresses below {least:g})"))


def _reasoning(config: CurateConfig) -> pl.Expr:
    import polars as pl

    there = pl.col("has_reasoning")
    if config.reasoning == "required":
        return pl.when(~there).then(pl.lit("no reasoning apart from the response"))
    return pl.when(there).then(pl.lit("has reasoning apart from the response"))


def _flag(key: str, text: str) -> Callable[[CurateConfig], pl.Expr]:
    def reason(_config: CurateConfig) -> pl.Expr:
        import polars as pl

        return pl.when(pl.col(key)).then(pl.lit(text))

    return reason


def _problem(key: str) -> Callable[[CurateConfig], pl.Expr]:
    def reason(_config: CurateConfig) -> pl.Expr:
        import polars as pl

        return pl.col(key)

    return reason


def _behaviours(config: CurateConfig) -> pl.Expr:
    import polars as pl

    shown = pl.col("behaviours")
    missing = [pl.when(~shown.list.contains(name)).then(pl.lit(f"does not show {name}")) for name in config.required_behaviours]
    present = [pl.when(shown.list.contains(name)).then(pl.lit(f"shows {name}")) for name in config.forbidden_behaviours]
    return pl.coalesce(*missing, *present)


CHECKS = "reflection.verification"
FILTERS: tuple[Filter, ...] = (
    Filter(
        ("finish_reasons",),
        (),
        _finish_reason,
        (
            Case({"finish_reason": "unknown"}, {}, None),
            Case({"finish_reason": "length"}, {}, "finish reason is length"),
            Case({"finish_reason": "length"}, {"finish_reasons": ["length"]}, None),
            Case({"finish_reason": "repetition", "outcome": "wrong"}, {}, "finish reason is repetition"),
        ),
    ),
    Filter(
        ("outcomes",),
        (),
        _outcome,
        (
            Case({"outcome": "wrong"}, {}, "outcome is wrong"),
            Case({"outcome": "wrong"}, {"outcomes": ["correct", "wrong"]}, None),
            Case({"outcome": "unreadable_gold", "compression_ratio": 0.01}, {}, "outcome is unreadable_gold"),
            Case({"outcome": None}, {"outcomes": ["correct", "wrong"]}, "no verdict"),
        ),
    ),
    Filter(
        ("min_tokens", "max_tokens"),
        (),
        _length,
        (
            Case({"tokens": 9}, {"min_tokens": 10}, "shorter than 10 tokens"),
            Case({"tokens": 10}, {"min_tokens": 10, "max_tokens": 10}, None),
            Case({"tokens": 11}, {"max_tokens": 10}, "longer than 10 tokens"),
        ),
    ),
    Filter(
        ("min_compression_ratio",),
        ("compression_ratio",),
        _compresses,
        (
            Case({"compression_ratio": 0.0999}, {}, "loops (compresses below 0.1)"),
            Case({"compression_ratio": 0.1}, {}, None),
            Case({"compression_ratio": 0.01}, {"min_compression_ratio": 0.0}, None),
        ),
    ),
    Filter(
        ("max_repeated_share",),
        ("repeated_share",),
        _above("repeated_share", "max_repeated_share", "loops (more than {:g} in repeated runs)"),
        (
            Case({"repeated_share": 0.3}, {"max_repeated_share": 0.2}, "loops (more than 0.2 in repeated runs)"),
            Case({"repeated_share": 0.2}, {"max_repeated_share": 0.2}, None),
        ),
    ),
    Filter(
        ("max_foreign_share",),
        ("foreign_share",),
        _above("foreign_share", "max_foreign_share", "more than {:g} of the letters in another script"),
        (
            Case({"foreign_share": 0.06}, {"max_foreign_share": 0.05}, "more than 0.05 of the letters in another script"),
            Case({"foreign_share": 0.05}, {"max_foreign_share": 0.05}, None),
        ),
    ),
    Filter(
        ("max_boxes",),
        ("boxes",),
        _above("boxes", "max_boxes", "more than {} different boxed answers"),
        (
            Case({"boxes": 2}, {"max_boxes": 1}, "more than 1 different boxed answers"),
            Case({"boxes": 1}, {"max_boxes": 1}, None),
        ),
    ),
    Filter(
        ("reasoning",),
        ("has_reasoning",),
        _reasoning,
        (
            Case({"has_reasoning": False}, {"reasoning": "required"}, "no reasoning apart from the response"),
            Case({"has_reasoning": True}, {"reasoning": "required"}, None),
            Case({"has_reasoning": True}, {"reasoning": "absent"}, "has reasoning apart from the response"),
            Case({"has_reasoning": False}, {"reasoning": "absent"}, None),
        ),
    ),
    Filter(
        ("keep_doubled_reasoning",),
        ("doubled_reasoning",),
        _flag("doubled_reasoning", "a second block of reasoning in the response"),
        (
            Case({"doubled_reasoning": True}, {"keep_doubled_reasoning": False}, "a second block of reasoning in the response"),
            Case({"doubled_reasoning": True}, {}, None),
        ),
    ),
    Filter(
        ("keep_answered_in_reasoning",),
        ("answered_in_reasoning",),
        _flag("answered_in_reasoning", "the boxed answer is only in the reasoning"),
        (
            Case({"answered_in_reasoning": True}, {"keep_answered_in_reasoning": False}, "the boxed answer is only in the reasoning"),
            Case({"answered_in_reasoning": True}, {}, None),
        ),
    ),
    Filter(
        ("keep_leaked",),
        ("leaked",),
        _flag("leaked", "the prompt states the answer"),
        (Case({"leaked": True}, {"keep_leaked": False}, "the prompt states the answer"), Case({"leaked": True}, {}, None)),
    ),
    Filter(
        ("max_problem_similarity",),
        ("double_problem",),
        _problem("double_problem"),
        (
            Case({"double_problem": "much like problem p1 (0.93)"}, {"max_problem_similarity": 0.9}, "much like problem p1 (0.93)"),
            Case({"double_problem": None}, {"max_problem_similarity": 0.9}, None),
        ),
    ),
    Filter(
        ("decontaminate",),
        ("contaminated",),
        _problem("contaminated"),
        (
            Case({"contaminated": "stands in math500 (exact)"}, {"decontaminate": ["math500"]}, "stands in math500 (exact)"),
            Case({"contaminated": "stands in math500 (exact)"}, {}, None),
        ),
    ),
    Filter(
        ("required_behaviours", "forbidden_behaviours"),
        ("behaviours",),
        _behaviours,
        (
            Case({"behaviours": []}, {"required_behaviours": [CHECKS]}, f"does not show {CHECKS}"),
            Case({"behaviours": [CHECKS]}, {"required_behaviours": [CHECKS]}, None),
            Case({"behaviours": [CHECKS]}, {"forbidden_behaviours": [CHECKS]}, f"shows {CHECKS}"),
            Case({"behaviours": []}, {"forbidden_behaviours": [CHECKS]}, None),
        ),
    ),
)


def reasons(config: CurateConfig) -> pl.Expr:
    """Give the reason of the first rule that drops a sample; null where it passes them all."""
    import polars as pl

    return pl.coalesce(pl.lit(None, pl.String), *(rule.reason(config) for rule in FILTERS if rule.is_on(config)))


def wanted_by_filters(config: CurateConfig) -> set[str]:
    """Name the keys that the rules read."""
    return {key for rule in FILTERS if rule.is_on(config) for key in rule.keys}
