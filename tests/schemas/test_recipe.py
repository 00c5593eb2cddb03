"""A recipe is read whole or not at all, and its fingerprints change exactly when results would."""

from pathlib import Path

import pytest
from cotkit.data import data_file
from cotkit.schemas.errors import CotkitError
from cotkit.schemas.recipe import Recipe, SampleConfig, dump_recipe, load_recipe

SHIPPED = sorted(path.stem for path in data_file("recipes").glob("*.toml"))


@pytest.mark.parametrize(
    ("text", "line", "says", "hint"),
    [
        pytest.param("[sample]\ntempratur = 1", 2, "unknown key 'sample.tempratur'", "did you mean 'temperature'?", id="misspelt key"),
        pytest.param("[sampel]\nn = 1", 1, "unknown key 'sampel'", "did you mean 'sample'?", id="misspelt section"),
        pytest.param("[sample]\n\nn = 0", 3, "sample.n:", "it is set to 0", id="n of none"),
        pytest.param(
            "[sample]\nprompt_template = 'hello'", None, "prompt_template must contain {prompt}", "", id="template without problem"
        ),
        pytest.param("[sample\nn = 1", None, "not valid TOML", "mend the file", id="not TOML"),
        pytest.param("[curate]\nsplits = [{ name = 'a' }, { name = 'a' }]", None, "each its own name", "", id="split twice"),
        pytest.param("[[curate.splits]]\nname = 'a'\nmin_tokens = 9\nmax_tokens = 3", None, "above max_tokens", "", id="empty band"),
        pytest.param("[[curate.splits]]\nname = 'a'\nprefers = 'longest'", 3, "unknown key", "did you mean 'prefer'?", id="key in a split"),
        pytest.param("[export.sft]\nformats = ['trl', 'tlr']", 2, "export.sft.formats", "it is set to 'tlr'", id="unknown format"),
    ],
)
def test_a_bad_recipe_is_an_error_that_names_the_place(tmp_path: Path, text: str, line: int | None, says: str, hint: str) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(text)
    with pytest.raises(CotkitError) as caught:
        load_recipe(path)
    assert caught.value.message.startswith(f"{path}:{line}: " if line else str(path))
    assert says in caught.value.message
    assert hint in caught.value.hint


def test_a_missing_recipe_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CotkitError, match="no such recipe"):
        load_recipe(tmp_path / "none.toml")


@pytest.mark.parametrize("there", [True, False])
def test_problems_beside_the_recipe_are_found_from_anywhere(tmp_path: Path, there: bool) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text("[problems]\nsource = 'owner/name.jsonl'")
    if there:
        (tmp_path / "owner").mkdir()
        (tmp_path / "owner/name.jsonl").touch()
    assert load_recipe(path).problems.source == (str(tmp_path / "owner/name.jsonl") if there else "owner/name.jsonl")


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_recipe_survives_being_written_and_read(tmp_path: Path, name: str) -> None:
    recipe = load_recipe(data_file("recipes", f"{name}.toml"))
    path = tmp_path / "recipe.toml"
    path.write_text(dump_recipe(recipe))
    assert load_recipe(path) == recipe
    assert recipe.name == name


@pytest.mark.parametrize(("kind", "sizes"), [("long", [32, 64, 128, 192, 256]), ("short", [32, 64, 128, 256])])
def test_the_scaling_recipes_are_the_papers_with_nested_subsets(kind: str, sizes: list[int]) -> None:
    scaling, single = (load_recipe(data_file("recipes", f"{kind}_cot_{name}.toml")) for name in ("scaling", "math"))
    assert [split.first_n for split in scaling.curate.splits] == sizes
    assert scaling.sample == single.sample.model_copy(update={"n": sizes[-1]})


def test_the_papers_settings_are_in_the_shipped_recipes() -> None:
    long, short = (load_recipe(data_file("recipes", f"{name}_cot_math.toml")).sample for name in ("long", "short"))
    assert (long.temperature, long.top_p, long.max_tokens) == (1.0, 0.95, 8192)
    assert (short.temperature, short.top_p, short.max_tokens) == (0.7, 0.95, 4096)


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"n": 64}, True),
        ({"concurrency": 1}, True),
        ({"retries": 0}, True),
        ({"teacher": "openai:http://other:1/v1#m"}, True),
        ({"teacher": "openai:http://here:1/v1#other"}, False),
        ({"temperature": 0.5}, False),
        ({"max_tokens": 10}, False),
        ({"seed": 1}, False),
        ({"system_prompt": "x"}, False),
        ({"extra": {"top_k": 5}}, False),
    ],
    ids=str,
)
def test_the_sampling_fingerprint_changes_with_what_makes_a_sample(change: dict, same: bool) -> None:
    config = SampleConfig(teacher="openai:http://here:1/v1#m")
    assert (config.model_copy(update=change).fingerprint() == config.fingerprint()) is same


def test_a_recipe_without_sections_has_every_default() -> None:
    assert Recipe.model_validate({}) == Recipe()
