"""A popular set becomes a run or a problem set; its flags stay beside its samples, and a bad row is counted, never a crash."""

import gzip
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from cotkit.pipelines.importing.popular import SETS, tell_set
from cotkit.pipelines.importing.pulling import Pulled, Wanted, pull
from cotkit.pipelines.run_folder import RunFolder
from cotkit.schemas.errors import CotkitError
from cotkit.schemas.recipe import VerifyConfig

R1 = "deepseek-ai/DeepSeek-R1"
THOUGHT = "<think>\n3 and 4 make 7.\n</think>\n\nSo \\boxed{7}."
TAGGED = "<|begin_of_thought|>\n3 and 4 make 7.\n<|end_of_thought|>\n<|begin_of_solution|>\nSo \\boxed{7}.\n<|end_of_solution|>"
DAPO = (
    "Solve the following math problem step by step. The last line of your response should be of the form Answer: $Answer (without quotes) "
    'where $Answer is the answer to the problem.\n\nWhat is 3 + 4?\n\nRemember to put your answer on its own line after "Answer:".'
)
ASKED = "What is 3 + 4?"
PART = ("3 and 4 make 7.", "So \\boxed{7}.")


def human_gpt(text: str, asked: str = ASKED) -> list[dict[str, str]]:
    return [{"from": "user", "value": asked}, {"from": "assistant", "value": text}]


# repository: (row, gold, [(teacher, reasoning, response, what the source says)])
SAMPLED: dict[str, tuple[dict[str, Any], str, list[tuple[str, str | None, str, dict[str, Any]]]]] = {
    "open-r1/OpenR1-Math-220k": (
        {
            "problem": ASKED, "solution": "It is 7.", "answer": "7", "problem_type": "Algebra", "question_type": "MCQ",
            "source": "olympiads", "uuid": "u-1", "is_reasoning_complete": [True, False], "generations": [THOUGHT, "<think>\n3 and"],
            "correctness_math_verify": [True, False], "correctness_llama": None, "finish_reasons": None, "correctness_count": 1,
            "messages": [{"role": "user", "content": ASKED}],
        },
        "7",
        [
            (R1, *PART, {"correctness_math_verify": True, "is_reasoning_complete": True}),
            (R1, "3 and", "", {"correctness_math_verify": False, "is_reasoning_complete": False}),
        ],
    ),
    "open-thoughts/OpenThoughts-114k": (
        {"system": "Think.", "conversations": human_gpt(TAGGED, f"Return your final response within \\boxed{{}}. {ASKED}")},
        "",
        [(R1, *PART, {})],
    ),
    "open-thoughts/OpenThoughts-114k#metadata": (
        {
            "problem": ASKED, "deepseek_reasoning": PART[0], "deepseek_solution": PART[1], "domain": "math", "source": "numina",
            "ground_truth_solution": "Count on: $\\boxed{7}$.", "test_cases": None, "starter_code": None,
        },
        "7",
        [(R1, *PART, {})],
    ),
    "open-thoughts/OpenThoughts3-1.2M": (
        {
            "difficulty": 7, "source": "ai2-adapt", "domain": "math",
            "conversations": [{"from": "human", "value": ASKED}, {"from": "gpt", "value": THOUGHT}],
        },
        "",
        [("Qwen/QwQ-32B", *PART, {})],
    ),
    "bespokelabs/Bespoke-Stratos-17k": ({"system": "Think.", "conversations": human_gpt(TAGGED)}, "", [(R1, *PART, {})]),
    "simplescaling/s1K-1.1": (
        {
            "solution": "7", "question": ASKED, "cot_type": "math", "source_type": "aime", "metadata": "{}",
            "gemini_thinking_trajectory": "Add.", "gemini_attempt": "It is 8.", "gemini_grade": "No", "gemini_grade_reason": "7, not 8",
            "deepseek_thinking_trajectory": PART[0], "deepseek_attempt": PART[1], "deepseek_grade": "Yes", "deepseek_grade_reason": None,
        },
        "7",
        [
            (R1, *PART, {"deepseek_grade": "Yes"}),
            ("gemini-flash-thinking", "Add.", "It is 8.", {"gemini_grade": "No", "gemini_grade_reason": "7, not 8"}),
        ],
    ),
    "simplescaling/s1K": (
        {
            "solution": "7", "question": ASKED, "cot_type": "math", "source_type": "aime", "metadata": "{}",
            "thinking_trajectories": [PART[0]], "attempt": PART[1],
        },
        "7",
        [("gemini-flash-thinking", *PART, {})],
    ),
    "GAIR/LIMO": ({"question": ASKED, "solution": " ".join(PART), "answer": "7"}, "7", [("unknown", None, " ".join(PART), {})]),
    "nvidia/OpenMathReasoning": (
        {
            "expected_answer": "7", "problem_type": "has_answer_extracted", "problem_source": "aops_c4_high_school_math",
            "generation_model": "QwQ-32B", "pass_rate_72b_tir": "n/a", "problem": ASKED, "generated_solution": THOUGHT,
            "inference_mode": "cot", "used_in_kaggle": True,
        },
        "7",
        [("QwQ-32B", *PART, {"inference_mode": "cot", "used_in_kaggle": True})],
    ),
    "a-m-team/AM-DeepSeek-R1-Distilled-1.4M": (
        {
            "messages": [
                {"role": "user", "content": ASKED, "info": {"source": "numina", "reference_answer": "7", "test_case": None}},
                {
                    "role": "assistant", "content": f"<think>{PART[0]}</think><answer>{PART[1]}</answer>",
                    "info": {"think_content": PART[0], "answer_content": PART[1]},
                },
            ]
        },
        "7",
        [(R1, *PART, {})],
    ),
    "PrimeIntellect/SYNTHETIC-1": (
        {
            "response_id": "r-1", "problem_id": "p-1", "source": "numina", "in_source_id": "4", "hf_dataset_name": "x", "prompt": ASKED,
            "task_type": "verifiable_math", "gold_standard_solution": "It is $\\boxed{7}$.", "llm_response": THOUGHT, "metadata": "{}",
            "verification_info": '{"ground_truth": "7"}', "score": 1.0, "verification_result_info": "{}",
        },
        "7",
        [(R1, *PART, {"score": 1.0, "verification_result_info": "{}", "response_id": "r-1"})],
    ),
    "zwhe99/DeepMath-103K": (
        {
            "question": ASKED, "final_answer": "7", "difficulty": 4.5, "topic": "Algebra",
            "r1_solution_1": THOUGHT, "r1_solution_2": THOUGHT.replace("7", "8"), "r1_solution_3": None,
        },
        "7",
        [(R1, *PART, {}), (R1, "3 and 4 make 8.", "So \\boxed{8}.", {})],
    ),
}  # fmt: skip
PROBLEMS: dict[str, tuple[dict[str, Any], str]] = {
    "BytedTsinghua-SIA/DAPO-Math-17k": (
        {
            "data_source": "math_dapo", "prompt": [{"role": "user", "content": DAPO}], "ability": "MATH",
            "reward_model": {"ground_truth": "7", "style": "rule-lighteval/MATH_v2"}, "extra_info": {"index": "a-1"},
        },
        "7",
    ),
    "agentica-org/DeepScaleR-Preview-Dataset": ({"problem": ASKED, "answer": "7", "solution": "3 and 4 make 7."}, "7"),
    "SynthLabsAI/Big-Math-RL-Verified": (
        {"problem": ASKED, "answer": "7", "source": "gsm8k", "domain": ["Mathematics -> Algebra"], "llama8b_solve_rate": 0.9}, "7",
    ),
    "POLARIS-Project/Polaris-Dataset-53K": ({"problem": ASKED, "answer": "7", "difficulty": "6/8"}, "7"),
    "TIGER-Lab/WebInstruct-verified": (
        {"question": ASKED, "answer": "7", "answer_type": "Float", "category": "Mathematics", "difficulty": "Primary School"}, "7",
    ),
    "PrimeIntellect/SYNTHETIC-2-RL": (
        {"problem_id": "p-1", "task_type": "math", "prompt": ASKED, "verification_info": '{"ground_truth": "7"}', "metadata": None}, "7",
    ),
    "nvidia/OpenMathReasoning": (
        {"expected_answer": "7", "problem_type": "x", "problem_source": "aops", "problem": ASKED, "pass_rate_72b_tir": "0.5"}, "7",
    ),
}  # fmt: skip


def write(folder: Path, name: str, rows: list[dict[str, Any]]) -> Path:
    """Write rows as a file in a folder that is called as the repository is."""
    path = folder / name.partition("#")[0].rpartition("/")[2] / "rows.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def pulled_run(tmp_path: Path, name: str, rows: list[dict[str, Any]]) -> tuple[Pulled, RunFolder]:
    pulled = pull(Wanted(str(write(tmp_path, name, rows))), tmp_path / "run")
    return pulled, RunFolder.open(tmp_path / "run")


@pytest.mark.parametrize("name", SAMPLED)
def test_a_set_with_responses_becomes_a_run(tmp_path: Path, name: str) -> None:
    row, gold, expected = SAMPLED[name]
    pulled, run = pulled_run(tmp_path, name, [row])
    assert run.problems().select("prompt", "answer").rows() == [(ASKED, gold)]
    samples = run.scan("samples").sort("teacher", "index").collect()
    found = [
        (s["teacher"], s["reasoning"], s["response"], json.loads(s["parameters"]).get("source_says", {})) for s in samples.rows(named=True)
    ]
    assert sorted(found, key=str) == sorted(expected, key=str)
    assert (pulled.problems, pulled.samples, pulled.present) == (1, len(expected), 0)


@pytest.mark.parametrize("name", [*PROBLEMS, "open-r1/OpenR1-Math-220k", "simplescaling/s1K-1.1"])
def test_any_set_becomes_a_problem_set(tmp_path: Path, name: str) -> None:
    row, gold, *_ = PROBLEMS.get(name) or SAMPLED[name]
    pulled = pull(Wanted(str(write(tmp_path, name, [row, row]))), tmp_path / "problems.parquet")
    assert pl.read_parquet(tmp_path / "problems.parquet").select("prompt", "answer").rows() == [(ASKED, gold)]
    assert pulled.problems == 1
    assert "1 rows or responses: a double of an earlier one" in pulled.notes


def test_what_the_source_says_of_a_problem_stays_in_its_meta(tmp_path: Path) -> None:
    row, _ = PROBLEMS["SynthLabsAI/Big-Math-RL-Verified"]
    pull(Wanted(str(write(tmp_path, "Big-Math-RL-Verified", [row]))), tmp_path / "problems.parquet")
    (problem,) = pl.read_parquet(tmp_path / "problems.parquet").rows(named=True)
    assert json.loads(problem["meta"])["llama8b_solve_rate"] == 0.9
    assert (problem["source"], problem["subject"]) == ("gsm8k", "Mathematics -> Algebra")


def test_flags_are_no_verdicts_and_a_pulled_run_is_judged_anew(tmp_path: Path) -> None:
    from cotkit.pipelines.verification import verify_run

    row = SAMPLED["open-r1/OpenR1-Math-220k"][0] | {"generations": [THOUGHT.replace("7", "8")] * 2, "correctness_math_verify": [True, True]}
    _, run = pulled_run(tmp_path, "OpenR1-Math-220k", [row])
    verify_run(run, VerifyConfig(workers=1))
    assert run.scan("verdicts").collect()["outcome"].to_list() == ["wrong", "wrong"]


UNEQUAL = {
    "correctness_math_verify": [True],
    "correctness_llama": [],
    "finish_reasons": ["stop", "length", "stop"],
    "is_reasoning_complete": None,
}


def test_lists_of_other_lengths_are_kept_whole_and_counted(tmp_path: Path) -> None:
    pulled, run = pulled_run(tmp_path, "OpenR1-Math-220k", [SAMPLED["open-r1/OpenR1-Math-220k"][0] | UNEQUAL])
    first, second = run.scan("samples").sort("index").collect().rows(named=True)
    said = json.loads(first["parameters"])
    assert said["unaligned"] == {"correctness_math_verify": [True], "correctness_llama": []}
    assert "source_says" not in said
    assert (first["finish_reason"], second["finish_reason"]) == ("unknown", "unknown")
    assert "1 rows or responses: correctness_math_verify is not as long as generations" in pulled.notes


def test_finish_reasons_of_the_right_length_are_taken(tmp_path: Path) -> None:
    row = SAMPLED["open-r1/OpenR1-Math-220k"][0] | {"finish_reasons": ["stop", "length"]}
    _, run = pulled_run(tmp_path, "OpenR1-Math-220k", [row])
    assert run.scan("samples").sort("index").collect()["finish_reason"].to_list() == ["stop", "length"]


BAD = {
    "nulls": (dict.fromkeys(SAMPLED["open-r1/OpenR1-Math-220k"][0]), "no prompt"),
    "null responses": (SAMPLED["open-r1/OpenR1-Math-220k"][0] | {"problem": "1 + 1?", "generations": [None, " "]}, "no response"),
    "no responses": (SAMPLED["open-r1/OpenR1-Math-220k"][0] | {"problem": "1 + 1?", "generations": None}, None),
    "no gold": (SAMPLED["open-r1/OpenR1-Math-220k"][0] | {"problem": "1 + 1?", "answer": None, "solution": None}, "no gold answer"),
}


@pytest.mark.parametrize(("row", "reason"), BAD.values(), ids=BAD.keys())
def test_a_bad_row_is_counted_and_the_others_are_taken(tmp_path: Path, row: dict[str, Any], reason: str | None) -> None:
    pulled, run = pulled_run(tmp_path, "OpenR1-Math-220k", [SAMPLED["open-r1/OpenR1-Math-220k"][0], row])
    assert run.problems()["prompt"][0] == ASKED
    assert reason is None or any(reason in note for note in pulled.notes)


def test_a_choice_among_solutions_is_no_response(tmp_path: Path) -> None:
    row = SAMPLED["nvidia/OpenMathReasoning"][0]
    pulled, run = pulled_run(tmp_path, "OpenMathReasoning", [row, row | {"inference_mode": "genselect"}])
    assert pulled.samples == 1
    assert "1 rows or responses: a choice among solutions (genselect), no response to the problem" in pulled.notes
    assert run.scan("samples").collect().height == 1


def test_pulling_again_adds_nothing_and_more_rows_only_what_is_new(tmp_path: Path) -> None:
    row = SAMPLED["zwhe99/DeepMath-103K"][0]
    path = write(tmp_path, "DeepMath-103K", [row, row | {"question": "4 + 5?", "final_answer": "9"}])
    assert pull(Wanted(str(path), limit=1), tmp_path / "run")[1:4] == (1, 2, 0)
    assert pull(Wanted(str(path)), tmp_path / "run")[1:4] == (2, 2, 2)
    assert pull(Wanted(str(path)), tmp_path / "run")[1:4] == (2, 0, 4)


def test_by_its_columns_alone_a_set_is_told_but_not_its_teacher(tmp_path: Path) -> None:
    pulled, run = pulled_run(tmp_path, "mine", [SAMPLED["open-r1/OpenR1-Math-220k"][0]])
    assert pulled.set == "OpenR1-Math-220k"
    assert set(run.scan("samples").collect()["teacher"]) == {"unknown"}
    assert any("told by its columns alone" in note for note in pulled.notes)


def test_every_set_of_the_table_is_told_by_its_own_columns() -> None:
    same_columns = {"Bespoke-Stratos-17k": "OpenThoughts-114k"}
    for known in SETS:
        assert tell_set("somewhere", known.columns).set.name == same_columns.get(known.name, known.name)


def test_a_folder_is_read_by_configuration_and_split(tmp_path: Path) -> None:
    folder = tmp_path / "OpenR1-Math-220k"
    row = SAMPLED["open-r1/OpenR1-Math-220k"][0]
    for config, split in (("default", "train"), ("extended", "train"), ("extended", "test")):
        (folder / config).mkdir(parents=True, exist_ok=True)
        frame = pl.DataFrame([row | {"problem": f"{config} {split}?"}])
        frame.write_parquet(folder / config / f"{split}-00000-of-00001.parquet")

    def prompts(**wanted: Any) -> list[str]:
        out = tmp_path / "out.parquet"
        pull(Wanted(str(folder), **wanted), out)
        return pl.read_parquet(out)["prompt"].to_list()

    assert prompts() == ["default train?", "extended train?"]
    assert prompts(config="extended") == ["extended train?"]
    assert prompts(config="extended", split="test") == ["extended test?"]
    with pytest.raises(CotkitError, match="no data files") as error:
        prompts(split="validation")
    assert "default/train-00000-of-00001.parquet" in error.value.hint


def test_a_compressed_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "AM-DeepSeek-R1-Distilled" / "am_0.5M.jsonl.gz"
    path.parent.mkdir()
    path.write_bytes(gzip.compress(json.dumps(SAMPLED["a-m-team/AM-DeepSeek-R1-Distilled-1.4M"][0]).encode()))
    assert pull(Wanted(str(path.parent)), tmp_path / "run").samples == 1


ERRORS = {
    "unknown columns": ([{"a": 1, "b": 2}], "run", "no popular set has these columns: a, b"),
    "problems for a run": ([PROBLEMS["POLARIS-Project/Polaris-Dataset-53K"][0]], "run", "has problems and no responses"),
    "no rows": ([], "run", "no rows"),
    "several turns": ([{"system": "", "conversations": human_gpt("a") * 2}], "run", "more than one exchange"),
    "no exchange": ([{"system": "", "conversations": None}], "run", "no exchange of a user and an assistant"),
}


@pytest.mark.parametrize(("rows", "out", "message"), ERRORS.values(), ids=ERRORS.keys())
def test_a_source_that_is_of_no_use_is_a_clear_error(tmp_path: Path, rows: list[dict[str, Any]], out: str, message: str) -> None:
    with pytest.raises(CotkitError, match=message):
        pull(Wanted(str(write(tmp_path, "given", rows))), tmp_path / out)
    assert not (tmp_path / out).exists()


def test_an_unknown_schema_names_the_known_sets(tmp_path: Path) -> None:
    with pytest.raises(CotkitError) as error:
        pull(Wanted(str(write(tmp_path, "given", [{"a": 1}]))), tmp_path / "run")
    assert all(known.name in error.value.hint for known in SETS)
