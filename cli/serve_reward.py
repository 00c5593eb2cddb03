"""`cotkit serve-reward`: an HTTP service that rewards completions, for trainers that take a URL."""

from __future__ import annotations

import os
from typing import Annotated

import typer

app = typer.Typer()
TOKEN = "COTKIT_REWARD_TOKEN"


@app.command()
def serve_reward(
    port: Annotated[int, typer.Option("--port", help="Port; 0 for any free one", min=0, max=65535)] = 8765,
    host: Annotated[str, typer.Option("--host", help="Address; beyond the loopback COTKIT_REWARD_TOKEN must be set")] = "127.0.0.1",
    max_batch: Annotated[int, typer.Option("--max-batch", help="Most completions of one request", min=1)] = 4096,
    max_megabytes: Annotated[int, typer.Option("--max-megabytes", help="Largest body of a request", min=1)] = 64,
) -> None:
    """Reward completions over HTTP, for trainers that take a URL.

    Example: `cotkit serve-reward --port 8765`, and OpenRLHF with `--reward.remote_url http://127.0.0.1:8765/reward`
    """
    from ..pipelines.reward_server import Service, serve

    service = Service(host, port, os.environ.get(TOKEN, "").strip(), max_megabytes * 2**20, max_batch)
    serve(service, lambda url: typer.echo(f"rewards at {url} (Ctrl-C ends it)", err=True))
