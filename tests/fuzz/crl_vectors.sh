#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Unpacks third-party CRL seeds into a folder of its own and replays them: crl_vectors.sh REPLAY
set -eu

archive=${REKEY_VECTORS:?}/crl-fuzz-seeds.tar.gz
if [ ! -f "$archive" ]; then
	echo "skipped: $archive is not there"
	exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT INT TERM
tar -xzf "$archive" -C "$folder"
# The folders that hold files; replay does not descend.
find "$folder" -type f -exec dirname {} + | sort -u >"$folder.list"
trap 'rm -rf "$folder" "$folder.list"' EXIT INT TERM
set --  "$1" # the program; folders follow
while IFS= read -r line; do
	set -- "$@" "$line"
done <"$folder.list"
"$@"
