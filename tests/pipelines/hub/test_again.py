"""`cotkit run --from-hub` repeats a pushed dataset, and `--every` keeps a note of a run that is going."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cotkit.pipelines.hub.live import note, parse_every, so_far, with_note
from cotkit.pipelines.run_folder import RunFolder
from cotkit.schemas.errors import CotkitError
from cotkit.schemas.sample import Sample
from cotkit.schemas.verdict import Verdict

REPO = "me/again"
RECIPE = """name = "again"
[problems]
source = "demo"
limit = 6
[sample]
teacher = "scripted:mixed"
n = 3
[verify]
workers = 1
"""
# keeps the note as `cotkit push --every` does, but looks every 0.2 s
KEEP = """
import sys
from pathlib import Path
from cotkit.pipelines.hub.live import keep_note
from cotkit.pipelines.hub.push import Where
from cotkit.pipelines.hub.repo import HubRepo, Patience
from cotkit.pipelines.run_folder import RunFolder
from cotkit.schemas.errors import CotkitError
try:
    print(keep_note(RunFolder.open(Path(sys.argv[1])), HubRepo.log_in(sys.argv[2], Patience()), Where(), 0.2))
except CotkitError as error:
    print(error)
"""


@pytest.fixture
def made(client: Any, tmp_path: Path) -> Path:
    """A small run of the shipped demo problems, made by the scripted teacher."""
    (tmp_path / "recipe.toml").write_text(RECIPE)
    answer = client.cotkit("run", tmp_path / "recipe.toml", "-o", tmp_path / "run", "--progress", "none")
    assert answer.code == 0, answer.err
    return tmp_path / "run"


def test_a_pushed_run_is_repeated_sample_by_sample(hub: Any, client: Any, made: Path, tmp_path: Path) -> None:
    assert client.cotkit("push", made, REPO).code == 0
    answer = client.cotkit("run", "--from-hub", REPO, "-o", tmp_path / "second", "--progress", "none")
    assert answer.code == 0, answer.err
    first, second = RunFolder.open(made), RunFolder.open(tmp_path / "second")
    assert second.problems_fingerprint() == first.problems_fingerprint()
    assert second.sample_ids() == first.sample_ids()
    columns = ["sample_id", "outcome", "answer"]
    assert second.scan("verdicts").select(columns).collect().equals(first.scan("verdicts").select(columns).collect())


def test_a_revision_can_be_named(hub: Any, client: Any, made: Path, tmp_path: Path) -> None:
    client.cotkit("push", made, REPO)
    oid = hub.datasets[REPO].branches["main"][-1].oid
    branch = hub.datasets[REPO].branches["main"]
    branch.append(replace(branch[-1], oid="e" * 40, files={}))
    assert "was not pushed by cotkit: no provenance.json" in client.cotkit("run", "--from-hub", REPO, "-o", tmp_path / "x").err
    assert client.cotkit("run", "--from-hub", f"{REPO}@{oid}", "-o", tmp_path / "y", "--progress", "none").code == 0


def test_a_file_that_was_changed_on_the_hub_is_told(hub: Any, client: Any, made: Path, tmp_path: Path) -> None:
    client.cotkit("push", made, REPO)
    branch = hub.datasets[REPO].branches["main"]
    branch.append(replace(branch[-1], oid="d" * 40, files=branch[-1].files | {"recipe.toml": b"# changed\n"}))
    answer = client.cotkit("run", "--from-hub", REPO, "-o", tmp_path / "x")
    assert (answer.code, (tmp_path / "x").exists()) == (1, False)
    assert "recipe.toml is not what provenance.json says" in answer.err


def test_what_is_not_there_or_not_named_is_told(hub: Any, client: Any, tmp_path: Path) -> None:
    assert "error: me/nowhere: no such dataset" in client.cotkit("run", "--from-hub", "me/nowhere", "-o", tmp_path / "x").err
    assert "name either a recipe or" in client.cotkit("run", "-o", tmp_path / "x").err
    assert "name either a recipe or" in client.cotkit("run", "demo", "--from-hub", REPO, "-o", tmp_path / "x").err
    assert "is no name of a Hub repo" in client.cotkit("run", "--from-hub", "https://x/y", "-o", tmp_path / "x").err


def pushed_with(hub: Any, **changes: bytes) -> None:
    """Commit changed files and a provenance that has their hashes, as a stranger would."""
    branch = hub.datasets[REPO].branches["main"]
    files = branch[-1].files | changes
    told = json.loads(files["provenance.json"])
    for name, data in changes.items():
        told["files"][name] = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    files["provenance.json"] = json.dumps(told).encode()
    branch.append(replace(branch[-1], oid=hashlib.sha1(json.dumps(told).encode()).hexdigest(), files=files))


def test_a_strangers_recipe_picks_no_server_and_brings_no_code(hub: Any, client: Any, made: Path, tmp_path: Path) -> None:
    client.cotkit("push", made, REPO)
    theirs = 'name = "x"\n[sample]\nteacher = "openai:https://evil.example/v1#m"\n'
    pushed_with(hub, **{"recipe.toml": theirs.encode()})
    answer = client.cotkit("run", "--from-hub", REPO, "-o", tmp_path / "x")
    assert (answer.code, (tmp_path / "x").exists()) == (1, False)
    assert f"error: {REPO}: its recipe asks the server https://evil.example/v1" in answer.err
    code = 'name = "x"\n[sample]\nteacher = "scripted:mixed"\nn = 1\n[sample.engine]\ntrust_remote_code = true\n[problems]\nlimit = 2\n'
    pushed_with(hub, **{"recipe.toml": code.encode()})
    answer = client.cotkit("run", "--from-hub", REPO, "-o", tmp_path / "y", "--progress", "none")
    assert "note: trust_remote_code of the recipe's engine is left out, as it runs code" in answer.err
    assert RunFolder.open(tmp_path / "y").recipe.sample.engine == {}


def test_the_note_counts_sealed_and_live_samples(make_run: Any) -> None:
    run = make_run(problems=4, shards=1, stages=("samples", "verdicts"))
    row = run.read("samples", 0).row(0, named=True)
    ledger = run.ledger()
    ledger.add(Sample.model_validate(row | {"sample_id": "new"}), Verdict(outcome="correct"))
    ledger.add(Sample.model_validate(row | {"sample_id": "newer"}))
    ledger.close()
    correct = run.count("verdicts", "outcome")["correct"]
    assert so_far(run) == (26, 24, 25, correct + 1, None)
    assert f"26 of 24 samples drawn, {correct + 1} of 25 judged are correct." in note(run, so_far(run))


def test_the_note_goes_under_the_head_of_a_card_once(make_run: Any) -> None:
    run = make_run(problems=2)
    block = note(run, so_far(run))
    card = "---\nlicense: mit\n---\n\n# Mine\n\ntext\n"
    once = with_note(card, run, block)
    assert once == f"---\nlicense: mit\n---\n\n{block}# Mine\n\ntext\n"
    assert with_note(once, run, block) == once
    assert with_note(None, run, block).startswith("---\ntags:\n- cotkit\n")


@pytest.mark.parametrize("text", ["soon", "30", "-5m", "10s", "59s", "0m", "5 days"])
def test_what_is_no_time_or_too_often_is_told(text: str) -> None:
    with pytest.raises(CotkitError, match="--every"):
        parse_every(text)


def keep(client: Any, run: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", KEEP, str(run), REPO]
    return subprocess.Popen(command, env=client.environment, stdout=subprocess.PIPE, text=True)


def wait_for(what: Any) -> None:
    deadline = time.monotonic() + 60
    while not what() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert what()


def test_a_run_that_is_going_has_its_numbers_in_a_private_repo_until_it_is_done(hub: Any, client: Any, make_run: Any) -> None:
    run = make_run(problems=4, shards=1, stages=("samples", "verdicts"))
    whole = make_run(name="whole", problems=4, shards=1)
    with keep(client, run.path) as keeper:
        with run.lock():
            wait_for(lambda: REPO in hub.datasets and len(hub.commits(REPO)) == 1)
            assert hub.datasets[REPO].private
            assert set(hub.files(REPO)) == {".gitattributes", "README.md"}
            assert b"24 of 24 samples drawn" in hub.files(REPO)["README.md"]
            ledger = run.ledger()
            ledger.add(Sample.model_validate(run.read("samples", 0).row(0, named=True) | {"sample_id": "new"}), Verdict(outcome="wrong"))
            wait_for(lambda: len(hub.commits(REPO)) == 2)
            assert b"25 of 24 samples drawn" in hub.files(REPO)["README.md"]
            ledger.remove(["new"])
            ledger.close()
            for stage in ("tags", "decisions"):
                run.write(stage, 0, whole.read(stage, 0), "f" * 20)
            wait_for(lambda: b" kept." in hub.files(REPO)["README.md"])
            assert keeper.poll() is None  # the lock says that the run is going
        out, _ = keeper.communicate(timeout=30)
    assert int(out) == len(hub.commits(REPO))


def test_the_same_numbers_are_no_second_commit(hub: Any, client: Any, make_run: Any) -> None:
    run = make_run(problems=2, stages=("samples", "verdicts"))
    with keep(client, run.path) as keeper, run.lock():
        wait_for(lambda: REPO in hub.datasets and len(hub.commits(REPO)) == 1)
        before = hub.count(f"GET /api/datasets/{REPO}/revision/main")
        wait_for(lambda: hub.count(f"GET /api/datasets/{REPO}/revision/main") > before + 2)
        assert len(hub.commits(REPO)) == 1
        keeper.kill()


def test_a_run_that_was_stopped_is_told(hub: Any, client: Any, make_run: Any) -> None:
    run = make_run(problems=2, stages=("samples", "verdicts"))
    for path in run.path.rglob("*"):
        os.utime(path, (1_000_000, 1_000_000))
    with keep(client, run.path) as keeper:
        out, _ = keeper.communicate(timeout=60)
    assert "the run is neither going nor curated" in out
    assert f"cotkit curate {run.path}" in out


def test_a_done_run_is_pushed_at_once_with_every(hub: Any, client: Any, make_run: Any) -> None:
    run = make_run(problems=2)
    answer = client.cotkit("push", run.path, REPO, "--every", "30m", "--json")
    assert answer.code == 0, answer.err
    told = json.loads(answer.out)
    assert (told["notes"], told["commits"], told["private"]) == (0, 1, True)
    assert not re.search("cotkit:live", hub.files(REPO)["README.md"].decode())
