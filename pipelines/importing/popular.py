r"""The table of popular sets: what `cotkit pull` knows of the schema of each, and what of a row is problem, sample or flag.

A set is told by its name, in a repository or a path, or by its columns; a new one is one entry here. `flatten`, where a set needs
it, turns a row into plain columns before they are read. Correctness flags of a source are kept beside its samples and never taken
for verdicts. Columns as on the sets' cards in November 2026; those of SYNTHETIC-2 and AM-DeepSeek-R1-Distilled are from memory of
their users and are therefore read leniently.

Not here: sets whose answers are code or proofs (OpenCodeReasoning and the like), which no rule of cotkit judges.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from ...schemas.errors import CotkitError
from .shapes import Row, am_r1, chat, deepthoughts, math_reasoning, synthetic, unchanged, verl_row

R1 = "deepseek-ai/DeepSeek-R1"


class Drawn(NamedTuple):
    """Where a row holds responses."""

    text: str
    """The column of a response, or of a list of them."""
    reasoning: str | None = None
    """The column, of the same length, of what was thought before; None when the text holds both."""
    teacher: str = "unknown"
    """Who drew them, as the set's card says."""
    teacher_column: str | None = None
    """The column that names the teacher of a row."""
    finish_reasons: str | None = None
    flags: tuple[str, ...] = ()
    """Columns that say something of each response: one value, or a list as long as that of the responses."""


class PopularSet(NamedTuple):
    """What is known of one set, or of one configuration of it."""

    name: str
    repos: tuple[str, ...]
    """Regular expressions for its repositories, without regard to case."""
    columns: frozenset[str]
    """The columns that tell it."""
    problem: dict[str, str]
    """Columns of the problem, ours to theirs; what is not named is guessed, such as `difficulty` for the level."""
    drawn: tuple[Drawn, ...] = ()
    flatten: Callable[[Row], Row] = unchanged
    split: str = "train"
    note: str = ""
    """What the user should know of it."""


NO_GOLD = "the set has no gold answers: every verdict will be unreadable_gold, which curation keeps only where `outcomes` names it"
PLAIN = {"prompt": "problem", "answer": "answer"}
ASKED = {"prompt": "question", "answer": "answer"}
SETS: tuple[PopularSet, ...] = (
    PopularSet(
        "OpenR1-Math-220k",
        (r"OpenR1-Math",),
        frozenset({"problem", "answer", "generations"}),
        PLAIN | {"source": "source", "subject": "problem_type"},
        (
            Drawn(
                "generations",
                teacher=R1,
                finish_reasons="finish_reasons",
                flags=("correctness_math_verify", "correctness_llama", "is_reasoning_complete"),
            ),
        ),
    ),
    PopularSet(
        "OpenThoughts-114k (metadata)",
        (r"OpenThoughts-114k",),
        frozenset({"problem", "deepseek_reasoning", "deepseek_solution", "ground_truth_solution"}),
        PLAIN | {"source": "source"},
        (Drawn("deepseek_solution", reasoning="deepseek_reasoning", teacher=R1),),
        deepthoughts,
    ),
    PopularSet(
        "OpenThoughts3-1.2M",
        (r"OpenThoughts3",),
        frozenset({"conversations", "difficulty", "domain"}),
        PLAIN | {"source": "source"},
        (Drawn("text", teacher="Qwen/QwQ-32B"),),
        chat,
        note=NO_GOLD,
    ),
    PopularSet(
        "OpenThoughts-114k",
        (r"OpenThoughts-114k", r"OpenThoughts2"),
        frozenset({"system", "conversations"}),
        PLAIN,
        (Drawn("text", teacher=R1),),
        chat,
        note=f"{NO_GOLD}; OpenThoughts-114k has some in its configuration `metadata`",
    ),
    PopularSet(
        "Bespoke-Stratos-17k",
        (r"Bespoke-Stratos",),
        frozenset({"system", "conversations"}),
        PLAIN,
        (Drawn("text", teacher=R1),),
        chat,
        note=NO_GOLD,
    ),
    PopularSet(
        "s1K-1.1",
        (r"s1K-1\.1",),
        frozenset({"question", "solution", "deepseek_thinking_trajectory", "deepseek_attempt"}),
        {"prompt": "question", "answer": "solution", "source": "source_type", "subject": "cot_type"},
        (
            Drawn("deepseek_attempt", "deepseek_thinking_trajectory", R1, flags=("deepseek_grade", "deepseek_grade_reason")),
            Drawn("gemini_attempt", "gemini_thinking_trajectory", "gemini-flash-thinking", flags=("gemini_grade", "gemini_grade_reason")),
        ),
    ),
    PopularSet(
        "s1K",
        (r"s1K",),
        frozenset({"question", "solution", "thinking_trajectories", "attempt"}),
        {"prompt": "question", "answer": "solution", "source": "source_type", "subject": "cot_type"},
        (Drawn("attempt", "thinking_trajectories", "gemini-flash-thinking"),),
    ),
    PopularSet("LIMO", (r"LIMO",), frozenset({"question", "solution", "answer"}), ASKED, (Drawn("solution"),)),
    PopularSet(
        "OpenMathReasoning",
        (r"OpenMathReasoning",),
        frozenset({"problem", "expected_answer", "problem_source"}),
        {"prompt": "problem", "answer": "expected_answer", "source": "problem_source", "subject": "problem_type"},
        (Drawn("generated_solution", teacher_column="generation_model", flags=("inference_mode", "used_in_kaggle")),),
        math_reasoning,
        split="cot",
    ),
    PopularSet(
        "AM-DeepSeek-R1-Distilled",
        (r"AM-DeepSeek-R1", r"AM-Thinking"),
        frozenset({"messages"}),
        PLAIN | {"source": "source"},
        (Drawn("text", reasoning="reasoning", teacher=R1),),
        am_r1,
    ),
    PopularSet(
        "SYNTHETIC-1 and SYNTHETIC-2",
        (r"SYNTHETIC-[12]",),
        frozenset({"prompt", "verification_info"}),
        {"prompt": "prompt", "answer": "answer", "source": "source", "subject": "task_type"},
        (Drawn("llm_response", teacher=R1, teacher_column="model", flags=("score", "verification_result_info", "response_id")),),
        synthetic,
    ),
    PopularSet(
        "DAPO-Math-17k",
        (r"DAPO-Math",),
        frozenset({"data_source", "prompt", "reward_model"}),
        {"prompt": "prompt", "answer": "answer", "source": "data_source"},
        flatten=verl_row,
    ),
    PopularSet(
        "DeepMath-103K",
        (r"DeepMath-103K",),
        frozenset({"question", "final_answer", "r1_solution_1"}),
        {"prompt": "question", "answer": "final_answer", "subject": "topic", "level": "difficulty"},
        tuple(Drawn(f"r1_solution_{number}", teacher=R1) for number in (1, 2, 3)),
    ),
    PopularSet(
        "Big-Math-RL-Verified",
        (r"Big-Math",),
        frozenset({"problem", "answer", "llama8b_solve_rate"}),
        PLAIN | {"source": "source", "subject": "domain"},
    ),
    PopularSet("DeepScaleR-Preview", (r"DeepScaleR",), frozenset({"problem", "answer", "solution"}), PLAIN),
    PopularSet("Polaris-Dataset-53K", (r"Polaris",), frozenset({"problem", "answer", "difficulty"}), PLAIN | {"level": "difficulty"}),
    PopularSet("WebInstruct-verified", (r"WebInstruct-verified",), frozenset({"question", "answer", "answer_type"}), ASKED),
)


class Told(NamedTuple):
    """A set, and whether its name told it: columns alone do not say who drew the responses."""

    set: PopularSet
    by_name: bool


def tell_set(place: str, columns: Iterable[str]) -> Told:
    """Tell which set rows are of; raises CotkitError that lists their columns and the known sets."""
    names = set(columns)
    fitting = [known for known in SETS if known.columns <= names]
    named = [known for known in fitting if any(re.search(repo, place, re.IGNORECASE) for repo in known.repos)]
    if not fitting:
        known = ", ".join(entry.name for entry in SETS)
        message = f"{place}: no popular set has these columns: {', '.join(sorted(names))}"
        raise CotkitError(message, f"known are {known}; other sets: `cotkit problems import` or `cotkit samples import`, with --map")
    # the most columns in common tell it best: OpenR1-Math also has those of DeepScaleR
    return Told(max(named or fitting, key=lambda known: len(known.columns)), bool(named))


def split_of(place: str) -> str:
    """Give the split that is read when none is named."""
    return next((known.split for known in SETS if any(re.search(repo, place, re.IGNORECASE) for repo in known.repos)), "train")


def cells(value: Any) -> list[Any]:
    """Give a cell as a list: of a list its elements, of nothing none."""
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]
