"""What is told of the engine: a model folder's template, a server's version, parallel sizes; and nothing where nobody tells."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cotkit.pipelines.evaluation.engine import engine_of
from cotkit.schemas.recipe import SampleConfig
from cotkit.schemas.record import content_hash

SAID = {"/version": {"version": "0.25.1"}, "/props": {"chat_template": "{{ messages }}", "build_info": "b1"}}


class Told(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path in SAID else 404)
        self.end_headers()
        self.wfile.write(json.dumps(SAID.get(self.path, [])).encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Told) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()
        thread.join()


def test_a_server_tells_its_version_and_template(url):
    engine = engine_of(SampleConfig(teacher=f"openai:{url},http://127.0.0.1:9/v1#Qwen/QwQ-32B"), ["f"])
    assert (engine.name, engine.version, engine.model, engine.parallel) == ("openai", "0.25.1", "Qwen/QwQ-32B", {"servers": 2})
    assert engine.chat_template == content_hash("{{ messages }}")


def test_a_server_that_is_gone_tells_nothing():
    engine = engine_of(SampleConfig(teacher="openai:http://127.0.0.1:9/v1#m"), ["f"])
    assert (engine.version, engine.chat_template) == (None, None)


@pytest.mark.parametrize(
    ("file", "text", "template"),
    [
        ("chat_template.jinja", "{{ a }}", "{{ a }}"),
        ("tokenizer_config.json", '{"chat_template": "{{ b }}"}', "{{ b }}"),
        ("tokenizer_config.json", "{", None),
        ("config.json", "{}", None),
    ],
)
def test_a_models_folder_tells_its_template(tmp_path, file, text, template):
    (tmp_path / file).write_text(text)
    settings = {"tensor_parallel_size": 4, "dtype": "bfloat16", "max_model_len": 4096}
    engine = engine_of(SampleConfig(teacher=f"vllm:{tmp_path}", engine=settings), ["f", "g"])
    assert engine.chat_template == (content_hash(template) if template else None)
    assert (engine.dtype, engine.parallel, engine.settings) == ("bfloat16", {"tensor_parallel_size": 4}, {"max_model_len": 4096})
    assert engine.fingerprint == "f,g"
