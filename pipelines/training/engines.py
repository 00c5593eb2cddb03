"""RL with verl or OpenRLHF: cotkit checks, writes their rows, reward module and configuration, and starts them.

    cotkit train rl runs/qwq/exports/rl-trl --model runs/qwq/training/sft/model --engine verl --preset table-7

`prepare` writes everything, and `launch.sh` with the command; `launch` runs the command, to the end or to its first error.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, NamedTuple

from ...data import data_file
from ...schemas.errors import CotkitError
from ...schemas.training import RlTrainConfig
from ..run_folder.parquet import replacing, write_text
from . import openrlhf, verl
from .prompts import engine_rows, prove_prompts
from .scoring import Scorer
from .start import CURVES, Trained, begin, read_curves

LAUNCH = "launch.sh"
ENGINES: dict[Literal["verl", "openrlhf"], Any] = {"verl": verl, "openrlhf": openrlhf}


class Prepared(NamedTuple):
    """A training that is ready to start."""

    out: Path
    command: list[str]
    environment: dict[str, str]
    """Variables that the command needs beside those of this process."""
    notes: list[str]
    """What the engine does otherwise than the settings say."""

    def line(self) -> str:
        """Give the command for a shell."""
        variables = [f"{name}={shlex.quote(value)}" for name, value in self.environment.items()]
        return " ".join([*variables, shlex.join(self.command)])


def prepare(export: Path, model: str, out: Path, config: RlTrainConfig) -> Prepared:
    """Check a training and write all that its engine needs; nothing is started.

    Raises CotkitError when export, model, settings, folder or the verifier's workers do not do.
    """
    engine = _engine(config)
    out = out.resolve()
    model = str(Path(model).resolve()) if Path(model).exists() else model
    rows = engine_rows(export, engine)
    if rows.height < config.rollout_prompts():
        hint = "lower prompts_per_rollout, or batch_size"
        raise CotkitError(f"{export}: {rows.height} prompts do not fill a rollout of {config.rollout_prompts()}", hint)
    prove_prompts(export, rows["prompt"].to_list(), model, config.max_prompt_tokens)
    prepared = _prepared(engine, model, out, config)
    texts = verl.files(out, model, config) if engine == "verl" else {}
    Scorer(config).check()
    begin(out, {"kind": "rl", "export": str(export), "model": model, "config": config.model_dump(mode="json")})
    texts |= {verl.REWARD: data_file("trainers", f"{engine}.py.template").read_text(encoding="utf-8"), LAUNCH: f"{prepared.line()}\n"}
    for name, text in texts.items():
        write_text(text, out / name)
    (out / verl.PROMPTS).parent.mkdir(exist_ok=True)
    with replacing(out / verl.PROMPTS) as temporary:
        rows.write_parquet(temporary, row_group_size=2048)
    return prepared


def launch(prepared: Prepared, config: RlTrainConfig) -> Trained:
    """Run the engine; raises CotkitError when it is not installed or fails."""
    engine = _engine(config)
    if find_spec(engine) is None:
        hint = f"{ENGINES[engine].INSTALL}, in an environment that has cotkit; --print shows the command and starts nothing"
        raise CotkitError(f"{engine} is not installed", hint)
    if engine == "verl":
        _keep_curves(prepared.out)  # of a start that was killed: verl begins its log anew
    try:
        status = subprocess.run(prepared.command, env=os.environ | prepared.environment, check=False).returncode
    finally:
        steps = _keep_curves(prepared.out) if engine == "verl" else 0
    if status:
        raise CotkitError(f"{engine} ended with status {status}", "its last lines say why; run again, it goes on from its last checkpoint")
    return Trained(prepared.out / ("checkpoints" if engine == "verl" else "model"), steps, 0, None)


def _engine(config: RlTrainConfig) -> Literal["verl", "openrlhf"]:
    if config.engine == "trl":
        raise ValueError("TRL is started by train_rl")
    return config.engine


def _prepared(engine: Literal["verl", "openrlhf"], model: str, out: Path, config: RlTrainConfig) -> Prepared:
    if engine == "verl":  # its configuration holds the variables, for every machine of a cluster
        return Prepared(out, verl.command(out, config), {}, [])
    environment = {"COTKIT_REWARD_WORKERS": verl.WORKERS_PER_JUDGE}
    if config.cluster.ray_address:
        environment["RAY_ADDRESS"] = config.cluster.ray_address
    return Prepared(out, openrlhf.command(out, model, config), environment, openrlhf.notes(config))


def _keep_curves(out: Path) -> int:
    """Write `curves.jsonl` from verl's log, after what earlier starts left; give the last step."""
    new = verl.curves(out)
    first = new[0]["step"] if new else float("inf")
    lines = [line for line in read_curves(out) if line["step"] < first] + new
    write_text("".join(json.dumps(line) + "\n" for line in lines), out / CURVES)
    return int(lines[-1]["step"]) if lines else 0
