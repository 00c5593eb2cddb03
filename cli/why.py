"""`cotkit why`: the whole life of one sample, from teacher and seed to kept or dropped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..schemas.errors import CotkitError
from .settings import JSON

if TYPE_CHECKING:
    from ..pipelines.life import Life

app = typer.Typer()


@app.command()
def why(
    sample_id: Annotated[str, typer.Argument(help="The sample's id, or enough of its start")],
    run: Annotated[Path | None, typer.Option("--run", "-r", help="The run folder", show_default="the one here or just below")] = None,
    full: Annotated[bool, typer.Option("--full", help="Print the whole text instead of its ends")] = False,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Tell the whole life of one sample.

    Example: `cotkit why 9c1e04 --run runs/qwq`
    """
    from ..pipelines.life import life_of
    from ..pipelines.run_folder import RunFolder

    life = life_of(RunFolder.open(run or _run_here()), sample_id)
    if as_json:
        typer.echo(json.dumps(life._asdict(), ensure_ascii=False))
        return
    for heading, lines in _chapters(life, full):
        typer.echo(typer.style(heading, bold=True))
        for name, value in lines.items():
            typer.echo(f"  {name:<24}{value}")


def _run_here() -> Path:
    here = [path.parent for path in (*Path().glob("recipe.toml"), *Path().glob("*/recipe.toml"), *Path().glob("*/*/recipe.toml"))]
    runs = [path for path in here if (path / "problems.parquet").is_file()]
    if len(runs) == 1:
        return runs[0]
    found = "no run folder here" if not runs else f"{len(runs)} run folders here"
    raise CotkitError(found, "name it with --run RUN")


def _chapters(life: Life, full: bool) -> list[tuple[str, dict[str, Any]]]:
    sample, verdict, tags, decision = life.sample, life.verdict, life.tags, life.decision
    drawn = {name: sample[name] for name in ("teacher", "teacher_fingerprint", "seed", "index", "parameters", "prompt_hash")}
    drawn |= {"finished": sample["finish_reason"], "tokens": f"{sample['prompt_tokens']} prompt, {sample['completion_tokens']} completion"}
    drawn |= {
        "seconds": sample["seconds"],
        "delimiter": sample["delimiter"],
        "shard": "in the ledger" if life.shard is None else life.shard,
    }
    said = {name: _shown(sample[name], full) for name in ("reasoning", "response", "error") if sample[name] is not None}
    judged = {name: verdict[name] for name in ("outcome", "answer", "found_by", "decided_by", "verifier")} if verdict else {"": "not yet"}
    return [
        (f"sample {sample['sample_id']}", drawn),
        (
            f"problem {life.problem['problem_id']}",
            {name: _shown(life.problem[name], full) for name in ("prompt", "answer", "kind", "source")},
        ),
        ("text", said),
        ("verdict", judged),
        ("tags", _tag_lines(tags) if tags else {"": "not yet"}),
        ("decision", _decision_lines(decision) if decision else {"": "not yet"}),
    ]


def _tag_lines(tags: dict[str, Any]) -> dict[str, Any]:
    lines = {f"{b['lexicon']}.{b['behaviour']}": f"{b['count']} ×, {b['per_1000_tokens']:.1f} per 1,000 tokens" for b in tags["behaviours"]}
    scripts = ", ".join(f"{script['characters']} {script['script']}" for script in tags["scripts"] or [])
    shares = {name: tags[column] for name, column in (("compression", "compression_ratio"), ("repeated", "repeated_share"))}
    return lines | {name: "–" if share is None else f"{share:.2f}" for name, share in shares.items()} | {"scripts": scripts or "none"}


def _decision_lines(decision: dict[str, Any]) -> dict[str, Any]:
    return {"kept": "yes, in " + ", ".join(decision["splits"])} if decision["kept"] else {"dropped": decision["reason"]}


def _shown(text: Any, full: bool) -> str:
    """Give a text with its lines indented; without `full`, its ends."""
    shown = str(text)
    if not full and len(shown) > 800:
        shown = f"{shown[:400]}\n[… {len(shown) - 800:,} characters, --full shows them …]\n{shown[-400:]}"
    return shown.replace("\n", "\n" + " " * 26)
