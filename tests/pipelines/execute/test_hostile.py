import importlib.util
import resource
import sys
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from cotkit.pipelines.execute.pool import VerifierPool
from cotkit.schemas.problem import Problem
from cotkit.schemas.recipe import VerifyConfig

ADVERSARIAL = Path(__file__).parents[4] / "shared" / "verification" / "adversarial.parquet"
CONFIG = VerifyConfig(workers=2, deadline_seconds=2, memory_mib=1024)
SPEC = importlib.util.spec_from_file_location("hostile", Path(__file__).with_name("hostile.py"))
assert SPEC
assert SPEC.loader
hostile = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(hostile)


@pytest.fixture(params=["with gmpy2", "without gmpy2"])
def gmpy2(request, tmp_path, monkeypatch):
    """Have gmpy2, whose calls no alarm interrupts, within the workers' reach, or out of it."""
    if request.param == "with gmpy2":
        return pytest.importorskip("gmpy2")
    (tmp_path / "gmpy2.py").write_text("raise ImportError('not here')\n")
    monkeypatch.syspath_prepend(tmp_path)  # workers resolve modules as this process does
    return None


def judged(rows):
    """Give name, outcome and milliseconds of (name, gold, response) rows, and the most memory that a worker held, in MiB."""
    with VerifierPool(CONFIG) as pool:
        futures = [(name, pool.submit(response, Problem.make("?", gold, "math"), "stop")) for name, gold, response in rows]
        found = [(name, future.result(60).outcome, future.milliseconds) for name, future in futures]
    return found, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def test_there_are_a_hundred_hostile_answers_each_with_a_name_of_its_own():
    names = Counter(row.name for row in hostile.hostile_answers())
    assert names.total() == 100
    assert set(names.values()) == {1}


@pytest.mark.slow
@pytest.mark.alone  # the memory is the largest of all children that this process has had
@pytest.mark.usefixtures("gmpy2")
def test_of_a_hundred_hostile_answers_the_right_ones_are_accepted_and_no_other():
    rows = hostile.hostile_answers()
    found, peak_mib = judged([(row.name, row.gold, row.response) for row in rows])
    accepted = {name for name, outcome, _ in found if outcome == "correct"}
    assert accepted == {row.name for row in rows if row.expected == "accept"}
    assert all(milliseconds <= 6 * 1000 * CONFIG.deadline_seconds for _, _, milliseconds in found)
    assert "crashed" not in {outcome for _, outcome, _ in found}
    if sys.platform == "linux":
        assert peak_mib < CONFIG.memory_mib + 400


@pytest.mark.slow
@pytest.mark.usefixtures("gmpy2")
@pytest.mark.skipif(not ADVERSARIAL.exists(), reason="the hostile answers of other graders' suites lie beside the checkout")
def test_no_wrong_answer_of_the_adversarial_set_is_accepted():
    frame = pl.read_parquet(ADVERSARIAL)
    found, _ = judged(frame.select("id", "gold", "prediction").rows())
    wrong = set(frame.filter(pl.col("expected_verdict").not_())["id"])
    assert [name for name, outcome, _ in found if outcome == "correct" and name in wrong] == []
    assert "crashed" not in {outcome for _, outcome, _ in found}
