"""What linters do not check in the source."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest

import skysieve

MODULES = sorted(Path(skysieve.__file__).parent.rglob("*.py"))


def bound(tree: ast.Module) -> list[str]:
    """Return the constants that a module binds outside of functions and branches, as often as it does."""
    targets = [
        target
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
    ]
    names = [one for target in targets for one in ast.walk(target) if isinstance(one, ast.Name)]
    # not those that are read, as in `TABLE[0] = 1`
    return [name.id for name in names if name.id.isupper() and isinstance(name.ctx, ast.Store)]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_constants_of_a_module_have_one_value(path):
    """The second of two constants of one name would silently take the place of the first."""
    counts = Counter(bound(ast.parse(path.read_text(encoding="utf-8"))))
    assert [name for name, count in counts.items() if count > 1] == []


def test_a_constant_that_is_bound_twice_is_found():
    twice = "A = 1\nB, C = 2, [3]\nB: int = 4\nC[0] = 5\nif A:\n    C = 6\n"
    assert Counter(bound(ast.parse(twice)))["B"] == 2
    assert Counter(bound(ast.parse(twice)))["C"] == 1
