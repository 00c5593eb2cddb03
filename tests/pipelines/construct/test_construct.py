"""Constructed reasoning: every branch of the state machine, every ending recorded, resumed at every step, samples like any other."""

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
from cotkit.cli import app
from cotkit.pipelines.asking import Replies
from cotkit.pipelines.construct import construct_run, make_construct_run
from cotkit.pipelines.construct.forms import FormError, describe, read_form
from cotkit.pipelines.construct.machine import Machine
from cotkit.pipelines.run_folder import RunFolder
from cotkit.schemas.asking import ModelConfig
from cotkit.schemas.construct import ACTIONS, ActionTaken, ConstructConfig
from cotkit.schemas.errors import CotkitError
from cotkit.schemas.problem import Problem
from typer.testing import CliRunner

CLARIFY, DECOMPOSE, SOLVE, REFLECT, ANSWER = (
    "restate the problem in your own words",
    "find the next smaller goal",
    "the next step towards",
    "check cheaply",
    "give the final answer in a few sentences",
)
PROBLEMS = pl.DataFrame(
    [Problem.make(f"What is {i} + {i}?", str(2 * i), "number").model_dump() for i in range(3)], schema=Problem.polars_schema()
)


def clarify(next: str = "solve", **fields) -> dict:
    return {"when": [CLARIFY], "response": f"CLARIFICATION: Two equal numbers are added.\nGOAL: Find the sum.\nNEXT: {next}"} | fields


def decompose(goal: str = "Count up from the first.", next: str = "solve", **fields) -> dict:
    parts = ["THINKING: Smaller pieces may do.", "HYPOTHESIS: Counting works.", "FIRST_ALTERNATIVE: Alternatively, double it."]
    parts += ["SECOND_ALTERNATIVE: Alternatively, look it up.", f"GOAL: {goal}", f"NEXT: {next}"]
    return {"when": [DECOMPOSE], "response": "\n".join(parts)} | fields


def solve(next: str = "answer", step: str = r"It is \frac{2a}{1}.", **fields) -> dict:
    return {"when": [SOLVE], "response": f"STEP: {step}\nNEXT: {next}"} | fields


def reflect(current: str = "yes", parent: str = "yes", new: str = "none", says: str = "Working backwards agrees.", **fields) -> dict:
    text = f"VERIFICATION: {says}\nCURRENT_GOAL_ACHIEVED: {current}\nPARENT_GOAL_ACHIEVED: {parent}\nNEW_GOAL: {new}"
    return {"when": [REFLECT], "response": text} | fields


def answer(text: str = "It is twice the number.", **fields) -> dict:
    return {"when": [ANSWER], "response": f"TEXT: {text}\nANSWER: {{answer}}"} | fields


def write_lines(path: Path, rows: list[dict]) -> str:
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return f"scripted:{path}"


def make(path: Path, rows: list[dict], problems: int = 1, **settings) -> tuple[RunFolder, ConstructConfig]:
    """Make a run whose actor and reflector are two scripts."""
    actor = write_lines(path / "actor.jsonl", [row for row in rows if REFLECT not in row["when"]])
    checks = [row for row in rows if REFLECT in row["when"]] or [reflect()]
    reflector = write_lines(path / "reflector.jsonl", checks)
    config = ConstructConfig(actor=ModelConfig(teacher=actor), reflector=ModelConfig(teacher=reflector), **settings)
    return make_construct_run(path / "run", config, PROBLEMS.head(problems)), config


def walk(path: Path, rows: list[dict], **settings) -> tuple[dict, list[str], dict]:
    """Construct one sample: its row, the actions taken, and how it ended."""
    run, config = make(path, rows, **settings)
    construct_run(run, config)
    actions = pl.read_parquet(run.path / "actions" / "00000.parquet")
    return run.read("samples", 0).row(0, named=True), actions["action"].to_list(), json.loads(actions["output"][-1])


def test_the_straight_way_ends_in_a_boxed_answer(tmp_path: Path) -> None:
    sample, actions, ending = walk(tmp_path, [clarify(), solve(), answer()])
    assert actions == ["clarify", "solve", "answer", "end"]
    assert sample["response"] == "It is twice the number.\n\n\\boxed{0}"
    assert sample["reasoning"] == "Two equal numbers are added.\n\nFind the sum.\n\nIt is \\frac{2a}{1}."
    assert (sample["finish_reason"], ending["ending"], sample["error"]) == ("stop", "answered", None)


def test_a_goal_is_split_solved_and_checked_by_the_other_model(tmp_path: Path) -> None:
    sample, actions, _ = walk(tmp_path, [clarify("decompose"), decompose(), solve("reflect"), reflect(), answer()])
    assert actions == ["clarify", "decompose", "solve", "reflect", "answer", "end"]
    assert "Alternatively, double it. Alternatively, look it up." in sample["reasoning"]
    taken = pl.read_parquet(tmp_path / "run" / "actions" / "00000.parquet")
    assert taken.schema == ActionTaken.polars_schema()
    assert [model.rpartition("/")[2] for model in taken["model"][:4]] == ["actor.jsonl"] * 3 + ["reflector.jsonl"]
    assert taken["goal"].to_list() == [0, 0, 1, 1, 0, 0]
    assert taken["next"].to_list() == ["decompose", "solve", "reflect", "answer", "end", "end"]


def test_a_rejected_goal_is_given_up_for_another(tmp_path: Path) -> None:
    rejected = reflect("no", "no", "Alternatively, double the number.", "Counting gives one too many: it fails.")
    accepted = reflect(when=[REFLECT, "it fails"])
    sample, actions, _ = walk(tmp_path, [clarify("decompose"), decompose(), solve("reflect"), rejected, accepted, answer()])
    assert actions == ["clarify", "decompose", "solve", "reflect", "solve", "reflect", "answer", "end"]
    assert "it fails.\n\nAlternatively, double the number." in sample["reasoning"]
    assert pl.read_parquet(tmp_path / "run" / "actions" / "00000.parquet")["goal"].to_list()[3:6] == [1, 2, 2]


def test_an_achieved_goal_of_an_open_parent_leads_to_the_next_one(tmp_path: Path) -> None:
    half = reflect("yes", "no", says="The first half holds.")
    second = decompose("Then the other half.", when=[DECOMPOSE, "first half holds"])
    rows = [clarify("decompose"), decompose(), second, solve("reflect"), half, reflect(when=[REFLECT, "first half holds"]), answer()]
    _, actions, _ = walk(tmp_path, rows)
    assert actions == ["clarify", "decompose", "solve", "reflect", "decompose", "solve", "reflect", "answer", "end"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("I will think about it.", "it has none of the fields"),
        ("CLARIFICATION: x\nNEXT: solve", "GOAL: Field required"),
        ("CLARIFICATION: x\nGOAL: y\nNEXT: answer", "NEXT"),
        ("CLARIFICATION: x\nGOAL: y\nGOAL: z\nNEXT: solve", "GOAL stands there twice"),
        ("CLARIFICATION:\nGOAL: y\nNEXT: solve", "CLARIFICATION"),
        ("", "it has none of the fields"),
    ],
    ids=repr,
)
def test_a_reply_of_wrong_structure_is_asked_for_again_with_the_reason(tmp_path: Path, wrong: str, said: str) -> None:
    again = clarify(when=[CLARIFY, "cannot be used", said])
    sample, actions, ending = walk(tmp_path, [clarify() | {"response": wrong}, again, solve(), answer()])
    assert (actions[0], ending["ending"], sample["finish_reason"]) == ("clarify", "answered", "stop")
    assert pl.read_parquet(tmp_path / "run" / "actions" / "00000.parquet")["attempts"][0] == 2


def test_a_model_that_never_gives_the_form_is_a_recorded_ending(tmp_path: Path) -> None:
    sample, actions, ending = walk(tmp_path, [clarify(), solve() | {"response": "hm"}])
    assert actions == ["clarify", "end"]
    assert ending["ending"] == "invalid_output"
    assert sample["finish_reason"] == "error"
    assert sample["error"].startswith("invalid_output: step 1, solve: it has none of the fields")


def test_a_goal_that_was_set_before_is_not_taken_again(tmp_path: Path) -> None:
    sample, _, ending = walk(tmp_path, [clarify("decompose"), decompose("FIND  the sum"), answer()])
    assert ending["ending"] == "invalid_output"
    assert "this goal was set before" in sample["error"]


def test_endless_decomposing_ends_with_the_steps(tmp_path: Path) -> None:
    deeper = decompose("{copied}x", "decompose", copy=r"Current goal: (.*)")
    sample, actions, ending = walk(tmp_path, [clarify("decompose"), deeper], max_steps=12)
    assert actions == ["clarify", *["decompose"] * 11, "end"]
    assert (ending["ending"], sample["finish_reason"], sample["response"]) == ("steps", "length", "")


def test_a_reflection_that_rejects_for_ever_ends_with_the_tokens(tmp_path: Path) -> None:
    rejects = reflect("no", "no", "Alternatively, {copied}y", copy=r"Current goal: (?:Alternatively, )?(.*)")
    sample, actions, ending = walk(tmp_path, [clarify(), solve("reflect"), rejects], max_tokens=200, max_steps=1000)
    assert ending["ending"] == "tokens"
    assert ending["tokens"] >= 200
    assert len(actions) < 40
    assert sample["finish_reason"] == "length"


def test_a_refused_action_is_a_recorded_ending(tmp_path: Path) -> None:
    sample, _, ending = walk(tmp_path, [clarify(), solve() | {"error": "context exceeded"}])
    assert (ending["ending"], sample["error"]) == ("refused", "refused: step 1, solve: context exceeded")


def test_samples_of_one_problem_differ_and_more_are_added_later(tmp_path: Path) -> None:
    rows = [clarify(), *(solve(step=f"Way {number}.") for number in range(20)), answer()]
    run, config = make(tmp_path, rows, problems=2, n=4)
    construct_run(run, config)
    before = run.read("samples", 0)
    assert before["index"].to_list() == [0, 1, 2, 3] * 2
    assert before["reasoning"].n_unique() > 4
    more = config.model_copy(update={"n": 6})
    made = construct_run(make_construct_run(run.path, more, PROBLEMS.head(2)), more)
    assert (made.done, made.resumed, made.asked) == (12, 8, 12)
    assert set(before["sample_id"]) < set(run.scan("samples").collect()["sample_id"])


def test_other_settings_want_another_folder(tmp_path: Path) -> None:
    run, config = make(tmp_path, [clarify(), solve(), answer()])
    construct_run(run, config)
    with pytest.raises(CotkitError, match="sampled with other settings"):
        make_construct_run(run.path, config.model_copy(update={"max_steps": 5}), PROBLEMS.head(1))


def test_a_question_that_failed_leaves_its_sample_for_a_later_run(tmp_path: Path) -> None:
    rows = [clarify(), solve(), answer(), solve(when=[SOLVE, "What is 1 + 1"], failure="busy")]
    run, config = make(tmp_path, rows, problems=3)
    made = construct_run(run, config)
    assert (made.done, made.unanswered) == (2, 1)
    assert run.scan("samples").collect().height == 2


BRANCHES = [
    clarify("decompose"),
    clarify("solve"),
    decompose("{copied}a", copy=r"Current goal: (.*)", weight=2),
    decompose("{copied}b", "decompose", copy=r"Current goal: (.*)"),
    decompose() | {"response": "no form"},
    solve("solve"),
    solve("reflect", weight=2),
    solve("decompose"),
    solve("answer"),
    reflect(),
    reflect("yes", "no"),
    reflect("no", "no", "Alternatively, {copied}c", copy=r"Current goal: (.*)"),
    reflect() | {"response": "CURRENT_GOAL_ACHIEVED: perhaps"},
    answer(),
    answer() | {"response": "TEXT: no idea"},
]
CHILD = """
import sys
from pathlib import Path
from cotkit.pipelines.construct import construct_run
from cotkit.pipelines.run_folder import RunFolder
from cotkit.schemas.construct import ConstructConfig

construct_run(RunFolder.open(Path(sys.argv[1])), ConstructConfig.model_validate_json(sys.argv[2]))
"""


def comparable(run: RunFolder) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Give all that must not depend on how often a run was killed."""
    taken = pl.concat([pl.read_parquet(file) for file in sorted((run.path / "actions").glob("*.parquet"))])
    return run.scan("samples").collect().drop("seconds").sort("sample_id"), taken.sort("sample_id", "step")


def test_killed_at_any_step_it_goes_on_and_asks_nothing_twice(tmp_path: Path) -> None:
    killed, config = make(tmp_path, [row | {"seconds": 0.02} for row in BRANCHES], problems=3, n=8, max_steps=10)
    slow = config.model_copy(update={"actor": config.actor.model_copy(update={"concurrency": 4})})
    chance, kept = random.Random(7), 0
    for _ in range(3):
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(killed.path), slow.model_dump_json()])
        started, wanted = time.monotonic(), kept + chance.randrange(5, 40)
        while kept < wanted and time.monotonic() < started + 20 and child.poll() is None:
            time.sleep(0.01)
            kept = replies_of(killed)
        child.kill()
        child.wait()
    kept = replies_of(killed)
    made = construct_run(killed, slow)
    assert kept >= 15
    assert made.asked == replies_of(killed) - kept > 0
    whole = make_construct_run(tmp_path / "whole", config, PROBLEMS)
    construct_run(whole, config)
    assert replies_of(whole) == replies_of(killed)
    for mine, other in zip(comparable(killed), comparable(whole), strict=True):
        assert mine.equals(other)
    samples, taken = comparable(killed)
    assert samples.height == samples["sample_id"].n_unique() == 24
    assert set(taken["action"]) == {*ACTIONS, "end"}
    endings = [json.loads(row)["ending"] for row in taken.filter(pl.col("action") == "end")["output"]]
    assert len(endings) == 24
    assert {"answered", "steps"} <= set(endings)
    again = construct_run(killed, slow)
    assert (again.resumed, again.asked) == (24, 0)


def replies_of(run: RunFolder) -> int:
    total = 0
    for name in ("actor", "reflector"):
        file = run.path / "construct" / f"{name}.sqlite"
        if file.exists():
            with Replies(file) as replies:
                total += len(replies)
    return total


def test_constructed_samples_are_verified_tagged_curated_and_exported(tmp_path: Path) -> None:
    actor = write_lines(tmp_path / "a.jsonl", [clarify(), solve(step="Wait, let me think. Alternatively, double it."), answer()])
    source = tmp_path / "problems.parquet"
    PROBLEMS.write_parquet(source)
    words = ["construct", str(source), "--actor", actor, "-n", "2", "-o", str(tmp_path / "run"), "--json"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert (said["endings"], said["outcomes"], said["new"]) == ({"answered": 6}, {"correct": 6}, 6)
    for stage in (["tag"], ["curate"], ["export", "all"], ["report"]):
        step = CliRunner().invoke(app, [*stage, str(tmp_path / "run")])
        assert step.exit_code == 0, step.output
    rows = pl.read_parquet(next((tmp_path / "run" / "exports" / "sft-trl-all").rglob("*.parquet")))
    assert rows.height == 3  # the second sample of a problem is the first one's double
    assert "<think>\nTwo equal numbers" in json.dumps(rows.row(0), default=str).replace("\\n", "\n")
    assert json.loads(CliRunner().invoke(app, words).stdout)["new"] == 0


@pytest.mark.parametrize("action", ACTIONS)
def test_every_shipped_prompt_shows_its_form(action: str) -> None:
    from cotkit.pipelines.construct.constructing import load_prompts

    shown = load_prompts("construct")[action].messages(**Machine("What?").fields(200), form=describe(action))[-1]["content"]
    assert describe(action) in shown
    assert "{" not in shown


def test_fields_may_hold_mathematics_markdown_and_other_names() -> None:
    reply = "**STEP:** Let\n$$\\frac{a}{b}: x$$\nNote: NEXT to it, GOAL is no field here.\n**NEXT:** `reflect`."
    form = read_form("solve", reply)
    assert form.model_dump() == {"step": "Let\n$$\\frac{a}{b}: x$$\nNote: NEXT to it, GOAL is no field here.", "next": "reflect"}
    with pytest.raises(FormError, match="must begin with 'Alternatively,'"):
        read_form("reflect", "VERIFICATION: a\nCURRENT GOAL ACHIEVED: no\nPARENT GOAL ACHIEVED: No.\nNEW_GOAL: Try b.")


def test_a_failed_whole_problem_stays_the_whole_problem() -> None:
    machine = Machine("p")
    machine.action = "reflect"
    machine.apply(read_form("reflect", "VERIFICATION: a\nCURRENT_GOAL_ACHIEVED: no\nPARENT_GOAL_ACHIEVED: no\nNEW_GOAL: Alternatively, b."))
    assert (machine.action, machine.parent, machine.goals[0].state) == ("solve", 0, "open")
    machine.apply(read_form("reflect", "VERIFICATION: a\nCURRENT_GOAL_ACHIEVED: yes\nPARENT_GOAL_ACHIEVED: yes\nNEW_GOAL: none"))
    assert (machine.action, machine.current) == ("answer", 0)
