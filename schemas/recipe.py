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

from pydantic import Field, ValidationError, model_validator

from .errors import CotkitError
from .problem import Kind
from .record import content_hash
from .sample import FinishReason
from .step import StepConfig
from .training import RlTrainConfig, SftTrainConfig
from .verdict import Outcome

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]
SftFormat = Literal[
    "trl", "messages", "llamafactory", "axolotl", "openrlhf", "verl", "nemo-rl", "ms-swift", "open-instruct", "torchtune", "unsloth"
]
RlFormat = Literal["trl", "verl", "openrlhf", "nemo-rl", "open-instruct", "prime-rl", "skyrl", "slime", "areal"]
Executor = Literal["local", "ray"]
Matcher = Literal["exact", "renumbered", "ngram"]
Measure = Literal["compression", "repetition", "scripts", "code"]
AT_ONCE = 64
"""Requests in flight that suit a server, and a teacher that cannot be asked."""
BOXED = "{prompt}\n\nPlease reason step by step, and put your final answer within \\boxed{}."


class ProblemsConfig(StepConfig):
    """Where the problems come from."""

    source: str = "demo"
    """A JSONL, Parquet or CSV file, a Hugging Face dataset id, or `demo` (the problems that ship with cotkit)."""
    map: dict[str, str] = {}
    """Column map, ours to theirs: `{answer = "final_answer"}`; what is not named is guessed."""
    kind: Kind | None = None
    """Kind of every problem; told from each gold answer when left out."""
    split: str = "train"
    """Split of a Hugging Face dataset."""
    limit: Annotated[int, Field(ge=1)] | None = None
    """Take only the first so many problems."""


class Shot(StepConfig):
    """One worked example that goes before the problem, as a user and an assistant turn."""

    prompt: str
    """The example's question, rendered with the prompt template like a problem."""
    response: str
    """The example's response."""


class SampleConfig(StepConfig):
    """How responses are drawn."""

    teacher: str = "embedded"
    """`embedded`, `openai:URL[,URL…]#MODEL`, `vllm:MODEL`, or `scripted:FILE`."""
    n: Annotated[int, Field(ge=1)] = 8
    """Samples per problem."""
    until_correct: Annotated[int, Field(ge=1)] | None = None
    """Stop a problem when it has so many correct samples, and abort its running requests."""
    max_samples: Annotated[int, Field(ge=1)] | None = None
    """With until_correct or give_up: at most so many samples of a problem; n when left out."""
    give_up: Share | None = None
    """Stop a problem when the probability that its pass rate reaches useful_pass_rate falls under this."""
    useful_pass_rate: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.05
    """With give_up: the pass rate from which a problem is worth more samples."""
    token_budget: Annotated[int, Field(ge=1)] | None = None
    """Start no further samples once a run has generated so many tokens."""
    temperature: Annotated[float, Field(ge=0.0)] = 1.0
    """Sampling temperature; 0 is greedy."""
    top_p: Annotated[float, Field(gt=0.0, le=1.0)] = 0.95
    """Nucleus sampling: the smallest set of tokens with this much probability."""
    max_tokens: Annotated[int, Field(ge=1)] = 8192
    """Token budget of one response, reasoning included."""
    stop: list[str] = []
    """Strings at which the teacher stops."""
    seed: int = 0
    """Each request's own seed is derived from this, the problem and the index."""
    system_prompt: str | None = None
    """System message; none when left out."""
    prompt_template: str = BOXED
    """The user message; `{prompt}` stands for the problem."""
    shots: list[Shot] = []
    """Worked examples before the problem."""
    api: Literal["chat", "completions"] = "chat"
    """Which endpoint of an OpenAI-compatible server is asked."""
    extra: dict[str, Any] = {}
    """Further fields of the request, such as `{top_k = 20}`."""
    reasoning: str = "auto"
    """Which delimiters tell reasoning from response: `auto`, a name from `data/delimiters.toml`, or `none`."""
    stop_loops: bool = True
    """Stop a response that repeats itself without end, where the engine runs in process."""
    executor: Executor = "local"
    """Where engines run: on this machine, or as actors of a Ray cluster."""
    replicas: Annotated[int, Field(ge=1)] | None = None
    """With ray: engines to start; as many as the cluster has GPUs for when left out, or one per node without GPUs."""
    concurrency: Annotated[int, Field(ge=1)] | None = None
    """Requests in flight at once; what keeps the teacher busy when left out: 64 per server, a quarter more than vLLM runs at once."""
    timeout_seconds: Annotated[float, Field(gt=0)] = 3600.0
    """Time limit of one request."""
    retries: Annotated[int, Field(ge=0)] = 5
    """Further attempts after a rate limit, a server error or a time-out, with back-off."""
    engine: dict[str, Any] = {}
    """Settings of the engine: `threads`, `slots`, `context` of the embedded one, any engine argument of vLLM."""

    @classmethod
    def incidental(cls) -> set[str]:
        """How many samples are drawn is incidental too: a sample's id does not depend on how many others there are."""
        amounts = {"n", "until_correct", "max_samples", "give_up", "useful_pass_rate", "token_budget"}
        return amounts | {"executor", "replicas", "concurrency", "timeout_seconds", "retries", "engine"}

    def fingerprint(self) -> str:
        """Hash the settings that make a sample itself; the same model on another server's URL is the same teacher."""
        kind, _, place = self.teacher.partition(":")
        teacher = f"openai:#{place.partition('#')[2]}" if kind == "openai" else self.teacher
        return content_hash(self.model_dump(mode="json", exclude=self.incidental()) | {"teacher": teacher})

    def parameters(self) -> dict[str, Any]:
        """Give the sampling parameters that are part of a sample's identity."""
        parameters = {"temperature": self.temperature, "top_p": self.top_p, "max_tokens": self.max_tokens, "seed": self.seed}
        return parameters | ({"stop": self.stop} if self.stop else {}) | self.extra

    def at_once(self) -> int:
        """Give the requests in flight at once where no teacher can be asked what suits it."""
        return self.concurrency or AT_ONCE

    def most_samples(self) -> int:
        """Give the number of samples that a problem has at most."""
        return self.max_samples or self.n if self.is_adaptive() else self.n

    def is_adaptive(self) -> bool:
        """Say whether the verdicts so far decide how many samples a problem gets."""
        return self.until_correct is not None or self.give_up is not None

    @model_validator(mode="after")
    def _adaptive_settings_agree(self) -> Self:
        if self.max_samples is not None and not self.is_adaptive():
            raise ValueError("max_samples goes with until_correct or give_up; n is the fixed number of samples")
        if self.until_correct is not None and self.until_correct > self.most_samples():
            raise ValueError(f"until_correct {self.until_correct} is above the {self.most_samples()} samples a problem has at most")
        return self

    @model_validator(mode="after")
    def _template_names_the_problem(self) -> Self:
        if "{prompt}" not in self.prompt_template:
            raise ValueError("prompt_template must contain {prompt}")
        return self


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


class SplitConfig(StepConfig):
    """One exported split: which of the samples that passed the filters it takes, in the order of these fields."""

    name: Name
    """Name of the split."""
    min_tokens: Annotated[int, Field(ge=0)] | None = None
    """Generated tokens at least."""
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    """Generated tokens at most."""
    first_n: Annotated[int, Field(ge=1)] | None = None
    """Only the first so many samples drawn of each problem: subsets by n are nested in one another."""
    problems_per_tenth: Annotated[int, Field(ge=1)] | None = None
    """At most so many problems of each tenth of pass rates, drawn by seed: a set balanced by difficulty."""
    per_problem: Annotated[int, Field(ge=1)] | None = None
    """At most so many samples of one problem; all when left out."""
    prefer: Literal["first", "shortest", "longest", "random", "densest", "round_robin", "diverse"] = "first"
    """Which ones when `per_problem` is smaller than their number: by index, by tokens, by seed, by occurrences of `behaviour` per
    1,000 tokens, from each teacher in turn, or those least alike. Ties go to the lower index."""
    behaviour: str | None = None
    """With densest: `lexicon.behaviour`, such as `reflection.verification`."""
    token_budget: Annotated[int, Field(ge=1)] | None = None
    """At most so many tokens in all, drawn by seed: smaller budgets are nested in larger ones."""
    seed: int = 0
    """Seed of what is drawn by seed."""

    @model_validator(mode="after")
    def _settings_agree(self) -> Self:
        if self.min_tokens is not None and self.max_tokens is not None and self.min_tokens > self.max_tokens:
            raise ValueError(f"min_tokens {self.min_tokens} is above max_tokens {self.max_tokens}")
        if (self.prefer == "densest") != (self.behaviour is not None):
            raise ValueError("behaviour goes with prefer = densest, and that needs it")
        return self


class CurateConfig(StepConfig):
    """Which samples are kept; the first rule that fails is the reason, in the order of these fields."""

    finish_reasons: list[FinishReason] = ["stop", "unknown"]
    """Finish reasons that may be kept."""
    outcomes: list[Outcome] = ["correct"]
    """Outcomes that may be kept."""
    min_tokens: Annotated[int, Field(ge=0)] | None = None
    """Generated tokens at least, in any split."""
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    """Generated tokens at most, in any split."""
    min_compression_ratio: Share = 0.1
    """Samples that zlib makes smaller than this share of their size are loops."""
    max_repeated_share: Share | None = None
    """Largest share of the text that may lie in repeated runs of 40 tokens."""
    max_foreign_share: Share | None = None
    """Largest share of letters that may be of another script than the most frequent one."""
    max_boxes: Annotated[int, Field(ge=0)] | None = None
    """Most different `\\boxed{}` answers that a response may hold."""
    reasoning: Literal["any", "required", "absent"] = "any"
    """Whether a sample must have reasoning apart from its response, or must have none."""
    keep_doubled_reasoning: bool = True
    """Keep samples whose response opens or closes a second block of reasoning."""
    keep_answered_in_reasoning: bool = True
    """Keep samples whose reasoning has a boxed answer and whose response has none."""
    keep_leaked: bool = True
    """Keep samples of problems whose prompt states the gold answer, in a box or after `####` or `answer is`."""
    required_behaviours: list[str] = []
    """Behaviours that a sample must show, such as `reflection.verification`."""
    forbidden_behaviours: list[str] = []
    """Behaviours that a sample must not show."""
    keep_duplicates: bool = False
    """Keep samples whose text equals that of an earlier sample of the same problem."""
    max_similarity: Share | None = None
    """Drop a sample that is more alike to an earlier one of its problem: Jaccard similarity of runs of 5 words, by MinHash."""
    max_problem_similarity: Share | None = None
    """Drop the samples of a problem that is more alike to an earlier problem, and has the same numbers."""
    shingle_words: Annotated[int, Field(ge=1, le=32)] = 5
    """Words in a row that likeness counts: fewer find looser copies."""
    decontaminate: list[str] = []
    """Benchmarks whose problems are dropped: names of shipped ones (`math500`, `aime24`, …) or files, beside the recipe file."""
    decontaminate_by: list[Matcher] = ["exact", "ngram"]
    """How a problem is found in a benchmark: the same text, half of its runs of 8 words, `renumbered`: the same but for numbers."""
    min_pass_rate: Share = 0.0
    """Lowest share of correct samples a problem may have."""
    max_pass_rate: Share = 1.0
    """Highest share of correct samples a problem may have."""
    splits: list[SplitConfig] = [SplitConfig(name="all")]
    """Where the samples that pass go; a sample may be in several splits."""

    def beside(self, folder: Path) -> Self:
        """Give the same settings with paths of benchmarks that start from `folder`, whatever the working directory is later."""
        names = [str((folder / name).absolute()) if "." in name or "/" in name else name for name in self.decontaminate]
        return self.model_copy(update={"decontaminate": names})

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = [split.name for split in self.splits]
        if not names or len(set(names)) != len(names):
            raise ValueError("splits need at least one entry, and each its own name")
        return self

    @model_validator(mode="after")
    def _behaviours_name_their_lexicon(self) -> Self:
        wrong = [name for name in self.required_behaviours + self.forbidden_behaviours if name.count(".") != 1]
        if wrong:
            raise ValueError(f"{wrong[0]!r}: write lexicon.behaviour, such as reflection.verification")
        return self


class SftExportConfig(StepConfig):
    """SFT datasets, one folder per split and format."""

    formats: list[SftFormat] = ["trl", "messages"]
    """`trl` (prompt and completion), `messages`, `llamafactory`, `axolotl`, `openrlhf`, `verl`, `nemo-rl`, `ms-swift`, `open-instruct`,
    `torchtune`, `unsloth`."""
    reasoning: Literal["inline", "field", "none"] = "inline"
    """Reasoning inside the content as `<think>…</think>`, in the field `reasoning_content`, or left out."""
    student: str | None = None
    """The model to be trained, to prove every row in its chat template: a folder, a `.jinja` file, a `tokenizer_config.json` or a Hub
    id; nothing is proven when left out."""
    max_length: Annotated[int, Field(ge=1)] | None = None
    """Leave out rows of more tokens, prompt included; the launch line then trains with this length."""
    splits: list[Name] = []
    """Only these splits; all when left out."""


class RlExportConfig(StepConfig):
    """RL prompt sets, one row per problem."""

    formats: list[RlFormat] = ["trl", "verl"]
    """`trl` (GRPO, RLOO), `verl`, `openrlhf`, `nemo-rl`, `open-instruct`, `prime-rl`, `skyrl`, `slime`, `areal`."""
    min_pass_rate: Share = 0.0
    """Leave out problems solved more rarely than this."""
    max_pass_rate: Share = 1.0
    """Leave out problems solved more often than this."""
    min_learnability: Annotated[float, Field(ge=0.0, le=0.25)] = 0.0
    """Leave out problems whose learnability, p (1 - p) for a pass rate of p, is lower than this."""
    top_learnability: Annotated[int, Field(ge=1)] | None = None
    """Only so many problems, those of the highest learnability, and in that order."""
    check_gold: bool = True
    """Leave out problems whose gold answer, given as a response, is not judged correct."""
    data_source: str = "cotkit"
    """verl's `data_source`, which picks its scorer: `cotkit` is the reward module beside the rows, `lighteval/MATH` one of verl's."""


class ExportConfig(StepConfig):
    """What is exported."""

    sft: SftExportConfig = SftExportConfig()
    """SFT datasets; `formats = []` writes none."""
    rl: RlExportConfig = RlExportConfig()
    """RL prompt sets; `formats = []` writes none."""


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

    Paths of lexicons and benchmarks are relative to the recipe file, and absolute in what is returned.
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
    return recipe.model_copy(update={"tag": recipe.tag.beside(path.parent), "curate": recipe.curate.beside(path.parent)})


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
