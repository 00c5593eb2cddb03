"""Prompts that a user may edit: TOML files with a system and a user message, fields in braces.

    name = "judge"
    system = "You compare a response with a reference answer."
    user = "Question: {question}"
    reminder = "Your reply is not usable: {problem}"

A field is filled in one pass, so that braces in what is filled in (LaTeX, or another field's name) stay as they are.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from pydantic import ValidationError

from ...data import data_file
from ...schemas.errors import CotkitError
from ...schemas.step import StepConfig


class Prompt(StepConfig):
    """One prompt."""

    name: str
    """What it is for."""
    system: str = ""
    """The system message; none when empty."""
    user: str
    """The user message."""
    reminder: str = "Your last reply cannot be used: {problem}. Reply again, in the form that was asked for."
    """What is said after a reply that has not the form asked for; `{problem}` says why."""

    def messages(self, **fields: str) -> list[dict[str, str]]:
        """Fill the prompt in; a field that is not given stays as it stands."""
        system = [{"role": "system", "content": _filled(self.system, fields)}] if self.system else []
        return [*system, {"role": "user", "content": _filled(self.user, fields)}]

    def again(self, messages: list[dict[str, str]], reply: str, problem: str) -> list[dict[str, str]]:
        """Give the messages that ask again after a reply without the right form."""
        reminder = {"role": "user", "content": _filled(self.reminder, {"problem": problem})}
        return [*messages, {"role": "assistant", "content": reply}, reminder]


def load_prompt(name: str, fields: tuple[str, ...]) -> Prompt:
    """Read a prompt by its shipped name or its path; raises CotkitError when it is none, or lacks one of `fields` in its user message."""
    shipped = data_file("prompts", f"{name}.toml")
    path = shipped if shipped.exists() else Path(name)
    try:
        prompt = Prompt.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        names = ", ".join(sorted(file.stem for file in data_file("prompts").glob("*.toml")))
        raise CotkitError(f"{name}: no such prompt", f"name a TOML file, or one that ships: {names}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise CotkitError(f"{path}: not a prompt: {error}", "write TOML with the keys name, system, user") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise CotkitError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}", "keys: name, system, user, reminder") from None
    missing = [field for field in fields if f"{{{field}}}" not in prompt.system + prompt.user]
    if missing:
        raise CotkitError(f"{path}: does not hold {{{missing[0]}}}", f"it must name {', '.join(f'{{{field}}}' for field in fields)}")
    return prompt


def _filled(text: str, fields: dict[str, str]) -> str:
    return re.sub(r"\{([a-z_]+)\}", lambda match: fields.get(match[1], match[0]), text)
