"""A child process in which the real clients run: it takes one JSON request per line and answers with one.

`huggingface_hub` and `datasets` read where the Hub is when they are imported, so they cannot run in the tests' own process; one child
for all tests, as importing them takes seconds.

    {"cotkit": ["push", "RUN", "me/sums"], "environment": {"HF_TOKEN": null}}   {"load": ["me/sums", "rl", "train", "main"]}
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import traceback
from typing import Any


def run_cotkit(words: list[str]) -> dict[str, Any]:
    from cotkit.cli import app

    out, err, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            app(words)
        except SystemExit as exit:
            code = exit.code or 0
    return {"code": code, "out": out.getvalue(), "err": err.getvalue()}


def load(repo: str, config: str, split: str, revision: str) -> dict[str, Any]:
    from datasets import load_dataset

    rows = load_dataset(repo, config, split=split, revision=revision)
    return {"rows": rows.to_list(), "features": rows.features._to_yaml_list()}


def main() -> None:
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        request = json.loads(line)
        before = dict(os.environ)
        for name, value in request.get("environment", {}).items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})
        try:
            answer = run_cotkit(request["cotkit"]) if "cotkit" in request else load(*request["load"])
        except Exception as error:  # noqa: BLE001  # the next test needs the child
            traceback.print_exc()
            answer = {"code": -1, "out": "", "err": repr(error)}
        os.environ.clear()
        os.environ.update(before)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
