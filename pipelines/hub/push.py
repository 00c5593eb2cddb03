"""Push a dataset folder to the Hub: few large commits, data first and the card last, resumable at any moment.

What is to be done is found by comparing the folder with the repo, file by file and by hash, before every commit. So a second push of
the same bytes is no commit, a push that was cut goes on where it was, and somebody else's commit in between is seen, not overwritten
in the dark. Files of the repo that no push makes are left alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ...schemas.errors import CotkitError
from .errors import retrying
from .pieces import PLACES
from .plots import FOLDER as PLOTS
from .provenance import CARD
from .public import LEXICONS
from .repo import HubRepo, check_branch

if TYPE_CHECKING:
    from huggingface_hub.hf_api import RepoFile

FILES_PER_COMMIT = 256
"""The Hub takes 128 commits an hour, and commits of some hundred files."""
OURS = (*(f"{place}/" for place in PLACES.values()), f"{PLOTS}/", f"{LEXICONS}/")
"""Folders whose files a push replaces: what is not in the new dataset is deleted."""
MAIN = "main"


class Where(NamedTuple):
    """Where a push goes."""

    branch: str | None = None
    """A branch, created when missing; `main` when left out."""
    create_pr: bool = False
    """Open a pull request, or add to the one that an earlier push opened."""
    public: bool = False
    """Create the repo public, or accept one that is."""

    def checked(self) -> Where:
        """Give itself; raises CotkitError when branch and pull request are both asked for."""
        if self.branch and self.create_pr:
            raise CotkitError("--branch and --create-pr do not go together", "a pull request is always against main")
        check_branch(self.branch)
        return self


class Pushed(NamedTuple):
    """What a push did."""

    repo: str
    private: bool
    revision: str
    commits: int
    uploaded: list[str]
    """Files that were new or changed."""
    deleted: list[str]
    url: str
    """Of the pull request, or of the dataset."""


class Changes(NamedTuple):
    """What makes the repo the folder."""

    add: list[str]
    delete: list[str]
    head: str


def push_folder(folder: Path, files: Sequence[str], repo: HubRepo, where: Where, title: str) -> Pushed:
    """Push the folder's `files`; raises CotkitError with what was reached kept on the Hub."""
    private = repo.ensure(where.public)
    revision = _revision(repo, where, title)
    local = Local(folder, files)
    commits, uploaded, deleted = 0, [], []

    def one_commit() -> Changes:
        nonlocal revision, commits
        # a new pull request has no revision yet, and is compared with what it is to change
        changes = compare(local, repo.files(revision or MAIN), repo.head(revision or MAIN))
        batch = first_batch(changes)
        if batch.add or batch.delete:
            guard = {"create_pr": True} if revision is None else {"revision": revision, "parent_commit": changes.head}
            info = repo.commit(_operations(folder, batch), title if commits == 0 else f"{title} (part {commits + 1})", **guard)
            revision = revision or info.pr_revision or MAIN
            commits += 1
            uploaded.extend(batch.add)
            deleted.extend(batch.delete)
        return Changes(changes.add[len(batch.add) :], changes.delete[len(batch.delete) :], changes.head)

    while True:
        left = retrying(one_commit, repo.name, *repo.patience)
        if not left.add and not left.delete:
            break
    return Pushed(repo.name, private, revision or MAIN, commits, uploaded, deleted, _url(repo, revision or MAIN))


class Local:
    """The folder's files and their hashes, each computed once."""

    def __init__(self, folder: Path, files: Sequence[str]) -> None:
        self.folder = folder
        # the card last: it names files that must be there, and an unfinished push still shows the old one
        self.files = sorted(files, key=lambda name: (name == CARD, "/" not in name, name))
        self._hashes: dict[tuple[str, bool], str] = {}

    def equals(self, name: str, remote: RepoFile) -> bool:
        """Say whether a file of the repo has the same bytes: by SHA-256 where the Hub stores large files, else by git's hash."""
        path = self.folder / name
        if path.stat().st_size != remote.size:
            return False
        large = remote.lfs is not None
        if (name, large) not in self._hashes:
            with path.open("rb") as file:
                start = hashlib.sha256() if large else hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
                self._hashes[name, large] = hashlib.file_digest(file, lambda: start).hexdigest()
        return self._hashes[name, large] == (remote.lfs.sha256 if remote.lfs is not None else remote.blob_id)


def compare(local: Local, remote: dict[str, RepoFile], head: str) -> Changes:
    """Give the files to add, in the order in which they go up, and those to delete."""
    add = [name for name in local.files if name not in remote or not local.equals(name, remote[name])]
    return Changes(add, sorted(name for name in remote if name.startswith(OURS) and name not in local.files), head)


def first_batch(changes: Changes) -> Changes:
    """Give what the next commit does; deletions go with the last one, in which the card stops naming the files."""
    add = changes.add[:FILES_PER_COMMIT]
    return Changes(add, changes.delete if len(add) == len(changes.add) else [], changes.head)


def _operations(folder: Path, batch: Changes) -> list[Any]:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    return [
        *(CommitOperationAdd(path_in_repo=name, path_or_fileobj=folder / name) for name in batch.add),
        *(CommitOperationDelete(path_in_repo=name) for name in batch.delete),
    ]


def _revision(repo: HubRepo, where: Where, title: str) -> str | None:
    """Give the revision to push to; None for a pull request that is still to be opened."""
    if where.create_pr:
        return repo.open_pull_request(title)
    if where.branch and where.branch != MAIN:
        repo.ask(repo.api.create_branch, branch=where.branch, exist_ok=True)
    return where.branch or MAIN


def _url(repo: HubRepo, revision: str) -> str:
    page = f"{repo.api.endpoint}/datasets/{repo.name}"
    if revision.startswith("refs/pr/"):
        return f"{page}/discussions/{revision.rsplit('/', 1)[1]}"
    return page if revision == MAIN else f"{page}/tree/{revision}"
