"""The order of the layers, and limits for the size of files and functions and for names.

The order is read from the imports of the package: those inside functions and for type checking
count as well.
"""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "pose_edge"

LAYERS = (
    {"errors"},
    {"util"},
    {"frames"},
    {"poses"},
    {"config"},
    {"tracking", "activity"},
    {"logs", "supervision", "telemetry"},
    {"zoo"},
    {"runtimes"},
    {"estimators", "sources", "overlay"},
    {"sinks", "displays"},
    {"web"},
    {"pipeline"},
    {"tuning"},
    {"live", "offline", "doctor", "service"},
    {"api"},
    {"cli"},
)
"""Folders and files of the package from the lowest layer up: each imports only lower ones."""

ALLOWED: dict[tuple[str, str], str] = {}
"""Imports permitted against this order, each with its reason."""

ROOT_IMPORTS = {"api", "errors", "frames", "poses"}
"""The modules that `pose_edge/__init__.py` may import."""

MAX_TOP_FILES = 10
MAX_FILE_LINES = 350
MAX_FUNCTION_LINES = 60

BUILT_IN = {"dict", "frozenset", "list", "set", "tuple", "type"}
"""Built-in generic types, which a type alias may stand for."""

RANKS = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}


@cache
def modules() -> Mapping[str, ast.Module]:
    """Return the parsed files by their dotted names without "pose_edge"; "" is `__init__`."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = ast.parse(path.read_text(encoding="utf-8"), str(path))
    return found


def imports(name: str, tree: ast.Module) -> Iterator[str]:
    """Yield the package's modules that a module imports, at any depth of its code."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} has a relative import"
            for alias in node.names:
                yield from nearest(f"{node.module}.{alias.name}")
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield from nearest(alias.name)


def nearest(dotted: str) -> Iterator[str]:
    """Yield the package's module that a dotted name is or belongs to, if there is one."""
    package, _, rest = dotted.partition(".")
    if package != "pose_edge":
        return
    while rest and rest not in modules():
        rest = rest.rpartition(".")[0]
    # `from pose_edge import __version__` yields "", the package itself.
    yield rest


@cache
def graph() -> Mapping[str, frozenset[str]]:
    """Return the imports of each module by its name, without itself and the bare package."""
    return {
        name: frozenset(one for one in imports(name, tree) if one not in (name, ""))
        for name, tree in modules().items()
    }


def part(name: str) -> str:
    """Return the top-level folder or file of the package that a module belongs to."""
    return name.partition(".")[0]


def parts_graph() -> Mapping[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for name, imported in graph().items():
        found[part(name)] |= {part(one) for one in imported} - {part(name)}
    return found


def find_circles(arrows: Mapping[str, set[str] | frozenset[str]]) -> list[list[str]]:
    """Return the cycles, each as the list of names along it."""
    circles: list[list[str]] = []
    done: set[str] = set()

    def visit(name: str, way: list[str]) -> None:
        if name in way:
            circles.append([*way[way.index(name) :], name])
        elif name not in done:
            for other in sorted(arrows.get(name, ())):
                visit(other, [*way, name])
            done.add(name)

    for name in sorted(arrows):
        visit(name, [])
    return circles


def test_every_folder_and_file_has_its_layer() -> None:
    tops = {part(name) for name in modules()} - {"", "__main__"}
    assert tops <= set(RANKS), f"not in LAYERS: {sorted(tops - set(RANKS))}"


def test_each_layer_imports_only_lower_ones() -> None:
    wrong = [
        f"{name} imports {imported}"
        for name, others in sorted(graph().items())
        for imported in sorted(others)
        if name not in ("", "__main__")
        and part(name) != part(imported)
        and (part(name), part(imported)) not in ALLOWED
        and RANKS[part(imported)] >= RANKS[part(name)]
    ]
    assert not wrong, "\n".join(["", *wrong])


def test_every_exception_from_the_order_is_needed() -> None:
    for importing, imported in ALLOWED:
        assert imported in parts_graph()[importing], f"{importing} no longer imports {imported}"
        assert RANKS[imported] >= RANKS[importing], f"{importing} may import {imported} anyway"


def test_the_package_itself_imports_the_public_interface_only() -> None:
    assert {part(name) for name in graph()[""]} <= ROOT_IMPORTS


def test_no_circle_between_files() -> None:
    circles = [" -> ".join(circle) for circle in find_circles(graph())]
    assert not circles, "\n".join(["", *circles])


def test_no_circle_between_folders() -> None:
    circles = [" -> ".join(circle) for circle in find_circles(parts_graph())]
    assert not circles, "\n".join(["", *circles])


def test_a_circle_is_found() -> None:
    assert find_circles({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == [["b", "c", "b"]]
    assert find_circles({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_few_files_lie_at_the_top() -> None:
    assert len(list(PACKAGE.glob("*.py"))) <= MAX_TOP_FILES


def test_no_file_is_too_long() -> None:
    lengths = {
        str(path.relative_to(PACKAGE)): len(path.read_text(encoding="utf-8").splitlines())
        for path in PACKAGE.rglob("*.py")
    }
    long = [f"{name}: {lines}" for name, lines in lengths.items() if lines > MAX_FILE_LINES]
    assert not long, "\n".join(["", *long])


def test_no_function_is_too_long() -> None:
    lengths = {
        f"{name}.{node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for name, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }
    long = [f"{name}: {lines}" for name, lines in lengths.items() if lines > MAX_FUNCTION_LINES]
    assert not long, "\n".join(["", *long])


def test_no_name_of_a_type_means_two_things() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for module, tree in modules().items():
        for name in types_of(tree):
            places[name].append(module)
    twice = [f"{name}: {', '.join(where)}" for name, where in places.items() if len(where) > 1]
    assert not twice, "\n".join(["", *twice])


def types_of(tree: ast.Module) -> Iterator[str]:
    """Yield the names of classes at any depth, and of type aliases at the top of a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield node.name
    for node in tree.body:
        if isinstance(node, ast.Assign) and is_type(node.value):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and "TypeAlias" in ast.unparse(node.annotation):
            yield ast.unparse(node.target)


def is_type(value: ast.expr) -> bool:
    """Return whether an expression is a type, such as ``Callable[[int], None]`` or ``A | None``."""
    if isinstance(value, ast.BinOp):
        sides = (value.left, value.right)
        none = any(isinstance(side, ast.Constant) and side.value is None for side in sides)
        return isinstance(value.op, ast.BitOr) and (none or any(map(is_type, sides)))
    if not isinstance(value, ast.Subscript):
        return False
    generic = ast.unparse(value.value).rpartition(".")[2]
    return generic in BUILT_IN or (generic[:1].isupper() and not generic.isupper())


def test_types_are_recognised() -> None:
    tree = ast.parse(
        "A = Callable[[int], None]\nB = A | None\nC = tuple[int, ...]\nD = 3 | 4\n"
        "E = table[0]\nF: TypeAlias = int\nclass G:\n    class H: ...\n"
    )
    assert Counter(types_of(tree)) == Counter("ABCFGH")
