"""An eager assistant that approves is stopped and told what to say; nothing else is in its way."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from plugin import lint

ROOT = Path(__file__).parents[2]
HOOKS = ROOT / "hooks" / "hooks.json"


def call(command: str, **more: object) -> subprocess.CompletedProcess[str]:
    """The hook's answer to a shell call, as Claude Code gives it: JSON on standard input."""
    (entry,) = json.loads(HOOKS.read_text())["hooks"]["PreToolUse"]
    (hook,) = entry["hooks"]
    assert entry["matcher"] == "Bash"
    told = {"session_id": "x", "cwd": "/work", "hook_event_name": "PreToolUse", "tool_name": "Bash",
            "tool_input": {"command": command, "description": "runs it"}, **more}  # fmt: skip
    return subprocess.run(
        ["sh", "-c", hook["command"]],
        input=json.dumps(told),
        capture_output=True,
        text=True,
        timeout=hook["timeout"],
        check=False,
        env={"PATH": "/usr/bin:/bin", "CLAUDE_PLUGIN_ROOT": str(ROOT)},
    )


@pytest.mark.parametrize(
    "command",
    [
        "seatrial approve --role technical --key ~/.ssh/id_ed25519 --yes",
        "cd /work && seatrial  approve --role product --key k",
        "yes | bin/seatrial approve --role technical --key k",
        "SEATRIAL_ALLOWED_SIGNERS=x /opt/bin/seatrial approve --role technical --key k",
        "bash -c 'seatrial approve --role technical --key k'",
        'bash -c "seatrial approve --role technical --key k"',
        '"seatrial" "approve" --role technical --key k',
        "seatrial \\\n  approve --role technical --key k",
        "seatrial\tapprove --role technical",
        "python -m seatrial approve --role technical --key k",
        "python3 -P -m seatrial.cli.approve --role technical --key k",
        "echo $(seatrial approve --role technical --key k)",
        "seatrial approve --help; seatrial approve --role technical --key k",
        "seatrial gate; seatrial approve",
        "ssh-keygen -Y sign -n seatrial-approval-technical -f k technical.json",
        "ssh-keygen -q -f k -n seatrial-approval-product -Ysign < product.json",
        "ssh-keygen -f k \\\n -Y sign -n 'seatrial-approval-technical' x",
    ],
)
def test_approving_is_stopped_with_what_to_tell_the_person(command: str) -> None:
    answer = call(command)
    assert answer.returncode == 2, answer
    assert answer.stdout == ""
    assert "a person's act" in answer.stderr
    assert "seatrial approve --role ROLE --key KEY" in answer.stderr


@pytest.mark.parametrize(
    "command",
    [
        "seatrial approvals --json",
        "seatrial approve --help",
        "seatrial approve -h | head",
        "seatrial gate --json",
        "seatrial finalize --config configs/approve.yaml",
        "ls approvals && cat commands/approve.md",
        "git log --oneline -- docs/how-to/approve-a-release.md",
        "python -m seatrial.cli.approvals",
        "ssh-keygen -Y verify -n seatrial-approval-technical -f signers -I ann -s x.sig < x",
        "ssh-keygen -Y sign -n git -f k x",
        "my-seatrial approve",
        "pytest tests/cli/test_approve.py",
        "",
    ],
)
def test_everything_else_goes_on(command: str) -> None:
    answer = call(command)
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")


def test_a_call_that_is_no_json_is_nothing_to_stop() -> None:
    script = ROOT / "hooks" / "refuse_approving.sh"
    for text in ("", "\n", "{", "\0"):
        done = subprocess.run(["sh", script], input=text, text=True, check=False)
        assert done.returncode == 0


def test_no_command_or_skill_is_allowed_to_approve() -> None:
    pages = [*ROOT.glob("commands/*.md"), *ROOT.glob("skills/*/SKILL.md")]
    assert ROOT / "commands/approve.md" in pages
    for page in pages:
        rights = str(lint.front_matter(page.read_text()).get("allowed-tools", ""))
        assert not re.search(r"\bapprove\b|ssh-keygen|Bash(?!\()|Bash\((seatrial )?\*\)", rights), (
            page
        )
