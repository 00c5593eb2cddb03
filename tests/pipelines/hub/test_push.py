"""`cotkit push` against a Hub on the loopback address, with the real clients."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from cotkit.pipelines.hub.trainable import REFUSED

REPO = "me/sums"
CONFIGS = {"default": ["long", "short"], "all_generations": ["train"], "rl": ["train"]}


@pytest.fixture
def run(make_run: Any) -> Path:
    return make_run(problems=12, shards=2).path


def folder_files(run: Path) -> dict[str, bytes]:
    """Give what is published of the folder: all but what it keeps for its own next build."""
    files = {path.relative_to(run / "hub").as_posix(): path.read_bytes() for path in (run / "hub").rglob("*") if path.is_file()}
    files.pop(REFUSED, None)
    return files


def remote_files(hub: Any, branch: str = "main") -> dict[str, bytes]:
    return {name: data for name, data in hub.files(REPO, branch).items() if name != ".gitattributes"}


def test_a_push_creates_a_private_dataset_with_the_folders_files_in_one_commit(hub: Any, client: Any, run: Path) -> None:
    answer = client.cotkit("push", run, REPO, "--license", "apache-2.0")
    assert answer.code == 0, answer.err
    assert answer.out.strip() == f"{hub.url}/datasets/{REPO}"
    assert hub.datasets[REPO].private
    assert hub.commits(REPO) == ["Push sums with cotkit"]
    assert remote_files(hub) == folder_files(run)


@pytest.mark.parametrize("config", CONFIGS)
def test_load_dataset_brings_back_equal_rows(hub: Any, client: Any, run: Path, config: str) -> None:
    client.cotkit("push", run, REPO)
    for split in CONFIGS[config]:
        loaded = client.load(REPO, config, split)
        place = "data" if config == "default" else config
        written = pl.read_parquet(sorted((run / "hub" / place).glob(f"{split}-*.parquet"))).to_dicts()
        assert loaded["rows"] == written
        assert written
        declared = re.search(rf"- config_name: {config}\n  features:\n(.*?)\n  splits:", folder_files(run)["README.md"].decode(), re.DOTALL)
        assert declared is not None
        for feature in loaded["features"]:
            assert f"- name: {feature['name']}\n" in declared[1]


def test_a_second_push_of_the_same_bytes_is_no_commit_and_uploads_nothing(hub: Any, client: Any, run: Path) -> None:
    client.cotkit("push", run, REPO)
    before, received = hub.datasets[REPO].branches["main"][:], hub.received
    answer = client.cotkit("push", run, REPO)
    assert (answer.code, hub.datasets[REPO].branches["main"]) == (0, before)
    assert "nothing to push" in answer.err
    assert hub.received == received


def test_a_changed_run_replaces_what_changed_and_deletes_what_is_gone(hub: Any, client: Any, make_run: Any) -> None:
    run = make_run(problems=12, shards=3).path
    client.cotkit("push", run, REPO)
    first = remote_files(hub)
    hub.files(REPO)["notes.md"] = b"mine"
    again = make_run(name="again", problems=12, shards=1).path
    assert client.cotkit("push", again, REPO).code == 0
    now = remote_files(hub)
    assert now.pop("notes.md") == b"mine"
    assert now == folder_files(again)
    assert "data/long-00002-of-00003.parquet" in first
    assert len(hub.commits(REPO)) == 2


def test_only_the_configs_asked_for_are_pushed_and_listed(hub: Any, client: Any, run: Path) -> None:
    assert client.cotkit("push", run, REPO, "--config", "rl").code == 0
    files = remote_files(hub)
    assert {name.split("/")[0] for name in files if name.endswith(".parquet") and "/" in name} == {"rl"}
    assert re.findall(r"config_name: (\w+)", files["README.md"].decode()) == ["rl", "rl"]


def test_a_branch_is_created_and_main_is_left_alone(hub: Any, client: Any, run: Path) -> None:
    answer = client.cotkit("push", run, REPO, "--branch", "trial/one")
    assert answer.code == 0, answer.err
    assert remote_files(hub, "trial/one") == folder_files(run)
    assert hub.commits(REPO) == []
    assert client.load(REPO, "rl", revision="trial/one")["rows"]


def test_a_pull_request_is_opened_once_and_added_to_after_that(hub: Any, client: Any, run: Path, make_run: Any) -> None:
    first = client.cotkit("push", run, REPO, "--create-pr")
    assert first.out.strip() == f"{hub.url}/datasets/{REPO}/discussions/1", first.err
    assert "nothing to push" in client.cotkit("push", run, REPO, "--create-pr").err
    more = make_run(name="more", problems=20).path
    assert client.cotkit("push", more, REPO, "--create-pr").out == first.out
    assert list(hub.datasets[REPO].pulls) == [1]
    assert remote_files(hub, "refs/pr/1") == folder_files(more)
    assert hub.commits(REPO) == []


@pytest.mark.slow
def test_many_files_go_in_few_commits_with_the_card_last(hub: Any, client: Any, make_run: Any) -> None:
    from cotkit.pipelines.hub.push import FILES_PER_COMMIT

    shards = FILES_PER_COMMIT // 2 + 10  # two splits: more files than fit into a commit
    run = make_run(problems=shards, shards=shards).path
    answer = client.cotkit("push", run, REPO)
    assert hub.commits(REPO) == ["Push sums with cotkit", "Push sums with cotkit (part 2)"], answer.err
    first, last = hub.datasets[REPO].branches["main"][1:]
    assert "README.md" not in first.files
    assert remote_files(hub) == folder_files(run)
    assert last.files["README.md"]


def test_a_cut_upload_is_resumed_and_what_is_up_is_not_sent_again(hub: Any, client: Any, run: Path) -> None:
    client.cotkit("push", run, "me/other", "--dry-run")
    hub.fail("PUT /_blobs", cut=True, skip=3, times=1000)
    hub.fail("POST /api/datasets/.*/commit", 503, times=1000)
    command = [sys.executable, "-m", "cotkit", "push", str(run), REPO]
    with subprocess.Popen(command, env=client.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 60
            while len(hub.blobs) < 3 and time.monotonic() < deadline:
                time.sleep(0.05)
        finally:
            os.kill(process.pid, signal.SIGKILL)
    up = dict(hub.blobs)
    assert len(up) == 3
    assert hub.commits(REPO) == []
    hub.faults.clear()
    hub.requests.clear()
    answer = client.cotkit("push", run, REPO)
    assert answer.code == 0, answer.err
    assert remote_files(hub) == folder_files(run)
    assert not [key for key in up if f"PUT /_blobs/{key}" in hub.requests]


def test_a_connection_that_is_cut_once_is_tried_again(hub: Any, client: Any, run: Path) -> None:
    hub.fail("POST /api/datasets/.*/commit", cut=True)
    answer = client.cotkit("push", run, REPO)
    assert answer.code == 0, answer.err
    assert "cannot be reached" in answer.err
    assert len(hub.commits(REPO)) == 1


def test_a_commit_whose_answer_is_lost_is_not_made_twice(hub: Any, client: Any, run: Path) -> None:
    client.cotkit("push", run, "me/first")
    made = hub.datasets["me/first"].branches["main"]

    def committed() -> None:
        from dataclasses import replace

        hub.datasets["me/sums"].branches["main"].append(replace(made[-1], files=made[-1].files | {"README.md": b""}))

    hub.fail("POST /api/datasets/me/sums/commit", 504, before=committed)
    answer = client.cotkit("push", run, REPO)
    assert answer.code == 0, answer.err
    assert remote_files(hub) == folder_files(run)
    # what the lost commit held is there already: the second one adds what was missing
    assert len(hub.commits(REPO)) == 2
    assert hub.datasets[REPO].branches["main"][1].files.keys() == hub.files(REPO).keys()


@pytest.mark.parametrize(
    ("headers", "seconds"), [({"Retry-After": "2"}, 2), ({"RateLimit": '"api";r=0;t=1'}, 1)], ids=["retry-after", "ratelimit"]
)
def test_a_rate_limit_on_commits_is_waited_out(hub: Any, client: Any, run: Path, headers: dict[str, str], seconds: int) -> None:
    hub.fail("POST /api/datasets/.*/commit", 429, headers=headers)
    started = time.monotonic()
    answer = client.cotkit("push", run, REPO)
    assert answer.code == 0, answer.err
    assert f"the Hub's rate limit is reached; trying again in {seconds} s" in answer.err
    assert time.monotonic() - started >= seconds
    assert len(hub.commits(REPO)) == 1


def test_a_rate_limit_that_never_ends_is_told_after_few_requests(hub: Any, client: Any, run: Path) -> None:
    hub.fail("POST /api/datasets/.*/commit", 429, headers={"Retry-After": "0"}, times=1000)
    answer = client.cotkit("push", run, REPO)
    assert answer.code == 1
    assert f"error: {REPO}: the Hub's rate limit still holds" in answer.err
    assert "hint: run the same command again later: what is uploaded stays" in answer.err
    assert len(hub.requests) < 100


def test_a_limit_of_hours_is_not_waited_for(hub: Any, client: Any, run: Path) -> None:
    hub.fail("POST /api/datasets/.*/commit", 429, headers={"Retry-After": "86400"})
    answer = client.cotkit("push", run, REPO)
    assert "the Hub's rate limit still holds" in answer.err


def test_a_commit_of_somebody_else_in_between_is_kept(hub: Any, client: Any, run: Path) -> None:
    def commit() -> None:
        from dataclasses import replace

        branch = hub.datasets[REPO].branches["main"]
        branch.append(replace(branch[-1], oid="f" * 40, files=branch[-1].files | {"theirs.md": b"theirs"}, title="theirs"))

    hub.fail("POST /api/datasets/.*/commit", 0, before=commit)
    answer = client.cotkit("push", run, REPO)
    assert answer.code == 0, answer.err
    assert "somebody else committed meanwhile" in answer.err
    assert hub.commits(REPO) == ["theirs", "Push sums with cotkit"]
    assert remote_files(hub) == folder_files(run) | {"theirs.md": b"theirs"}


def test_conflicts_without_end_are_told(hub: Any, client: Any, run: Path) -> None:
    hub.fail("POST /api/datasets/.*/commit", 412, times=1000)
    answer = client.cotkit("push", run, REPO)
    assert answer.code == 1
    assert "others commit to it at the same time" in answer.err
    assert hub.count(f"POST /api/datasets/{REPO}/commit") == 6


def test_a_wrong_token_is_told_before_anything_is_built(hub: Any, client: Any, run: Path) -> None:
    wrong = "hf_" + "wrong" * 7
    answer = client.cotkit("push", run, REPO, HF_TOKEN=wrong)
    assert answer.code == 1
    assert answer.err.splitlines()[-2] == "error: the Hub does not accept the token"
    assert "hint: log in with `hf auth login`" in answer.err
    assert wrong not in answer.err + answer.out + client.log.read_text()
    assert not hub.datasets
    assert not (run / "hub").exists()


def test_no_token_is_told_and_nothing_is_asked_of_the_hub(hub: Any, client: Any, run: Path) -> None:
    answer = client.cotkit("push", run, REPO, HF_TOKEN=None)
    assert answer.code == 1
    assert "error: no token for the Hugging Face Hub" in answer.err
    assert hub.requests == []


def test_a_namespace_of_others_is_told(hub: Any, client: Any, run: Path) -> None:
    answer = client.cotkit("push", run, "them/sums")
    assert "error: the token may not write to them/sums" in answer.err


def test_a_name_without_owner_is_the_users_own(hub: Any, client: Any, run: Path) -> None:
    assert client.cotkit("push", run, "sums").code == 0
    assert 'load_dataset("me/sums", "rl"' in remote_files(hub)["README.md"].decode()


def test_a_public_repo_is_refused_unless_asked_for(hub: Any, client: Any, run: Path) -> None:
    assert client.cotkit("push", run, REPO, "--public").code == 0
    assert not hub.datasets[REPO].private
    answer = client.cotkit("push", run, REPO)
    assert f"error: {REPO}: is there and public" in answer.err
    assert client.cotkit("push", run, REPO, "--public").code == 0


def test_a_dry_run_sends_nothing_and_shows_files_and_card(hub: Any, client: Any, run: Path) -> None:
    answer = client.cotkit("push", run, REPO, "--dry-run", HF_TOKEN=None)
    assert answer.code == 0, answer.err
    assert hub.requests == []
    files = folder_files(run)
    for name, data in files.items():
        assert re.search(rf"^{re.escape(name)} +{len(data):,} bytes$", answer.out, re.MULTILINE)
    assert files["README.md"].decode() in answer.out
    as_json = json.loads(client.cotkit("push", run, REPO, "--dry-run", "--json").out)
    assert as_json["files"] == {name: len(data) for name, data in files.items()}
    assert hub.requests == []


def test_the_token_is_in_no_output_and_no_file(hub: Any, client: Any, run: Path, token: str) -> None:
    hub.fail("POST /api/datasets/.*/commit", 500)
    hub.fail("PUT /_blobs", 429, headers={"Retry-After": "0"})
    answer = client.cotkit("push", run, REPO, HF_DEBUG="1", HF_HUB_VERBOSITY="debug")
    assert answer.code == 0, answer.err
    texts = [answer.out, answer.err, client.log.read_text()]
    texts += [path.read_bytes().decode("latin-1") for path in run.rglob("*") if path.is_file()]
    texts += [data.decode("latin-1") for data in hub.files(REPO).values()]
    assert not [text[:200] for text in texts if token in text]


def test_offline_is_told(client: Any, run: Path, tmp_path: Path) -> None:
    environment = client.environment | {"HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", "cotkit", "push", str(run), REPO]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"error: {REPO}: HF_HUB_OFFLINE is set" in done.stderr
