"""Public functions say what they take, return and raise."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import skysieve

ROOT = Path(skysieve.__file__).parent
MODULES = sorted(path for path in ROOT.rglob("*.py") if path.relative_to(ROOT).parts[0] != "cli")
Function = ast.FunctionDef | ast.AsyncFunctionDef

POOR = """
def f(a, *, b):
    '''Do it.

    Parameters
    ----------
    a
        One.
    '''
    if a:
        raise ValueError(a)
    return b
"""


def exported(tree):
    """Return the names in ``__all__``."""
    for node in tree.body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if isinstance(target, ast.Name) and target.id == "__all__" and node.value is not None:
            return set(ast.literal_eval(node.value))
    return set()


def own_nodes(node):
    """Yield what is in a function, but not in functions and classes in it."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, Function | ast.Lambda | ast.ClassDef):
            yield child
            yield from own_nodes(child)


def described(doc):
    """Return the names of the entries under Parameters."""
    section = re.search(r"^Parameters\n-+\n(.*?)(?=^\w[\w ]*\n-{3,}|\Z)", doc, re.MULTILINE | re.DOTALL)
    entries = re.findall(r"^(\S[^\n:]*)(?: :[^\n]*)?\n[ ]+\S", section[1], re.MULTILINE) if section else []
    return {name.lstrip("*") for entry in entries for name in entry.split(", ")}


def faults(node):
    """Return what the docstring of a function lacks."""
    doc, own = ast.get_docstring(node) or "", list(own_nodes(node))
    arguments = node.args
    names = {a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}
    names |= {a.arg for a in (arguments.vararg, arguments.kwarg) if a is not None}
    missing = sorted(name for name in names - described(doc) if not name.startswith("_"))
    if missing:
        yield f"{node.name}: no entry for {', '.join(missing)}"
    gives = any(isinstance(n, ast.Return) and n.value is not None for n in own)
    if any(isinstance(n, ast.Yield | ast.YieldFrom) for n in own):
        if not re.search(
            r"^(Yields|Returns)\n---", doc, re.MULTILINE
        ) and "contextmanager" not in ast.unparse(node):
            yield f"{node.name}: no section Yields"
    elif gives and not re.search(r"^Returns\n---", doc, re.MULTILINE):
        yield f"{node.name}: no section Returns"
    raised = {
        n.exc.func.id
        for n in own
        if isinstance(n, ast.Raise) and isinstance(n.exc, ast.Call) and isinstance(n.exc.func, ast.Name)
    }
    for name in sorted(raised - {"NotImplementedError"}):
        if not re.search(r"^Raises\n---", doc, re.MULTILINE):
            yield f"{node.name}: no section Raises, but raises {name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_exported_functions_have_the_sections_that_they_need(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    public = exported(tree)
    found = [node for node in tree.body if isinstance(node, Function) and node.name in public]
    assert [fault for node in found for fault in faults(node)] == []


def test_a_docstring_without_its_sections_is_found():
    (node,) = ast.parse(POOR).body
    assert list(faults(node)) == [
        "f: no entry for b",
        "f: no section Returns",
        "f: no section Raises, but raises ValueError",
    ]
