"""A small classroom on disk: nbgrader's own gradebook, and graded notebooks, the worst of them full of scripts."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from nbgrader.api import Gradebook

ROOT = Path(__file__).resolve().parents[3]
ASSIGNMENT, NOTEBOOK = "01_infonce", "infonce"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
RUN = "window.pwned=1;new Image().src='http://pwned.invalid/x'"


@dataclass
class Room:
    """A course folder with a gradebook."""

    root: Path

    @property
    def database(self) -> str:
        return f"sqlite:///{self.root / 'classroom' / 'gradebook.db'}"

    def add(self, student: str, notebook: nbformat.NotebookNode, auto: float = 1.0, **scores: float) -> None:
        """Enter a graded submission: `auto` for the check, `scores` of ``manual``, ``extra``, ``penalty``."""
        folder = self.root / "classroom" / "autograded" / student / ASSIGNMENT
        folder.mkdir(parents=True)
        nbformat.write(notebook, folder / f"{NOTEBOOK}.ipynb")
        with Gradebook(self.database) as gradebook:
            gradebook.update_or_create_student(student)
            gradebook.update_or_create_submission(ASSIGNMENT, student)
            grade = gradebook.find_grade("check-one", NOTEBOOK, ASSIGNMENT, student)
            grade.auto_score = auto
            grade.extra_credit = scores.get("extra", 0.0)
            written = gradebook.find_grade("explain", NOTEBOOK, ASSIGNMENT, student)
            written.needs_manual_grade = "manual" not in scores
            written.manual_score = scores.get("manual")
            submission = gradebook.find_submission_notebook(NOTEBOOK, ASSIGNMENT, student)
            submission.late_submission_penalty = scores.get("penalty")
            gradebook.db.commit()

    def page(self, student: str) -> str:
        path = self.root / "classroom" / "feedback" / student / ASSIGNMENT / f"{NOTEBOOK}.html"
        return path.read_text(encoding="utf-8")


def make_room(folder: Path) -> Room:
    """A course with one assignment of a check (3 points) and an explanation (2 points, graded by hand)."""
    for name in ("solutions", "notebooks", "classroom"):
        (folder / name).mkdir()
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    room = Room(folder)
    with Gradebook(room.database) as gradebook:
        gradebook.add_assignment(ASSIGNMENT)
        gradebook.add_notebook(NOTEBOOK, ASSIGNMENT)
        gradebook.add_grade_cell("check-one", NOTEBOOK, ASSIGNMENT, max_score=3, cell_type="code")
        gradebook.add_grade_cell("explain", NOTEBOOK, ASSIGNMENT, max_score=2, cell_type="markdown")
        gradebook.add_solution_cell("explain", NOTEBOOK, ASSIGNMENT)
        gradebook.add_solution_cell("one", NOTEBOOK, ASSIGNMENT)
        gradebook.add_source_cell("check-one", NOTEBOOK, ASSIGNMENT, cell_type="code", source="check(1)")
        gradebook.add_source_cell("explain", NOTEBOOK, ASSIGNMENT, cell_type="markdown", source="")
        gradebook.add_source_cell("one", NOTEBOOK, ASSIGNMENT, cell_type="code", source="")
    return room


def marks(name: str, *, points: float | None = None, solution: bool = False) -> dict:
    made = {"grade": points is not None, "grade_id": name, "locked": not solution, "schema_version": 3}
    made |= {"solution": solution, "task": False}
    return {"nbgrader": made | ({"points": points} if points is not None else {})}


def graded(outputs: list | None = None, prose: str = "Because $L \\ge 0$.", check: str = "check(1)"):
    """A graded notebook: an answer with outputs, its check with points, a written explanation."""
    points = {
        "text/plain": "1.0",
        "text/html": '<b style="color:#a04000">○ 1 of 3 points</b>',
    }
    return new_notebook(
        cells=[
            new_code_cell(
                "def one():\n    return 1", metadata=marks("one", solution=True), outputs=outputs or []
            ),
            new_code_cell(
                check,
                metadata=marks("check-one", points=3),
                outputs=[
                    new_output("stream", name="stdout", text="infonce.clip_loss · not yet\n"),
                    new_output("execute_result", data=points, execution_count=1),
                ],
            ),
            new_markdown_cell(prose, metadata=marks("explain", points=2, solution=True)),
        ],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )


def shown(data: dict, **metadata: object):
    return new_output("display_data", data=data, metadata=metadata)


HOSTILE_HTML = [
    f"<script>{RUN}</script>",
    f'<img src=x onerror="{RUN}">',
    f'"><img src=x onerror="{RUN}">',
    f'<svg onload="{RUN}"><script>{RUN}</script></svg>',
    f'<details open ontoggle="{RUN}"><summary>s</summary></details>',
    f'<iframe srcdoc="<script>parent.{RUN}</script>"></iframe>',
    f'<a href="javascript:{RUN}" class="bait">bait</a>',
    f'<form action="http://pwned.invalid/"><button class="bait" formaction="javascript:{RUN}">bait</button></form>',
    '<style>@import "http://pwned.invalid/x.css"; * { background: url(http://pwned.invalid/y) }</style>',
    '<meta http-equiv="refresh" content="0;url=http://pwned.invalid/">',
    '<base href="http://pwned.invalid/"><link rel="stylesheet" href="http://pwned.invalid/z.css">',
    '<img src="http://pwned.invalid/pixel.png">',
    f'<math><mtext><table><mglyph><style><img src=x onerror="{RUN}"></style></mglyph></table></mtext></math>',
    f'<object data="data:text/html,<script>{RUN}</script>"></object><embed src="javascript:{RUN}">',
    '<div style="position:fixed;inset:0;background:url(http://pwned.invalid/b)" id="statusmessage">over</div>',
]
HOSTILE_TEX = (
    rf"$\href{{javascript:{RUN}}}{{bait}}$ $&#92;hre&#102;{{javascript:{RUN}}}{{bait}}$ $\require{{html}}$"
)


def hostile():
    """Every way that we know to run something in whoever looks at a notebook."""
    outputs = [shown({"text/html": text, "text/plain": "x"}) for text in HOSTILE_HTML]
    outputs += [
        shown({"text/html": f"<script>{RUN}</script>"}, **{"text/html": {"isolated": True}}),
        shown({"application/javascript": RUN, "text/plain": "a script"}),
        shown(
            {"image/svg+xml": f'<svg xmlns="http://www.w3.org/2000/svg" onload="{RUN}"><circle r="9"/></svg>'}
        ),
        shown({"text/markdown": f"[bait](javascript:{RUN}) <img src=x onerror={RUN}> {HOSTILE_TEX}"}),
        shown({"text/latex": f"<img src=x onerror={RUN}> {HOSTILE_TEX}"}),
        shown({"image/png": f'"><script>{RUN}</script>'}),
        shown({"image/png": PIXEL}, **{"image/png": {"width": f"1 onload={RUN}", "height": 2}}),
        shown({"image/png": PIXEL}, filenames={"image/png": f'x" onerror="{RUN}'}),
        shown({"text/vnd.mermaid": f"</pre><script>{RUN}</script>"}),
        shown(
            {
                "application/vnd.jupyter.widget-view+json": {"model_id": "a", "version_major": 2},
                "text/plain": "Slider()",
            }
        ),
        new_output("stream", name="stdout", text=f"<script>{RUN}</script> {HOSTILE_TEX}"),
        new_output(
            "error", ename=f"<script>{RUN}</script>", evalue="e", traceback=[f"<script>{RUN}</script>"]
        ),
    ]
    prose = "\n\n".join(
        [*HOSTILE_HTML, HOSTILE_TEX, f"[bait](javascript:{RUN})", f"![a](x onerror={RUN})", "<x>"]
    )
    notebook = graded(outputs, prose)
    notebook.cells[0].metadata["tags"] = [f'"><script>{RUN}</script>']
    notebook.cells.append(
        nbformat.v4.new_raw_cell(f"<script>{RUN}</script>", metadata={"raw_mimetype": "text/html"})
    )
    notebook.metadata["title"] = f"</title><script>{RUN}</script>"
    notebook.metadata["language_info"] = {"name": "python", "pygments_lexer": f"<script>{RUN}</script>"}
    notebook.metadata["widgets"] = {
        "application/vnd.jupyter.widget-state+json": {"state": {}, "x": f"</script><script>{RUN}</script>"}
    }
    return notebook


def honest():
    """What must survive: a figure with its words, a picture, a table, asides, formulas, code."""
    figure = (
        '<figure style="margin:0"><img alt="A curve that falls from 2 to 1." width="9" height="9" '
        f'style="max-width:100%;height:auto" src="data:image/png;base64,{PIXEL}"></figure>'
    )
    outputs = [
        shown({"text/html": figure, "text/plain": "<HTML>"}),
        shown({"image/png": PIXEL, "text/plain": "<Figure>"}, **{"image/png": {"width": 300}}),
        shown(
            {"text/html": '<table class="dataframe"><tr><th scope="col">a</th><td>1 &lt; 2</td></tr></table>'}
        ),
        new_output("stream", name="stdout", text="\x1b[31mred\x1b[0m a < b\n"),
    ]
    prose = "It is $\\frac{1}{N}$.\n\n$$L \\ge \\log N$$\n\n<details><summary>Aside</summary>\n\nMore.\n\n</details>\n\n> So `a < b`."
    return graded(outputs, prose)
