"""The recipe: one TOML file with a section per step, from the problems to the exports.

    name = "long_cot_math"
    [problems]
    source = "EleutherAI/hendrycks_math"
    [sample]
    teacher = "openai:http://127.0.0.1:8000/v1#Qwen/QwQ-32B-Preview"
    n = 32

Unknown keys are errors; every section may be left out. `cotkit run recipe.toml -o RUN` runs it.
"""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError

from .curation import CurateConfig, Matcher, SplitConfig
from .errors import CotkitError
from .exporting import ExportConfig, RlExportConfig, RlFormat, SftExportConfig, SftFormat
from .problem import Kind
from .sampling import AT_ONCE, BOXED, Executor, SampleConfig, Shot
from .step import Name, Share, StepConfig
from .training import RlTrainConfig, SftTrainConfig

__all__ = [
    "AT_ONCE",
    "BOXED",
    "CurateConfig",
    "Executor",
    "ExportConfig",
    "Matcher",
    "Measure",
    "Name",
    "ProblemsConfig",
    "Recipe",
    "RlExportConfig",
    "RlFormat",
    "SampleConfig",
    "SftExportConfig",
    "SftFormat",
    "Share",
    "Shot",
    "SplitConfig",
    "StepConfig",
    "TagConfig",
    "VerifyConfig",
    "dump_recipe",
    "is_lexicon_path",
    "load_recipe",
]
Measure = Literal["compression", "repetition", "scripts", "code"]


class ProblemsConfig(StepConfig):
    """Where the problems come from."""

    source: str = "demo"
    """A JSONL, Parquet or CSV file (beside the recipe, else from the working directory), a Hugging Face dataset id, or `demo`."""
    map: dict[str, str] = {}
    """Column map, ours to theirs: `{answer = "final_answer"}`; what is not named is guessed."""
    kind: Kind | None = None
    """Kind of every problem; told from each gold answer when left out."""
    split: str = "train"
    """Split of a Hugging Face dataset."""
    limit: Annotated[int, Field(ge=1)] | None = None
    """Take only the first so many problems."""

    def beside(self, folder: Path) -> Self:
        """Give the same settings with the path of a file that is in `folder`, whatever the working directory is later."""
        file = (folder / self.source).absolute()
        return self.model_copy(update={"source": str(file)}) if file.is_file() else self


class VerifyConfig(StepConfig):
    """How answers are judged."""

    deadline_seconds: Annotated[float, Field(gt=0)] = 5.0
    """CPU time one answer may take; past it the outcome is `timeout`."""
    memory_mib: Annotated[int, Field(ge=256)] = 2048
    """Memory one answer may take; past it the outcome is `out_of_memory`."""
    workers: Annotated[int, Field(ge=1)] | None = None
    """Worker processes; one per core when left out."""

    @classmethod
    def incidental(cls) -> set[str]:
        """The number of workers changes no verdict."""
        return {"workers"}


class TagConfig(StepConfig):
    """Which lexicons tag the samples."""

    lexicons: list[str] = ["reflection", "reflection_zh", "demystify"]
    """Names of shipped lexicons or paths of TOML files, which in a recipe are relative to the recipe file."""
    measures: list[Measure] = ["compression", "repetition", "scripts", "code"]
    """What is measured beside the behaviours; the columns of what is left out are null, and rules that need them do not apply."""

    def beside(self, folder: Path) -> Self:
        """Give the same settings with paths of lexicons that start from `folder`, whatever the working directory is later."""
        lexicons = [str((folder / name).absolute()) if is_lexicon_path(name) else name for name in self.lexicons]
        return self.model_copy(update={"lexicons": lexicons})


def is_lexicon_path(name: str) -> bool:
    """Tell the path of a lexicon from the name of a shipped one."""
    return name.endswith(".toml") or "/" in name


class Recipe(StepConfig):
    """A whole run, from problems to exports."""

    name: str = "unnamed"
    """What the run is called in its report."""
    description: str = ""
    """One sentence on what it makes."""
    problems: ProblemsConfig = ProblemsConfig()
    """Where the problems come from."""
    sample: SampleConfig = SampleConfig()
    """How responses are drawn."""
    verify: VerifyConfig = VerifyConfig()
    """How answers are judged."""
    tag: TagConfig = TagConfig()
    """Which lexicons tag the samples."""
    curate: CurateConfig = CurateConfig()
    """Which samples are kept."""
    export: ExportConfig = ExportConfig()
    """What is exported."""
    train_sft: SftTrainConfig = SftTrainConfig()
    """How `cotkit train sft` trains."""
    train_rl: RlTrainConfig = RlTrainConfig()
    """How `cotkit train rl` trains."""


def load_recipe(path: Path) -> Recipe:
    """Read a recipe file; raises CotkitError naming the file, the line and the key that is wrong.

    Paths of problems, lexicons and benchmarks are relative to the recipe file, and absolute in what is returned.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise CotkitError(f"{path}: no such recipe", "name a TOML file, or a shipped recipe (see `cotkit run --help`)") from None
    except UnicodeDecodeError as error:
        raise CotkitError(f"{path}: not UTF-8 text: {error}", "name a recipe file") from None
    try:
        recipe = Recipe.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise CotkitError(f"{path}: not valid TOML: {error}", "mend the file; `cotkit run --help` shows an example") from None
    except ValidationError as error:
        raise _recipe_error(path, text, error) from None
    settings = {"problems": recipe.problems, "tag": recipe.tag, "curate": recipe.curate}
    return recipe.model_copy(update={name: section.beside(path.parent) for name, section in settings.items()})


def dump_recipe(recipe: Recipe) -> str:
    """Write a recipe as TOML, with every setting; `load_recipe` reads it back to an equal recipe."""
    import tomli_w

    return tomli_w.dumps(recipe.model_dump(mode="json", exclude_none=True))


def _recipe_error(path: Path, text: str, error: ValidationError) -> CotkitError:
    first = error.errors()[0]
    location = [str(part) for part in first["loc"]]
    key = next((part for part in reversed(location) if not part.isdigit()), "")
    line = next((n for n, row in enumerate(text.splitlines(), 1) if key and row.split("=")[0].strip(" []\"'") == key), None)
    where = f"{path}:{line}" if line else f"{path}"
    if first["type"] == "extra_forbidden":
        choices = _keys_beside(location)
        near = difflib.get_close_matches(key, choices, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known keys here: {', '.join(choices)}"
        return CotkitError(f"{where}: unknown key {'.'.join(location)!r}", hint)
    message = first["msg"].removeprefix("Value error, ")
    return CotkitError(f"{where}: {'.'.join(location)}: {message}", f"it is set to {first['input']!r}")


def _keys_beside(location: list[str]) -> list[str]:
    model: Any = Recipe
    for part in location[:-1]:
        if part.isdigit() or part not in model.model_fields:
            continue
        annotation = model.model_fields[part].annotation
        nested = [a for a in (annotation, *getattr(annotation, "__args__", ())) if isinstance(a, type) and issubclass(a, StepConfig)]
        model = nested[0] if nested else model
    return list(model.model_fields)
