"""The page in Chromium, and the exported folder in transformers.js."""

import json
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest

from src.imaging import read_image
from src.runtime.factory import open_predictor

ROOT = Path(__file__).parents[2]
HERE, DIST, MODULES = ROOT / "tests/web", ROOT / "web/dist", ROOT / "web/node_modules"
ASTRONAUT = ROOT / "docs/astronaut.jpg"
ALPHA = np.full((512, 512), 77, np.uint8)  # what the server of this test answers

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not MODULES.is_dir(), reason="web/node_modules is missing: npm ci in web/"),
]
in_chromium = [
    pytest.mark.skipif(not Path("/usr/bin/chromium").exists(), reason="chromium is missing: apt install chromium"),
    pytest.mark.skipif(not DIST.is_dir(), reason="web/dist is missing: npm run build in web/"),
]


class Server(SimpleHTTPRequestHandler):
    """Files, isolated as `modnet serve` sends them, and a server that answers one grey alpha."""

    def end_headers(self):
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        super().end_headers()

    def do_GET(self):
        if self.path == "/health":
            return self.answer("application/json", json.dumps({"status": "ok", "models": ["own"]}).encode())
        return super().do_GET()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        asked = self.path == "/api/cutout?output=alpha&format=png&model=own"
        assert asked and b'name="file"; filename="image.png"' in body
        self.answer("image/png", cv2.imencode(".png", ALPHA)[1].tobytes())

    def answer(self, kind, content):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Server, directory=str(DIST)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/"
    try:
        found = node("drive.mjs", address, ASTRONAUT, folder)
    finally:
        server.shutdown()
        server.server_close()
    return json.loads(found) | {"folder": folder, "address": address}


def node(script: str, *arguments: object) -> str:
    command = ["node", str(HERE / script), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=150)
    assert done.returncode == 0, done.stderr
    return done.stdout


def python_alpha(model: str) -> np.ndarray:
    return open_predictor(ROOT / "pretrained" / model)[0].predict(read_image(ASTRONAUT))


def png(path: Path) -> np.ndarray:
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


class TestPage:
    pytestmark = in_chromium

    def test_alpha_is_python_s(self, seen):
        cut = png(seen["folder"] / "browser.png")
        difference = np.abs(cut[..., 3] / 255 - python_alpha("modnet-p-int8.onnx"))
        assert difference.mean() < 1 / 255
        assert seen["download"] == "astronaut_cutout.png" and not seen["errors"]

    def test_models_threads_and_where_bytes_go(self, seen):
        assert seen["models"] == ["modnet-p-int8 · 1.9 MB", "modnet-p · 3.1 MB", "modnet-lite0 · 15.9 MB"]
        assert seen["provider"].startswith("wasm ") and int(seen["provider"].split()[1]) > 1
        outside = [one for one in seen["requests"] if seen["address"] not in one and " blob:" not in one]
        assert not [one for one in outside if " data:" not in one]
        posts = [one for one in seen["requests"] if one.startswith("POST")]
        assert seen["alone"] == 0 and len(posts) == 2 and all("/api/cutout?" in one for one in posts)

    def test_a_colour_lies_behind(self, seen):
        found = png(seen["folder"] / "color.png")
        assert (found[..., 3] == 255).all()
        np.testing.assert_allclose(found[5, 5, :3], (0xED, 0x6F, 0x2F), atol=2)  # BGR of #2f6fed

    def test_a_broken_file_is_named_and_languages_change(self, seen):
        assert seen["broken"].startswith("This file is no image")
        assert seen["chinese"] == ["人像抠图", "下载", "zh-CN"]

    def test_the_server_s_alpha_is_used(self, seen):
        assert (png(seen["folder"] / "server.png")[..., 3] == ALPHA).all()

    def test_the_camera_runs_and_stops(self, seen):
        assert float(seen["rate"].split()[0]) > 0 and seen["stopped"] == ""

    def test_nothing_is_wider_than_the_screen(self, seen):
        for name in ("empty", "result", "chinese"):
            assert seen[f"{name}-desktop"] and seen[f"{name}-phone"]


def test_transformers_js_runs_the_exported_folder(tmp_path):
    command = [sys.executable, "export.py", "--ckpt_path", "modnet-p", "--target", "hf", "--output_path", str(tmp_path)]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, timeout=120).returncode == 0
    node("pipeline.mjs", tmp_path, "modnet-p_hf", ASTRONAUT, tmp_path / "cut")
    for dtype, model in (("fp32", "modnet-p.onnx"), ("q8", "modnet-p-int8.onnx")):
        found = png(tmp_path / f"cut-{dtype}.png")
        assert np.abs(found[..., 3] / 255 - python_alpha(model)).mean() < 0.025  # it resizes by another filter
