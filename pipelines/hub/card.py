"""The card: README.md of the dataset, a YAML head for the Hub and a text that is made from the run."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ... import __version__
from ...data import data_file
from ...schemas.errors import CotkitError
from ..behaviors import BehaviourRate, behaviour_rates
from ..rendering import Student
from ..report.funnel import funnel
from ..report.page import changed_settings, number, percent, short_number
from ..report.tables import outcome_rows, reason_rows
from ..run_folder import RunFolder, write_text
from .columns import COLUMNS
from .evidence import Evidence
from .left_out import LeftOut
from .licence import licence_fields, parse_licence, teacher_terms
from .metadata import config_infos, metadata
from .pieces import Pieces
from .plots import LENGTHS, PASS_RATES
from .provenance import CARD, proof_of, teachers
from .public import model_of, public_recipe

if TYPE_CHECKING:
    import jinja2

BEHAVIOURS = 24
"""Behaviours in the table: those that most samples show."""
REASONS = 12
TEMPLATE_TOKENS = 64
"""What a chat template adds to a prompt and a response, at most, in the templates that were looked at."""
LENGTH_STEP = 512


class CardOptions(NamedTuple):
    """What the run does not know of its card."""

    repo: str
    """The dataset's name on the Hub."""
    licence: str | None = None
    """An id, or `NAME=LINK`; told from the teacher when left out, where its terms are known."""
    languages: tuple[str, ...] = ("en",)

    def checked(self) -> CardOptions:
        """Give itself; raises CotkitError when licence or language is none."""
        if self.licence is not None:
            parse_licence(self.licence)
        if wrong := [name for name in self.languages if not re.fullmatch("[a-z]{2,3}", name)]:
            raise CotkitError(f"--language {wrong[0]}: no language", "give a code of ISO 639, such as en or zh")
        return self


class Lengths(NamedTuple):
    """How long the rows of `default` are, in tokens of the teacher's tokenizer."""

    median: int
    percentile_95: int
    longest: int
    longest_with_prompt: int
    needed: int
    """The maximum length a trainer must be given, so that no row is cut."""
    estimated: int
    """Rows whose tokens the engine did not count."""


class Contents(NamedTuple):
    """What a card tells of."""

    run: RunFolder
    folder: Path
    """The dataset's folder; its files but for the card are there."""
    made: list[Pieces]
    evidence: Evidence
    plots: list[str]
    """Paths of the plots within the dataset."""
    options: CardOptions
    student: Student | None
    """For whom the rows of `default` are proven."""
    left_out: LeftOut


def write_card(contents: Contents) -> str:
    """Write README.md and give its text."""
    from huggingface_hub import DatasetCardData

    head = DatasetCardData(**metadata(contents.run, contents.folder, contents.made, contents.options)).to_yaml()
    body = environment().get_template("card.md.jinja").render(card_context(contents))
    text = f"---\n{head}\n---\n\n{body.strip()}\n"
    write_text(text, contents.folder / CARD)
    return text


def card_context(contents: Contents) -> dict[str, Any]:
    """Gather all that the template shows."""
    run, options = contents.run, contents.options
    published = public_recipe(run.recipe)
    outcomes = outcome_rows(run)
    terms = teacher_terms(run.count("samples", "teacher"))
    rows = {row.name: row for row in funnel(run)}
    return {
        "version": __version__,
        "repo": options.repo,
        "recipe": published,
        "name": run.recipe.name.replace("_", " "),
        "models": list(dict.fromkeys(model_of(name) for name in run.count("samples", "teacher"))),
        "teachers": teachers(run),
        "revision": published.sample.engine.get("revision"),
        "configs": {info["config_name"]: info for info in config_infos(contents.made)},
        "columns": COLUMNS,
        "funnel": [row for row in rows.values() if row.unit != "rows"],
        "drawn": _samples_per_problem(contents.run),
        "imported": any("imported_from" in teacher["parameters"] for teacher in teachers(run)),
        "solved": rows["problems with a correct sample"].count,
        "problems": rows["problems"].count,
        "outcomes": outcomes,
        "samples": sum(row.count for row in outcomes),
        "reasons": reason_rows(run)[:REASONS],
        "verifiers": run.count("verdicts", "verifier"),
        "finish_reasons": run.count("samples", "finish_reason"),
        "changed": [(key, _lean(value)) for key, value in changed_settings(published) if key != "sample.prompt_template"],
        "lengths": row_lengths(run),
        "behaviours": behaviour_table(run),
        "evidence": contents.evidence,
        "proof": proof_of(contents.student),
        "left_out": contents.left_out.notes(),
        "plots": contents.plots,
        "kept": _trainable_samples(contents.made),
        "plot_names": {"lengths": LENGTHS, "pass_rates": PASS_RATES},
        "terms": terms,
        "licence": licence_fields(options.licence, terms),
    }


def _samples_per_problem(run: RunFolder) -> str:
    """Write how many samples the problems with samples have."""
    import polars as pl

    counts = run.scan("samples").group_by("problem_id").len()
    low, high = counts.select(pl.col("len").min().alias("low"), pl.col("len").max().alias("high")).collect().row(0)
    return number(low or 0) if low == high else f"{number(low)} to {number(high)}"


def _trainable_samples(made: list[Pieces]) -> int:
    """Count the samples of `default`; one may be in several splits."""
    import polars as pl

    paths = [path for pieces in made if pieces.config == "default" for path in pieces.paths]
    return pl.scan_parquet(paths).select(pl.col("sample_id").n_unique()).collect().item() if paths else 0


def _lean(value: str) -> str:
    """Leave out of a list of sections, such as the splits, what is not set."""
    if not value.startswith("[{"):
        return value
    return json.dumps(
        [{key: entry for key, entry in section.items() if entry is not None} for section in json.loads(value)], ensure_ascii=False
    )


def row_lengths(run: RunFolder) -> Lengths | None:
    """Measure the kept samples; None when none is kept."""
    import polars as pl

    kept = run.scan("decisions").filter("kept").select("sample_id")
    tags = run.scan("tags").select("sample_id", "tokens", "tokens_estimated")
    samples = run.scan("samples").select("sample_id", "prompt_tokens").join(kept, on="sample_id").join(tags, on="sample_id")
    tokens, whole = pl.col("tokens"), pl.col("tokens") + pl.col("prompt_tokens").fill_null(0)
    row = samples.select(
        tokens.quantile(0.5, "nearest").alias("median"),
        tokens.quantile(0.95, "nearest").alias("high"),
        tokens.max().alias("longest"),
        whole.max().alias("whole"),
        pl.col("tokens_estimated").sum().alias("estimated"),
    ).collect()
    median, high, longest, with_prompt, estimated = row.row(0)
    if longest is None:
        return None
    needed = -(-(with_prompt + TEMPLATE_TOKENS) // LENGTH_STEP) * LENGTH_STEP
    return Lengths(int(median), int(high), longest, with_prompt, needed, estimated)


def behaviour_table(run: RunFolder) -> list[tuple[BehaviourRate | None, BehaviourRate | None]]:
    """Give, per behaviour, its rates among the correct and the wrong samples; those that most samples show first."""
    rates = [rate for rate in behaviour_rates(run, "outcome") if rate.group in ("correct", "wrong")]
    found: dict[tuple[str, str], dict[str, BehaviourRate]] = {}
    for rate in rates:
        found.setdefault((rate.lexicon, rate.behaviour), {})[rate.group] = rate
    pairs = [(groups.get("correct"), groups.get("wrong")) for groups in found.values()]
    shown = [pair for pair in pairs if any(rate is not None and rate.share for rate in pair)]
    return sorted(shown, key=lambda pair: -max(rate.share for rate in pair if rate is not None))[:BEHAVIOURS]


def environment() -> jinja2.Environment:
    """Make the template environment: Markdown, so what is not ours goes through `cell`, `prose` or `fenced`."""
    import jinja2

    loader = jinja2.FileSystemLoader(data_file("templates"))
    made = jinja2.Environment(loader=loader, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.filters |= {
        "number": number,
        "short": short_number,
        "percent": percent,
        "cell": cell,
        "prose": prose,
        "fenced": fenced,
        "share": written_share,
        "rate": written_rate,
    }
    return made


def prose(text: object) -> str:
    r"""Make a text safe within a paragraph of Markdown.

    >>> print(prose("a <b> *c*"))
    a &lt;b> \*c\*
    """
    flat = " ".join(str(text).split()).replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\`*_\[\]#])", r"\\\1", flat)


def cell(text: object) -> str:
    r"""Make a text safe within a cell of a Markdown table, as code.

    >>> print(cell("a|b"))
    `a\|b`
    """
    flat = " ".join(str(text).split()).replace("`", "'").replace("|", "\\|")
    return f"`{flat}`" if flat else ""


def fenced(text: str, language: str = "text") -> str:
    """Put a text into a fence that is longer than any within it."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def written_share(rate: BehaviourRate | None) -> str:
    """Write the share of samples with its interval, in per cent."""
    if rate is None:
        return "–"
    ends = "" if rate.share_low is None or rate.share_high is None else f" ({100 * rate.share_low:.1f}–{100 * rate.share_high:.1f})"
    return f"{100 * rate.share:.1f}{ends}"


def written_rate(rate: BehaviourRate | None) -> str:
    """Write the count per 1,000 tokens with its interval."""
    if rate is None or rate.per_1000_tokens is None:
        return "–"
    ends = "" if rate.rate_low is None or rate.rate_high is None else f" ({rate.rate_low:.3f}–{rate.rate_high:.3f})"
    return f"{rate.per_1000_tokens:.3f}{ends}"
