"""Benchmark: one TOML file that says where a benchmark's problems are, how they are asked, and how many and which there must be.

    name = "math500"
    hub = "HuggingFaceH4/MATH-500"
    split = "test"
    rows = 500
    problems = 500
    content = "2f0c…"

The problems themselves are never in it. Unknown keys are errors.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from .errors import CotkitError
from .problem import Kind
from .step import StepConfig

Count = Annotated[int, Field(ge=1)]


class Draw(StepConfig):
    """A part of the problems, the same on every machine and for any order of the rows."""

    problems: Count
    """How many are drawn."""
    by: str | None = "subject"
    """Column of the problems whose values keep their shares: `subject`, `level`; null for a plain draw."""
    seed: int = 0
    """A problem's place is the hash of this and of what the problem asks."""


class Benchmark(StepConfig):
    """Where a benchmark's problems are, how they are asked, and what is known of them."""

    name: str
    """Name of the benchmark, that of its file."""
    description: str
    """One sentence on what it asks."""
    hub: str | None = None
    """Dataset of the Hub, `owner/name` or `owner/name:subset`; `demo` for the problems that ship with cotkit."""
    split: str = "test"
    """Split of the Hub dataset."""
    revision: str | None = None
    """Branch, tag or commit of the Hub dataset; its newest state when left out, which `content` then holds against what is known."""
    file: str | None = None
    """A local file in place of the Hub, beside the benchmark file; `--from NAME=FILE` names another."""
    license: str = ""
    """Licence of the problems, as their source states it."""
    columns: dict[str, str] = {}
    """Column map, ours to theirs: `{answer = "final_answer"}`; what is not named is guessed."""
    kind: Kind | None = None
    """Kind of every problem; told from each gold answer when left out."""
    leave_out: dict[str, str] = {}
    """Columns in which a row must have nothing, with the reason why a row that has something is left out."""
    draw: Draw | None = None
    """Which part of the problems is taken; all when left out."""
    rows: Count | None = None
    """Rows that the source must have."""
    problems: Count | None = None
    """Problems that must be taken: without what is left out, doubles, and what is not drawn."""
    content: str | None = None
    """Hash of what the problems ask and answer, whatever their order, spacing and letter case."""
    samples: Count = 1
    """Samples per problem at least, where the protocol samples at all; small benchmarks need more."""
    sample: dict[str, Any] = {}
    """Settings of `[sample]` that this benchmark has over the protocol: `prompt_template`, `shots`, `max_tokens`."""


def load_benchmark(path: Path) -> Benchmark:
    """Read a benchmark file; raises CotkitError naming the file and the key that is wrong."""
    try:
        benchmark = Benchmark.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise CotkitError(f"{path}: no such benchmark", "name a TOML file, or a shipped benchmark (see `cotkit eval --list`)") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CotkitError(f"{path}: not valid TOML: {error}", "mend the file; data/benchmarks/math500.toml is an example") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise CotkitError(f"{path}: {where}: {first['msg']}", f"known keys: {', '.join(Benchmark.model_fields)}") from None
    if benchmark.file is not None:
        beside = path.parent / benchmark.file
        benchmark = benchmark.model_copy(update={"file": str(beside.absolute())}) if beside.is_file() else benchmark
    return benchmark
