"""CurateConfig and SplitConfig: which samples are kept, and into which splits they go."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from .sample import FinishReason
from .step import Name, Share, StepConfig
from .verdict import Outcome

Matcher = Literal["exact", "renumbered", "ngram"]


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
