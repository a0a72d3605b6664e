"""The filter's decisions, by running its instructions: for every machine, whichever this one is."""

import errno
import socket

import pytest

from autograder.classroom.isolation import seccomp

ALLOW, FAIL, KILL = 0x7FFF0000, 0x00050000, 0x80000000


def decide(lines, architecture, number, *arguments):
    """What the kernel would do with a call."""
    words = {0: number, 4: architecture, **{16 + 8 * i: value for i, value in enumerate(arguments)}}
    at, value = 0, 0
    while True:
        code, yes, no, constant = lines[at]
        at += 1
        if code == 0x20:
            value = words.get(constant, 0)
        elif code == 0x54:
            value &= constant
        elif code == 0x06:
            return constant
        else:
            holds = {0x15: value == constant, 0x35: value >= constant, 0x45: bool(value & constant)}[code]
            at += yes if holds else no


@pytest.fixture(params=sorted(seccomp.ARCHITECTURES))
def filtered(request):
    architecture, column = seccomp.ARCHITECTURES[request.param]

    def ask(numbers, *arguments, network=True, view=True, files=False, architecture=architecture):
        lines = seccomp.program(request.param, network, view, files)
        number = numbers if isinstance(numbers, int) else numbers[column]
        answer = decide(lines, architecture, number, *arguments)
        return {ALLOW: "allowed", KILL: "killed", FAIL: "nothing done"}.get(answer) or errno.errorcode[
            answer - FAIL
        ]

    return ask


def test_what_no_lesson_needs_is_denied(filtered):
    assert {filtered(numbers) for numbers in seccomp.DENIED.values()} == {"EPERM"}
    assert filtered(seccomp.CLONE3) == "ENOSYS"
    assert filtered(600) == "ENOSYS"
    assert filtered(0x40000000) == "ENOSYS"
    assert filtered(0, architecture=0x40000003) == "killed"


def test_forks_and_threads_are_allowed_and_new_namespaces_are_not(filtered):
    thread, fork, users, network = 0x3D0F00, 17, 0x10000011, 0x40000011
    assert filtered(seccomp.CLONE, thread) == "allowed"
    assert filtered(seccomp.CLONE, fork) == "allowed"
    assert filtered(seccomp.CLONE, users) == "EPERM"
    assert filtered(seccomp.CLONE, network) == "EPERM"


@pytest.mark.parametrize(
    ("network", "view", "expected"),
    [
        (True, True, ["allowed", "allowed", "allowed", "allowed", "allowed", "EACCES"]),
        (False, True, ["allowed", "allowed", "allowed", "EACCES", "EACCES", "EACCES"]),
        (True, False, ["EACCES", "allowed", "EACCES", "allowed", "EACCES", "EACCES"]),
        (False, False, ["EACCES", "allowed", "EACCES", "EACCES", "EACCES", "EACCES"]),
    ],
)
def test_sockets_reach_only_what_is_ones_own(filtered, network, view, expected):
    options = {"network": network, "view": view}
    stream, datagram = socket.SOCK_STREAM | socket.SOCK_CLOEXEC, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC
    packet, virtual = 17, 40
    assert [
        filtered(seccomp.CONNECT, 3, **options),
        filtered(seccomp.SOCKETPAIR, socket.AF_UNIX, stream, **options),
        filtered(seccomp.SOCKETPAIR, socket.AF_UNIX, datagram, **options),
        filtered(seccomp.SOCKET, socket.AF_INET, stream, **options),
        filtered(seccomp.SOCKET, socket.AF_INET, datagram, **options),
        filtered(seccomp.SOCKET, packet, stream, **options),
    ] == expected
    assert filtered(seccomp.SOCKET, virtual, stream, **options) == "EACCES"
    assert filtered(seccomp.SOCKET, socket.AF_UNIX, stream, **options) == "allowed"


def test_modes_of_files_cannot_be_changed_where_they_may_be_the_graders(filtered):
    assert filtered(seccomp.ON_OWN_FILES["fchmodat"], files=True) == "EPERM"
    assert filtered(seccomp.ON_OWN_FILES["utimensat"], files=True) == "EPERM"
    assert filtered(seccomp.ON_OWN_FILES["fchmodat"]) == "allowed"


def test_the_sizes_of_buffers_stay_as_they_are(filtered):
    sizes = (socket.SO_SNDBUF, socket.SO_RCVBUF, 32, 33)
    assert {filtered(seccomp.SETSOCKOPT, 3, socket.SOL_SOCKET, size) for size in sizes} == {"nothing done"}
    assert filtered(seccomp.SETSOCKOPT, 3, socket.SOL_SOCKET, socket.SO_REUSEADDR) == "allowed"
    assert filtered(seccomp.SETSOCKOPT, 3, socket.IPPROTO_TCP, socket.SO_SNDBUF) == "allowed"


def test_words_cannot_be_put_into_a_terminal(filtered):
    asks_for_its_size = 0x5413
    assert filtered(seccomp.IOCTL, 0, asks_for_its_size) == "allowed"
    assert {filtered(seccomp.IOCTL, 0, request) for request in seccomp.TYPED_INTO_TERMINAL} == {"EPERM"}


def test_a_machine_whose_numbers_are_not_known_is_told(monkeypatch):
    monkeypatch.setattr(seccomp.platform, "machine", lambda: "riscv64")
    with pytest.raises(OSError, match="riscv64"):
        seccomp.restrict(True, True, False)
