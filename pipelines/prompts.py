r"""The prompt: how a problem becomes chat messages, for the teacher that answers it and for the student that is trained on it.

[{"role": "system", "content": "Think step by step."}, {"role": "user", "content": "What is 3 + 4?\n\nPlease reason …"}]
"""

from __future__ import annotations

from ..schemas.recipe import SampleConfig


def user_message(template: str, prompt: str) -> str:
    r"""Put a problem into a prompt template; other braces, of LaTeX or of the problem, stay as they are.

    >>> user_message("{prompt} Answer in \\boxed{}.", "Is {1} a set?")
    'Is {1} a set? Answer in \\boxed{}.'
    """
    return template.replace("{prompt}", prompt)


def render_messages(problem_prompt: str, config: SampleConfig) -> list[dict[str, str]]:
    """Give the teacher's messages: the system prompt if there is one, each shot as a user and an assistant turn, the problem."""
    turns = [
        {"role": role, "content": content}
        for shot in config.shots
        for role, content in (("user", user_message(config.prompt_template, shot.prompt)), ("assistant", shot.response))
    ]
    return [*_system(config), *turns, {"role": "user", "content": user_message(config.prompt_template, problem_prompt)}]


def student_messages(problem_prompt: str, config: SampleConfig) -> list[dict[str, str]]:
    """Give the messages that a student is trained on: the teacher's without the shots, as the student is to answer without them."""
    return [*_system(config), {"role": "user", "content": user_message(config.prompt_template, problem_prompt)}]


def _system(config: SampleConfig) -> list[dict[str, str]]:
    return [] if config.system_prompt is None else [{"role": "system", "content": config.system_prompt}]
