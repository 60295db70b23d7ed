"""``python -m reliability.commit_paths NAME FOLDER``: commits by one path, for ``strace``."""

from __future__ import annotations

import sys
from pathlib import Path

from reliability.commit_paths import PATHS, settled

name, folder = sys.argv[1:]
path = next(path for path in PATHS if path.name == name)
with settled():
    path.act(Path(folder))
