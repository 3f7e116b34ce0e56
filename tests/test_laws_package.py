"""The wheel holds the tree at its mapped places and nothing beside `prep/`; imports keep to their directions."""

import ast
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("pipeline", "filters", "manifests", "configs")


def place(path: Path) -> str:
    """Where a file of the tree lies below site-packages."""
    name = path.relative_to(ROOT).as_posix()
    return f"prep/{name.removeprefix('pipeline/root/') if name.startswith('pipeline/root/') else name}"


def tracked(package: str) -> Iterator[Path]:
    for path in sorted((ROOT / package).rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc":
            yield path


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The names in a wheel built from a copy of the tree."""
    copy = tmp_path_factory.mktemp("tree") / "copy"
    for package in PACKAGES:
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, copy / name)
    build = "import setuptools.build_meta as meta; meta.build_wheel('dist')"
    subprocess.run([sys.executable, "-c", build], cwd=copy, check=True, capture_output=True)
    [path] = (copy / "dist").glob("*.whl")
    return zipfile.ZipFile(path).namelist()


def test_the_wheel_holds_every_file_of_the_tree_at_its_place(wheel: list[str]) -> None:
    wanted = {place(path) for package in PACKAGES for path in tracked(package)}
    assert wanted - set(wheel) == set()
    assert {name for name in wheel if name.startswith("prep/")} - wanted == set()


def test_site_packages_gets_prep_alone(wheel: list[str]) -> None:
    assert {name.partition("/")[0] for name in wheel} == {"prep", f"prep_corpus-{version()}.dist-info"}
    assert "prep/py.typed" in wheel


def version() -> str:
    found: str = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    return found


def test_every_folder_with_python_is_a_package_that_is_listed() -> None:
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    folders = {path.parent for package in PACKAGES for path in tracked(package) if path.suffix == ".py"}
    assert {".".join(Path(place(folder / "x")).parts[:-1]) for folder in folders} == listed
    assert all((folder / "__init__.py").exists() for folder in folders)


def imported(package: str) -> Iterator[tuple[str, str]]:
    """Each file, and each module that it imports, wherever in the file."""
    for path in tracked(package):
        if path.suffix == ".py":
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    yield from ((path.name, each.name) for each in node.names)
                elif isinstance(node, ast.ImportFrom):
                    assert not node.level, f"{path}: a relative import"
                    yield path.name, str(node.module)
                    yield from ((path.name, f"{node.module}.{each.name}") for each in node.names)


FORBIDDEN = {
    "manifests": ("prep.pipeline", "prep.filters", "pipeline", "filters", "manifests", "configs"),
    "filters": ("prep.pipeline", "pipeline", "filters", "manifests", "configs"),
    "configs": ("prep.pipeline", "prep.filters", "prep.manifests", "pipeline", "filters", "manifests"),
    "pipeline": ("pipeline", "filters", "manifests", "configs"),
}


@pytest.mark.parametrize("package", FORBIDDEN)
def test_packages_import_only_in_their_direction(package: str) -> None:
    for file, name in imported(package):
        for forbidden in FORBIDDEN[package]:
            assert name != forbidden, file
            assert not name.startswith(f"{forbidden}."), file
