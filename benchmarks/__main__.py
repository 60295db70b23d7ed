"""Every benchmark, each in a process of its own, one after the other, as one table.

python benchmarks [--json] [NAME …]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import reporting

ORDER = (
    "start_up",
    "train_against_bare_loop",
    "evaluate_against_bare_session",
    "int8",
    "finalize_without_training",
    "audit",
    "the_demo",
)


def main() -> int:
    """Run those that are named, or all; the exit code is 0 where all ended with 0."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(ORDER)}")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    asked = parser.parse_args()
    unknown = [name for name in asked.names if name not in ORDER]
    if unknown:
        parser.error(f"{', '.join(unknown)}: there are {', '.join(ORDER)}")
    found = {name: _run(name) for name in asked.names or ORDER}
    if asked.json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        print("\n".join(_table(found)))
    return int(any(one["exit_code"] for one in found.values()))


def _run(name: str) -> dict[str, Any]:
    reporting.note(f"\n{name}")
    script = Path(__file__).with_name(f"{name}.py")
    done = subprocess.run(
        [sys.executable, str(script), "--json"], stdout=subprocess.PIPE, text=True, check=False
    )
    document = json.loads(done.stdout) if done.stdout.startswith("{") else {}
    return {**document, "exit_code": done.returncode}


def _table(found: dict[str, dict[str, Any]]) -> Sequence[str]:
    machine: dict[str, Any] = next(
        (one["machine"] for one in found.values() if "machine" in one), {}
    )
    lines = [*(f"{name}: {value}" for name, value in machine.items()), "", *reporting.HEAD]
    for name, one in found.items():
        if "figures" not in one:
            lines.append(f"| {name} | ended with {one['exit_code']} | |")
        elif one["skipped"]:
            lines.append(f"| {name} | skipped: {one['skipped']} | |")
        else:
            lines += [reporting.read(figure).row() for figure in one["figures"]]
    return lines


if __name__ == "__main__":
    sys.exit(main())
