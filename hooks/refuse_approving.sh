#!/bin/sh
# Before an assistant's shell call: stdin has it as JSON; exit code 2 stops it and shows stderr to
# the assistant. A guard against eagerness: whoever wants to get past it can.
set -u

# Escapes, quotes and line continuations of the JSON text become spaces.
call=$(sed -e 's/\\\\/ /g' -e 's/\\[nrt"]/ /g' -e "s/[\"']/ /g" -e 's/\\//g' | tr '\n' ' ')
called=$(printf '%s' "$call" | sed -E 's/approve +(--help|-h)([^A-Za-z-]|$)/ /g')

found() { printf '%s' "$called" | grep -Eq -e "$1"; }

if found '(^|[^A-Za-z0-9_.-])seatrial(\.cli\.approve| +approve)([^A-Za-z0-9_.-]|$)' ||
    { found 'ssh-keygen ' && found '-Y *sign' && found 'seatrial-approval'; }; then
    cat >&2 <<'MESSAGE'
Not run: approving a release is a person's act, with a key that is theirs.
Tell the person what seatrial approvals shows, and the command, which they type in a terminal of
their own if they answer for the release: seatrial approve --role ROLE --key KEY
Do not run it another way, and do not ask for a key or a passphrase. Then: seatrial gate
MESSAGE
    exit 2
fi
