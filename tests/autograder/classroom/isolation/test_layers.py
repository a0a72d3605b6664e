"""Layers together and alone, as root and as an ordinary user: what the start-up attacks come to."""

import os

import pytest
from isolated_rooms import ORDINARY

from autograder.classroom.isolation import (
    ALL,
    LAYERS,
    Layer,
    canaries,
    describe,
    landlock,
    missing,
    namespaces,
)
from autograder.classroom.isolation.canaries import Finding, Findings

NAMESPACES = {"user", "pid", "network", "ipc", "mount", "proc"}
KERNEL = {"landlock"} if landlock.version() else set()
BY_OURSELVES = ["inheriting a descriptor", "inheriting a variable", "memory past the limit", "a daemon"]


@pytest.fixture(params=["root", "ordinary"])
def uid(request):
    if request.param == "ordinary":
        return ORDINARY if os.getuid() == 0 else os.getuid()
    if os.getuid() != 0:
        pytest.skip("the tests do not run as root")
    return 0


def escaped(told):
    return {name for name, (held, by) in told["attacks"].items() if not held}


@pytest.mark.parametrize("bubblewrap", [True, False], ids=["bubblewrap", "alone"])
def test_nothing_gets_through(as_user, uid, bubblewrap, with_namespaces):
    told = as_user(uid, bubblewrap)
    assert escaped(told) == set()
    assert told["layers"] == {name: name != "uid" or uid == 0 for name in LAYERS} | {
        "landlock": bool(landlock.version())
    }
    assert len(told["attacks"]) == 17
    assert told["terminal"] == "/dev/pts/0"
    assert told["sockets"] > 60  # MB that 100 of them may hold
    assert told["orphans"] == pytest.approx(0.6, abs=0.15)
    assert told["gone"]


@pytest.mark.skipif(landlock.version() < 6, reason="Landlock does not stop signals here")
@pytest.mark.parametrize("bubblewrap", [True, False], ids=["bubblewrap", "alone"])
def test_nothing_gets_through_where_user_namespaces_are_refused(as_user, uid, bubblewrap):
    told = as_user(uid, bubblewrap, without=["user"])
    assert escaped(told) == set()
    assert not any(told["layers"][name] for name in NAMESPACES)
    assert told["layers"]["landlock"]
    assert told["layers"]["calls"]
    assert told["orphans"] == pytest.approx(0.6, abs=0.15)
    assert told["gone"]


@pytest.mark.parametrize(
    ("layers", "stopped"),
    [
        (
            {"landlock"},
            {
                "reading a foreign file",
                "writing outside",
                "TCP",
                "an abstract unix socket",
                "a signal",
                "tracing",
            },
        ),
        (
            {"calls"},
            {"TCP", "UDP", "an abstract unix socket", "a unix socket in a folder", "memory out of sight"},
        ),
        ({"limits"}, {"a fork bomb"}),
        ({"user", "network"}, {"TCP", "UDP", "an abstract unix socket"}),
        ({"user", "pid"}, {"a signal", "tracing"}),
        (
            {"user", "mount", "view"},
            {"reading a foreign file", "changing its mode", "writing outside", "a unix socket in a folder"},
        ),
    ],
    ids=lambda value: "+".join(sorted(value)) if "a signal" not in value and len(value) < 4 else "",
)
def test_a_layer_holds_without_the_others(as_user, layers, stopped):
    if "landlock" in layers and landlock.version() < 6:
        pytest.skip("Landlock does not stop signals here")
    if "user" in layers and namespaces.refused():
        pytest.skip(f"no namespaces here: {namespaces.refused()}")
    told = as_user(ORDINARY if os.getuid() == 0 else os.getuid(), False, without=sorted(ALL - layers))
    assert {name for name, held in told["layers"].items() if held} == layers
    assert stopped.isdisjoint(escaped(told))
    for name in BY_OURSELVES:
        assert told["attacks"][name][0], name


def test_without_any_layer_the_attacks_get_through(as_user):
    """Otherwise they would prove nothing."""
    told = as_user(ORDINARY if os.getuid() == 0 else os.getuid(), False, without=sorted(ALL))
    assert escaped(told) == {
        "reading a foreign file",
        "changing its mode",
        "changing its times",
        "writing outside",
        "TCP",
        "UDP",
        "an abstract unix socket",
        "a unix socket in a folder",
        "a signal",
        "tracing",
        "memory out of sight",
        "a fork bomb",
    }


def test_a_missing_layer_is_reported_and_what_it_lets_through_is_named(rooms):
    rooms()  # skips where nothing can be started at all
    findings = canaries(layers_wanted=ALL - {"calls"})
    assert missing(findings.layers)[0].name in ("uid", "calls")
    assert Layer("calls", False, "not wanted") in findings.layers
    assert findings.escaped == (Finding("memory out of sight", False, "nothing stopped it"),)
    line = describe(findings)
    assert "missing: " in line
    assert "calls (not wanted)" in line
    assert line.endswith(
        "16 of 17 start-up attacks stopped; GOT THROUGH: memory out of sight (nothing stopped it)"
    )


def test_a_layer_left_out_makes_others_stricter(room):
    with room.inside("say(left=True)", without=["network"]) as inside:
        assert inside.layers["network"] == Layer("network", False, "not wanted")
        assert inside.layers["calls"].detail == "no connections"
        assert inside.layers["limits"].held


def test_a_refused_namespace_is_reported_with_the_reason(monkeypatch):
    def refuse():
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(namespaces, "_new_user", refuse)
    namespaces.refused.cache_clear()
    try:
        reasons = namespaces.refused()
    finally:
        namespaces.refused.cache_clear()
    assert set(reasons) == set(namespaces.NAMESPACES)
    assert "Operation not permitted" in reasons["pid"]


def test_a_line_for_whoever_starts_a_run():
    layers = (
        Layer("view", True, "mounted for each notebook"),
        Layer("pid", False, "no"),
        Layer("limits", True),
    )
    findings = Findings(layers, (Finding("TCP", True, "network"), Finding("UDP", True, "network")), 0.1)
    assert describe(findings) == (
        "isolation: view (mounted for each notebook), limits; missing: pid (no); 2 of 2 start-up attacks stopped"
    )
    assert findings.escaped == ()
