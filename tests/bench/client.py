"""What the openai teacher costs the process that uses it: completions per CPU-second, alone and within the whole scheduler.

    python tests/bench/client.py [--completions 20000] [--in-flight 512] [--bytes 2048] [--only teacher|scheduler]
    python tests/bench/client.py --completions 500000 --only teacher      (memory: resident MiB every tenth of the way)

The server is a child process that answers at once; its CPU time and that of the verifier workers is not counted. `scheduler`
draws, commits to the ledger, verifies and seals as `cotkit sample` does.
"""

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl
from cotkit.pipelines.run_folder import RunFolder
from cotkit.pipelines.sampling.scheduler import sample_run
from cotkit.pipelines.sampling.teacher import Request, open_teacher
from cotkit.schemas.problem import Problem
from cotkit.schemas.recipe import Recipe, SampleConfig

PER_PROBLEM = 32


class AtOnce(asyncio.Protocol):
    """An HTTP server that answers every request at once with the same bytes, pipelined or torn into parts."""

    def __init__(self, answer: bytes) -> None:
        self.answer, self.held = answer, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.held += data
        while (end := self.held.find(b"\r\n\r\n")) >= 0:
            size = 0
            for line in self.held[:end].split(b"\r\n"):
                if line[:15].lower() == b"content-length:":
                    size = int(line[15:])
            if len(self.held) < end + 4 + size:
                return
            self.held = self.held[end + 4 + size :]
            self.transport.write(self.answer)  # type: ignore[attr-defined]


def answer(size: int) -> bytes:
    """Give a chat completion of about `size` bytes, as vLLM words it."""
    words = "Let me check that once more: seven times eight is fifty-six, and four more are sixty. "
    text = (words * (size // len(words) + 1))[: max(0, size - 400)] + " So the answer is \\boxed{60}."
    body = {
        "id": "chatcmpl-0",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "logprobs": None, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 40, "total_tokens": 540, "completion_tokens": 500},
    }
    payload = json.dumps(body).encode()
    return b"HTTP/1.1 200 OK\r\nserver: uvicorn\r\ncontent-length: %d\r\ncontent-type: application/json\r\n\r\n" % len(payload) + payload


async def serve(size: int) -> None:
    """Serve until stdin ends; the port is the one line on stdout."""
    reply = answer(size)
    server = await asyncio.get_running_loop().create_server(lambda: AtOnce(reply), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


def cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def report(name: str, completions: int, cpu: float, wall: float) -> None:
    per_cpu, per_wall = completions / cpu, completions / wall
    print(
        f"{name:10} {completions:9,} completions  {per_cpu:8,.0f} per CPU-second  {per_wall:8,.0f} per second  {resident_mib():6.0f} MiB",
        flush=True,
    )


def requests(count: int) -> Iterator[Request]:
    messages = [
        {"role": "user", "content": "What is 7 * 8 + 4?\n\nPlease reason step by step, and put your final answer within \\boxed{}."}
    ]
    parameters = {"temperature": 1.0, "top_p": 0.95, "max_tokens": 8192}
    return (Request("p", index, messages, parameters, index) for index in range(count))


async def draw(config: SampleConfig, completions: int) -> None:
    """Draw through the teacher alone, so many at once; prints the memory on the way."""
    left, done, tenth = requests(completions), 0, max(1, completions // 10)
    async with open_teacher(config, pl.DataFrame(schema=Problem.polars_schema())) as teacher:

        async def worker() -> None:
            nonlocal done
            for request in left:
                completion = await teacher.generate(request)
                assert completion.completion_tokens == 500
                done += 1
                if completions >= 100_000 and done % tenth == 0:
                    print(f"  {done:10,}  {resident_mib():6.0f} MiB", flush=True)

        await asyncio.gather(*(worker() for _ in range(config.concurrency)))
    assert done == completions


def sample(config: SampleConfig, completions: int, folder: Path) -> None:
    """Draw through the scheduler into a run folder."""
    asked = [Problem.make(f"What is {i} + {60 - i}?", "60", "number") for i in range(-(-completions // PER_PROBLEM))]
    problems = pl.DataFrame([problem.model_dump() for problem in asked], schema=Problem.polars_schema())
    run = RunFolder.create(folder / "run", Recipe(sample=config), problems)
    progress = sample_run(run)
    assert progress.done == progress.total == len(asked) * PER_PROBLEM
    assert progress.outcomes == {"correct": progress.total}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--completions", type=int, default=20_000)
    options.add_argument("--in-flight", type=int, default=512)
    options.add_argument("--bytes", type=int, default=2048)
    options.add_argument("--only", choices=["teacher", "scheduler"])
    options.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.serve:
        return asyncio.run(serve(chosen.bytes))
    server = [sys.executable, __file__, "--serve", "--bytes", str(chosen.bytes)]
    with (
        subprocess.Popen(server, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child,
        tempfile.TemporaryDirectory() as folder,
    ):
        assert child.stdout
        assert child.stdin
        url = f"http://127.0.0.1:{child.stdout.readline().strip()}/v1"
        config = SampleConfig(teacher=f"openai:{url}#m", n=PER_PROBLEM, concurrency=chosen.in_flight)
        for name in ["teacher", "scheduler"]:
            if chosen.only not in (None, name):
                continue
            cpu, wall = cpu_seconds(), time.perf_counter()
            if name == "teacher":
                asyncio.run(draw(config, chosen.completions))
            else:
                sample(config, chosen.completions, Path(folder))
            report(name, chosen.completions, cpu_seconds() - cpu, time.perf_counter() - wall)
        child.stdin.close()
    return None


if __name__ == "__main__":
    main()
