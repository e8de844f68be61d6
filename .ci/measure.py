"""Measure how the source is built: size, imports, cycles, options, docstrings, types.

usage: python .ci/measure.py [FOLDER]

FOLDER holds the package ``skysieve``; by default ``src``.  Each line is one figure.  The docstring of the
function that counts it says what it counts.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PRODUCTS = ("frames", "ghosts", "clusters")
SECTIONS = ("Parameters", "Returns", "Raises")
OPTIONS = {
    *("Paths", "Overwrite", "Jobs", "Quiet", "Debug", "EngineOption", "PrecisionOption", "Device", "Threads"),
    *("BatchSize", "MaskHDU", "MaskBits", "Names", "NormalisationOption"),
}
"""Names that stand for an option in several commands."""


Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass
class Module:
    """One module, read.

    Attributes
    ----------
    name
        Dotted name, without ``skysieve.``.
    lines
        All of its lines.
    tree
        Its syntax tree.
    imports
        Modules of the package that it imports, as often as it does; those for types alone too.
    when_read
        Those that are imported when the module is read: not in functions, and not for types alone.
    """

    name: str
    lines: list[str]
    tree: ast.Module
    imports: Counter[str] = field(default_factory=Counter)
    when_read: set[str] = field(default_factory=set)

    @property
    def package(self) -> str:
        """First part of the name."""
        return self.name.partition(".")[0]


def read_modules(folder: Path) -> dict[str, Module]:
    """Return the modules below a folder by name."""
    modules = {}
    for path in sorted((folder / "skysieve").rglob("*.py")):
        name = ".".join(path.relative_to(folder / "skysieve").with_suffix("").parts)
        text = path.read_text(encoding="utf-8")
        modules[name] = Module(name, text.splitlines(), ast.parse(text))
    for module in modules.values():
        for node, late in _import_nodes(module.tree, late=False):
            for target in _targets(node):
                found = next((name for name in (target, f"{target}.__init__") if name in modules), None)
                if found is None:
                    found = target.rpartition(".")[0]
                    found = found if found in modules else f"{found}.__init__"
                if found in modules and found != module.name:
                    module.imports[found] += 1
                    if not late:
                        module.when_read.add(found)
    return modules


def _import_nodes(node: ast.AST, *, late: bool) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    """Yield imports, and whether they are not done when the module is read."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, late
        elif isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            yield from _import_nodes(child, late=True)
        else:
            yield from _import_nodes(child, late=late or isinstance(child, Function))


def _targets(node: ast.Import | ast.ImportFrom) -> list[str]:
    """Return what an import may name, without ``skysieve.``."""
    if isinstance(node, ast.ImportFrom):
        names = {f"{node.module}.{alias.name}" for alias in node.names}
    else:
        names = {alias.name for alias in node.names}
    names = {name.removeprefix("skysieve.") for name in names if name.startswith("skysieve.")}
    if isinstance(node, ast.ImportFrom):
        # several names of one module are one import of it
        whole = {name.rpartition(".")[0] for name in names}
        return (
            sorted(whole)
            if len(names) > 1 and len(whole) == 1 and "." in next(iter(whole))
            else sorted(names)
        )
    return sorted(names)


def size(modules: dict[str, Module]) -> Iterator[tuple[str, object]]:
    """Yield files, lines, lines of code (no blank lines, comments, docstrings), and the share that import."""
    counts = [len(module.lines) for module in modules.values()]
    code = sum(len(_code_lines(module)) for module in modules.values())
    importing = sum(
        (node.end_lineno or node.lineno) - node.lineno + 1
        for module in modules.values()
        for node, _ in _import_nodes(module.tree, late=False)
    )
    yield "files", len(counts)
    yield "lines", sum(counts)
    yield "lines of code", code
    yield "median lines of a file", median(counts)
    yield "files above 500 lines", sum(count > 500 for count in counts)
    yield "share of lines that import", f"{importing / sum(counts):.1%}"


def _code_lines(module: Module) -> set[int]:
    docs = set()
    for node in ast.walk(module.tree):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            docs |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return {
        number
        for number, line in enumerate(module.lines, 1)
        if line.strip() and not line.lstrip().startswith("#") and number not in docs
    }


def arrows(modules: dict[str, Module]) -> Iterator[tuple[str, object]]:
    """Yield packages, arrows between them, imports that cross them, imports between products, and cycles."""
    crossing: Counter[tuple[str, str]] = Counter()
    importers = defaultdict(set)
    for module in modules.values():
        for target, count in module.imports.items():
            importers[target].add(module.name)
            package = modules[target].package
            if package != module.package:
                crossing[module.package, package] += count
    tops = {module.package for module in modules.values() if "." in module.name}
    yield "packages", len(tops)
    yield "arrows between packages", sum({a, b} <= tops for a, b in crossing)
    yield "imports that cross packages", sum(crossing.values())
    yield "of these not of core", sum(n for (_, to), n in crossing.items() if to != "core")
    yield (
        "imports from one product to another",
        sum(n for (a, b), n in crossing.items() if a in PRODUCTS and b in PRODUCTS),
    )
    yield "modules with one importer", sum(len(found) == 1 for found in importers.values())
    yield "cycles of imports", ", ".join("; ".join(cycle) for cycle in cycles(modules)) or 0


def cycles(modules: dict[str, Module]) -> list[list[str]]:
    """Return groups of modules that import each other, in functions and for types too."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for target in modules[name].imports:
            if target not in index:
                visit(target)
                low[name] = min(low[name], low[target])
            elif target in stack:
                low[name] = min(low[name], index[target])
        if low[name] == index[name]:
            group = stack[stack.index(name) :]
            del stack[stack.index(name) :]
            if len(group) > 1:
                found.append(sorted(group))

    sys.setrecursionlimit(10_000)
    for name in modules:
        if name not in index:
            visit(name)
    return found


def functions(modules: dict[str, Module]) -> Iterator[tuple[str, object]]:
    """Yield how many public functions have the sections of docstrings that they need, and other counts.

    Public are functions of modules and methods of public classes, without properties.
    Parameters is needed by those that have any, Returns by those that return, Raises by those that raise.
    """
    needed: Counter[str] = Counter()
    written: Counter[str] = Counter()
    private: list[str] = []
    for module in modules.values():
        for node in _functions(module.tree):
            if node.name.startswith("_"):
                if not node.name.startswith("__"):
                    private.append(node.name)
                continue
            doc = ast.get_docstring(node) or ""
            for section in _needs(node):
                needed[section] += 1
                written[section] += f"{section}\n---" in doc
    used = Counter(
        node.id if isinstance(node, ast.Name) else node.attr
        for module in modules.values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Name | ast.Attribute)
    )
    for section in SECTIONS:
        yield f"public functions with {section} / that need it", f"{written[section]} / {needed[section]}"
    yield "private functions used once", sum(used[name] == 1 for name in private)


def _functions(tree: ast.Module | ast.ClassDef) -> Iterator[Function]:
    """Yield functions of a module and methods of its public classes, without properties and overloads."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from _functions(node)
        elif isinstance(node, Function):
            decorators = {ast.unparse(decorator) for decorator in node.decorator_list}
            if not decorators & {"overload", "property", "cached_property", "override"}:
                yield node


def _needs(node: Function) -> Iterator[str]:
    if {arg.arg for arg in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)} - {
        "self",
        "cls",
    }:
        yield "Parameters"
    own = list(_own_nodes(node))
    if any(isinstance(child, ast.Return) and child.value is not None for child in own):
        yield "Returns"
    if any(isinstance(child, ast.Raise) and child.exc is not None for child in own):
        yield "Raises"


def _own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, Function | ast.Lambda | ast.ClassDef):
            yield child
            yield from _own_nodes(child)


def settings(modules: dict[str, Module]) -> Iterator[tuple[str, object]]:
    """Yield parameters of commands that restate a field of a dataclass, enumerations, and uses of Any."""
    fields = {
        item.target.id
        for module in modules.values()
        if module.package != "cli"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef) and any("dataclass" in ast.unparse(d) for d in node.decorator_list)
        for item in node.body
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
    }
    names = [
        arg.arg
        for module in modules.values()
        if module.package == "cli"
        for node in ast.walk(module.tree)
        if isinstance(node, Function)
        for arg in (*node.args.args, *node.args.kwonlyargs)
        if arg.annotation is not None and _is_option(arg.annotation)
    ]
    yield "lines of cli", sum(len(module.lines) for module in modules.values() if module.package == "cli")
    yield "parameters of commands", len(names)
    yield "of these restating a field of a dataclass", sum(name in fields for name in names)
    classes = [
        node
        for module in modules.values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef) and any("StrEnum" in ast.unparse(base) for base in node.bases)
    ]
    yield "StrEnum classes", len(classes)
    yield (
        "uses of Any",
        sum(
            isinstance(node, ast.Name) and node.id == "Any"
            for module in modules.values()
            for node in ast.walk(module.tree)
        ),
    )


def _is_option(annotation: ast.expr) -> bool:
    """Return whether a parameter is an option of its own: `Annotated`, or a name that stands for one."""
    text = ast.unparse(annotation)
    return text.startswith("Annotated[") or text in OPTIONS


def reached(modules: dict[str, Module], start: str) -> int:
    """Return how many modules are read when one is imported."""
    found, todo = set(), [start]
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += modules[name].when_read
    return len(found)


def main() -> None:
    """Print the figures."""
    modules = read_modules(Path(sys.argv[1] if len(sys.argv) > 1 else "src"))
    for part in (size, arrows, functions, settings):
        for name, value in part(modules):
            print(f"{name}: {value}")
    print(f"modules read by the import of cli.mask: {reached(modules, 'cli.mask')}")


if __name__ == "__main__":
    main()
