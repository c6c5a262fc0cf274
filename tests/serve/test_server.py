"""The server over real HTTP: pictures as the Python API makes them, and an answer with a cure to everything else."""

import http.client
import io
import json
import os
import random
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from src.imaging import to_uint8
from src.inference.matting import Matting
from tests.support.faults.case import Place
from tests.support.faults.pictures import DAMAGED_FILES, damaged_image
from tests.support.programs import ROOT, run_program

MODEL, PHOTO = "modnet-p-int8", (ROOT / "docs" / "astronaut.jpg").read_bytes()
STRICT = ("--max_mb", "1", "--max_megapixels", "1", "--body_seconds", "1", "--workers", "1", "--waiting", "0")
BOUNDARY = "between"

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Answer:
    status: int
    kind: str
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def error(self) -> str:
        return json.loads(self.body)["error"]

    @property
    def pixels(self) -> np.ndarray:
        return np.asarray(Image.open(io.BytesIO(self.body)))


class Server:
    """A server's process, and requests to it."""

    def __init__(self, folder: Path, *flags: str) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", "src.programs", "serve", "--port", "0", "--threads", "1", *flags],
            cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(folder)},
        )  # fmt: skip
        said = ""
        for line in self.process.stdout:
            said += line
            if "ready: " in line:
                break
        self.port = int(re.search(r"listening at http://127\.0\.0\.1:(\d+)", said)[1])

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            kind = response.headers.get_content_type()
            return Answer(response.status, kind, response.headers, response.read())
        finally:
            connection.close()

    def cutout(self, picture: bytes, query: str = "", **headers: str) -> Answer:
        return self.ask("POST", "/api/cutout" + query, picture, **headers)

    def form(self, query: str = "", **fields: bytes | str) -> Answer:
        kind = f"multipart/form-data; boundary={BOUNDARY}"
        return self.cutout(form_of(**fields), query, **{"Content-Type": kind})

    def stop(self) -> int:
        self.process.terminate()
        try:
            return self.process.wait(30)
        finally:
            self.process.kill()


def form_of(**fields: bytes | str) -> bytes:
    """A multipart form; bytes are files."""
    parts = b""
    for name, value in fields.items():
        file = '; filename="x"' if isinstance(value, bytes) else ""
        content = value if isinstance(value, bytes) else value.encode()
        parts += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode()
        parts += content + b"\r\n"
    return parts + f"--{BOUNDARY}--\r\n".encode()


def png(image: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """With limits that a test can reach."""
    server = Server(tmp_path_factory.mktemp("server"), *STRICT)
    yield server
    assert server.stop() == 0
    assert "Traceback" not in server.process.stdout.read()


@pytest.fixture(scope="module")
def matting() -> Matting:
    return Matting(MODEL, threads=1)


def test_a_cutout_is_that_of_the_python_api(server, matting):
    expected = np.asarray(matting.cutout(PHOTO))
    for answer in (server.cutout(PHOTO), server.form(file=PHOTO), server.cutout(PHOTO, f"?model={MODEL}&format=png")):
        assert (answer.status, answer.kind) == (200, "image/png"), answer.body
        np.testing.assert_array_equal(answer.pixels, expected)


def test_outputs_backgrounds_and_formats(server, matting):
    alpha = server.cutout(PHOTO, "?output=alpha")
    np.testing.assert_array_equal(alpha.pixels, to_uint8(matting.alpha(PHOTO)))
    white = np.asarray(matting.composite(PHOTO, "white"))
    np.testing.assert_array_equal(server.cutout(PHOTO, "?background=white").pixels, white)
    np.testing.assert_array_equal(server.form(file=PHOTO, background="white", output="composite").pixels, white)
    plate = png(np.full((4, 6, 3), (10, 200, 30), np.uint8))
    expected = np.asarray(matting.composite(PHOTO, plate))
    np.testing.assert_array_equal(server.form(file=PHOTO, background=plate).pixels, expected)
    for kind, media, mode in (("webp", "image/webp", "RGBA"), ("jpg", "image/jpeg", "RGB")):
        answer = server.cutout(PHOTO, f"?format={kind}" + ("&background=white" if kind == "jpg" else ""))
        made = Image.open(io.BytesIO(answer.body))
        assert (answer.status, answer.kind, made.mode, made.size) == (200, media, mode, (512, 512))
    blurred = server.cutout(PHOTO, "?background=blur").pixels
    np.testing.assert_array_equal(blurred, np.asarray(matting.composite(PHOTO, "blur")))


@pytest.mark.parametrize(
    ("picture", "query", "status", "text"),
    [
        (b"", "", 415, "There is no picture"),
        (b"GIF89a", "", 415, "damaged GIF file"),
        (PHOTO[: len(PHOTO) // 2], "", 422, "truncated|damaged|broken|cut"),
        (PHOTO, "?model=modnet-p", 422, "Did you mean `modnet-p-int8`"),
        (PHOTO, "?model=../../etc/passwd", 422, "no model"),
        (PHOTO, "?background=/etc/passwd", 422, "`background` must be blur"),
        (PHOTO, "?background=http://example.org/a.jpg", 422, "`background` must be blur"),
        (PHOTO, "?format=gif", 422, "png, webp, jpg"),
        (PHOTO, "?format=jpg", 422, "transparent pixels"),
        (PHOTO, "?ouput=alpha", 422, "Did you mean `output`"),
        (bytes((1 << 20) + 1), "", 413, "more than 1048576 bytes"),
        (png(np.zeros((1000, 1001, 3), np.uint8)), "", 413, "1001x1000 pixels, at most 1000000"),
        (png(np.zeros((1, 100, 3), np.uint8)), "", 422, "too narrow"),
    ],
)
def test_what_is_refused_names_the_cure(server, picture, query, status, text):
    answer = server.cutout(picture, query)
    assert (answer.status, answer.kind) == (status, "application/json"), answer.body
    assert re.search(text, answer.error)


def test_a_hundred_damaged_pictures_are_refused_and_it_still_serves(server, tmp_path):
    world = SimpleNamespace(photo=ROOT / "docs" / "astronaut.jpg")
    place = Place(random.Random(11), world, tmp_path)
    for number in range(100):
        path, how = damaged_image(place, tmp_path, f"{number}", DAMAGED_FILES)
        answer = server.cutout(path.read_bytes()) if number % 2 else server.form(file=path.read_bytes())
        assert answer.status in (413, 415, 422) and len(answer.error) > 30, (how, answer)
    assert server.cutout(PHOTO).status == 200


def test_forms_that_are_none(server):
    assert "no picture" in server.form(other=PHOTO[:10], file="text").error
    kind = {"Content-Type": "multipart/form-data"}
    assert server.cutout(PHOTO, **kind).status == 400
    kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    assert server.cutout(form_of(file=PHOTO)[:-400], **kind).status in (400, 415, 422)
    assert server.form(file=PHOTO, background=b"no picture").status == 415


def test_a_large_body_that_announces_nothing(server):
    answer = server.cutout(
        iter([bytes(1 << 19)] * 5),
    )
    assert answer.status == 413


def test_a_body_that_does_not_come(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(b"POST /api/cutout HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc")
        began = time.monotonic()
        assert connection.recv(1000).startswith(b"HTTP/1.1 408")
        assert 0.5 < time.monotonic() - began < 5


def test_too_many_at_a_time_are_sent_away_and_the_rest_served(server):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(server.cutout, [PHOTO] * 16))
    assert {answer.status for answer in answers} == {200, 503}
    refused = next(answer for answer in answers if answer.status == 503)
    assert refused.headers["Retry-After"] == "1" and "in work already" in refused.error
    assert server.cutout(PHOTO).status == 200


def test_what_watches_a_server(server):
    assert server.ask("GET", "/ready").status == 200
    health = json.loads(server.ask("GET", "/health").body)
    assert health["status"] == "ok" and health["models"] == [MODEL]
    before = served(server)
    server.cutout(PHOTO), server.cutout(b"")
    after = served(server)
    assert (after["200"] - before["200"], after["415"] - before["415"]) == (1, 1)
    described = json.loads(server.ask("GET", "/openapi.json").body)["paths"]["/api/cutout"]["post"]
    assert {"200", "413", "415", "503"} <= described["responses"].keys()
    docs = server.ask("GET", "/docs").body.decode()
    assert "http://" not in docs and "https://" not in docs  # it needs no other server
    assert server.ask("GET", "/nothing").status == 404


def served(server: Server) -> dict[str, float]:
    text = server.ask("GET", "/metrics").body.decode()
    return {status: float(n) for status, n in re.findall(r'modnet_requests_total\{status="(\d+)"\} (\S+)', text)}


def inside(server: Server) -> int:
    return int(float(re.search(r"^modnet_inside (\S+)", server.ask("GET", "/metrics").body.decode(), re.MULTILINE)[1]))


def test_no_file_is_left(server):
    big = png(np.random.default_rng(0).integers(0, 256, (500, 500, 3), np.uint8).astype(np.uint8))
    assert server.form(file=big).status == 200
    assert not list(server.folder.iterdir())


def test_sigterm_lets_it_finish_what_is_in_work(tmp_path):
    server = Server(tmp_path, "--workers", "1")
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(server.cutout, PHOTO) for _ in range(4)]
        while inside(server) + sum(one.done() for one in asked) < 4:
            time.sleep(0.01)
        assert server.stop() == 0
    assert [one.result().status for one in asked] == [200] * 4
    assert server.process.stdout.read().splitlines()[-1].endswith("stopped")


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (("--model", "modnet-q"), "nor a released model 'modnet-q'"),
        (("--port", "70000"), "Cannot listen at 127.0.0.1:70000"),
        (("--host", "no.such.host.invalid"), "Cannot listen at no.such.host.invalid"),
        (("--waiting", "-1"), "`waiting` must be at least 0"),
        (("--model", MODEL, MODEL), "several different ones"),
    ],
)
def test_a_start_that_cannot_be(flags, text, tmp_path):
    done = run_program(sys.executable, "-m", "src.programs", "serve", *flags, cwd=tmp_path, PYTHONPATH=str(ROOT))
    assert text in done.assert_refused()


def test_a_limit_that_is_no_number(tmp_path):
    done = run_program(
        sys.executable, "-m", "src.programs", "serve", "--workers", "0", cwd=tmp_path, PYTHONPATH=str(ROOT)
    )
    assert done.status == 2 and "argument --workers: expected a whole number, 1 to 1000000000, got '0'" in done.err


def test_a_port_that_is_taken(server, tmp_path):
    flags = ("--port", str(server.port))
    done = run_program(sys.executable, "-m", "src.programs", "serve", *flags, cwd=tmp_path, PYTHONPATH=str(ROOT))
    assert f"Cannot listen at 127.0.0.1:{server.port} (Address already in use)" in done.assert_refused()
