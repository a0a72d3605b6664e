"""Attacks on the conversation: what a process that knows the protocol can say on every socket that it finds."""

from __future__ import annotations

from .attack import ALL, Attack
from .making import answer, insert

THEME = "forging: frames"

#: Finds sockets, and builds frames: a length as ``<Q``, a JSON header, raw bytes.
TALK = """
import json, os, socket, stat, struct, threading, time
def sockets():
    found = []
    for fd in range(3, 1024):
        try:
            if stat.S_ISSOCK(os.fstat(fd).st_mode):
                s = socket.socket(fileno=os.dup(fd))
                if s.family == socket.AF_UNIX:
                    found.append(s)
        except OSError:
            pass
    return found
def frame(header, arrays=(), data=b""):
    text = json.dumps({"header": header, "arrays": list(arrays)}).encode()
    return struct.pack("<Q", len(text)) + text + data
def everywhere(data, seconds=5.0):
    for s in sockets():
        s.settimeout(seconds)
        try:
            s.sendall(data)
        except OSError:
            pass
def nonces():
    import gc, re
    found = set()
    for thing in gc.get_objects():
        if isinstance(thing, dict):
            for name, value in list(thing.items())[:50]:
                if isinstance(name, str) and ("nonce" in name or name in ("id", "number", "request")) and isinstance(value, (str, int, bytes)):
                    found.add(value if not isinstance(value, bytes) else value.hex())
    return list(found)[:50]
SEEN = {"kinds": {"value": "torch"}, "dtypes": {"value": "float64"}, "error": None, "warnings": [], "printed": "", "calls": []}
def forged():
    said = []
    for nonce in [*nonces(), 0, 1, ""]:
        for kind in ("observation", "observed", "answer", "verdict", "result", "done"):
            said.append(frame({"kind": kind, "type": kind, "nonce": nonce, "id": nonce, "passed": True, "credit": 3.0, "points": 3.0,
                               "score": 3.0, "status": "ok", "observations": [SEEN] * 6, **SEEN}, [["array/value", "float64", []]], struct.pack("<d", 1.0)))
    return b"".join(said)
"""
TO_ITS_END = """
end = time.monotonic() + 25
"""


def _cell(name: str, tries: str, source: str, base: str = "zeros") -> Attack:
    """What is said in a cell of its own, before the checks."""
    return Attack(name, THEME, tries, (insert(TALK + source, before="imported"),), base=base, says=None)  # type: ignore[arg-type]


def _during(name: str, tries: str, source: str) -> Attack:
    """What is said while the grader waits for a wrong `clip_loss`; the other answers are zeros as well."""
    body = "\n".join(f"    {line}" for line in source.strip().splitlines())
    code = f"{TALK}\ndef clip_loss(image_features, text_features, logit_scale):\n{body}\n    return logit_scale * 0"
    return Attack(name, THEME, tries, (answer("clip_loss", code),), base="zeros", says=None)


spoken = [
    _cell("forged_before", "forged observations, sent before they are asked for", "everywhere(forged())"),
    _during("forged_during", "forged observations, sent while an answer is looked at", "everywhere(forged())"),
    _cell("forged_by_a_daemon", "forged observations from a process that left, for as long as the notebook runs", "if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        end = time.monotonic() + 25\n        while time.monotonic() < end:\n            everywhere(forged(), 0.2)\n            time.sleep(0.2)\n    os._exit(0)\nos.wait()"),
    _cell("forged_by_a_thread", "forged observations from a thread, between those that are asked for", "def talk():\n    end = time.monotonic() + 25\n    while time.monotonic() < end:\n        everywhere(forged(), 0.2)\n        time.sleep(0.05)\nthreading.Thread(target=talk, daemon=True).start()"),
    _cell(
        "replayed",
        "frames recorded at one check and sent again at the others",
        """
SENT = []
def recorded(name):
    real = getattr(socket.socket, name)
    def send(self, data, *arguments):
        SENT.append(bytes(data) if not isinstance(data, (list, tuple)) else b"".join(map(bytes, data)))
        return real(self, data, *arguments)
    setattr(socket.socket, name, send)
for name in ("send", "sendall", "sendmsg"):
    recorded(name)
_write = os.write
def write(fd, data):
    SENT.append(bytes(data))
    return _write(fd, data)
os.write = write
from autograder.observers import arrays
def again():
    end = time.monotonic() + 25
    while time.monotonic() < end:
        for data in SENT[-20:]:
            everywhere(data, 0.2)
        time.sleep(0.1)
threading.Thread(target=again, daemon=True).start()
""",
        base="stubs",
    ),
    _cell("header_of_4_gb", "a header of 4 GB announced, and of 2^63", "everywhere(struct.pack('<Q', 4 << 30))\neverywhere(struct.pack('<Q', 1 << 63))\neverywhere(b'\\xff' * 64)"),
    _during("header_of_4_gb_during", "the same while the grader waits", "everywhere(struct.pack('<Q', 4 << 30) + b'x' * 100_000)\ntime.sleep(3)"),
    _during("one_byte_per_second", "a frame at one byte per second", "data = frame({'x': 'y' * 1000})\nfor i in range(40):\n    everywhere(data[i:i + 1])\n    time.sleep(1)"),
    _during("says_nothing", "silence, with the socket open", "import signal\nsignal.setitimer(signal.ITIMER_REAL, 0)\nend = time.monotonic() + 40\nwhile time.monotonic() < end:\n    try:\n        time.sleep(1)\n    except BaseException:\n        pass"),
    _cell("closes_the_socket", "the sockets shut", "for s in sockets():\n    s.shutdown(socket.SHUT_RDWR)"),
    _cell("swaps_the_socket", "the sockets replaced by one that leads nowhere", "a, b = socket.socketpair()\nfor fd in range(3, 1024):\n    try:\n        if stat.S_ISSOCK(os.fstat(fd).st_mode) and fd not in (a.fileno(), b.fileno()):\n            os.dup2(a.fileno(), fd)\n    except OSError:\n        pass"),
    _cell("steals_requests", "requests read by a thread, so that the grader gets no answer", "def steal():\n    end = time.monotonic() + 25\n    while time.monotonic() < end:\n        for s in sockets():\n            s.settimeout(0.05)\n            try:\n                data = s.recv(1 << 20)\n                s.sendall(forged())\n            except OSError:\n                pass\nthreading.Thread(target=steal, daemon=True).start()"),
    _cell("peeks_at_requests", "requests looked at without taking them, and answered first", "def peek():\n    end = time.monotonic() + 25\n    while time.monotonic() < end:\n        for s in sockets():\n            s.settimeout(0.05)\n            try:\n                data = s.recv(1 << 16, socket.MSG_PEEK)\n                header = json.loads(data[8:8 + struct.unpack('<Q', data[:8])[0]])['header']\n                s.sendall(frame({**header, **SEEN}, [['array/value', 'float64', []]], struct.pack('<d', 1.0)))\n            except (OSError, ValueError, KeyError, struct.error):\n                pass\nthreading.Thread(target=peek, daemon=True).start()"),
    _during("floods", "500 MB on the socket that nobody asked for", "for s in sockets():\n    s.settimeout(2)\n    try:\n        for _ in range(500):\n            s.sendall(b'\\0' * 1_000_000)\n    except OSError:\n        pass"),
    _during("deep_header", "a header nested 100,000 deep", "text = b'[' * 100_000 + b']' * 100_000\neverywhere(struct.pack('<Q', len(text)) + text)"),
    _during("header_no_json", "a header that is no JSON, no UTF-8, and one that is a list", "for text in (b'\\xff\\xfe' * 50, b'{]', b'[1, 2]', b'null', b'{\"header\": 1, \"arrays\": 2}', b'{\"header\": {}, \"arrays\": [[1, 2]]}'):\n    everywhere(struct.pack('<Q', len(text)) + text)"),
    _during("header_of_many_numbers", "a header with a number of a million digits", "text = b'{\"header\": ' + b'9' * 1_000_000 + b', \"arrays\": []}'\neverywhere(struct.pack('<Q', len(text)) + text)"),
]  # fmt: skip


def _arrays(name: str, tries: str, described: str, data: str = "b'\\0' * 64") -> Attack:
    """Answers of the right form with arrays described in another way, by a changed `json.dumps`."""
    source = f"""
_dumps = json.dumps
def dumps(value, *arguments, **more):
    if isinstance(value, dict) and isinstance(value.get("arrays"), list):
        value = dict(value, arrays={described})
    return _dumps(value, *arguments, **more)
json.dumps = dumps
"""
    # The kernel of stock nbgrader talks JSON of its own, which has no arrays: it stays whole.
    return _cell(name, tries, source)


lied = [
    _arrays("frame_object_dtype", "arrays announced as objects", "[[a[0], 'O', a[2]] for a in value['arrays']]"),
    _arrays("frame_structured_dtype", "arrays announced as structured", "[[a[0], [['x', 'f8'], ['y', 'O']], a[2]] for a in value['arrays']]"),
    _arrays("frame_text_dtype", "arrays announced as code to be evaluated", "[[a[0], \"__import__('os').system('true')\", a[2]] for a in value['arrays']]"),
    _arrays("frame_void_dtype", "arrays announced as 1 GB of void each", "[[a[0], 'V1000000000', a[2]] for a in value['arrays']]"),
    _arrays("frame_huge_shape", "arrays announced with 2^60 entries", "[[a[0], a[1], [1 << 30, 1 << 30]] for a in value['arrays']]"),
    _arrays("frame_negative_shape", "arrays announced with negative lengths", "[[a[0], a[1], [-1, -8]] for a in value['arrays']]"),
    _arrays("frame_fractional_shape", "arrays announced with fractions, texts and true as lengths", "[[a[0], a[1], [1.5, '2', True, None]] for a in value['arrays']]"),
    _arrays("frame_many_dimensions", "arrays announced with 5,000 dimensions", "[[a[0], a[1], [1] * 5000] for a in value['arrays']]"),
    _arrays("frame_many_arrays", "100,000 arrays announced", "value['arrays'] + [['array/%d' % i, 'float64', [0]] for i in range(100_000)]"),
    _arrays("frame_same_names", "every array announced twice", "value['arrays'] * 2"),
    _arrays("frame_odd_names", "arrays with names that climb, and half a surrogate pair", "[['array/../../x\\ud800', a[1], a[2]] for a in value['arrays']]"),
]  # fmt: skip

told = [
    Attack(
        "observation_of_all_kinds",
        THEME,
        "observations whose fields have other types, and texts of 100 MB",
        (
            insert(
                TALK + "from autograder.observation import Observation\n_wire = Observation.to_wire\n"
                "ODD = iter([{'kinds': 5}, {'dtypes': None}, {'error': 'x' * 10**8}, {'error': {'kind': 'raised', 'type': '\\ud800', 'message': '<script>pwned()</script>', 'line': 7}},"
                " {'warnings': [{'a': 1}]}, {'printed': ['x']}, {'calls': {'a': 1}}, {'printed': '\\ud800' * 10}, {'error': {'kind': 'unknown'}}, {'error': {}}, {'kinds': {'value': '__class__'}}])\n"
                "def to_wire(self):\n    header, arrays = _wire(self)\n    return {**header, **next(ODD, {})}, arrays\nObservation.to_wire = to_wire",
                before="imported",
            ),
        ),
        base="zeros",
        says=None,
    ),
    Attack("uses_the_protocol_itself", THEME, "the protocol's own module, imported and used on every socket", (insert(TALK + "import importlib\nfor name in ('autograder.classroom.frames', 'autograder.classroom.pulling', 'autograder.classroom.hidden', 'autograder.classroom.grading'):\n    try:\n        module = importlib.import_module(name)\n    except BaseException as error:\n        print(type(error).__name__)\n        continue\n    for said in dir(module):\n        function = getattr(module, said)\n        if said in ('send', 'write', 'reply') and callable(function):\n            for s in sockets():\n                try:\n                    function(s, {**SEEN, 'passed': True, 'credit': 3.0}, {})\n                except BaseException as error:\n                    print(type(error).__name__)", before="imported"),), base="zeros", says=None),
    Attack("frames_after_a_right_answer", THEME, "garbage on the socket after its right answers were looked at", (insert(TALK + "everywhere(b'\\xff' * 10_000)", before="end"),), keeps=frozenset(), says=None),
    Attack("honest_beside_noise", THEME, "text on descriptors 0 to 2 that looks like frames", (insert(TALK + "os.write(1, frame({'credit': 3.0}))\nos.write(2, struct.pack('<Q', 1 << 40))"),), keeps=ALL, says=None),
]  # fmt: skip

attacks = [*spoken, *lied, *told]
