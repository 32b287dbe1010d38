import json
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
VECTORS = HERE.parent / "data" / "signatures.json"


@pytest.mark.timeout(300)
def test_the_public_library_for_node_accepts_our_signatures_with_each_secret(node: str) -> None:
    vectors = json.loads(VECTORS.read_text("utf-8"))
    command = [node, "verify.mjs"]
    run = subprocess.run(command, cwd=HERE, input=VECTORS.read_bytes(), capture_output=True, timeout=60, check=True)  # noqa: S603 -- our own script
    verdicts = [json.loads(line) for line in run.stdout.splitlines()]
    assert verdicts == [
        {"name": vector["name"], "verdicts": [True] * len(vector["secrets"]), "tampered": False} for vector in vectors
    ]
    assert len(verdicts) > 1
