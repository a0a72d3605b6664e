"""Forging inside the student's process: `check` and what it uses replaced, cells rewritten before they run."""

from __future__ import annotations

from .attack import ALL, Attack
from .making import beside, insert

THEME = "forging: the judge replaced"
HOOKS = "forging: hooks of IPython"

#: Full points for every check, as nbgrader reads a value that is no bare number, or a number.
FULL = (
    "dict(l2_normalize=2.0, similarity_logits=2.0, recall_at_k=2.0, normalize_grad=2.0, accumulated_loss=2.0)"
)


def _forge(
    name: str, tries: str, source: str, theme: str = THEME, *, before: str = "imported", alone: bool = False
) -> Attack:
    return Attack(name, theme, tries, (insert(source, before=before),), base="zeros", says=None, alone=alone)


def _returns(name: str, tries: str, value: str) -> Attack:
    source = f"import numpy, torch\ncheck = lambda *ignored: {value}"
    return _forge(name, tries, source)


replaced = [
    _forge("redefines_check", "check redefined: full points", f"check = lambda name, answer: {FULL}.get(name.split('.')[1], 3.0)"),
    _returns("check_returns_true", "check redefined: True", "True"),
    _returns("check_returns_negative", "check redefined: -1.0", "-1.0"),
    _returns("check_returns_nan", "check redefined: nan", "float('nan')"),
    _returns("check_returns_float64", "check redefined: a number of numpy's", "numpy.float64(0.0)"),
    _returns("check_returns_tensor", "check redefined: a tensor", "torch.zeros(3)"),
    _returns("check_returns_text", "check redefined: a text", "'passed'"),
    _returns("check_returns_nothing", "check redefined: nothing", "None"),
    _returns("check_returns_millions", "check redefined: a million points", "1e6"),
    _forge("patches_the_module", "autograder.check and autograder.checking.check replaced", "import autograder, autograder.checking\nautograder.check = autograder.checking.check = check = lambda *ignored: None"),
    _forge("patches_points", "the class of points lies in its repr", "from autograder.points import Points\nPoints.__repr__ = lambda self: repr(self.possible)\nPoints.__new__ = lambda cls, earned, possible: _make(cls, possible)\ndef _make(cls, possible):\n    value = float.__new__(cls, possible)\n    value.possible = possible\n    return value"),
    _forge("patches_comparing", "autograder.compare.same always true", "from autograder import compare\ncompare.same = lambda *ignored: True"),
    _forge("patches_judging", "no check finds a problem", "import autograder.judge as j\nimport sys\nsys.modules['autograder.judge']._problem = lambda *ignored: None"),
    _forge("patches_the_cases", "no cases, so nothing can fail", "import autograder.checking as c\nc.cases = lambda *ignored, **more: ()"),
    _forge("patches_the_exercises", "exercises that ask for nothing", "import autograder.checking as c\nimport dataclasses\n_load = c.load\ndef load(name):\n    exercise = _load(name)\n    object.__setattr__(exercise, 'cases', [])\n    return exercise\nc.load = load"),
    _forge("patches_expecting", "what is expected is what came", "import sys, autograder.checking\njudge = sys.modules['autograder.judge']\njudge.compare = type('C', (), {'same': staticmethod(lambda *ignored: True)})"),
    _forge("patches_numpy", "numpy's comparisons always true", "import numpy\nfor name in ('allclose', 'isclose', 'array_equal', 'isfinite', 'less_equal', 'all'):\n    setattr(numpy, name, lambda *ignored, **more: numpy.bool_(True))\nfor name in ('assert_allclose', 'assert_array_equal', 'assert_array_almost_equal'):\n    setattr(numpy.testing, name, lambda *ignored, **more: None)\nnumpy.abs = lambda x, *ignored, **more: x * 0"),
    _forge("patches_torch", "torch's comparisons always true", "import torch\nfor name in ('allclose', 'isclose', 'equal'):\n    setattr(torch, name, lambda *ignored, **more: True)\ntorch.testing.assert_close = lambda *ignored, **more: None"),
    _forge("patches_builtins", "all, sum, isinstance and float that lie", "import builtins\n_sum = builtins.sum\nbuiltins.all = lambda *ignored: True\nbuiltins.float = type('float', (float,), {'__repr__': lambda self: '3.0'})"),
    _forge("patches_observing", "observations without errors, full of ones", "import sys, autograder.checking as c\nfrom autograder.observation import Observation\nimport numpy\ndef observe(observer, answer, case, remote=None):\n    return Observation(arrays={'value': numpy.ones(())}, kinds={'value': 'torch'}, dtypes={'value': 'float64'})\nfor module in list(sys.modules.values()):\n    if getattr(module, 'observe', None) is not None and module.__name__.startswith('autograder'):\n        module.observe = observe"),
    _forge("patches_the_wire", "Observation.to_wire says that all passed", "from autograder.observation import Observation\n_wire = Observation.to_wire\ndef to_wire(self):\n    header, arrays = _wire(self)\n    return header | {'error': None, 'passed': True, 'credit': 3.0, 'verdict': {'passed': True, 'credit': 3.0, 'points': 3.0}, 'caught': True}, arrays\nObservation.to_wire = to_wire"),
    _forge("patches_learner_test", "a test noted as caught, or as accepting, as it pleases", "import sys\nmodule = sys.modules.get('autograder.observers.learner_test')\nif module:\n    module.note = lambda seen, name, value: None"),
    _forge("swaps_the_module", "another autograder in sys.modules", "import sys, types\nfake = types.ModuleType('autograder')\nfake.check = check = lambda *ignored: True\nfake.__path__ = []\nsys.modules['autograder'] = fake\nfor name in list(sys.modules):\n    if name.startswith('autograder.'):\n        sys.modules[name] = fake"),
    _forge("patches_import", "builtins.__import__ hands out another check", "import builtins\n_import = builtins.__import__\ndef forged(name, *arguments, **more):\n    module = _import(name, *arguments, **more)\n    if name == 'autograder':\n        module.check = lambda *ignored: True\n    return module\nbuiltins.__import__ = forged", before="start"),
    _forge("plants_a_finder", "an import hook in sys.meta_path", "import sys, types\nclass Finder:\n    def find_spec(self, name, path=None, target=None):\n        if name.startswith('autograder') or name == 'json':\n            raise ImportError(name)\nsys.meta_path.insert(0, Finder())\nfor name in [n for n in sys.modules if n.startswith('autograder')]:\n    del sys.modules[name]\ncheck = lambda *ignored: None", before="start"),
    _forge("patches_json_and_struct", "json, struct, socket and os.write that lie", "import json, os, socket, struct\n_dumps = json.dumps\njson.dumps = lambda x, *ignored, **more: _dumps(x).replace('\"error\": {', '\"error\": null, \"was\": {').replace('false', 'true')\njson.loads, json.JSONDecoder.decode = (lambda *ignored, **more: {}), (lambda *ignored: {})"),
    _forge("traces_calls", "a profiler and a tracer that change what returns", "import sys\ndef tracer(frame, event, value):\n    if frame.f_code.co_name in ('observe', '_problem', 'same', 'judge'):\n        frame.f_locals.update(error=None, seen=None, passed=True)\n    return tracer\nsys.settrace(tracer)\nsys.setprofile(lambda *ignored: None)\nsys.setprofile = sys.settrace = lambda *ignored: None"),
    _forge("collects_garbage", "judging objects found through gc and rewritten", "import gc\nfor thing in gc.get_objects():\n    name = type(thing).__name__\n    if name in ('Exercise', 'Group', 'Case', 'CellSpec', 'Verdict', 'GroupResult'):\n        for field in ('points', 'credit', 'earned'):\n            try:\n                object.__setattr__(thing, field, 100.0)\n            except Exception:\n                pass\n        try:\n            object.__setattr__(thing, 'cases', [])\n        except Exception:\n            pass"),
    _forge("at_exit", "points printed, files written and frames sent when the process ends", "import atexit, os, signal\ndef last():\n    print('3.0')\n    try:\n        open('@canary@', 'w').write('changed')\n    except OSError:\n        pass\natexit.register(last)\nfor number in (signal.SIGTERM, signal.SIGINT, signal.SIGXCPU):\n    signal.signal(number, lambda *ignored: last())\ncheck = lambda *ignored: None", alone=True),
    _forge("thread_prints_points", "a thread that prints points while checks run", "import sys, threading, time\nfrom IPython.display import display\ncheck = lambda *ignored: time.sleep(0.1)\ndef shout():\n    for _ in range(200):\n        sys.stdout.write('3.0\\n')\n        display(3.0)\n        time.sleep(0.05)\nthreading.Thread(target=shout, daemon=True).start()"),
    _forge("stops_the_clock", "clocks and timers that stand still", "import resource, signal, time\nfor name in ('time', 'monotonic', 'perf_counter', 'process_time', 'thread_time'):\n    setattr(time, name, lambda: 0.0)\nsignal.setitimer = lambda *ignored: (0.0, 0.0)\nsignal.alarm = lambda *ignored: 0\nresource.getrusage = lambda *ignored: None\nresource.setrlimit = lambda *ignored: None"),
]  # fmt: skip

planted = [
    Attack(
        "file_named_autograder",
        THEME,
        "a file autograder.py beside the notebook",
        (beside("autograder.py", "check = lambda *ignored: True\npredict = reveal = rubric = lambda *ignored, **more: None\n"),),
        base="zeros",
        says=None,
    ),
    Attack(
        "package_named_autograder",
        THEME,
        "a package autograder beside the notebook, the real one below it",
        (beside("autograder/__init__.py", "check = lambda *ignored: None\npredict = reveal = rubric = lambda *ignored, **more: None\n"),),
        base="zeros",
        says=None,
    ),
]  # fmt: skip

hooks = [
    _forge("ast_transformer", "an AST transformer that turns checks into points and drops asserts", "import ast\nclass Rewrite(ast.NodeTransformer):\n    def visit_Assert(self, node):\n        return ast.copy_location(ast.Pass(), node)\n    def visit_Call(self, node):\n        if isinstance(node.func, ast.Name) and node.func.id == 'check':\n            return ast.copy_location(ast.Constant(None), node)\n        return self.generic_visit(node)\nget_ipython().ast_transformers.append(Rewrite())", HOOKS),
    _forge("input_transformer", "an input transformer that rewrites the text of checks", "def rewrite(lines):\n    return ['None\\n'] if any(line.startswith('check(') for line in lines) else lines\nget_ipython().input_transformers_post.append(rewrite)\nget_ipython().input_transformers_cleanup.append(rewrite)", HOOKS),
    _forge("cell_hooks", "hooks before and after each cell", "import builtins\nip = get_ipython()\ndef before(info):\n    ip.user_ns['check'] = lambda *ignored: None\ndef after(result):\n    result.result, result.error_in_exec, result.error_before_exec = 3.0, None, None\nip.events.register('pre_run_cell', before)\nip.events.register('pre_execute', lambda: before(None))\nip.events.register('post_run_cell', after)", HOOKS),
    _forge("display_formatter", "a formatter that shows points as full points", "ip = get_ipython()\nfrom autograder.points import Points\nip.display_formatter.formatters['text/plain'].for_type(Points, lambda value, p, cycle: p.text(repr(value.possible)))\nip.display_formatter.formatters['text/plain'].for_type(float, lambda value, p, cycle: p.text('3.0'))", HOOKS),
    _forge("display_hook", "a display hook that shows 3.0 whatever comes", "import sys\nip = get_ipython()\nhook = type(ip.displayhook)\nhook.compute_format_data = lambda self, result: ({'text/plain': '3.0'}, {})\nhook.write_format_data = lambda self, data, metadata=None: None", HOOKS),
    _forge("patches_run_cell", "run_cell, run_code and run_ast_nodes replaced", "ip = get_ipython()\n_run = type(ip).run_cell\ndef run_cell(self, source, *arguments, **more):\n    return _run(self, 'None' if 'check(' in source else source, *arguments, **more)\ntype(ip).run_cell = run_cell\n_code = type(ip).run_code\nasync def run_code(self, code, result=None, **more):\n    return False\nip.custom_exceptions = (BaseException,)\nip.CustomTB = lambda *ignored, **more: None", HOOKS),
    _forge("lying_namespace", "a namespace in which check and answers change with each look", "class Names(dict):\n    def __missing__(self, name):\n        if name == 'check':\n            return lambda *ignored: None\n        raise KeyError(name)\nip = get_ipython()\nip.user_ns['check'] = lambda *ignored: None\nglobals().update(__builtins__=__builtins__)\nip.user_ns = Names(ip.user_ns)", HOOKS),
    _forge("history", "In, Out and the history rewritten", "ip = get_ipython()\nip.history_manager.input_hist_parsed[:] = [''] * 50\nfor i in range(100):\n    Out[i] = 3.0\nip.history_manager.output_hist_reprs.update({i: '3.0' for i in range(100)})\nip.execution_count = 1", HOOKS),
    _forge("forged_messages", "execute_result messages of its own, through the kernel", "ip = get_ipython()\nkernel = getattr(ip, 'kernel', None)\ndef check(*ignored):\n    if kernel is not None:\n        content = {'data': {'text/plain': '3.0'}, 'metadata': {}, 'execution_count': ip.execution_count}\n        kernel.session.send(kernel.iopub_socket, 'execute_result', content, parent=kernel.get_parent())\n    ip.display_pub.publish({'text/plain': '3.0', 'text/html': '3.0 of 3.0'})", HOOKS),
    _forge("silences_errors", "a showtraceback that shows nothing", "ip = get_ipython()\nip.showtraceback = ip._showtraceback = lambda *ignored, **more: None\ntype(ip).showtraceback = lambda *ignored, **more: None\ncheck = lambda *ignored: 1 / 0", HOOKS),
    _forge("magics", "a cell magic that swallows the checks", "from IPython.core.magic import register_line_magic\nip = get_ipython()\n@register_line_magic\ndef check(line):\n    return None\ndel globals()['check']\nip.automagic = True", HOOKS),
    Attack("exits_early", HOOKS, "sys.exit and exit() before the checks, so that none of them runs", (insert("import sys\nget_ipython().ask_exit() if hasattr(get_ipython(), 'ask_exit') else None\nsys.exit(0)", before="imported"),), base="zeros", says=None),
    Attack("async_cells", HOOKS, "tasks that run between the cells and redefine check", (insert("import asyncio\nasync def later():\n    while True:\n        globals()['check'] = lambda *ignored: None\n        await asyncio.sleep(0)\ntry:\n    asyncio.get_running_loop().create_task(later())\nexcept RuntimeError:\n    pass\ncheck = lambda *ignored: None", before="imported"),), base="zeros", says=None),
    Attack("display_updates", HOOKS, "outputs of earlier cells updated later", (insert("from IPython.display import display\nhandle = display(0.0, display_id='points')", before="imported"), insert("handle.update(33.0) if handle else None", before="end")), keeps=ALL, says=None),
]  # fmt: skip

attacks = [*replaced, *planted, *hooks]
