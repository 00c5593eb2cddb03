"""Construct samples: for each problem n walks through the state machine, each ending as a sample of a run like any other.

    run = make_construct_run(Path("runs/constructed"), ConstructConfig(…), problems)
    construct_run(run, ConstructConfig(…))

A walk is resumed by taking it again: the models' replies are on disk under a hash of the question (`asking`), and the same replies lead
the same way. The thoughts become the sample's reasoning, the answering text its response. A spent budget is finish reason `length`; a
model that never gives the form asked for is `error`, with the reason in the sample's `error`. Both are verdicts like any other later.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ...data import data_file
from ...schemas.construct import ACTIONS, Action, ActionTaken, ConstructConfig, Ending
from ...schemas.problem import Problem
from ...schemas.recipe import ProblemsConfig, Recipe, SampleConfig
from ...schemas.record import content_hash
from ...schemas.sample import FinishReason, Sample, sample_id
from ..asking import Asker, Prompt, each, load_prompt, open_asker
from ..prompts import render_messages
from ..run_folder import Ledger, Resume, RunFolder
from .actions import ActionLog, write_actions
from .forms import Form, FormError, describe, read_form
from .machine import Machine

if TYPE_CHECKING:
    import polars as pl

VERSION = "1"
SHARD_ROWS = 8192
FINISH: dict[Ending, FinishReason] = {
    "answered": "stop",
    "steps": "length",
    "tokens": "length",
    "invalid_output": "error",
    "refused": "error",
}


@dataclass
class Constructed:
    """What has been made so far."""

    total: int = 0
    done: int = 0
    resumed: int = 0
    """Samples that were there before."""
    asked: int = 0
    """Replies that the models gave in this run."""
    endings: Counter[Ending] = field(default_factory=Counter)

    @property
    def unanswered(self) -> int:
        """Samples under way at which a question failed for now."""
        return self.total - self.done


class Output(NamedTuple):
    """What came of asking for an action: its form, or why there is none."""

    form: Form | None
    attempts: int
    tokens: int
    ending: Ending = "answered"
    problem: str = ""


class _Constructor:
    """Makes samples; lives within one event loop."""

    def __init__(self, run: RunFolder, config: ConstructConfig, askers: tuple[Asker, Asker], log: ActionLog) -> None:
        self.run, self.config, self.log = run, config, log
        self.actor, self.reflector = askers
        self.prompts = load_prompts(config.prompts)
        self.fingerprint = content_hash("construct", VERSION, self.actor.fingerprint, self.reflector.fingerprint)
        said = {"actor": config.actor.as_sampling().parameters(), "reflector": config.reflector.as_sampling().parameters()}
        said |= {"max_steps": config.max_steps, "max_tokens": config.max_tokens, "prompts": _hash_of(self.prompts)}
        self.parameters = json.dumps(said | {"constructed": True}, sort_keys=True)

    def key(self, problem: Problem, index: int) -> tuple[str, str]:
        """Give a sample's id and the hash of its prompt."""
        prompt_hash = content_hash(render_messages(problem.prompt, self.run.recipe.sample))
        return sample_id(problem.problem_id, prompt_hash, self.fingerprint, self.parameters, index), prompt_hash

    async def construct(self, problem: Problem, index: int) -> tuple[Sample, Ending]:
        """Walk from the first action to the end."""
        started, (key, prompt_hash) = time.monotonic(), self.key(problem, index)
        machine, step, tokens, ending, why = Machine(problem.prompt), 0, 0, "answered", ""
        while machine.action is not None:
            spent = "steps" if step >= self.config.max_steps else "tokens" if tokens >= self.config.max_tokens else None
            if spent:
                ending = spent
                break
            output = await self._act(machine, problem.problem_id, index)
            tokens += output.tokens
            if output.form is None:
                ending, why = output.ending, f"step {step}, {machine.action}: {output.problem}"
                break
            taken = self._taken(key, step, machine, output)
            machine.apply(output.form)
            self.log.add(taken.model_copy(update={"next": machine.action or "end"}))
            step += 1
        last = {"ending": ending, "tokens": tokens} | ({"why": why} if why else {})
        self.log.add(self._row(key, step, "end", machine, json.dumps(last)))
        return self._sample(problem, index, machine, (key, prompt_hash, why), time.monotonic() - started, ending), ending

    async def _act(self, machine: Machine, problem_id: str, index: int) -> Output:
        """Ask for the next action until its form is right, or attempts are used up."""
        action: Action = machine.action or "answer"
        asker, prompt = self._asker(action), self.prompts[action]
        messages = prompt.messages(**machine.fields(self.config.solution_characters), form=describe(action))
        tokens, problem = 0, ""
        for attempt in range(1, asker.attempts + 1):
            reply = await asker.ask(messages, about=problem_id, number=index)
            tokens += reply.tokens
            if reply.error is not None:
                return Output(None, attempt, tokens, "refused", reply.error[:200])
            try:
                form = read_form(action, reply.text)
                machine.check(form)
            except FormError as error:
                problem = str(error)
                messages = prompt.again(messages, reply.text, problem)
            else:
                return Output(form, attempt, tokens)
        return Output(None, asker.attempts, tokens, "invalid_output", problem)

    def _asker(self, action: str) -> Asker:
        return self.reflector if action == "reflect" else self.actor

    def _taken(self, key: str, step: int, machine: Machine, output: Output) -> ActionTaken:
        assert machine.action
        assert output.form
        row = self._row(key, step, machine.action, machine, output.form.model_dump_json())
        return row.model_copy(update={"attempts": output.attempts, "tokens": output.tokens})

    def _row(self, key: str, step: int, action: str, machine: Machine, output: str) -> ActionTaken:
        place = {"goal": machine.current, "parent": machine.parent, "model": self._asker(action).name}
        return ActionTaken(sample_id=key, step=step, action=action, output=output, next="end", attempts=0, tokens=0, **place)

    def _sample(self, problem: Problem, index: int, machine: Machine, key: tuple[str, str, str], seconds: float, ending: Ending) -> Sample:
        return Sample(
            sample_id=key[0],
            problem_id=problem.problem_id,
            index=index,
            reasoning="\n\n".join(machine.thoughts) or None,
            response=machine.response,
            delimiter="field",
            finish_reason=FINISH[ending],
            prompt_tokens=None,
            completion_tokens=None,
            seed=None,
            seconds=round(seconds, 3),
            teacher=self.run.recipe.sample.teacher,
            teacher_fingerprint=self.fingerprint,
            parameters=self.parameters,
            prompt_hash=key[1],
            error=f"{ending}: {key[2]}" if FINISH[ending] == "error" else None,
        )


def make_construct_run(path: Path, config: ConstructConfig, problems: pl.DataFrame, resume: Resume = "if-possible") -> RunFolder:
    """Make a run folder for constructed samples, or resume one; raises CotkitError when it was made with other settings."""
    named = f"construct:{config.actor.teacher}+{config.reflector.teacher}"
    prompts = _hash_of(load_prompts(config.prompts))
    sample = SampleConfig(teacher=named, n=config.n, max_tokens=config.max_tokens, temperature=config.actor.temperature)
    sample = sample.model_copy(update={"extra": {"construct": content_hash(config.fingerprint(), prompts)}})
    return RunFolder.create(path, Recipe(name="constructed", problems=ProblemsConfig(), sample=sample), problems, resume)


def construct_run(run: RunFolder, config: ConstructConfig, watch: Callable[[Constructed], None] = lambda _: None) -> Constructed:
    """Make the samples that a run wants and has not; seal them. Raises CotkitError when a model cannot go on; all replies are kept."""
    with run.lock(), ActionLog(run.path / "construct" / "actions.sqlite") as log:
        ledger = run.ledger()
        try:
            run.reconcile(ledger)
            made = asyncio.run(_construct_all(run, config, ledger, log, watch))
            run.seal(ledger)
            write_actions(run, log)
        finally:
            ledger.close()
    run.log("constructed", done=made.done, resumed=made.resumed, asked=made.asked, **made.endings)
    return made


async def _construct_all(
    run: RunFolder, config: ConstructConfig, ledger: Ledger, log: ActionLog, watch: Callable[[Constructed], None]
) -> Constructed:
    problems, folder, present = run.problems(), run.path / "construct", run.sample_ids()
    made = Constructed(total=problems.height * config.n)
    async with AsyncExitStack() as stack:
        actor = await stack.enter_async_context(open_asker(config.actor, folder / "actor.sqlite", problems))
        reflector = actor
        if config.reflector != config.actor:  # else one engine does for both
            reflector = await stack.enter_async_context(open_asker(config.reflector, folder / "reflector.sqlite", problems))
        constructor = _Constructor(run, config, (actor, reflector), log)

        async def one(wanted: tuple[dict[str, Any], int]) -> None:
            problem = Problem.model_validate(wanted[0])
            if constructor.key(problem, wanted[1])[0] in present:
                made.resumed += 1
            else:
                sample, ending = await constructor.construct(problem, wanted[1])
                ledger.add(sample)
                made.endings[ending] += 1
                if ledger.counts()[0] >= SHARD_ROWS:
                    run.seal(ledger)
            made.done += 1
            made.asked = actor.asked + (reflector.asked if reflector is not actor else 0)
            watch(made)

        await each(((row, index) for row in problems.iter_rows(named=True) for index in range(config.n)), one, actor.at_once)
    return made


def load_prompts(name: str) -> dict[Action, Prompt]:
    """Read the prompts of all actions from a folder; raises CotkitError naming the one that is missing or wrong."""
    shipped = data_file("prompts", name)
    folder = shipped if shipped.is_dir() and not Path(name).is_dir() else Path(name)
    return {action: load_prompt(str(folder / f"{action}.toml"), ("problem", "form")) for action in ACTIONS}


def _hash_of(prompts: dict[Action, Prompt]) -> str:
    return content_hash({action: prompt.model_dump() for action, prompt in prompts.items()})
