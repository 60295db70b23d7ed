"""``python -m reliability.commit_paths FOLDER``: commits by every path, for ``strace``.

``FOLDER`` has a prepared folder for each of them, by its number.
"""

from __future__ import annotations

import sys
from pathlib import Path

from reliability.commit_paths import PATHS, settled

for number, path in enumerate(PATHS):
    with settled():
        path.act(Path(sys.argv[1]) / str(number))
