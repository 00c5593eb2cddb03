"""The YAML head of the card: configs with their files, features and sizes, and what the Hub's search filters by.

Features come from the Arrow schema of the files themselves, by way of `datasets`, so that what is declared is what is there.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..run_folder import RunFolder
from .licence import licence_fields, teacher_terms
from .pieces import Pieces

if TYPE_CHECKING:
    from .card import CardOptions

SIZES = (
    (10**3, "n<1K"),
    (10**4, "1K<n<10K"),
    (10**5, "10K<n<100K"),
    (10**6, "100K<n<1M"),
    (10**7, "1M<n<10M"),
    (10**8, "10M<n<100M"),
    (10**9, "100M<n<1B"),
)
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)


def metadata(run: RunFolder, folder: Path, made: list[Pieces], options: CardOptions) -> dict[str, Any]:
    """Give the fields of the head in their order."""
    infos = config_infos(made)
    rows = {info["config_name"]: sum(split["num_examples"] for split in info["splits"]) for info in infos}
    terms = teacher_terms(run.count("samples", "teacher"))
    kinds = set(run.problems()["kind"].unique())
    source = run.recipe.problems.source.split(":")[0]
    return {
        "pretty_name": run.recipe.name.replace("_", " "),
        "language": list(options.languages),
        **licence_fields(options.licence, terms),
        "annotations_creators": ["machine-generated"],
        "language_creators": ["machine-generated"],
        "size_categories": [size_category(max(rows.values()))],
        "task_categories": ["text-generation", *(["reinforcement-learning"] if "rl" in rows else [])],
        **({"source_datasets": [source]} if HUB_ID.fullmatch(source) and not Path(source).suffix else {}),
        "tags": tags(kinds, rows),
        "configs": config_list(folder, made),
        "dataset_info": infos,
    }


def tags(kinds: set[str], rows: dict[str, int]) -> list[str]:
    """Give the tags by which such sets are found."""
    found = ["cotkit", "synthetic", "reasoning", "chain-of-thought", "distillation"]
    found += ["math"] if kinds & {"math", "number"} else []
    return found + (["sft"] if "default" in rows else []) + (["rlvr"] if "rl" in rows else [])


def size_category(rows: int) -> str:
    """Give the Hub's word for a number of rows.

    >>> size_category(999), size_category(1000), size_category(2_000_000_000)
    ('n<1K', '1K<n<10K', 'n>1B')
    """
    return next((name for end, name in SIZES if rows < end), "n>1B")


def config_list(folder: Path, made: list[Pieces]) -> list[dict[str, Any]]:
    """Give `configs`: which files each split of each config has; the first config is the one that is loaded without a name."""
    configs: dict[str, list[dict[str, str]]] = {}
    for pieces in made:
        place = pieces.paths[0].parent.relative_to(folder).as_posix()
        configs.setdefault(pieces.config, []).append({"split": pieces.split, "path": f"{place}/{pieces.split}-*.parquet"})
    return [
        {"config_name": name, **({"default": True} if number == 0 else {}), "data_files": files}
        for number, (name, files) in enumerate(configs.items())
    ]


def config_infos(made: list[Pieces]) -> list[dict[str, Any]]:
    """Give `dataset_info`: features, splits and sizes of each config, as `datasets` writes them."""
    import pyarrow.parquet
    from datasets import DatasetInfo, Features, SplitDict, SplitInfo

    infos: dict[str, DatasetInfo] = {}
    for pieces in made:
        footers = [pyarrow.parquet.read_metadata(path) for path in pieces.paths]
        rows = sum(footer.num_rows for footer in footers)
        size = sum(footer.row_group(group).total_byte_size for footer in footers for group in range(footer.num_row_groups))
        schema = footers[0].schema.to_arrow_schema()
        info = infos.setdefault(
            pieces.config,
            DatasetInfo(config_name=pieces.config, features=Features.from_arrow_schema(schema), splits=SplitDict(), download_size=0),
        )
        assert info.splits is not None
        info.splits.add(SplitInfo(name=pieces.split, num_bytes=size, num_examples=rows))
        info.download_size = (info.download_size or 0) + sum(path.stat().st_size for path in pieces.paths)
        info.dataset_size = (info.dataset_size or 0) + size
    return [{"config_name": name, **info._to_yaml_dict()} for name, info in infos.items()]
