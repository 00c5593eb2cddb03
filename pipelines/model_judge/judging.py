"""Judge the samples of a run by a model: a stage of its own, `judgements/NAME/00000.parquet`, row by row beside the samples.

    judge_run(RunFolder.open(Path("runs/qwq")), JudgeConfig(model=ModelConfig(teacher="openai:http://127.0.0.1:8000/v1")))

Each reply of the judge is on disk, `judgements/NAME/replies.sqlite`, before it counts: a run that is killed goes on where it was, and a
changed setting asks only what it changes. Several judges, each under its own name, stand side by side; the rule's verdicts stay as
they are. Equal ends of responses to one problem are judged once.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ...schemas.errors import CotkitError
from ...schemas.judgement import JudgeConfig, Judgement
from ...schemas.record import content_hash
from ..asking import Asker, Prompt, each, fenced, load_prompt, open_asker
from ..asking.fence import last_lines
from ..execute.stages import Progress, unwatched
from ..run_folder import RunFolder, read_fingerprint, write_parquet
from .verdicts import read_verdict

if TYPE_CHECKING:
    import polars as pl

VERSION = "1"
METHOD = f"model/{VERSION}"
FIELDS = ("question", "reference", "response", "token")


class Judged(NamedTuple):
    """What a run of the judge did."""

    computed: int
    """Shards."""
    fresh: int
    asked: int
    """Questions that the judge answered now; the others were on disk."""
    unanswered: int
    """Samples whose shard is not written, as a question failed for now."""
    outcomes: dict[str, int]


class _Judge:
    """Judges single samples."""

    def __init__(self, asker: Asker, prompt: Prompt, config: JudgeConfig) -> None:
        self.asker, self.prompt, self.config = asker, prompt, config

    async def judge(self, row: dict[str, Any]) -> dict[str, Any]:
        """Judge a sample joined with its problem: one row of Judgement."""
        end = last_lines(row["response"], self.config.last_lines, self.config.last_characters)
        said = {"sample_id": row["sample_id"], "method": METHOD, "judge": self.asker.name, "reasons": None, "attempts": 0, "tokens": 0}
        if not end.strip() or row["finish_reason"] == "error":
            return said | {"outcome": "not_found"}
        fence = fenced(end, about=row["problem_id"])
        asked = {"question": row["prompt"], "reference": self._reference(row), "response": fence.text, "token": fence.token}
        messages = self.prompt.messages(**asked)
        for attempt in range(1, self.asker.attempts + 1):
            reply = await self.asker.ask(messages, about=row["problem_id"])
            said |= {"attempts": attempt, "tokens": said["tokens"] + reply.tokens}
            if reply.error is not None:
                return said | {"outcome": "refused", "reasons": reply.error}
            read = read_verdict(reply.text, fence.token)
            if read.outcome is not None:
                return said | {"outcome": read.outcome, "reasons": read.reasons}
            messages = self.prompt.again(messages, reply.text, read.problem)
        return said | {"outcome": "unreadable_reply"}

    def _reference(self, row: dict[str, Any]) -> str:
        if self.config.reference == "solution" and isinstance(solution := json.loads(row["meta"]).get("solution"), str):
            return solution
        return row["answer"]


def judge_run(run: RunFolder, config: JudgeConfig, name: str = "judge", progress: Progress | None = None) -> Judged:
    """Judge the samples of all shards whose judgements are missing or stale; raises CotkitError when the judge cannot go on.

    A shard in which a question failed for now is left for a later run, which asks only that question again.
    """
    prompt, folder = load_prompt(config.prompt, FIELDS), judgements_folder(run, name)
    settings = content_hash(config.fingerprint(), prompt.model_dump(), VERSION, run.problems_fingerprint())
    wanted = {number: content_hash("judgements", settings, run.fingerprint("samples", number)) for number in run.shard_numbers()}
    stale = {number: mark for number, mark in wanted.items() if read_fingerprint(folder / f"{number:05}.parquet") != mark}
    asked = unanswered = 0
    if stale:
        with run.lock():
            asked, unanswered = asyncio.run(_judge_shards(run, config, folder, stale, progress or unwatched, prompt))
    fresh = len(wanted) - len(stale)
    return Judged(len(stale), fresh, asked, unanswered, judged_outcomes(run, name) if not unanswered else {})


async def _judge_shards(
    run: RunFolder, config: JudgeConfig, folder: Path, stale: dict[int, str], report: Progress, prompt: Prompt
) -> tuple[int, int]:
    import polars as pl

    problems, unanswered = run.problems(), 0
    async with open_asker(config.model, folder / "replies.sqlite", problems) as asker:
        judge = _Judge(asker, prompt, config)
        for done, (number, mark) in enumerate(stale.items(), 1):
            samples = run.read("samples", number, ["sample_id", "problem_id", "response", "finish_reason"])
            rows = samples.join(problems.select("problem_id", "prompt", "answer", "meta"), on="problem_id", maintain_order="left")
            if rows.height != samples.height:
                raise CotkitError(f"{run.path}: shard {number} has samples of no problem in the run", "restore problems.parquet")
            judged = await each(rows.iter_rows(named=True), judge.judge, asker.at_once)
            left = sum(row is None for row in judged)
            unanswered += left
            if not left:
                write_parquet(pl.DataFrame(judged, schema=Judgement.polars_schema()), folder / f"{number:05}.parquet", mark)
            report(done, len(stale))
        return asker.asked, unanswered


def judgements_folder(run: RunFolder, name: str) -> Path:
    """Give the folder of a judge's judgements; raises CotkitError on a name that is no folder's."""
    if not name.replace("-", "").replace("_", "").isalnum():
        raise CotkitError(f"--name {name}: not a name", "use letters, digits, - and _")
    return run.path / "judgements" / name


def scan_judgements(run: RunFolder, name: str = "judge") -> pl.LazyFrame:
    """Scan the judgements of all shards; raises CotkitError when a shard has none."""
    import polars as pl

    paths = [judgements_folder(run, name) / f"{number:05}.parquet" for number in run.shard_numbers()]
    missing = [path for path in paths if not path.exists()]
    if missing:
        raise CotkitError(f"{missing[0]}: no judgements yet", f"run `cotkit judge {run.path} --teacher …` first")
    return pl.scan_parquet(paths) if paths else pl.LazyFrame(schema=Judgement.polars_schema())


def judged_outcomes(run: RunFolder, name: str = "judge") -> dict[str, int]:
    """Count the judge's outcomes, most frequent first."""
    counts = Counter(scan_judgements(run, name).select("outcome").collect()["outcome"].to_list())
    return dict(counts.most_common())
