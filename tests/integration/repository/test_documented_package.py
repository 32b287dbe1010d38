"""The package that docs/provider-package.md shows is built, installed beside the program, and works."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.repository import ROOT
from tests.integration.repository.documents import blocks

GUIDE = ROOT / "docs" / "provider-package.md"
CONFIG = '[sources.north]\nprovider = "plainbill"\napi_key = { env = "KEY" }\n'


def written(folder: Path) -> Path:
    for block in (*blocks(GUIDE, "toml"), *blocks(GUIDE, "python")):
        path = folder / block.partition("\n")[0].removeprefix("# ")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block)
    return folder


def install(source: Path, target: Path) -> None:
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(target), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- our own words
    assert done.returncode == 0, done.stderr


def run(site: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 -- same
        [sys.executable, "-m", *words],
        cwd=site.parent,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(site), str(ROOT)]), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("package")
    install(written(folder / "source"), folder / "site")
    (folder / "watcher.toml").write_text(CONFIG)
    return folder / "site"


def test_its_conformance_suite_passes(site: Path) -> None:
    tests = site.parent / "source" / "tests"
    ran = run(site, "pytest", "-q", "-p", "no:cacheprovider", "-p", "watcher.provider_testing", str(tests))
    assert ran.returncode == 0, ran.stdout
    assert "40 passed" in ran.stdout


def test_the_suite_finds_what_an_adapter_gets_wrong(site: Path, tmp_path: Path) -> None:
    module = site / "watcher_plainbill" / "__init__.py"
    wrong = {
        "api.require_list(answer)": "pass",
        "api.raise_if_unavailable(answer)": "pass",
        "_VOLATILE))": "frozenset({'paid'})))",
    }
    text = module.read_text()
    package = tmp_path / "site" / "watcher_plainbill"
    package.mkdir(parents=True)
    for right, instead in wrong.items():
        assert text.count(right) == 1
        (package / "__init__.py").write_text(text.replace(right, instead))
        tests = str(site.parent / "source" / "tests")
        ran = run(tmp_path / "site", "pytest", "-q", "-p", "no:cacheprovider", "-p", "watcher.provider_testing", tests)
        assert "failed" in ran.stdout, ran.stdout


def test_a_source_uses_it(site: Path) -> None:
    checked = run(site, "watcher", "check", "--config", "watcher.toml", KEY="key")
    assert checked.returncode == 0, checked.stderr
    listed = run(site, "watcher", "provider", "list")
    (row,) = [line for line in listed.stdout.splitlines() if line.startswith("plainbill")]
    assert "plug-in" in row


BROKEN = {
    "raising": ("raise RuntimeError('no licence')", "cannot be loaded: RuntimeError: no licence"),
    "number": ("KIND = 5", "is no ProviderKind but int"),
    "renamed": (
        "from watcher.provider_api import ProviderKind\nKIND = ProviderKind('other', (), None, 1.0, print)",
        "calls itself 'other', must be the name of its entry point",
    ),
}


def test_packages_that_cannot_be_used_are_named(site: Path, tmp_path: Path) -> None:
    target = tmp_path / "site"
    target.mkdir()
    for folder in site.iterdir():
        (target / folder.name).symlink_to(folder)
    for name, (text, _) in BROKEN.items():
        (target / f"broken_{name}.py").write_text(text)
        facts = target / f"broken_{name}-1.0.dist-info"
        facts.mkdir()
        (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: broken-{name}\nVersion: 1.0\n")
        (facts / "entry_points.txt").write_text(f"[invoice_watcher.providers]\n{name} = broken_{name}:KIND\n")
    (tmp_path / "watcher.toml").write_text(CONFIG)
    checked = run(target, "watcher", "check", "--config", "watcher.toml", KEY="key")
    assert checked.returncode == 2
    for name, (_, words) in BROKEN.items():
        assert f"the provider {name!r} of the package broken-{name} {words}" in checked.stderr


def test_the_module_imports_nothing_else_of_the_program() -> None:
    module = blocks(GUIDE, "python")[0]
    imports = [line for line in module.splitlines() if "watcher" in line and line.startswith(("from", "import"))]
    assert imports == ["from watcher import provider_api as api"]
