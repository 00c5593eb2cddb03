r"""Rows of popular sets as plain columns: chats apart, JSON read, instructions that were put into a prompt taken out of it.

A row that holds no problem, or more than one exchange, is rejected with its reason.
"""

from __future__ import annotations

import json
from typing import Any

from .problems import Rejected, last_user_turn

Row = dict[str, Any]

INSTRUCTIONS = (
    (
        "Solve the following math problem step by step. The last line of your response should be of the form Answer: $Answer (without"
        " quotes) where $Answer is the answer to the problem.\n\n",
        '\n\nRemember to put your answer on its own line after "Answer:".',
    ),
    ("Return your final response within \\boxed{}. ", ""),
)
"""What DAPO-Math-17k, and OpenThoughts and Bespoke-Stratos, put before and after each problem."""
ABSENT = ("", "n/a", "N/A", "-")
"""What stands in a text column that has nothing to say."""


def unchanged(row: Row) -> Row:
    """Give the row as it is."""
    return row


def bare_prompt(text: str) -> tuple[str, str | None]:
    r"""Take a known instruction off a prompt; gives the problem, and the instruction or None.

    >>> bare_prompt("Return your final response within \\boxed{}. What is 3 + 4?")[0]
    'What is 3 + 4?'
    """
    for before, after in INSTRUCTIONS:
        if text.startswith(before) and text.endswith(after) and len(text) > len(before) + len(after):
            return text[len(before) : len(text) - len(after)], before + after
    return text, None


def verl_row(row: Row) -> Row:
    """Flatten a row in verl's format; the gold answer of DAPO-Math stands in `reward_model`."""
    reward = row.get("reward_model")
    problem, instruction = bare_prompt(last_user_turn(row.get("prompt")))
    rest = {name: value for name, value in row.items() if name not in ("reward_model", "extra_info", "ability")}
    gold = reward.get("ground_truth") if isinstance(reward, dict) else None
    return rest | {"prompt": problem, "instruction": instruction, "answer": gold}


def chat(row: Row) -> Row:
    """Flatten one exchange, under `conversations` or `messages`, into problem and text."""
    turns = row.get("conversations") or row.get("messages") or []
    users = [_content(turn) for turn in turns if _role(turn) in ("user", "human")]
    texts = [_content(turn) for turn in turns if _role(turn) in ("assistant", "gpt")]
    if not users or not texts:
        raise Rejected("no exchange of a user and an assistant")
    if len(users) > 1 or len(texts) > 1:
        raise Rejected("more than one exchange")
    problem, instruction = bare_prompt(users[0] or "")
    # the system prompt, which is one for the whole set, would stand in every problem's meta
    rest = {name: value for name, value in row.items() if name not in ("conversations", "messages", "system")}
    return rest | {"problem": problem, "instruction": instruction, "answer": None, "text": texts[0]}


def deepthoughts(row: Row) -> Row:
    """Flatten OpenThoughts' metadata: the gold answer is the box of its worked solution."""
    rest = {name: value for name, value in row.items() if name not in ("ground_truth_solution", "test_cases", "starter_code")}
    return rest | {"answer": None, "solution": row.get("ground_truth_solution")}


def math_reasoning(row: Row) -> Row:
    """Check a row of OpenMathReasoning: a choice among solutions is no response to the problem."""
    if row.get("inference_mode") == "genselect":
        raise Rejected("a choice among solutions (genselect), no response to the problem")
    return row | {"generated_solution": row.get("generated_solution")}


def am_r1(row: Row) -> Row:
    """Flatten a row of AM-DeepSeek-R1-Distilled: reasoning, response and gold answer stand in the turns' `info`."""
    flat = chat(row)
    about: Row = {}
    for turn in row["messages"]:
        info = turn.get("info")
        about |= {name: value for name, value in (info if isinstance(info, dict) else {}).items() if value is not None}
    thought, answered = about.get("think_content"), about.get("answer_content")
    if isinstance(thought, str) and isinstance(answered, str):
        flat |= {"reasoning": thought, "text": answered}
    return flat | {"answer": about.get("reference_answer") or None, "source": about.get("source"), "reasoning": flat.get("reasoning")}


def synthetic(row: Row) -> Row:
    """Flatten a row of SYNTHETIC-1 or -2: the gold answer stands in `verification_info`, else boxed in the gold solution."""
    about = row.get("verification_info")
    if isinstance(about, str):
        try:
            about = json.loads(about)
        except (ValueError, RecursionError):
            about = None
    gold = about.get("ground_truth") if isinstance(about, dict) else None
    dropped = ("verification_info", "gold_standard_solution", "messages")
    rest = {name: value for name, value in row.items() if name not in dropped}
    own = {"source_problem_id": row.get("problem_id"), "answer": gold, "solution": row.get("gold_standard_solution")}
    return {"llm_response": None} | rest | own


def _role(turn: Any) -> str | None:
    return turn.get("role", turn.get("from")) if isinstance(turn, dict) else None


def _content(turn: Any) -> Any:
    return turn.get("content", turn.get("value"))
