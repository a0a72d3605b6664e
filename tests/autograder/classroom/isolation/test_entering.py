"""What a student's process finds inside, and what it can and cannot do there."""

import pytest
from isolated_rooms import LIMITS, Room, exists, until

from autograder.classroom.isolation import Limits

MODES = pytest.mark.parametrize("without", [(), ("user",)], ids=["namespaces", "no namespaces"])


def told(room, code, **options):
    with room.inside(code, **options) as inside:
        heard = inside.hear()
        assert heard != {"done": True}
        return heard


def test_it_sees_only_its_own_processes(room, with_namespaces):
    code = """
        import os
        say(pids=[name for name in os.listdir("/proc") if name.isdigit()], me=os.getpid(), above=os.getppid())
    """
    assert told(room, code) == {"pids": ["1", "2"], "me": 2, "above": 1}


def test_the_process_announced_is_the_one_above_it(room):
    code = "import os, time; say(me=os.getpid()); hear()"
    with room.inside(code) as inside:
        inside.hear()
        with open(f"/proc/{inside.pid}/task/{inside.pid}/children") as file:
            (student,) = file.read().split()
        with open(f"/proc/{student}/cmdline") as file:
            assert "student_room" in file.read()


def test_the_first_process_cannot_be_harmed(room, with_namespaces):
    code = """
        import os, signal
        def attempt(do):
            try:
                return str(do())
            except OSError as error:
                return type(error).__name__
        say(
            kill=attempt(lambda: os.kill(1, signal.SIGKILL)),
            interrupt=attempt(lambda: os.kill(1, signal.SIGINT)),
            memory=attempt(lambda: open("/proc/1/mem", "rb")),
            variables=attempt(lambda: open("/proc/1/environ", "rb")),
            descriptors=attempt(lambda: os.listdir("/proc/1/fd")),
        )
        hear()
    """
    with room.inside(code) as inside:
        heard = inside.hear()
        for what in ("memory", "variables", "descriptors"):
            assert heard[what] == "PermissionError"
        assert exists(inside.pid)
        inside.say()
        assert inside.hear() == {"done": True}


@MODES
def test_what_it_writes_is_gone_with_it(room, without):
    code = """
        import os
        before = os.listdir(".")
        open("left", "w").close()
        say(before=before, home=os.environ["HOME"] == os.getcwd(), here=os.getcwd())
    """
    for _ in range(2):
        heard = told(room, code, without=without)
        assert heard["before"] == []
        assert heard["home"]


@MODES
def test_its_folder_is_bounded_and_its_own(room, without):
    code = """
        import os
        say(here=os.getcwd())
        hear()
    """
    with room.inside(code, without=without) as one, room.inside(code, without=without) as other:
        one.hear()
        here = other.hear()["here"]
        other.say()
        assert other.hear() == {"done": True}
        assert until(lambda: not exists(other.pid))
        one.say()
        assert one.hear() == {"done": True}
        assert here.startswith("/")


def test_files_and_shared_memory_are_capped(room, with_namespaces):
    code = """
        import errno, os
        def fill(folder):
            size = 0
            try:
                for number in range(8):
                    with open(f"{folder}/{number}", "wb", buffering=0) as file:
                        for _ in range(4):
                            size += file.write(bytes(1 << 20))
            except OSError as error:
                return [size, errno.errorcode[error.errno]]
            return [size, "not stopped"]
        # /tmp has its memory from the same quota as the work folder
        say(work=fill("."), tmp=fill("/tmp"), shared=fill("/dev/shm"))
    """
    heard = told(room, code)
    for what in ("work", "shared"):
        size, error = heard[what]
        assert error == "ENOSPC"
        assert 6 << 20 <= size <= LIMITS.work_bytes
    assert heard["tmp"] in ([0, "ENOSPC"], [0, "EACCES"])  # closed where the clone itself lies below it


def test_a_thousand_files_of_nothing_are_bounded_too(room, with_namespaces):
    code = """
        count = 0
        try:
            while count < 100_000:
                open(f"{count}", "x").close()
                count += 1
        except OSError as error:
            say(count=count)
        else:
            say(count=count)
    """
    assert told(room, code)["count"] <= 65_536


@MODES
def test_no_absurd_allocation_succeeds(room, without):
    code = """
        try:
            block = bytearray(8 << 30)
        except MemoryError:
            say(stopped=True)
    """
    assert told(room, code, without=without) == {"stopped": True}


@MODES
def test_limits_cannot_be_raised_and_no_privileges_had(room, without):
    code = """
        import os, resource
        raised = []
        for name in (resource.RLIMIT_NPROC, resource.RLIMIT_AS, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE):
            hard = resource.getrlimit(name)[1]
            try:
                resource.setrlimit(name, (hard + 1, hard + 1))
                raised.append(name)
            except (ValueError, OSError):
                continue
        status = dict(line.split(":", 1) for line in open("/proc/self/status"))
        say(
            raised=raised,
            capabilities={int(status[f"Cap{kind}"], 16) for kind in ("Inh", "Prm", "Eff", "Amb")} == {0},
            none_to_be_had=status["NoNewPrivs"].strip(),
            core=resource.getrlimit(resource.RLIMIT_CORE)[1],
        )
    """
    assert told(room, code, without=without) == {
        "raised": [],
        "capabilities": True,
        "none_to_be_had": "1",
        "core": 0,
    }


@pytest.mark.parametrize(
    "call",
    [
        "libc.unshare(0x10000000)",
        "libc.syscall(56, 0x10000011, 0, 0, 0, 0)",
        "libc.ptrace(0, 0, 0, 0)",
        "libc.shmget(0, 4096, 0o1600)",
        "libc.memfd_create(b'x', 0)",
        "libc.syscall(425, 1, 0)",
        "libc.mount(b'x', b'/tmp', b'tmpfs', 0, None)",
        "libc.socket(40, 1, 0)",
        "libc.ioctl(0, 0x5412, b'x')",
        "libc.vmsplice(1, None, 0, 0)",
    ],
    ids=[
        "user namespace",
        "clone",
        "trace",
        "segment",
        "memfd",
        "io_uring",
        "mount",
        "vsock",
        "terminal",
        "pages",
    ],
)
def test_calls_that_no_lesson_needs_are_denied(room, call):
    if "56" in call and __import__("platform").machine() != "x86_64":
        pytest.skip("this number is that of clone on x86_64")
    code = f"""
        import ctypes, errno, os
        libc = ctypes.CDLL(None, use_errno=True)
        result = {call}
        if result == 0 and "56" in {call!r}:
            os._exit(0)
        say(result=result, name=errno.errorcode.get(ctypes.get_errno()))
    """
    heard = told(room, code)
    assert heard["result"] == -1
    assert heard["name"] in ("EPERM", "EACCES")


def test_what_lessons_do_works(room):
    code = """
        import multiprocessing, os, socket, subprocess, tempfile, threading
        shown = subprocess.run(["ls", "/"], capture_output=True, text=True).stdout.split()
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"text")
        thread = threading.Thread(target=lambda: None)
        thread.start()
        thread.join()
        with multiprocessing.get_context("fork").Pool(2) as pool:
            squares = pool.map(pow, [1, 2, 3], [2, 2, 2]) if False else pool.starmap(pow, [(2, 2), (3, 2)])
        left, right = socket.socketpair()
        left.send(b"x")
        with open("/dev/null", "w") as nothing:
            nothing.write("x")
        say(
            squares=squares,
            received=right.recv(1).decode(),
            random=len(os.urandom(4)),
            processors=os.cpu_count() > 0,
            cpuinfo="processor" in open("/proc/cpuinfo").read(),
            online=open("/sys/devices/system/cpu/online").read() != "",
            home="home" in shown or "root" in shown,
        )
    """
    heard = told(room, code)
    assert heard.pop("home") in (True, False)
    assert heard == {
        "squares": [4, 9],
        "received": "x",
        "random": 4,
        "processors": True,
        "cpuinfo": True,
        "online": True,
    }


def test_terminals_are_its_own(room, with_namespaces):
    code = """
        import os, pty
        ours, theirs = pty.openpty()
        os.write(theirs, b"shown")
        read = os.read(ours, 10).decode()
        say(name=os.ttyname(theirs), read=read, all=sorted(os.listdir("/dev/pts")))
    """
    heard = told(room, code)
    assert heard == {"name": "/dev/pts/0", "read": "shown", "all": ["0", "ptmx"]}


def test_nobody_stays_when_the_student_process_ends(room):
    with room.inside("say(short=True)", Limits(work_bytes=1 << 20)) as inside:
        assert inside.hear() == {"short": True}
        assert inside.hear() == {"done": True}
        assert inside.ended()
        assert until(lambda: not exists(inside.pid))


def test_all_end_with_the_warmed_process():
    code = "import os, time\nif os.fork() == 0:\n    os.setsid()\nsay(alive=True)\ntime.sleep(20)"
    room = Room()
    try:
        with room.inside(code) as inside:
            inside.hear()
            inside.hear()
            room.warmed.close()
            assert inside.ended()
            assert until(lambda: not exists(inside.pid))
    finally:
        room.close()


TORCH = """
    import os
    import matplotlib.pyplot as plt
    import numpy
    import torch
    import course_lib.contrastive
    matrix = torch.arange(9.0).reshape(3, 3)
    plt.plot(numpy.arange(3))
    plt.title(r"$\\tau$ = 0.07")
    plt.savefig("figure.png")
    torch.save(matrix, "matrix.pt")
    torch.set_num_threads(4)
    large = torch.ones(400, 400)
    say(
        trace=float((matrix @ matrix).trace()),
        drawn=os.path.getsize("figure.png") > 1000,
        loaded=torch.load("matrix.pt").tolist() == matrix.tolist(),
        sum=float((large @ large).sum()),
    )
"""


@pytest.mark.slow
@MODES
def test_torch_and_matplotlib_find_all_that_they_want(room, without):
    heard = told(room, TORCH, limits=Limits(), without=without)
    assert heard == {"trace": 180.0, "drawn": True, "loaded": True, "sum": 400.0**3}


@pytest.mark.slow
def test_workers_of_torch_share_memory(room, with_namespaces):
    code = """
        import torch
        from torch.utils.data import DataLoader
        batches = [batch.tolist() for batch in DataLoader(torch.arange(4), batch_size=2, num_workers=1)]
        say(batches=batches, shared=torch.ones(3).share_memory_().is_shared())
    """
    assert told(room, code, limits=Limits()) == {"batches": [[0, 1], [2, 3]], "shared": True}
