"""The scheduler draws what is wanted and missing, commits each sample as it finishes, and loses none to any way of dying."""

import asyncio
import json
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import polars as pl
import pytest
from aiohttp import web
from cotkit.pipelines.run_folder import RunFolder
from cotkit.pipelines.sampling.scheduler import sample_run
from cotkit.pipelines.sampling.wanted import derive_seed
from cotkit.schemas.errors import CotkitError
from cotkit.schemas.problem import Problem
from cotkit.schemas.recipe import Recipe, SampleConfig

PROBLEMS = pl.DataFrame(
    [Problem.make(f"What is {i} + {i}?", str(2 * i), "math").model_dump() for i in range(10)], schema=Problem.polars_schema()
)
RIGHT_AND_WRONG = [{"response": "So \\boxed{{answer}}.", "weight": 2}, {"response": "So \\boxed{{wrong}}."}]
CHILD = """
import sys
from pathlib import Path
from cotkit.pipelines.run_folder import RunFolder
from cotkit.pipelines.sampling.scheduler import sample_run

sample_run(RunFolder.open(Path(sys.argv[1])), lambda progress: print(progress.done, flush=True), shard_rows=16)
"""


def make_run(path: Path, script: list[dict], **settings) -> RunFolder:
    lines = path.parent / "script.jsonl"
    lines.write_text("\n".join(json.dumps(line) for line in script))
    config = SampleConfig(**({"teacher": f"scripted:{lines}", "n": 4, "concurrency": 8} | settings))
    return RunFolder.create(path, Recipe(sample=config), PROBLEMS)


def all_ids(run: RunFolder) -> list[str]:
    """Give the ids of all samples, sealed and live, doubles included: a live row that is sealed too is not a double."""
    sealed = run.scan("samples").select("sample_id").collect()["sample_id"].to_list()
    return sealed + [key for key in run.live_sample_ids() if key not in set(sealed)]


def test_every_wanted_sample_is_drawn_judged_and_sealed(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", RIGHT_AND_WRONG)
    progress = sample_run(run)
    assert (progress.done, progress.total, progress.resumed, progress.failed) == (40, 40, 0, 0)
    samples, verdicts = run.scan("samples").collect(), run.scan("verdicts").collect()
    assert samples.height == 40
    assert samples["sample_id"].to_list() == verdicts["sample_id"].to_list()
    assert set(verdicts["outcome"]) == {"correct", "wrong"}
    assert progress.outcomes == dict(verdicts["outcome"].value_counts().iter_rows())
    assert samples.group_by("problem_id").len()["len"].unique().to_list() == [4]
    assert samples["seed"].n_unique() == 40


def test_a_verdict_goes_with_its_own_sample(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", RIGHT_AND_WRONG)
    sample_run(run)
    rows = run.scan("samples").collect().join(run.problems(), on="problem_id").join(run.scan("verdicts").collect(), on="sample_id")
    right = pl.col("response") == pl.format("So \\boxed{{}}.".replace("{{}}", "{{{}}}"), pl.col("answer"))
    assert rows.select((right == (pl.col("outcome") == "correct")).all()).item()


def test_the_same_run_draws_nothing_again(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", RIGHT_AND_WRONG)
    sample_run(run)
    again = sample_run(run)
    assert (again.done, again.resumed) == (40, 40)
    assert run.shard_numbers() == [0]


def test_the_same_settings_draw_the_same_samples(tmp_path: Path) -> None:
    first, second = (make_run(tmp_path / name, RIGHT_AND_WRONG) for name in ("a", "b"))
    sample_run(first)
    sample_run(second)
    columns = ["sample_id", "problem_id", "index", "response", "seed"]
    assert first.scan("samples").collect().select(columns).equals(second.scan("samples").collect().select(columns))


def test_raising_n_keeps_what_is_there(tmp_path: Path) -> None:
    sample_run(make_run(tmp_path / "run", RIGHT_AND_WRONG))
    before = set(all_ids(RunFolder.open(tmp_path / "run")))
    more = sample_run(make_run(tmp_path / "run", RIGHT_AND_WRONG, n=6))
    after = all_ids(RunFolder.open(tmp_path / "run"))
    assert (more.done, more.resumed) == (60, 40)
    assert before < set(after)
    assert len(after) == len(set(after)) == 60


def test_other_settings_add_to_a_run_when_asked_to(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", RIGHT_AND_WRONG)
    sample_run(run)
    changed = run.recipe.model_copy(update={"sample": run.recipe.sample.model_copy(update={"temperature": 0.1})})
    both = RunFolder.create(run.path, changed, PROBLEMS, "always")
    assert sample_run(both).resumed == 0
    assert len(set(all_ids(both))) == 80


def test_samples_are_sealed_while_sampling_goes_on(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", [{"response": "\\boxed{{answer}}", "seconds": 0.05}], n=20)
    sample_run(run, shard_rows=16)
    assert len(run.shard_numbers()) > 2
    assert len(all_ids(run)) == len(set(all_ids(run))) == 200
    assert run.scan("verdicts").collect()["outcome"].unique().to_list() == ["correct"]


def test_a_refused_request_is_a_recorded_outcome(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", [*RIGHT_AND_WRONG, {"error": "prompt too long"}])
    assert sample_run(run).done == 40
    rows = run.scan("samples").collect().join(run.scan("verdicts").collect(), on="sample_id").filter(pl.col("finish_reason") == "error")
    assert 0 < rows.height < 40
    assert rows["error"].unique().to_list() == ["prompt too long"]
    assert rows["outcome"].unique().to_list() == ["no_answer"]


def test_a_teacher_that_refuses_everything_is_an_error_and_leaves_no_samples(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", [{"error": "no such parameter"}])
    with pytest.raises(CotkitError, match="refuses every request: no such parameter"):
        sample_run(run)
    assert all_ids(run) == []


def test_a_teacher_that_goes_away_is_an_error_and_finished_samples_stay(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", [{"failure": "connection lost"}])
    with pytest.raises(CotkitError, match="stopped answering: connection lost") as caught:
        sample_run(run)
    assert "samples are kept" in caught.value.hint
    assert "request failed" in (run.path / "log.jsonl").read_text()


def test_thinking_is_told_from_the_answer(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", [{"response": "<think>\nTwice.\n</think>\n\n\\boxed{{answer}}"}], n=1)
    sample_run(run)
    row = run.scan("samples").collect().row(0, named=True)
    assert (row["reasoning"].strip(), row["delimiter"]) == ("Twice.", "think")
    assert row["response"].strip().startswith("\\boxed")


def test_hostile_texts_become_outcomes(tmp_path: Path) -> None:
    script = [{"response": "\ud800 lone"}, {"response": "\x00"}, {"response": "{", "repeat": 5000}, {"response": "\\boxed{9^{9^{9^{9}}}}"}]
    run = make_run(tmp_path / "run", script, n=4)
    assert sample_run(run).done == 40
    assert "correct" not in set(run.scan("verdicts").collect()["outcome"])


@pytest.mark.parametrize(("how", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 130)], ids=["Ctrl-C", "SIGTERM"])
def test_an_interrupted_command_says_how_to_go_on_and_loses_nothing(tmp_path: Path, how: int, code: int) -> None:
    run = make_run(tmp_path / "run", [{"response": "\\boxed{{answer}}", "seconds": 0.2}], n=40, concurrency=4)
    child = subprocess.Popen([sys.executable, "-m", "cotkit", "sample", str(run.path)], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 30
    while len(run.live_sample_ids()) < 8 and time.monotonic() < deadline:
        time.sleep(0.05)
    child.send_signal(how)
    _, said = child.communicate(timeout=20)
    assert child.returncode == code
    assert "run the same command again to go on" in said
    assert "Traceback" not in said
    assert 8 <= len(set(all_ids(run))) < 400


@pytest.mark.slow
def test_killing_it_twenty_times_loses_and_doubles_nothing(tmp_path: Path) -> None:
    script = [{"response": "\\boxed{{answer}}", "seconds": 0.02}, {"response": "\\boxed{{wrong}}", "seconds": 0.04}]
    run, whole = make_run(tmp_path / "run", script, n=40), make_run(tmp_path / "whole", script, n=40)
    chance = random.Random(4)
    for _ in range(20):
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(run.path)], stdout=subprocess.PIPE, text=True)
        assert child.stdout
        counted = 0
        for _, line in zip(range(chance.randrange(1, 25)), child.stdout, strict=False):
            counted = int(line)
        time.sleep(chance.random() * 0.05)
        child.kill()
        counted = max([counted, *(int(line) for line in child.stdout if line.strip())])
        child.wait()
        child.stdout.close()
        ids = all_ids(run)
        assert len(ids) == len(set(ids))
        assert len(ids) >= counted
    progress = sample_run(run, shard_rows=16)
    assert 0 < progress.resumed < progress.total == progress.done
    sample_run(whole)
    assert sorted(all_ids(run)) == sorted(all_ids(whole))
    verdicts = [r.scan("verdicts").collect().select("sample_id", "outcome").sort("sample_id") for r in (run, whole)]
    assert verdicts[0].equals(verdicts[1])


class Server:
    """A loopback server in a thread that fails the first `failing` requests and counts what is in flight."""

    def __init__(self, failing: int = 0) -> None:
        self.failing, self.asked, self.in_flight, self.most_in_flight = failing, 0, 0, 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.asked += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        failing = self.asked <= self.failing
        await asyncio.sleep(0.01)
        self.in_flight -= 1
        if failing:
            return web.Response(status=503, text="warming up")
        number = body["messages"][-1]["content"].split()[2]
        return web.json_response({"choices": [{"message": {"content": f"\\boxed{{{2 * int(number)}}}"}, "finish_reason": "stop"}]})

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._answer)
        self._runner = web.AppRunner(app)
        self._loop.run_until_complete(self._runner.setup())
        self._loop.run_until_complete(web.TCPSite(self._runner, "127.0.0.1", 0).start())
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(self._runner.cleanup())
        self._loop.close()

    def __enter__(self) -> "Server":
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()


def test_requests_that_failed_for_now_are_drawn_when_resumed(tmp_path: Path) -> None:
    with Server(failing=3) as server:
        settings = {"teacher": f"openai:{server.url}#m", "retries": 0, "concurrency": 20}
        first = sample_run(make_run(tmp_path / "run", RIGHT_AND_WRONG, **settings))
        assert (first.done, first.failed) == (37, 3)
        second = sample_run(make_run(tmp_path / "run", RIGHT_AND_WRONG, **settings))
    assert (second.done, second.resumed, second.failed) == (40, 37, 0)
    assert set(RunFolder.open(tmp_path / "run").scan("verdicts").collect()["outcome"]) == {"correct"}


def test_no_more_is_in_flight_than_allowed_and_no_less(tmp_path: Path) -> None:
    with Server() as server:
        sample_run(make_run(tmp_path / "run", RIGHT_AND_WRONG, teacher=f"openai:{server.url}#m", concurrency=6))
    assert server.most_in_flight == 6


def test_seeds_differ_by_problem_and_index_and_fit_31_bits() -> None:
    seeds = {derive_seed(0, problem, index) for problem in ("a", "b") for index in range(50)} | {derive_seed(1, "a", 0)}
    assert len(seeds) == 101
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_adaptive_sampling_stops_each_problem_at_its_kth_correct_sample(tmp_path: Path) -> None:
    script = [{"response": "\\boxed{{answer}}"}, {"response": "\\boxed{{wrong}}", "weight": 3}]
    run = make_run(tmp_path / "run", script, n=8, until_correct=2, max_samples=400, concurrency=1)
    progress = sample_run(run)
    rows = run.scan("samples").collect().join(run.scan("verdicts").collect(), on="sample_id")
    correct = rows.filter(pl.col("outcome") == "correct").group_by("problem_id").len()["len"]
    assert progress.settled == {"enough_correct": 10}
    assert correct.min() == 2
    assert correct.sum() <= 30  # a verdict may come when the next sample is drawn already
    assert 20 < progress.done == rows.height < 200


def test_running_requests_of_a_settled_problem_are_aborted_and_not_lost_to_the_count(tmp_path: Path) -> None:
    script = [{"response": "\\boxed{{answer}}"}, {"response": "slow \\boxed{{answer}}", "seconds": 3.0}]
    run = make_run(tmp_path / "run", script, until_correct=1, max_samples=400, concurrency=64)
    progress = sample_run(run)
    assert progress.settled == {"enough_correct": 10}
    assert progress.done + progress.aborted == 20  # two at once are expected to suffice
    assert progress.aborted > 0
    assert progress.done == run.scan("samples").collect().height
    assert sample_run(run).done == progress.done  # what is settled draws nothing again


def test_an_unsolvable_problem_is_given_up(tmp_path: Path) -> None:
    settings = {"until_correct": 1, "max_samples": 1000, "give_up": 0.2, "useful_pass_rate": 0.2}
    progress = sample_run(make_run(tmp_path / "run", [{"response": "\\boxed{{wrong}}"}], **settings))
    assert progress.settled == {"given_up": 10}
    assert 50 <= progress.done <= 250


def test_more_correct_samples_may_be_asked_for_later(tmp_path: Path) -> None:
    script = [{"response": "\\boxed{{answer}}"}, {"response": "\\boxed{{wrong}}"}]
    first = sample_run(make_run(tmp_path / "run", script, until_correct=1, max_samples=100, concurrency=1))
    second = sample_run(make_run(tmp_path / "run", script, until_correct=3, max_samples=100, concurrency=1))
    assert second.resumed == first.done
    verdicts = RunFolder.open(tmp_path / "run").scan("verdicts").collect()
    assert 30 <= (verdicts["outcome"] == "correct").sum() <= 45
    assert second.settled == {"enough_correct": 10}


def test_no_further_samples_are_started_once_the_token_budget_is_spent(tmp_path: Path) -> None:
    script = [{"response": "one two three \\boxed{{answer}}"}]
    assert sample_run(make_run(tmp_path / "run", script, n=20, concurrency=1, token_budget=40)).done == 10
    again = sample_run(make_run(tmp_path / "run", script, n=20, concurrency=1, token_budget=60))
    assert (again.resumed, again.done) == (10, 15)


def test_a_larger_token_budget_draws_again_only_what_was_cut_off(tmp_path: Path) -> None:
    script = [{"response": "\\boxed{{answer}}"}, {"response": "and so on", "finish_reason": "length"}]
    run = make_run(tmp_path / "run", script, max_tokens=100)
    sample_run(run)
    cut_off = (run.scan("samples").collect()["finish_reason"] == "length").sum()
    assert 0 < cut_off < 40
    longer = run.recipe.model_copy(update={"sample": run.recipe.sample.model_copy(update={"max_tokens": 200})})
    with pytest.raises(CotkitError, match="max_tokens 100 → 200") as caught:
        RunFolder.create(run.path, longer, PROBLEMS)
    assert "--resume continue-truncated" in caught.value.hint
    progress = sample_run(RunFolder.create(run.path, longer, PROBLEMS, "continue-truncated"))
    assert (progress.resumed, progress.done) == (40 - cut_off, 40)
    again = [json.loads(text)["max_tokens"] for text in run.scan("samples").collect()["parameters"]]
    assert (again.count(100), again.count(200)) == (40, cut_off)


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from cotkit.pipelines.run_folder import RunFolder, folder
from cotkit.pipelines.sampling.scheduler import sample_run

write = folder.RunFolder.write

def write_on_a_full_disk(*arguments):  # the limit stands for the disk; only while a shard is written
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, resource.RLIM_INFINITY))
    try:
        write(*arguments)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
folder.RunFolder.write = write_on_a_full_disk
sample_run(RunFolder.open(Path(sys.argv[1])), shard_rows=16)
"""


def test_a_disk_that_is_full_while_sealing_ends_the_run_and_loses_nothing(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", [{"response": "\\boxed{{answer}}", "seconds": 0.01}], n=20)
    child = subprocess.run([sys.executable, "-c", FULL_DISK, str(run.path)], capture_output=True, text=True, timeout=60)
    assert child.returncode == 1
    assert "CotkitError" in child.stderr
    assert "the disk is full" in child.stderr or "cannot write" in child.stderr  # the ledger may meet the limit first
    kept = len(run.live_sample_ids())
    assert kept >= 16
    assert run.shard_numbers() == []
    again = sample_run(run)
    assert (again.resumed, again.done) == (kept, 200)
    assert len(all_ids(run)) == len(set(all_ids(run))) == 200
