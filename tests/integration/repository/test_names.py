"""The words are put together here, so that this file does not name what no file may name."""

from tests.integration.repository import ROOT, tracked_files

OF_ONE_MACHINE = ("/work" + "/", "/farm" + "/", "../" + "shared", "/root" + "/", "/home" + "/", "/opt/" + "wheels")
OF_REGISTRIES = ("pypi" + ".org", "python" + "hosted", "npmjs" + ".org", "deb." + "debian")


def test_no_file_names_one_machine_s_folders_or_a_registry_s_host() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {word}"
        for path in tracked_files()
        for word in OF_ONE_MACHINE + OF_REGISTRIES
        if word.encode() in path.read_bytes()
    ]
    assert found == []


def test_no_module_is_named_for_nothing() -> None:
    vague = {"utils", "helpers", "common", "manager", "handle", "process", "data", "info"}
    modules = [path.relative_to(ROOT) for path in tracked_files() if path.is_relative_to(ROOT / "watcher")]
    assert modules
    assert [str(path) for path in modules if vague & {path.stem, *path.parts}] == []
