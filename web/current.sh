#!/usr/bin/env bash
# Whether the committed build is what the sources make: builds it anew, elsewhere, and compares every byte.
set -euo pipefail
cd "$(dirname "$0")"
made="$(mktemp -d)"
trap 'rm -rf "$made"' EXIT
npx vite build --logLevel warn --outDir "$made" --emptyOutDir
npx vite build --logLevel warn --outDir "$made" --config vite.widget.config.ts
if ! diff -rq "$made" ../ilk/view/static; then
  echo "ilk/view/static is not what web/ makes: run \`make web\` and commit it" >&2
  exit 1
fi
size=$(cat "$made"/look.js "$made"/look.css | gzip -9 | wc -c)
echo "the committed build is current, $size bytes gzipped"
if [ "$size" -ge 60000 ]; then
  echo "the page's own code is to stay under 60,000 bytes gzipped" >&2
  exit 1
fi
