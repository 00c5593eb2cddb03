import importlib
import multiprocessing
import os
import subprocess
import sys
import threading

import pytest
from cotkit.pipelines import reward
from cotkit.pipelines.reward import correctness_reward


@pytest.fixture(autouse=True, scope="module")
def _no_worker_is_left():
    yield
    reward._pool.close()


@pytest.mark.parametrize(
    ("completion", "gold", "expected"),
    [
        pytest.param(r"\boxed{0.5}", r"$\frac12$", 1.0, id="gold in dollars"),
        pytest.param(r"<think>\boxed{3}? no</think>So \boxed{7}.", "7", 1.0, id="reasoning first"),
        pytest.param([{"role": "assistant", "content": r"\boxed{7}"}], "7", 1.0, id="chat"),
        pytest.param(r"\boxed{42}", "9 - 2 makes 7\n#### 42", 1.0, id="worked gold"),
        pytest.param(r"\boxed{8}", "7", 0.0, id="wrong"),
        pytest.param("I do not know.", "7", 0.0, id="no answer"),
        pytest.param(r"<think>so 7, \boxed{7}", "7", 0.0, id="reasoning without end"),
        pytest.param("either 7 or 8: " + r"\boxed{7} or \boxed{8}", "7", 0.0, id="ambiguous"),
        pytest.param(None, "7", 0.0, id="null"),
        pytest.param([], "7", 0.0, id="empty chat"),
        pytest.param(r"\boxed{8}", "", None, id="no gold"),
        pytest.param(r"\boxed{8}", None, None, id="null gold"),
    ],
)
def test_a_completion_gets_its_reward(completion, gold, expected):
    assert correctness_reward([completion], [gold], prompts=["?"], completion_ids=[[1]]) == [expected]


def test_a_kind_is_given_for_all_or_for_each():
    assert correctness_reward(["(B)", "blue"], ["B", "blue"], kind=["choice", "text"]) == [1.0, 1.0]
    assert correctness_reward(["3.14"], ["3.1416"], kind="number") == [1.0]


def test_only_an_answer_in_so_many_words_stands_when_the_completion_was_cut_off():
    completions = [r"\boxed{7}, or rather", "so we have 7"]
    assert correctness_reward(completions, ["7", "7"], finish_reason=["length", "length"]) == [1.0, 0.0]


def test_lists_of_different_lengths_are_an_error():
    with pytest.raises(ValueError, match="shorter"):
        correctness_reward(["7", "7"], ["7"])


def test_threads_share_the_pool():
    rewards: list[object] = [None] * 8

    def ask(number):
        rewards[number] = correctness_reward([rf"\boxed{{{n}}}" for n in range(30)], [str(number)] * 30)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    [thread.start() for thread in threads]
    [thread.join(60) for thread in threads]
    assert rewards == [[float(n == number) for n in range(30)] for number in range(8)]


# a module of its own: a spawned child imports its target by name
CHILD = """
from cotkit.pipelines.reward import correctness_reward

def reward(queue):
    queue.put(correctness_reward(["\\\\boxed{7}", "\\\\boxed{8}"], ["7", "7"]))
"""


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")  # from Python 3.12 on; what is tested
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_child_opens_a_pool_of_its_own_and_leaves_ours_alone(method, tmp_path, monkeypatch):
    (tmp_path / "child_with_rewards.py").write_text(CHILD)
    monkeypatch.syspath_prepend(tmp_path)
    assert correctness_reward(["7"], ["7"]) == [1.0]
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    child = context.Process(target=importlib.import_module("child_with_rewards").reward, args=(queue,), daemon=True)
    child.start()
    assert queue.get(timeout=30) == [1.0, 0.0]
    child.join(10)
    assert child.exitcode == 0
    assert correctness_reward(["7"], ["7"]) == [1.0]


def test_a_process_that_has_given_rewards_ends_by_itself_without_a_word():
    code = "from cotkit.pipelines.reward import correctness_reward as r; print(r(['7'], ['7']))"
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=os.environ, check=True)
    assert (done.stdout, done.stderr) == ("[1.0]\n", "")
