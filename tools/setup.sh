#!/bin/sh
# Make .venv from requirements.lock and install the project into it: sh tools/setup.sh STAMP
# Writes inside the checkout only, but for uv's own cache. Mirrors: pip's settings serve for uv itself, and
# UV_DEFAULT_INDEX for the rest; every file is held to the hashes in the lock wherever it comes from.
set -eu
stamp=$1
venv=.venv

supported() {
  "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
  if [ -n "${PYTHON:-}" ]; then
    if ! supported "$PYTHON"; then
      found=$("$PYTHON" -V 2>/dev/null) || true
      echo "PYTHON=$PYTHON cannot be used: Python 3.11 or newer is needed, found: ${found:-no such command}" >&2
      exit 1
    fi
    echo "$PYTHON"
    return
  fi
  for candidate in python3 python3.13 python3.12 python3.11 python3.14 python; do
    if supported "$candidate"; then
      echo "$candidate"
      return
    fi
  done
  echo "Python 3.11 or newer is needed, found: $(python3 -V 2>&1 | head -n 1)" >&2
  echo "Install one, or name it: make PYTHON=/path/to/python3.12 ..." >&2
  exit 1
}

usable() { # the .venv that is there: works, was made for this folder, has the Python that was asked for
  supported "$venv/bin/python" && [ "$(cat "$venv/checkout" 2>/dev/null)" = "$PWD" ] || return 1
  [ -z "${PYTHON:-}" ] || [ "$("$PYTHON" -V)" = "$("$venv/bin/python" -V)" ]
}

if [ -n "${PYTHON:-}" ] || ! usable; then
  python=$(find_python)
fi
if ! usable; then
  echo "Making $venv with $("$python" -V)" >&2
  "$python" -m venv --clear "$venv"
  printf '%s\n' "$PWD" >"$venv/checkout"
fi
rm -f "$venv"/ready-*

# A terminal sees progress; a log stays short.
quiet=--quiet
if [ -t 2 ]; then quiet=; fi

sed -n '/^uv==/,/[^\\]$/p' requirements.lock >"$venv/uv.lock"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r "$venv/uv.lock"

export UV_HTTP_TIMEOUT="${UV_HTTP_TIMEOUT:-120}"
echo "Installing $(grep -c '^[a-z0-9].*==' requirements.lock) packages from requirements.lock" >&2
"$venv/bin/uv" pip sync $quiet --python "$venv/bin/python" --require-hashes --compile-bytecode requirements.lock
"$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --offline --no-deps --no-build-isolation --editable .
"$venv/bin/python" -m compileall -q src
: >"$stamp"
