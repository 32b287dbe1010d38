"""What a release is made and checked with: packages, bill of materials, licences, the Pythons it runs on.

The program does not use it, and the wheel does not have it.
"""

from pathlib import Path

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
EXTRAS = ("notify", "postgresql")
"""All of them: what `make install` sets up."""
