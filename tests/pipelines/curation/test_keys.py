"""Keys: what is read in texts, and what problems say of their samples."""

import polars as pl
import pytest
from cotkit.pipelines.curation import curate_run
from cotkit.pipelines.curation.keys import key_shards, read_keys, text_keys
from cotkit.pipelines.execute.stages import Part
from cotkit.pipelines.problem_keys import leaked_problems
from cotkit.schemas.problem import Problem
from cotkit.schemas.recipe import CurateConfig, SplitConfig


def test_keys_keep_the_order_of_a_shard_of_many_row_groups(run, write_shard):
    rows = [{"index": n, "text": f"text {n % 700}"} for n in range(3000)]
    write_shard(run, 0, rows)
    key_shards(run, CurateConfig())
    frame = read_keys(run, 0, ["text_hash"])
    assert frame["index"].to_list() == list(range(3000))
    assert frame.group_by("text_hash").len().height == 700
    assert frame["text_hash"][0] == frame["text_hash"][700]


@pytest.mark.parametrize(
    ("row", "key", "value"),
    [
        ({"text": r"\boxed{7} and \boxed{ 7 } and \boxed{\frac{1}{2}}"}, "boxes", 2),
        ({"text": "none"}, "boxes", 0),
        ({"reasoning": "so"}, "has_reasoning", True),
        ({"reasoning": ""}, "has_reasoning", False),
        ({"reasoning": None}, "has_reasoning", False),
        ({"text": "7</think> 7"}, "doubled_reasoning", True),
        ({"text": "I think 7"}, "doubled_reasoning", False),
        ({"reasoning": r"\boxed{7}", "text": "It is 7."}, "answered_in_reasoning", True),
        ({"reasoning": r"\boxed{7}", "text": r"\boxed{7}"}, "answered_in_reasoning", False),
        ({"reasoning": None, "text": r"\boxed{7}"}, "answered_in_reasoning", False),
    ],
)
def test_keys_say_what_the_texts_hold(run, row, key, value, write_shard):
    write_shard(run, 0, [row])
    key_shards(run, CurateConfig())
    assert read_keys(run, 0, [key])[key].to_list() == [value]


@pytest.mark.parametrize(
    ("prompt", "answer", "leaks"),
    [
        ("What is 3 + 4?", "7", False),
        ("What is 3 + 4? The answer is 7.", "7", True),
        ("What is 3 + 4? #### 7", "7", True),
        (r"Show that 3 + 4 = \boxed{7}.", "7", True),
        ("What is 3 + 4? The answer is 70.", "7", False),
        (r"Give the answer \frac{1}{2}.", r"\frac{1}{2}", True),
    ],
)
def test_a_prompt_that_states_the_answer_leaks_it(prompt, answer, leaks):
    problem = Problem.make(prompt, answer, "math")
    frame = pl.DataFrame([problem.model_dump()], schema=Problem.polars_schema())
    assert leaked_problems(frame).to_list() == ([problem.problem_id] if leaks else [])


def test_reasoning_and_response_both_make_the_text(run, write_shard):
    write_shard(run, 0, [{"text": "b"}] * 4)
    parts = pl.Series("reasoning", ["a", "b", None, ""], pl.String)
    run.write("samples", 0, run.read("samples", 0).with_columns(parts), "other")
    key_shards(run, CurateConfig())
    assert read_keys(run, 0, ["text_hash"])["text_hash"].n_unique() == 4


def test_texts_are_read_once_for_all_settings_that_ask_for_no_more(run, write_shard):
    for number in range(2):
        write_shard(run, number, [{"text": f"text {number}"}, {"index": 1}])
    alike = CurateConfig(max_similarity=0.9)
    assert key_shards(run, CurateConfig()) == (2, 0)
    assert run.read("keys", 0)["signature"].null_count() == 2
    assert key_shards(run, alike) == (2, 0)
    assert run.read("keys", 0)["signature"].bin.size().to_list() == [128, 128]
    for config in (alike, CurateConfig(), CurateConfig(max_boxes=1), CurateConfig(splits=[SplitConfig(name="a", per_problem=2)])):
        assert key_shards(run, config) == (0, 2)
    assert key_shards(run, alike.model_copy(update={"shingle_words": 3})) == (2, 0)


def test_part_of_the_shards_is_read_before_there_are_verdicts(run, write_shard):
    for number in range(3):
        write_shard(run, number, [{}])
        run.shard_path("verdicts", number).unlink()
        run.shard_path("tags", number).unlink()
    assert curate_run(run, CurateConfig(), Part(1, 2)) == (1, 0)
    assert [run.shard_path("keys", number).exists() for number in range(3)] == [False, True, False]


def test_equal_texts_have_the_same_hash_in_every_version():
    samples = pl.DataFrame({"sample_id": ["a", "b"], "reasoning": ["3 + 4", None], "response": ["7", "3 + 47"]})
    assert text_keys(samples, None)["text_hash"].to_list() == [3208877798381248427, -4583717778636644875]
