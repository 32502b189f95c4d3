#!/bin/sh
# Resolve the three .in files together, then write one hashed pin file for each. Needs uv (pip install uv).
set -eu
for name in *.in; do echo "-r $name"; done > .all.in
uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate .all.in -o .all.txt
for name in *.in; do
  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
    --no-annotate --no-header -c .all.txt "$name" -o "${name%.in}.txt"
done
rm .all.in .all.txt
