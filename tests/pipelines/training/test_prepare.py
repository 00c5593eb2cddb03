"""What cotkit writes for verl and OpenRLHF, and that bad input is told before anything is started."""

import json
import sys
from pathlib import Path
from typing import get_args

import polars as pl
import pytest
import tomli_w
import yaml
from cotkit.cli import app
from cotkit.pipelines import reward
from cotkit.pipelines.training import default_folder, prepare
from cotkit.pipelines.training.engines import Prepared, launch
from cotkit.schemas.errors import CotkitError
from cotkit.schemas.paper_tables import RL_PRESETS, RlPreset
from cotkit.schemas.recipe import load_recipe
from cotkit.schemas.training import RlTrainConfig
from typer.testing import CliRunner


@pytest.fixture(autouse=True, scope="module")
def _no_worker_is_left():
    yield
    reward._pool.close()


SMALL = {"batch_size": 8, "prompts_per_rollout": 8}


def config_of(engine: str = "verl", **changes) -> RlTrainConfig:
    return RlTrainConfig.model_validate(SMALL | {"engine": engine} | changes)


def test_every_table_of_the_paper_is_a_preset_that_is_read_back_as_it_is():
    assert set(get_args(RlPreset)) == set(RL_PRESETS)
    for name in RL_PRESETS:
        config = RlTrainConfig.model_validate({"preset": name, "engine": "verl"})
        assert RlTrainConfig.model_validate(config.model_dump()) == config
        assert config.method == "ppo"
    table_7 = RlTrainConfig(preset="table-7", engine="verl")
    assert (table_7.epochs, table_7.samples_per_prompt, table_7.batch_size, table_7.rollout_prompts()) == (4, 4, 512, 512)
    own = RlTrainConfig.model_validate({"preset": "table-10-a", "kl": 0.0, "reward": {"repetition_discount": 0.5}})
    assert (own.kl, own.reward.repetition_discount, own.reward.cosine.correct_at_max) == (0.0, 0.5, 10.0)
    assert RlTrainConfig(preset="table-11-4k").reward.cosine.max_tokens == 2048


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"algorithm": "ppo"}, "TRL has no PPO"),
        ({"engine": "verl", "algorithm": "rloo"}, "is TRL's"),
        ({"engine": "verl", "gae_lambda": 0.95}, "need gae_lambda = 1"),
        ({"prompts_per_rollout": 3}, "no multiple of batch_size"),
        ({"preset": "table-6"}, "table-7"),
        ({"reward": {"parts": ["cosine", "brevity"]}}, "cosine"),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else None,
)
def test_settings_that_do_not_go_together_are_refused(settings, says):
    with pytest.raises(ValueError, match=says):
        RlTrainConfig.model_validate(settings)


def test_verl_is_given_the_papers_numbers(export: Path, model: Path, tmp_path: Path):
    # table 7, on few prompts
    config = RlTrainConfig.model_validate({"preset": "table-7", "engine": "verl", "batch_size": 8, "prompts_per_rollout": 8})
    out = prepare(export, str(model), tmp_path / "out", config).out
    written = yaml.safe_load((out / "verl.yaml").read_text())
    actor, rollout = written["actor_rollout_ref"]["actor"], written["actor_rollout_ref"]["rollout"]
    assert (written["data"]["max_prompt_length"], written["data"]["max_response_length"]) == (2048, 14336)
    assert (actor["optim"]["lr"], written["critic"]["optim"]["lr"]) == (5e-7, 9e-6)
    assert (rollout["n"], written["trainer"]["total_epochs"], actor["ppo_mini_batch_size"], actor["ppo_epochs"]) == (4, 4, 2, 1)
    algorithm = written["algorithm"]
    assert (algorithm["adv_estimator"], algorithm["lam"], algorithm["gamma"], algorithm["kl_ctrl"]["kl_coef"]) == ("gae", 1.0, 1.0, 0.01)
    rows = pl.read_parquet(out / "prompts/train.parquet")
    assert rows["reward_model"].struct.field("ground_truth").to_list() == [str(number) for number in range(8)]
    assert rows["data_source"].unique().to_list() == ["cotkit"]
    # the settings are a recipe to train again with
    assert load_recipe(out / "recipe.toml").train_rl == config


def test_openrlhf_is_given_the_papers_numbers_and_told_what_it_cannot(export: Path, model: Path, tmp_path: Path):
    prepared = prepare(export, str(model), tmp_path / "out", config_of("openrlhf", preset="table-13"))
    words = prepared.command
    given = {
        name: words[words.index(f"--{name}") + 1] for name in ("actor.adam.lr", "critic.adam.lr", "train.num_episodes", "data.max_len")
    }
    assert given == {"actor.adam.lr": "5e-07", "critic.adam.lr": "9e-06", "train.num_episodes": "4", "data.max_len": "16384"}
    assert "0.999 is not used" in prepared.notes[0]
    assert pl.read_parquet(prepared.out / "prompts/train.parquet")["problem"][3] == '{"answer":"3","kind":"math","options":[]}'
    assert (prepared.out / "launch.sh").read_text() == f"{prepared.line()}\n"


@pytest.mark.parametrize("engine", ["verl", "openrlhf"])
def test_print_shows_the_command_and_starts_nothing(engine: str, export: Path, model: Path, tmp_path: Path):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(tomli_w.dumps({"train_rl": SMALL}))
    words = ["train", "rl", export, "--model", model, "--engine", engine, "--recipe", recipe, "-o", tmp_path / "out", "--print"]
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    module = {"verl": "verl.trainer.main_ppo", "openrlhf": "openrlhf.cli.train_ppo_ray"}[engine]
    assert f"-m {module}" in done.stdout
    assert done.stdout == (tmp_path / "out/launch.sh").read_text()


@pytest.mark.parametrize("engine", ["verl", "openrlhf"])
def test_what_cannot_be_trained_is_told_before_anything_is_written(engine: str, export: Path, model: Path, tmp_path: Path, monkeypatch):
    silent = tmp_path / "silent"
    silent.mkdir()
    (silent / "tokenizer_config.json").write_text("{}")
    other = tmp_path / "other"
    other.mkdir()
    pl.DataFrame({"prompt": ["2+2?"]}).write_parquet(other / "x.parquet")
    torn = tmp_path / "torn"
    torn.mkdir()
    (torn / "x.parquet").write_bytes(b"PAR1")
    out = tmp_path / "out"
    good = config_of(engine)
    for place, student, config, says in [
        (tmp_path / "nothing", model, good, "no Parquet file"),
        (other, model, good, "no column"),
        (torn, model, good, "not readable"),
        (export, silent, good, "chat template"),
        (export, model, config_of(engine, max_prompt_tokens=20), "8 prompts have more than 20 tokens"),
        (export, model, RlTrainConfig.model_validate({"engine": engine}), "do not fill a rollout of 512"),
        (export, model, config_of(engine, epochs=0.5), "whole"),
    ]:
        with pytest.raises(CotkitError, match=says):
            prepare(place, str(student), out, config)
        assert not out.exists()
    monkeypatch.setenv("COTKIT_REWARD_WORKERS", "many")
    reward._pool.close()
    with pytest.raises(CotkitError, match="COTKIT_REWARD_WORKERS"):
        prepare(export, str(model), out, good)
    assert not out.exists()


def test_workers_that_cannot_start_are_told_before_anything_is_written(export: Path, model: Path, tmp_path: Path, monkeypatch):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/pydantic.py").write_text("raise ImportError('half an install')\n")
    monkeypatch.syspath_prepend(tmp_path / "broken")  # workers resolve modules as this process does
    reward._pool.close()
    try:
        with pytest.raises(CotkitError, match="workers do not start"):
            prepare(export, str(model), tmp_path / "out", config_of())
    finally:
        reward._pool.close()
    assert not (tmp_path / "out").exists()


def test_a_prompt_that_the_models_template_refuses_is_told(export: Path, model: Path, tmp_path: Path):
    refusing = "{{ raise_exception('no such role') }}"
    (model / "tokenizer_config.json").write_text(json.dumps({"chat_template": refusing}))
    with pytest.raises(CotkitError, match=r"cannot render|no such role"):
        prepare(export, str(model), tmp_path / "out", config_of())


@pytest.mark.parametrize(("engine", "line"), [("verl", "pip install 'verl"), ("openrlhf", "pip install 'openrlhf")])
def test_an_engine_that_is_not_installed_is_told_with_how_to(engine: str, line: str, tmp_path: Path):
    with pytest.raises(CotkitError, match="is not installed") as told:
        launch(Prepared(tmp_path, [], {}, []), config_of(engine))
    assert line in (told.value.hint or "")


def test_curves_are_taken_from_verls_log_over_a_restart(tmp_path: Path, monkeypatch):
    (tmp_path / "verl.py").write_text("")  # found, so that it counts as installed
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "verl", raising=False)
    out = tmp_path / "out"
    out.mkdir()

    def start(steps: range, status: int) -> None:
        lines = [json.dumps({"step": step, "data": {"critic/rewards/mean": step / 10, "response_length/mean": 5.0}}) for step in steps]
        code = f"import pathlib, sys; pathlib.Path({str(out / 'verl.jsonl')!r}).write_text({chr(10).join(lines)!r}); sys.exit({status})"
        trained = launch(Prepared(out, [sys.executable, "-c", code], {}, []), config_of())
        assert trained.steps == steps[-1]

    with pytest.raises(CotkitError, match="ended with status 3"):
        start(range(1, 5), 3)
    start(range(3, 7), 0)
    lines = [json.loads(line) for line in (out / "curves.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5, 6]
    assert lines[3] == {"step": 4, "reward": 0.4, "completions/mean_length": 5.0}


def test_a_training_goes_into_the_run_of_its_export(tmp_path: Path):
    run = tmp_path / "run"
    (run / "exports/rl-trl").mkdir(parents=True)
    (run / "recipe.toml").write_text("")
    (run / "problems.parquet").write_text("")
    folder = default_folder(run / "exports/rl-trl", "Qwen/Qwen2.5-7B", "rl", "verl", "ppo")
    assert folder == run / "training/rl-verl-ppo-qwen2.5-7b"
    assert default_folder(run / "exports/rl-trl", str(folder / "model"), "rl", "trl", "grpo").name == "rl-trl-grpo-rl-verl-ppo-qwen2.5-7b"
    with pytest.raises(CotkitError, match="in no run folder"):
        default_folder(tmp_path, "Qwen/Qwen2.5-7B", "sft")


def test_a_smaller_budget_is_the_rewards_too(export: Path, model: Path, tmp_path: Path):
    recipe = tmp_path / "r.toml"
    recipe.write_text(tomli_w.dumps({"train_rl": SMALL | {"engine": "verl"}}))
    words = ["train", "rl", export, "--model", model, "--recipe", recipe, "--max-completion-tokens", 512, "--print", "-o", tmp_path / "out"]
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    assert load_recipe(tmp_path / "out/recipe.toml").train_rl.reward.cosine.max_tokens == 512
