"""A JupyterLab with the course, and a browser page on it: for browser tests and for the README's pictures."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from k8snb.cli.lab import command, copy_course

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

START_SECONDS = 120.0
RUN_SECONDS = 180.0
STOP_SECONDS = 20.0


def chromium() -> str | None:
    """The path of an installed Chromium or Chrome, None when there is none."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
    return next((found for name in names if (found := shutil.which(name))), None)


def free_port() -> int:
    """A port of the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running_lab(folder: Path, language: str) -> Iterator[str]:
    """Start JupyterLab on the chapters of a language as ``k8snb lab`` does; gives its address with token."""
    copy_course(folder, language)
    with served(folder, language, command(folder, language, no_browser=True)) as address:
        yield address


@contextmanager
def served(folder: Path, language: str, words: list[str], **variables: str) -> Iterator[str]:
    """Run a command that starts JupyterLab, away from the machine's own Jupyter settings; gives its address with token."""
    port, token = free_port(), secrets.token_hex(16)
    words = [
        *words,
        f"--port={port}",
        "--allow-root",
        f"--IdentityProvider.token={token}",
        "--LabApp.expose_app_in_browser=True",
        "--ip=127.0.0.1",
    ]
    env = {
        **os.environ,
        **variables,
        "K8SNB_LANG": language,
        "JUPYTER_CONFIG_DIR": str(folder / ".config"),
        "JUPYTER_DATA_DIR": str(folder / ".data"),
    }
    with (folder / "lab.log").open("w") as log:
        server = subprocess.Popen(words, env=env, stdout=log, stderr=log)
        try:
            _wait(f"http://127.0.0.1:{port}/api?token={token}", server, folder / "lab.log")
            yield f"http://127.0.0.1:{port}/lab/tree/{language}/{{notebook}}?token={token}&reset"
        finally:
            server.terminate()
            try:
                server.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:  # its kernels take their time on a busy machine
                server.kill()
                server.wait(STOP_SECONDS)


def _wait(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()[-2000:]}")


@contextmanager
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        try:
            yield started
        finally:
            started.close()


def open_notebook(page: Page, address: str, notebook: str) -> None:
    """Open a notebook and wait until its kernel is ready."""
    page.goto(address.format(notebook=notebook))
    page.wait_for_selector(".jp-Notebook", timeout=60_000)
    page.wait_for_function(
        """() => { const panel = window.jupyterapp?.shell?.currentWidget;
                   return panel?.sessionContext?.session?.kernel?.status === 'idle'; }""",
        timeout=60_000,
    )


def run_all(page: Page) -> None:
    """Run all cells and wait for the last one."""
    page.evaluate("() => { void window.jupyterapp.commands.execute('notebook:run-all-cells'); }")


def errors(page: Page) -> list[str]:
    """Tracebacks among the outputs of the notebook's model."""
    found: list[str] = page.evaluate(
        """() => { const out = [];
             for (const cell of window.jupyterapp.shell.currentWidget.content.model.cells) {
               if (cell.type !== 'code') continue;
               for (let i = 0; i < cell.outputs.length; i++) {
                 const o = cell.outputs.get(i).toJSON();
                 if (o.output_type === 'error') out.push(o.ename + ': ' + o.evalue);
               } }
             return out; }"""
    )
    return found
