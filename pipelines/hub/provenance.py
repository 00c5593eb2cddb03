"""`provenance.json`: what the dataset was made from and with, and a hash of every file, so that anybody can check and repeat it.

The same run gives the same text: there is no date in it.
"""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

from ... import __version__
from ...schemas.record import content_hash
from ..rendering import Student
from ..report.funnel import funnel
from ..run_folder import STAGES, RunFolder, write_text
from .evidence import Evidence
from .left_out import LeftOut
from .pieces import PLACES, Pieces
from .public import LEXICONS, public_parameters, public_path, public_recipe, public_teacher

NAME, CARD, RECIPE, PROBLEMS = "provenance.json", "README.md", "recipe.toml", "problems.parquet"
PACKAGES = ("datasets", "huggingface_hub", "math-verify", "polars", "pyarrow", "sympy")


class Findings(NamedTuple):
    """What was found of the rows while they were made."""

    evidence: Evidence
    left_out: LeftOut
    student: Student | None
    """For whom the rows of `default` were proven."""


def write_provenance(run: RunFolder, folder: Path, made: list[Pieces], findings: Findings) -> None:
    """Write the file, after all others."""
    evidence, left_out, student = findings
    rows = _rows(made, folder)
    names = [name for name in published_files(folder) if name != NAME]
    files = {name: {"size": (folder / name).stat().st_size, "sha256": sha256(folder / name)} for name in names}
    content = {
        "cotkit": __version__,
        "packages": {name: _version(name) for name in PACKAGES},
        "recipe": {"name": run.recipe.name, "fingerprint": public_recipe(run.recipe).fingerprint()},
        "problems": {"count": run.problems().height, "fingerprint": run.problems_fingerprint()},
        "teachers": teachers(run),
        "verifiers": run.count("verdicts", "verifier"),
        "shards": [{stage: run.fingerprint(stage, number) for stage in STAGES} for number in run.shard_numbers()],
        "counts": {row.name: row.count for row in funnel(run) if row.unit != "rows"},
        "outcomes": run.count("verdicts", "outcome"),
        "decontamination": {"matchers": evidence.matchers, "benchmarks": [row._asdict() for row in evidence.rows]},
        "proof": proof_of(student),
        "left_out": left_out._asdict(),
        "rows": rows,
        "files": files,
    }
    write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", folder / NAME)


def proof_of(student: Student | None) -> dict[str, Any] | None:
    """Tell for whom rows are proven: name, the template's hash and what it is given."""
    if student is None:
        return None
    return {"student": public_path(student.name), "template": content_hash(student.template.source), "kwargs": dict(student.kwargs)}


def published_files(folder: Path) -> list[str]:
    """List the files of a dataset folder that a build writes, the card first; others that lie there are not published."""
    patterns = [CARD, RECIPE, NAME, PROBLEMS, f"{LEXICONS}/*.toml", "plots/*.png", *(f"{place}/*.parquet" for place in PLACES.values())]
    found = {path.relative_to(folder).as_posix() for pattern in patterns for path in folder.glob(pattern) if path.is_file()}
    return sorted((name for name in found if "/." not in name), key=lambda name: (name != CARD, "/" in name, name))


def teachers(run: RunFolder) -> list[dict[str, Any]]:
    """Give each teacher with its settings and its number of samples, most samples first."""
    import polars as pl

    keys = ["teacher", "teacher_fingerprint", "parameters"]
    counts = run.scan("samples").group_by(keys).agg(pl.len().alias("samples")).sort("samples", *keys, descending=[True, *[False] * 3])
    return [
        {
            "teacher": public_teacher(row["teacher"]),
            "fingerprint": row["teacher_fingerprint"],
            "parameters": public_parameters(row["parameters"]),
            "samples": row["samples"],
        }
        for row in counts.collect().iter_rows(named=True)
    ]


def sha256(path: Path) -> str:
    """Hash a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _rows(made: list[Pieces], folder: Path) -> dict[str, dict[str, int]]:
    import polars as pl

    return {
        f"{pieces.config}/{pieces.split}": {
            path.relative_to(folder).as_posix(): pl.scan_parquet(path).select(pl.len()).collect().item() for path in pieces.paths
        }
        for pieces in made
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
