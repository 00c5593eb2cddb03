"""Fixtures: `hub`, a loopback Hub that is empty at the start of each test, and `client`, a process in which the real clients run."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

HERE = Path(__file__).parent


def load_module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


loopback = load_module("loopback_hub")


class Answer:
    def __init__(self, content: dict[str, Any]) -> None:
        self.content = content
        self.code, self.out, self.err = (content.get(name) for name in ("code", "out", "err"))


class Client:
    def __init__(self, hub: Any, home: Path) -> None:
        self.log = home / "stderr.txt"
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
        self.environment |= hub.environment(home / "home")
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(HERE / "client.py")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=self.environment,
            )

    def ask(self, **request: Any) -> Answer:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return Answer(json.loads(self.process.stdout.readline()))

    def cotkit(self, *words: object, **environment: str | None) -> Answer:
        return self.ask(cotkit=[str(word) for word in words], environment=environment)

    def load(self, repo: str, config: str, split: str = "train", revision: str = "main") -> dict[str, Any]:
        return self.ask(load=[repo, config, split, revision]).content

    def close(self) -> None:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        self.process.wait(20)
        self.process.stdout.close()


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Client]]:
    with loopback.serve_hub() as hub:
        client = Client(hub, tmp_path_factory.mktemp("client"))
        try:
            yield hub, client
        finally:
            client.close()


@pytest.fixture
def hub(served: tuple[Any, Client]) -> Any:
    hub = served[0]
    with hub.lock:
        hub.datasets.clear(), hub.blobs.clear(), hub.requests.clear(), hub.faults.clear()
        hub.received = 0
    return hub


@pytest.fixture
def client(served: tuple[Any, Client]) -> Client:
    return served[1]


@pytest.fixture(scope="session")
def token() -> str:
    return loopback.TOKEN
