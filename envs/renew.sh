#!/bin/sh
# Resolve analysis, cluster and dev together, then each stack so that it fits them; write one hashed pin file for each .in file.
# The trainers in dev.in need torch: they take the one of the stack, so torch stays out of analysis, cluster and dev.
# Needs uv (pip install uv).
set -eu
resolve() { uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate "$@"; }
pin() { resolve --generate-hashes --no-emit-index-url "$@"; }
echo torch > .torch.txt
echo "setuptools<82" > .setuptools.txt  # more than that, no PyTorch of the stacks takes
resolve --excludes .torch.txt -c .setuptools.txt analysis.in cluster.in dev.in -o .shared.txt
pin -c .shared.txt analysis.in -o analysis.txt
pin -c .shared.txt cluster.in -o cluster.txt
pin -c .shared.txt --excludes .torch.txt dev.in -o dev.txt
for stack in torch*.in; do
  pin -c .shared.txt "$stack" -o "${stack%.in}.txt"
done
rm .shared.txt .torch.txt .setuptools.txt
