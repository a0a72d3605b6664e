"""`course lab` brings up a real JupyterLab on the learner's copies, says where, and ends it cleanly."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import webbrowser
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import nbformat
import pytest
from nbformat.v4 import new_notebook

from course import lab as lab_module
from course import paths
from course.errors import CourseError
from course.lab import has_browser, lab
from course.server import Server, free_port

posix = pytest.mark.skipif(os.name != "posix", reason="sends a POSIX signal")


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A clone with two released lessons, which the commands take for the course."""
    for name in ("00_start_here/start_here", "01_infonce/infonce"):
        notebook = tmp_path / "notebooks" / f"{name}.ipynb"
        notebook.parent.mkdir(parents=True)
        nbformat.write(new_notebook(), notebook)
    (tmp_path / "solutions").mkdir()
    monkeypatch.setenv(paths.ROOT_VARIABLE, str(tmp_path))
    monkeypatch.setenv("BROWSER", "")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    return tmp_path


def get(url, path, token):
    connection = http.client.HTTPConnection(urlsplit(url).hostname, urlsplit(url).port, timeout=10)
    try:
        connection.request("GET", path, headers={"Authorization": f"token {token}"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "container stopped"])
def test_lab_prints_an_address_that_works_and_ends_on_a_signal(clone, number):
    child = subprocess.Popen(
        [sys.executable, "-c", "import sys; from course.lab import lab; sys.exit(lab('infonce'))"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        copied, opened = child.stdout.readline(), child.stdout.readline()
        assert copied == f"Copied 2 new files into {clone / 'work'}, to be changed at will.\n"
        url = re.fullmatch(
            r"Open (http://127\.0\.0\.1:\d+/lab/tree/01_infonce/infonce\.ipynb\?token=\w+)\n", opened
        )[1]
        token = parse_qs(urlsplit(url).query)["token"][0]
        assert get(url, "/api/status", token)[0] == 200
        assert get(url, "/api/contents", "guess")[0] == 403
        listed = json.loads(get(url, "/api/contents", token)[1])["content"]
        assert sorted(entry["name"] for entry in listed) == ["00_start_here", "01_infonce"]
        page = get(url, urlsplit(url).path, token)[1]
        config = json.loads(re.search(r'id="jupyter-config-data"[^>]*>(.*?)</script>', page, re.S)[1])
        assert config["news"] == {"disabled": True}
        assert config["extensionManager"]["name"] == "read-only"
        assert sorted(config["disabledExtensions"]) == [
            "@jupyter/nbgrader",
            "@jupyterlab/apputils-extension:announcements",
        ]
        child.send_signal(number)
        out, err = child.communicate(timeout=20)
    finally:
        child.kill()
        child.communicate()
    assert (child.returncode, out.splitlines()[-1], err) == (0, "Ending JupyterLab.", "")
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", urlsplit(url).port)) != 0, "nobody listens any more"


def test_the_classroom_has_formgrader(tmp_path):
    server = Server(tmp_path, tmp_path / ".jupyter", classroom=True)
    server.start()
    try:
        assert get(server.url, "/formgrader/manage_assignments", server.token)[0] == 200
    finally:
        server.stop()


def test_a_failed_start_shows_the_end_of_the_log(tmp_path):
    server = Server(
        tmp_path, tmp_path / ".jupyter", options=["--LabApp.no_such_class=jupyterlab.Nothing", "--ip=nowhere"]
    )
    with pytest.raises(CourseError, match=r"^JupyterLab did not start; .*lab-\d+\.log ends:\n.+"):
        server.start()


def test_a_wanted_port_is_that_port_or_an_error():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(
            CourseError, match=rf"^Cannot use port {port} of 127\.0\.0\.1: Address already in use\.$"
        ):
            free_port("127.0.0.1", port)
        assert free_port("127.0.0.1") != port
    assert free_port("127.0.0.1", port) == port
    with pytest.raises(
        CourseError, match=r"^Cannot use port 70000 of 127\.0\.0\.1: a port is a number from 0 to 65535\.$"
    ):
        free_port("127.0.0.1", 70000)


def test_the_token_is_not_on_the_command_line_and_the_state_is_the_courses_own(tmp_path):
    server = Server(tmp_path, tmp_path / "state")
    assert not any(server.token in part for part in server.command())
    environment = server.environment()
    assert environment["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)
    folders = {
        value for key, value in environment.items() if key.startswith("JUPYTER") and key.endswith("_DIR")
    }
    assert all(Path(folder).is_relative_to(tmp_path / "state") for folder in folders)


@pytest.mark.parametrize(("user", "allowed"), [(0, True), (1000, False)])
def test_root_is_allowed_only_for_root(tmp_path, monkeypatch, user, allowed):
    monkeypatch.setattr(os, "geteuid", lambda: user, raising=False)
    assert ("--allow-root" in Server(tmp_path, tmp_path).command()) is allowed


@pytest.mark.parametrize("ip", ["127.0.0.1", "0.0.0.0"])
def test_the_printed_address_is_one_that_a_browser_here_can_open(tmp_path, ip):
    server = Server(tmp_path, tmp_path, ip=ip, page="00_start_here/a b.ipynb")
    assert (
        server.url
        == f"http://127.0.0.1:{server.port}/lab/tree/00_start_here/a%20b.ipynb?token={server.token}"
    )
    assert f"--ServerApp.ip={ip}" in server.command()


class Recorder:
    """Stands in for the server, to see what `lab` asks of it."""

    url = "http://address"

    def __init__(self, folder, state, **settings):
        self.settings = {"folder": folder, "state": state, **settings}
        Recorder.last = self

    def start(self): ...

    def wait(self):
        return 7

    def stop(self):
        self.stopped = True


def test_lab_opens_the_first_lesson_without_a_browser_where_there_is_none(clone, monkeypatch, capsys):
    monkeypatch.setattr(lab_module, "Server", Recorder)
    assert lab() == 7
    settings = Recorder.last.settings
    assert (settings["folder"], settings["page"]) == (clone / "work", "00_start_here/start_here.ipynb")
    assert settings["open_browser"] is False
    assert Recorder.last.stopped
    nbformat.write(new_notebook(metadata={"release": 2}), clone / "notebooks/01_infonce/infonce.ipynb")
    capsys.readouterr()
    lab(browser=True)
    assert capsys.readouterr().out.startswith("Newer release of 01_infonce: `course update` brings it")
    assert Recorder.last.settings["open_browser"] is True


def test_the_classroom_opens_the_whole_course_and_copies_nothing(clone, monkeypatch):
    monkeypatch.setattr(lab_module, "Server", Recorder)
    lab(classroom=True)
    assert Recorder.last.settings["folder"] == clone
    assert not (clone / "work").exists()


def test_an_unknown_lesson_starts_nothing(clone):
    with pytest.raises(CourseError, match="There is no lesson '12'"):
        lab("12")
    assert not (clone / "work").exists()


def test_a_browser_needs_a_display_on_linux(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    assert not has_browser()
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(webbrowser, "get", lambda: object())
    assert has_browser()

    def none():
        raise webbrowser.Error("could not locate runnable browser")

    monkeypatch.setattr(webbrowser, "get", none)
    assert not has_browser()


def test_the_root_is_the_clone_or_one_clear_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv(paths.ROOT_VARIABLE, str(tmp_path))
    with pytest.raises(CourseError, match=r"COURSE_ROOT should name the clone of the course.*; got '"):
        paths.root()
    monkeypatch.delenv(paths.ROOT_VARIABLE)
    monkeypatch.setattr(paths, "__file__", str(tmp_path / "site-packages" / "course" / "paths.py"))
    with pytest.raises(CourseError, match=r"python -m pip install -e \. -c constraints\.txt"):
        paths.root()
