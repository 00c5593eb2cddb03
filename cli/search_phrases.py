"""`cotkit search-phrases`: the sentences of a corpus that are like given phrases, with what stands around them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ..schemas.phrases import PhrasesConfig
from .progress import watch_shards
from .settings import JSON, setting, with_changes
from .stages import ShardPart, StageExecutor

app = typer.Typer()
SHOWN = 10


@app.command()
def search_phrases(
    corpus: Annotated[Path, typer.Argument(help="A Parquet file with a column of texts, or a folder of such files")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder for the hits, to make or to go on with")],
    phrases: Annotated[str | None, setting(PhrasesConfig, "phrases")] = None,
    min_similarity: Annotated[float | None, setting(PhrasesConfig, "min_similarity")] = None,
    column: Annotated[str | None, setting(PhrasesConfig, "column")] = None,
    document: Annotated[str | None, setting(PhrasesConfig, "document")] = None,
    context_characters: Annotated[int | None, setting(PhrasesConfig, "context_characters")] = None,
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Worker processes", show_default="one per core")] = None,
    shard: ShardPart = "0/1",
    executor: StageExecutor = "local",
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Find the sentences of a corpus that are like given phrases, by MinHash of word triples.

    Example: `cotkit search-phrases openwebmath/ --phrases aha -o hits`
    """
    from ..pipelines.execute.stages import parse_part
    from ..pipelines.phrases import search_phrases

    given = {"phrases": phrases, "min_similarity": min_similarity, "column": column, "document": document}
    config = with_changes(PhrasesConfig(), **given, context_characters=context_characters)
    with watch_shards("searching") as progress:
        done = search_phrases(corpus, out, config, parse_part(shard, executor), workers, progress)
    fresh = done.tasks - done.computed
    typer.echo(f"{out}/hits: {done.hits:,} hits; {done.bytes / 1e9:.2f} GB searched ({done.computed} tasks, {fresh} were fresh)", err=True)
    for phrase, count in list(done.by_phrase.items())[:SHOWN]:
        typer.echo(f"{count:>9,}  {phrase}", err=True)
    if as_json:
        typer.echo(json.dumps(done._asdict() | {"out": str(out)}, ensure_ascii=False))
