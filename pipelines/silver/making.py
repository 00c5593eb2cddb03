"""Make silver problems: DIR/problems.parquet, with the run behind them and a reason for every row that is none.

    DIR/  problems.parquet   the silver problems         dropped.parquet   every other row with its one reason
          funnel.json        how many are left after each step
          run/               a run folder: the teacher's responses to every problem with an extracted answer, judged by rule
          replies.sqlite     what the extractor said

Interrupted, it goes on where it was: replies and responses are on disk before they count.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ...schemas.errors import CotkitError
from ...schemas.problem import Problem
from ...schemas.recipe import ProblemsConfig, Recipe
from ...schemas.record import content_hash
from ...schemas.silver import SILVER, Dropped, SilverConfig
from ...verifiers.kinds import one_formula
from ..asking import Prompt, each, load_prompt, open_asker
from ..execute.gold_check import check_gold
from ..execute.stages import Progress, unwatched
from ..importing.gold import boxed, kind_of
from ..importing.options import embedded_options
from ..run_folder import RunFolder, write_parquet, write_text
from ..run_folder.pass_rates import pass_rates
from ..sampling.progress import Watch, unseen
from ..sampling.scheduler import sample_run
from .extraction import FIELDS, Extracted, Extractor
from .pairs import read_pairs, without_near_duplicates

if TYPE_CHECKING:
    import polars as pl


class Origin(NamedTuple):
    """Where the pairs come from."""

    source: str
    map: dict[str, str] = {}  # noqa: RUF012 - never changed
    split: str = "train"
    limit: int | None = None


class Funnel(NamedTuple):
    """How many rows are left after each step, and what was done for it."""

    rows: int
    pairs: int
    distinct: int
    short: int
    """With a short answer."""
    checkable: int
    """With an answer that verifies itself, asked by a question that does not state it."""
    kept: int
    responses: int
    """The teacher's, to the checkable ones."""
    agreeing: int
    """Of these, how many agree with the extracted answer."""
    dropped: dict[str, int]
    unanswered: int = 0
    """Rows whose question to the extractor, or to the teacher, failed for now; nothing is decided of them."""


class Watches(NamedTuple):
    """How progress is watched, one step after the other."""

    extracting: Callable[[], AbstractContextManager[Progress]] = lambda: nullcontext(unwatched)
    sampling: Callable[[], AbstractContextManager[Watch]] = lambda: nullcontext(unseen)


UNWATCHED = Watches()


def make_silver(origin: Origin, out: Path, config: SilverConfig, watches: Watches = UNWATCHED) -> Funnel:
    """Make the silver problems of a source, or go on with it; raises CotkitError when a model cannot go on."""
    prompt = load_prompt(config.prompt, FIELDS)
    name, pairs, dropped = read_pairs(origin.source, origin.map, origin.split, origin.limit)
    rows = pairs.height + len(dropped)
    distinct, copies = without_near_duplicates(pairs, config.max_similarity)
    extracted, extractor = _extract_all(distinct, out / "replies.sqlite", config, (prompt, watches))
    answered = [one for one in extracted if one is not None]
    dropped += copies + [Dropped(row=one.row, reason=one.reason, detail=one.detail) for one in answered if one.reason]
    short, equal = _problems(distinct, {one.row: one.answer for one in answered if one.reason is None}, (name, extractor))
    checkable, unusable = _checkable(short, config)
    unanswered = len(extracted) - len(answered)
    if unanswered:
        hint = "run the same command again: only these are asked again"
        raise CotkitError(f"{out}: {unanswered} questions to the extractor failed for now", hint)
    kept, disagreed, counts = _agreed(checkable, out / "run", config, watches)
    dropped = sorted([*dropped, *equal, *unusable, *disagreed], key=lambda one: one.row)
    by_reason = {reason: sum(one.reason == reason for one in dropped) for reason in dict.fromkeys(one.reason for one in dropped)}
    funnel = Funnel(rows, pairs.height, distinct.height, short.height, checkable.height, kept.height, *counts[:2], by_reason, counts[2])
    _write(out, kept, dropped, funnel)
    return funnel


def _extract_all(
    pairs: pl.DataFrame, replies: Path, config: SilverConfig, asked_with: tuple[Prompt, Watches]
) -> tuple[list[Extracted | None], str]:
    """Read the answers out of all solutions; gives also the extractor's name."""
    prompt, watches = asked_with
    done = 0

    async def run(progress: Progress) -> tuple[list[Extracted | None], str]:
        async with open_asker(config.extractor, replies) as asker:
            extractor = Extractor(asker, prompt, config)

            async def extract(pair: dict[str, Any]) -> Extracted:
                nonlocal done
                extracted = await extractor.extract(pair)
                done += 1
                progress(done, pairs.height)
                return extracted

            return await each(pairs.iter_rows(named=True), extract, asker.at_once), asker.name

    with watches.extracting() as progress:
        return asyncio.run(run(progress))


def _problems(pairs: pl.DataFrame, answers: dict[int, str], origin: tuple[str, str]) -> tuple[pl.DataFrame, list[Dropped]]:
    """Make problems of the extracted answers, marked as silver, with a column `row`; equal ones are dropped but for the first.

    `origin` is the source's name and the extractor's.
    """
    import polars as pl

    problems: dict[str, dict[str, Any]] = {}
    dropped = []
    for row, question, solution in pairs.iter_rows():
        if row not in answers:
            continue
        mark = {"silver": {"row": row, "extractor": origin[1]}, "solution": solution}
        problem = _problem(question, answers[row], source=f"{SILVER}{origin[0]}", meta=json.dumps(mark, ensure_ascii=False))
        first = problems.setdefault(problem.problem_id, problem.model_dump() | {"row": row})["row"]
        if first != row:
            dropped.append(Dropped(row=row, reason="near_duplicate", detail=f"row {first}"))
    return pl.DataFrame(list(problems.values()), schema=dict(Problem.polars_schema()) | {"row": pl.Int64}), dropped


def _problem(question: str, answer: str, **about: str) -> Problem:
    kind, gold = kind_of(answer, question, None)
    options = embedded_options(question) if kind == "choice" else []
    return Problem.make(question, one_formula(gold) if kind == "math" else gold, kind, options=options, **about)


def _checkable(problems: pl.DataFrame, config: SilverConfig) -> tuple[pl.DataFrame, list[Dropped]]:
    """Drop what cannot be checked: answers that do not verify themselves, and questions that state theirs in a box."""
    if problems.is_empty():
        return problems, []
    unread = dict(check_gold(problems.drop("row"), config.verify).select("problem_id", "outcome").iter_rows())
    dropped = []
    for row in problems.iter_rows(named=True):
        if row["problem_id"] in unread:
            dropped.append(Dropped(row=row["row"], reason="unreadable_gold", detail=row["answer"]))
        elif boxed(row["prompt"]) is not None:
            dropped.append(Dropped(row=row["row"], reason="leaked", detail=row["answer"]))
    return problems.filter(~problems["row"].is_in([one.row for one in dropped])), dropped


def _agreed(
    problems: pl.DataFrame, path: Path, config: SilverConfig, watches: Watches
) -> tuple[pl.DataFrame, list[Dropped], tuple[int, int, int]]:
    """Have the teacher respond, and keep what agrees; gives also responses, agreeing ones, and problems whose responses are not all in."""
    import polars as pl

    if problems.is_empty():
        raise CotkitError(f"{path.parent}: no row has a short answer that can be checked", "see what the extractor says, and its prompt")
    recipe = Recipe(name="silver", problems=ProblemsConfig(source=path.parent.name), sample=config.sample, verify=config.verify)
    run = RunFolder.create(path, recipe, problems.drop("row"))
    with watches.sampling() as watch:
        progress = sample_run(run, watch)
    rates = problems.join(pass_rates(run), on="problem_id", maintain_order="left")
    needed = 1 if config.agree == "any" else config.sample.n // 2 + 1
    agrees = rates["correct"] >= needed
    open_still = ~agrees & (rates["samples"] < config.sample.n) & (not config.sample.is_adaptive())
    left = rates.filter(~agrees & ~open_still).select("row", "answer").rows()
    dropped = [Dropped(row=row, reason="no_agreement", detail=answer) for row, answer in left]
    kept = rates.filter(agrees).select(pl.col(list(Problem.polars_schema())))
    return kept, dropped, (int(rates["samples"].sum()), int(rates["correct"].sum()), int(open_still.sum()) if progress.failed else 0)


def _write(out: Path, kept: pl.DataFrame, dropped: list[Dropped], funnel: Funnel) -> None:
    import polars as pl

    write_parquet(pl.DataFrame([one.model_dump() for one in dropped], schema=Dropped.polars_schema()), out / "dropped.parquet")
    write_parquet(kept, out / "problems.parquet", content_hash(kept["problem_id"].to_list()))
    write_text(json.dumps(funnel._asdict(), indent=1) + "\n", out / "funnel.json")
