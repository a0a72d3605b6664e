"""A filter of system calls: what no lesson needs, and what the other layers cannot see."""

from __future__ import annotations

import ctypes
import errno
import platform
import socket
import struct
from collections.abc import Iterable

from autograder.classroom.isolation.syscalls import PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, prctl

#: Audit architecture, and the numbers of calls: (x86_64, aarch64).
ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
DENIED = {
    # Looking into other processes, and helping oneself to what they have open.
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    # Memory that belongs to no process and no file system that is watched.
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    # A pipe or socket that refers to pages of a process holds them when the process has let go of them: of a
    # huge page, 2 MB for each 4 KB.
    "vmsplice": (278, 75),
    "splice": (275, 76),
    "tee": (276, 77),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    # Parts of the kernel that are large, new, or reach around this filter.
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "open_by_handle_at": (304, 265),
    # New surroundings in which one has privileges again.
    "unshare": (272, 97),
    "setns": (308, 268),
    "chroot": (161, 51),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
}
#: What Landlock lets through on files of one's own, wherever they are.
ON_OWN_FILES = {
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "lchown": (94, None),
    "fchown": (93, 55),
    "fchownat": (260, 54),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
}
FIRST_UNKNOWN = 463  # the number of setxattrat, everywhere
CLONE, CLONE3 = (56, 220), (435, 435)
SOCKET, SOCKETPAIR, CONNECT, IOCTL = (41, 198), (53, 199), (42, 203), (16, 29)
SETSOCKOPT = (54, 208)
NEW_NAMESPACES = 0x7E020000  # any flag of clone that asks for one
#: The sizes of a socket's buffers: SO_SNDBUF, SO_RCVBUF, and both with FORCE.
BUFFER_SIZES = (7, 8, 32, 33)
SUCCESS = 0
TYPED_INTO_TERMINAL = (0x5412, 0x541C)  # TIOCSTI and TIOCLINUX put words into a terminal's mouth

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_ALLOW, _FAIL, _KILL = 0x7FFF0000, 0x00050000, 0x80000000

Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, constant


def restrict(own_network: bool, own_view: bool, own_files: bool) -> str:
    """Put the filter on this process and on all that it starts, for good.

    Parameters
    ----------
    own_network : bool
        Whether the network is the student's own. Otherwise there are no sockets but unix ones.
    own_view : bool
        Whether the file system shows only what the student may see. Otherwise a unix socket of somebody
        else's may lie in it, which no rule on files stops: then nothing is connected to at all.
    own_files : bool
        Whether files of the grader's belong to the same user and can be reached. Then the modes and times
        of no file can be changed.
    """
    if platform.machine() not in ARCHITECTURES:
        raise OSError(f"the numbers of system calls on {platform.machine()} are not known")
    lines = program(platform.machine(), own_network, own_view, own_files)
    code = b"".join(struct.pack("HBBI", *one) for one in lines)
    text = ctypes.create_string_buffer(code, len(code))
    header = ctypes.create_string_buffer(struct.pack("HP", len(code) // 8, ctypes.addressof(text)))
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    prctl(PR_SET_SECCOMP, 2, ctypes.addressof(header))
    lost = ["no connections"] * (not own_network or not own_view) + ["no chmod"] * own_files
    return ", ".join(lost)


def program(machine: str, own_network: bool, own_view: bool, own_files: bool) -> list[Instruction]:
    """The filter, as the kernel runs it before each call."""
    architecture, column = ARCHITECTURES[machine]
    lines: list[Instruction] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL),  # the calls of another architecture have other numbers
        (_LOAD, 0, 0, _NUMBER),
    ]
    # Newer calls than these tables know, and on x86_64 the same calls under other numbers.
    lines += _when(_AT_LEAST, FIRST_UNKNOWN, [_fail(errno.ENOSYS)])
    for numbers in (*DENIED.values(), *(ON_OWN_FILES.values() if own_files else ())):
        number = numbers[column]
        if number is not None:
            lines += _when(_EQUAL, number, [_fail(errno.EPERM)])
    # Its flags lie in memory, where a filter cannot look; without it everybody uses clone.
    lines += _when(_EQUAL, CLONE3[column], [_fail(errno.ENOSYS)])
    asks = [_argument(0), *_when(_ANY_BIT, NEW_NAMESPACES, [_fail(errno.EPERM)]), _allow()]
    lines += _when(_EQUAL, CLONE[column], asks)
    asks = [_argument(1), *_unless_none(TYPED_INTO_TERMINAL, errno.EPERM), _allow()]
    lines += _when(_EQUAL, IOCTL[column], asks)
    # A wish that the kernel may always leave unfulfilled; the watch counts on the usual sizes.
    asks = [_argument(2), *_unless_none(BUFFER_SIZES, SUCCESS), _allow()]
    at_socket = [_argument(1), *_when(_EQUAL, socket.SOL_SOCKET, asks), _allow()]
    lines += _when(_EQUAL, SETSOCKOPT[column], at_socket)
    families = [socket.AF_UNIX]
    if own_network:
        families += [socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK]
    asks = [_argument(0)]
    for family in families:
        asks += _when(_EQUAL, family, _kind(own_view))
    lines += _when(_EQUAL, SOCKET[column], [*asks, _fail(errno.EACCES)])
    lines += _when(_EQUAL, SOCKETPAIR[column], _kind(own_view))
    if not own_view:
        lines += _when(_EQUAL, CONNECT[column], [_fail(errno.EACCES)])
    return [*lines, _allow()]


def _when(test: int, constant: int, then: Iterable[Instruction]) -> list[Instruction]:
    then = list(then)
    return [(test, 0, len(then), constant), *then]


def _unless_none(constants: Iterable[int], error: int) -> list[Instruction]:
    return [line for constant in constants for line in _when(_EQUAL, constant, [_fail(error)])]


def _kind(own_view: bool) -> list[Instruction]:
    """A datagram needs no connection to reach a socket by its path."""
    if own_view:
        return [_allow()]
    datagram = _when(_EQUAL, socket.SOCK_DGRAM, [_fail(errno.EACCES)])
    return [_argument(1), (_AND, 0, 0, 0xF), *datagram, _allow()]


def _argument(number: int) -> Instruction:
    return (_LOAD, 0, 0, _ARGUMENTS + 8 * number)


def _fail(error: int) -> Instruction:
    return (_RETURN, 0, 0, _FAIL | error)


def _allow() -> Instruction:
    return (_RETURN, 0, 0, _ALLOW)
