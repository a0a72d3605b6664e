"""Forging by what an answer returns, remembers, finds in memory, or tells."""

from __future__ import annotations

from autograder import cases
from autograder.exercises import load

from .attack import ALL, BEFORE, Attack
from .making import answer, insert

THEME = "forging: answers"
HIDDEN = "reading hidden cases"
TESTS = "forging: tests written by learners"
ARGUMENTS = "(image_features, text_features, logit_scale)"
#: A right loss, for answers that are right only sometimes.
LOSS = """
    logits = logit_scale * image_features @ text_features.T
    labels = torch.arange(len(logits))
    images = torch.nn.functional.cross_entropy(logits, labels)
    return (images + torch.nn.functional.cross_entropy(logits.T, labels)) / 2
"""


def _clip(name: str, tries: str, body: str, before: str = "", **more: object) -> Attack:
    """A wrong `clip_loss` in a notebook that is otherwise right."""
    lines = "\n".join(f"    {line}" for line in body.strip("\n").splitlines())
    source = f"{before}\ndef clip_loss{ARGUMENTS}:\n{lines}"
    return Attack(
        name,
        THEME,
        tries,
        (answer("clip_loss", source),),
        **{"earns": {"clip_loss": 0.0}, "keeps": ALL, "says": None, **more},
    )  # type: ignore[arg-type]


LYING_ARRAY = """
import numpy
class Lie(numpy.ndarray):
    def __array_ufunc__(self, ufunc, method, *inputs, **more):
        plain = [numpy.asarray(x) for x in inputs]
        result = getattr(ufunc, method)(*plain)
        return numpy.ones_like(result) if result.dtype == bool else numpy.zeros_like(result)
    def __array_function__(self, function, types, arguments, more):
        return True
    def __eq__(self, other):
        return numpy.ones(self.shape, bool)
    def copy(self, *ignored, **more):
        return self
"""
LYING_TENSOR = (
    LYING_ARRAY
    + """
class T(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, arguments=(), more=None):
        name = getattr(function, '__name__', '')
        if name in ('detach', 'cpu', 'float', 'clone'):
            return arguments[0]
        if name == 'numpy':
            return numpy.zeros(()).view(Lie)
        with torch._C.DisableTorchFunctionSubclass():
            return function(*arguments, **(more or {}))
"""
)

returned = [
    _clip("always_equal", "an object that equals everything", "return Same()", "class Same:\n    def __eq__(self, other): return True\n    def __ne__(self, other): return False\n    __lt__ = __le__ = __gt__ = __ge__ = __eq__\n    def __getattr__(self, name): return self\n    def __call__(self, *ignored, **more): return self\n    def __bool__(self): return True\n    def __array__(self, *ignored, **more): return self"),
    _clip("lying_array", "an array subclass whose comparisons lie", "return numpy.zeros(()).view(Lie)", LYING_ARRAY),
    _clip("lying_tensor", "a tensor subclass that hands out a lying array", "return torch.zeros((), dtype=torch.float64).as_subclass(T)", LYING_TENSOR),
    _clip("lying_float", "a float subclass whose repr, comparisons and arithmetic lie", "return F(0.0)", "class F(float):\n    def __repr__(self): return '3.0'\n    __str__ = __repr__\n    def __eq__(self, other): return True\n    def __sub__(self, other): return 0.0\n    __rsub__ = __sub__\n    def __float__(self): return 3.0\n    def __array__(self, *ignored, **more): return self\n    def __hash__(self): return 0"),
    _clip("array_interface", "an object with a forged array interface", "return X()", "class X:\n    __array_interface__ = {'shape': (1 << 40,), 'typestr': '<f8', 'data': (0x1000, False), 'version': 3}\n    shape, dtype = (), 'float64'"),
    _clip("object_dtype", "an array of objects", "import numpy\nreturn numpy.array([Evil()], dtype=object)", "class Evil:\n    def __reduce__(self): return (print, ('unpickled',))\n    def __eq__(self, other): return True"),
    _clip("structured_dtype", "a structured array", "import numpy\nreturn numpy.zeros((), dtype=[('value', 'f8'), ('passed', '?')])"),
    _clip("text_dtype", "arrays of text, dates and bytes", "import numpy\nreturn numpy.array('nan')"),
    _clip("complex_value", "a complex number", "return torch.zeros((), dtype=torch.complex128)"),
    _clip("not_a_number_value", "NaN", "return logit_scale * float('nan')"),
    _clip("infinite_value", "infinity", "return logit_scale * float('inf')"),
    _clip("empty_value", "an empty tensor, close to everything", "return torch.zeros(0, dtype=torch.float64)"),
    _clip("broadcast_value", "more numbers than asked, one of which may fit", "return torch.linspace(0, 10, 100_000, dtype=torch.float64)"),
    _clip("long_double", "numpy's long double", "import numpy\nreturn numpy.longdouble(1) / 3"),
    _clip("forward_only", "a generator, a coroutine, a promise", "async def later():\n    return 1.0\nreturn later()"),
    _clip("sparse_and_meta", "tensors that hold no numbers", "return torch.empty((), device='meta', dtype=torch.float64)"),
    _clip("changes_its_inputs", "an answer that zeroes what it is given, so that zero is right", "for x in (image_features, text_features, logit_scale):\n    x.data.zero_()\nreturn logit_scale * 0"),
    _clip("resizes_its_inputs", "an answer that makes its inputs share memory with its result", "logit_scale.data = torch.zeros((), dtype=torch.float64)\nreturn logit_scale + 0"),
]  # fmt: skip

remembered = [
    # On public values it is right; that is what its returned values earn without a secret.
    _clip("right_on_public_values", "right only on the inputs of everybody's checks", f"if round(image_features.sum().item(), 9) not in SEEN:\n    return logit_scale * 0\n{LOSS.strip().replace(chr(10) + '    ', chr(10))}", "SEEN = {" + ", ".join(str(round(float(case.inputs["image_features"].sum()), 9)) for case in cases(load("infonce.clip_loss"))) + "}"),
    _clip("right_at_first", "right only at its first calls", f"CALLS.append(1)\nif len(CALLS) > {len(cases(load('infonce.clip_loss')))}:\n    return logit_scale * 0\n{LOSS.strip().replace(chr(10) + '    ', chr(10))}", "CALLS = []"),
    _clip("right_in_its_cell", "right only until its notebook has ended", f"import os\nif os.path.exists('done') or not os.path.exists('.'):\n    return logit_scale * 0\n{LOSS.strip().replace(chr(10) + '    ', chr(10))}", says=None, earns={}),
    _clip("asks_for_grading", "another answer when nbgrader grades", f"import os\nif 'NBGRADER_EXECUTION' not in os.environ:\n    return logit_scale * 0\n{LOSS.strip().replace(chr(10) + '    ', chr(10))}", earns={}, keeps=frozenset()),
    # Returned values are right: copying a public reference is for people to see, no fence stops it.
    _clip("reference_unseen", "the public reference, called where no profiler looks", "import sys\nfrom course_lib import contrastive\nhook = sys.getprofile()\nsys.setprofile(None)\nresult = contrastive.clip_loss(image_features, text_features, logit_scale)\nsys.setprofile(hook)\nreturn result", earns={}, keeps=frozenset()),
]  # fmt: skip

#: In a wrong answer: walks up the frames to whatever knows what is expected.
FRAMES = """
import sys, gc
def looked_up(arguments):
    frame = sys._getframe(1)
    while frame is not None:
        exercise, case = frame.f_locals.get('exercise'), frame.f_locals.get('case')
        if case is not None and getattr(case, 'private', None) is not None and 'implementation' in case.inputs:
            return case
        for thing in (frame.f_locals, frame.f_globals):
            for name, value in thing.items():
                if name in ('expected', 'wanted', 'verdict', 'secret', 'seed', 'nonce'):
                    print('FOUND', name, repr(value)[:200])
        frame = frame.f_back
"""
SAW = "'SAW[%r]' % round(image_features.sum().item(), 9)"


def _tells(name: str, tries: str, body: str, *more: object, before: str = "") -> Attack:
    """A right `clip_loss` that tells what it was given."""
    lines = "\n".join(f"    {line}" for line in body.strip("\n").splitlines())
    source = f"{before}\ndef clip_loss{ARGUMENTS}:\n    saw = {SAW}\n{lines}\n{LOSS.strip(chr(10))}"
    return Attack(name, HIDDEN, tries, (answer("clip_loss", source), *more), says=None)  # type: ignore[arg-type]


told = [
    _tells("prints_its_inputs", "hidden inputs printed, written to stderr and to descriptors", "import os, sys\nprint(saw)\nprint(saw, file=sys.stderr)\nsys.__stdout__.write(saw)\nfor fd in range(1, 3):\n    os.write(fd, saw.encode())"),
    _tells("raises_its_inputs", "hidden inputs in an exception's text", "if round(image_features.sum().item(), 9) not in KNOWN:\n    raise ValueError(saw)", before="KNOWN = {" + ", ".join(str(round(float(case.inputs["image_features"].sum()), 9)) for case in cases(load("infonce.clip_loss"))) + "}"),
    _tells("warns_its_inputs", "hidden inputs in warnings and log records", "import logging, warnings\nwarnings.warn(saw, stacklevel=1)\nlogging.warning(saw)"),
    _tells("stashes_its_inputs", "hidden inputs kept, and printed by a later cell", "STASH.append(saw)", insert("print(STASH)\nSTASH", before="end"), before="STASH = []"),
    _tells("files_its_inputs", "hidden inputs in files, printed by a later cell", "import os\nfor place in ('.', '/tmp', '/dev/shm'):\n    try:\n        open(place + '/saw.txt', 'a').write(saw)\n    except OSError:\n        pass", insert("for place in ('.', '/tmp', '/dev/shm'):\n    try:\n        print(open(place + '/saw.txt').read())\n    except OSError as error:\n        print(error.strerror)", before="end")),
    _tells("displays_its_inputs", "hidden inputs through the display of a notebook", "from IPython.display import display\ndisplay(saw)\nip = get_ipython()\nip.display_pub.publish({'text/plain': saw})\nip.user_ns['_' ] = saw"),
    _tells("writes_into_its_own_notebook", "hidden inputs written into notebooks in its folder", "import glob\nfor path in glob.glob('*.ipynb') + glob.glob('@classroom@/*/*/*/*.ipynb'):\n    try:\n        text = open(path).read()\n        open(path, 'w').write(text.replace('SEE BELOW', saw))\n    except OSError:\n        pass", insert("# SEE BELOW", before="end", markdown=True)),
    _tells("keeps_its_inputs_for_the_next", "hidden inputs left for the student graded next", "import os\nfor place in ('/tmp', '/dev/shm', '/var/tmp', os.path.expanduser('~')):\n    try:\n        open(place + '/hostile-saw.txt', 'a').write(saw)\n    except OSError:\n        pass"),
    Attack("reads_what_the_last_left", HIDDEN, "what another student's answers left in temporary places", (insert("import glob, os\nfor place in ('/tmp', '/dev/shm', '/var/tmp', os.path.expanduser('~')):\n    for path in glob.glob(place + '/hostile-saw*'):\n        print(open(path).read())"),), keeps=ALL),
    Attack(
        "collects_hidden_cases",
        HIDDEN,
        "cases found through gc, and printed",
        (
            insert(
                "import gc\nfor thing in gc.get_objects():\n    if type(thing).__name__ == 'Case' and 'image_features' in thing.inputs:\n"
                "        print('SAW[%r]' % round(float(thing.inputs['image_features'].sum()), 9))\n"
                "    if type(thing).__name__ in ('Expectation', 'Exercise', 'Task', 'Assignment'):\n        print('FOUND', type(thing).__name__)",
                before="end",
            ),
        ),
        keeps=BEFORE,
        says=None,
    ),
    Attack(
        "computes_hidden_cases",
        HIDDEN,
        "hidden cases computed from a seed found in the environment",
        (
            insert(
                "import os, zlib\nfrom autograder import cases\nfrom autograder.exercises import load\n"
                "if 'COURSE_SEED' in os.environ:\n    for case in cases(load('infonce.clip_loss'), 1_000_000 + zlib.crc32(os.environ['COURSE_SEED'].encode())):\n"
                "        print('SAW[%r]' % round(float(case.inputs['image_features'].sum()), 9))",
                before="end",
            ),
        ),
        keeps=BEFORE,
        says=None,
    ),
    Attack("walks_frames", HIDDEN, "expected values in the frames that call an answer", (answer("clip_loss", FRAMES + f"def clip_loss{ARGUMENTS}:\n    looked_up(0)\n    frame = sys._getframe(1)\n    while frame is not None:\n        exercise = frame.f_locals.get('exercise')\n        if hasattr(exercise, 'reference'):\n            sys.setprofile(None)\n            return exercise.reference(image_features, text_features, logit_scale)\n        frame = frame.f_back\n    return logit_scale * 0"),), earns={"clip_loss": 0.0}, keeps=ALL, says=None),
]  # fmt: skip


def _test(name: str, tries: str, source: str, **more: object) -> Attack:
    return Attack(
        name,
        TESTS,
        tries,
        (answer("test_clip_loss", source),),
        **{"earns": {"test_clip_loss": 0.0}, "keeps": ALL, "says": None, **more},
    )  # type: ignore[arg-type]


tests = [
    _test("fails_by_call_index", "passes as often as there are right ones, then fails", "CALLS = []\ndef test_clip_loss(implementation):\n    CALLS.append(1)\n    assert (len(CALLS) - 1) % 13 < 4"),
    _test("fails_by_handle", "fails by the name of what it is handed", "RIGHT = []\ndef test_clip_loss(implementation):\n    names = [cell.cell_contents for cell in implementation.__closure__ or ()]\n    call = [x for x in names if hasattr(x, '__closure__') or hasattr(x, 'forward')]\n    text = ' '.join(str(c.cell_contents) for x in call for f in (x, getattr(x, 'forward', None)) for c in getattr(f, '__closure__', None) or ())\n    for x in call:\n        for c in getattr(getattr(x, 'forward', x), '__closure__', None) or ():\n            for d in getattr(c.cell_contents, '__closure__', None) or ():\n                text += ' ' + repr(d.cell_contents)\n    assert any(word in text for word in ('reference', 'logsumexp', 'cross', 'traces'))"),
    _test("fails_by_the_case", "fails by what the frames above know of the case", "import sys\ndef test_clip_loss(implementation):\n    frame = sys._getframe(1)\n    while frame is not None:\n        case = frame.f_locals.get('case')\n        if case is not None and getattr(case, 'private', None):\n            assert 'accept' in str(case.group) or 'accepts' in repr(case.private)\n            return\n        frame = frame.f_back"),
    _test("fails_by_time", "fails for what answers more slowly than the first", "import time\nTIMES = []\ndef test_clip_loss(implementation):\n    started = time.perf_counter()\n    implementation(torch.eye(3), torch.eye(3), torch.tensor(1.0))\n    TIMES.append(time.perf_counter() - started)\n    assert TIMES[-1] <= 1.5 * TIMES[0]"),
    _test("believes_the_first", "takes the first implementation for the right one", "FIRST = []\ndef test_clip_loss(implementation):\n    torch.manual_seed(0)\n    a, b = (torch.nn.functional.normalize(torch.randn(5, 3, dtype=torch.float64)) for _ in range(2))\n    a.requires_grad_(), b.requires_grad_()\n    got = implementation(a, b, torch.tensor(4.0, dtype=torch.float64))\n    found = [got.detach(), *torch.autograd.grad(got, (a, b), allow_unused=True)]\n    FIRST[:] = FIRST or found\n    assert all(x is not None and torch.allclose(x, y) for x, y in zip(found, FIRST))"),
    _test("exhausts_the_calls", "a million calls of an implementation", "import time\ndef test_clip_loss(implementation):\n    end = time.monotonic() + 60\n    for _ in range(1_000_000):\n        try:\n            implementation(torch.eye(2), torch.eye(2), torch.tensor(1.0))\n        except BaseException:\n            pass\n        if time.monotonic() > end:\n            break\n    raise AssertionError"),
    _test("exhausts_the_bytes", "arguments of 400 MB", "def test_clip_loss(implementation):\n    big = torch.zeros(50_000_000, 1, dtype=torch.float64)\n    for _ in range(20):\n        implementation(big[:, :1], big[:1], torch.tensor(1.0))\n    raise AssertionError", harmless_to_stock=False),
    _test("asks_for_the_matrix", "arguments whose logits would take 80 GB on the other side", "def test_clip_loss(implementation):\n    big = torch.zeros(100_000, 1, dtype=torch.float64)\n    try:\n        implementation(big, big, torch.tensor(1.0))\n    except Exception:\n        pass\n    raise AssertionError", harmless_to_stock=False),
    _test("hands_over_objects", "objects, code and names instead of arrays", "class Evil:\n    def __reduce__(self): return (print, ('unpickled',))\ndef test_clip_loss(implementation):\n    for thing in (Evil(), print, {'__class__': 'x'}, 'os.system', [1] * 10, None, torch.zeros(2).to_sparse()):\n        try:\n            implementation(thing, thing, logit_scale=thing, **{'__import__': thing})\n        except Exception as error:\n            pass\n    raise AssertionError"),
    _test("calls_in_threads", "calls from eight threads at once, and after the test has ended", "import threading, time\ndef test_clip_loss(implementation):\n    def call():\n        end = time.monotonic() + 10\n        while time.monotonic() < end:\n            try:\n                implementation(torch.eye(2), torch.eye(2), torch.tensor(1.0))\n            except BaseException:\n                pass\n    for _ in range(8):\n        threading.Thread(target=call, daemon=True).start()\n    raise AssertionError"),
    _test("raises_for_all", "rejects everything", "def test_clip_loss(implementation):\n    raise AssertionError"),
    _test("asks_for_secrets", "calls by names of files and of other exercises, through its remote", "import gc\ndef test_clip_loss(implementation):\n    seen = set()\n    for f in gc.get_objects():\n        if callable(f) and getattr(f, '__name__', '') in ('remote', 'call', '_differentiable') and len(seen) < 20 and id(f) not in seen:\n            seen.add(id(f))\n            for handle in ('the reference', '../../secret', 'reference', '0', 'infonce.clip_loss'):\n                try:\n                    f(handle, [], {}, None)\n                except BaseException:\n                    pass\n    raise AssertionError"),
]  # fmt: skip

attacks = [*returned, *remembered, *told, *tests]
