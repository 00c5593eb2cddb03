"""A dataset repo on the Hub: opened with a token that is checked first, created private, read and committed to with patience."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from ...schemas.errors import CotkitError
from .errors import LOGIN, http_errors, retrying, status_of

if TYPE_CHECKING:
    from huggingface_hub import CommitInfo, HfApi
    from huggingface_hub.hf_api import RepoFile

NAME = re.compile(r"(?:[A-Za-z0-9][\w.\-]{0,95}/)?[A-Za-z0-9_][\w.\-]{0,95}", re.ASCII)
BRANCH = re.compile(r"[A-Za-z0-9][\w.\-/]{0,200}", re.ASCII)
Say = Callable[[str], object]


class Patience(NamedTuple):
    """How waiting is told and done."""

    say: Say = lambda _text: None
    sleep: Callable[[float], object] = time.sleep


def check_name(name: str) -> str:
    """Give a repo's name; raises CotkitError when it is none."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    hint = "write OWNER/NAME, such as me/long-cot-math: letters, digits, `-`, `_` and `.`"
    if not NAME.fullmatch(name):
        raise CotkitError(f"{name!r} is no name of a Hub repo", hint)
    try:
        validate_repo_id(name)
    except HFValidationError as error:
        raise CotkitError(f"{name!r} is no name of a Hub repo: {str(error).split(':')[0]}", hint) from None
    return name


def check_branch(name: str | None) -> str | None:
    """Give a branch's name; raises CotkitError when git would not take it."""
    if name is not None and (not BRANCH.fullmatch(name) or ".." in name or "//" in name or name.endswith(("/", ".", ".lock"))):
        raise CotkitError(f"{name!r} is no name of a branch", "use letters, digits, `-`, `_`, `.` and `/`")
    return name


class HubRepo:
    """A dataset repo; what is asked of it is tried again as long as that can help."""

    def __init__(self, api: HfApi, name: str, user: str, patience: Patience) -> None:
        self.api = api
        self.name = name
        self.user = user
        self.patience = patience

    @classmethod
    def log_in(cls, name: str, patience: Patience) -> Self:
        """Check name and token; raises CotkitError when there is no token or the Hub does not know it."""
        from huggingface_hub import HfApi, get_token

        from ... import __version__

        check_name(name)
        token = get_token()
        if not token:
            raise CotkitError("no token for the Hugging Face Hub", LOGIN)
        api = HfApi(token=token, library_name="cotkit", library_version=__version__)
        user = retrying(api.whoami, name, *patience)["name"]
        return cls(api, name if "/" in name else f"{user}/{name}", user, patience)

    def ask(self, call: Callable[..., Any], **arguments: Any) -> Any:
        """Call a method of the Hub's client on this repo."""
        return retrying(lambda: call(repo_id=self.name, repo_type="dataset", **arguments), self.name, *self.patience)

    def ensure(self, public: bool) -> bool:
        """Create the repo, private unless `public`, where there is none; say whether it is private.

        Raises CotkitError when it is there and public, and that was not asked for.
        """
        from huggingface_hub.errors import RepositoryNotFoundError

        def private() -> bool:
            try:
                return bool(self.api.repo_info(self.name, repo_type="dataset").private)
            except RepositoryNotFoundError:
                try:
                    self.api.create_repo(self.name, repo_type="dataset", private=not public, exist_ok=False)
                except http_errors() as error:
                    if status_of(error) == 409:
                        return bool(self.api.repo_info(self.name, repo_type="dataset").private)
                    raise
                return not public

        is_private = retrying(private, self.name, *self.patience)
        if not is_private and not public:
            raise CotkitError(f"{self.name}: is there and public", "pass --public to push to it, or choose another name")
        return is_private

    def head(self, revision: str) -> str:
        """Give the newest commit of a revision."""
        return self.ask(self.api.repo_info, revision=revision).sha

    def files(self, revision: str) -> dict[str, RepoFile]:
        """List the files of a revision by their paths."""
        from huggingface_hub.hf_api import RepoFile

        entries = self.ask(lambda **names: list(self.api.list_repo_tree(recursive=True, revision=revision, **names)))
        return {entry.path: entry for entry in entries if isinstance(entry, RepoFile)}

    def open_pull_request(self, title: str) -> str | None:
        """Give the revision of the user's own open pull request of that title; None when there is none."""
        wanted = {"author": self.user, "discussion_type": "pull_request", "discussion_status": "open"}
        found = self.ask(lambda **names: list(self.api.get_repo_discussions(**wanted, **names)))
        numbers = [entry.num for entry in found if entry.title == title]
        return f"refs/pr/{max(numbers)}" if numbers else None

    def read(self, path: str, revision: str, folder: Path) -> str | None:
        """Read a text file of a revision by way of `folder`; None when it is not there."""
        if path not in self.files(revision):
            return None
        return Path(self.ask(self.api.hf_hub_download, filename=path, revision=revision, local_dir=folder)).read_text(encoding="utf-8")

    def commit(self, operations: Sequence[Any], message: str, **arguments: Any) -> CommitInfo:
        """Upload and commit once, without trying again: what changed meanwhile has to be looked at first."""
        return self.api.create_commit(
            repo_id=self.name, repo_type="dataset", operations=list(operations), commit_message=message, **arguments
        )
