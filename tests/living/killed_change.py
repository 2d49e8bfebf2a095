"""Change four files as one, and die at a write: ROOT WRITE."""

import sys
from pathlib import Path

from dying import die_at

from taskorder import together

root = Path(sys.argv[1])
writes = die_at(int(sys.argv[2]), root)
files = {
    root / "data/added/new.csv": b"new",
    root / "reports/changed.txt": b"after",
    root / "reports/gone.txt": None,
    root / "reports/changes/0001/change.md": b"report",
}
with together.alone(root / "reports"):
    together.change(root / "reports", files)
print(writes())
