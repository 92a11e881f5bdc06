#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# completion.sh PROGRAM FOLDER: bash, zsh and fish offer what rekeyctl itself says may come next,
# by the scripts of FOLDER. No daemon is asked: it is not there.
set -uo pipefail
program=$(realpath "$1") folder=$(realpath "$2")
PATH=${program%/*}:$PATH
export LC_ALL=C.UTF-8 # whatever this machine has of the caller's: a shell would tell
failures=0

in_bash() {
	bash --norc -c '. "$0/rekeyctl.bash"; COMP_WORDS=(rekeyctl "$@"); COMP_CWORD=$#; COMP_LINE="${COMP_WORDS[*]}"; _rekeyctl
		printf "%s\n" "${COMPREPLY[@]}"' "$folder" "$@"
}

in_zsh() {
	# shellcheck disable=SC2016
	zsh -f -c '_describe() { local line; for line in "${(@P)2}"; do print -r -- "${line%%:*}"; done }
		_files() { }
		folder=$1; shift; words=(rekeyctl "$@"); CURRENT=$#words; . $folder/rekeyctl.zsh' zsh "$folder" "$@"
}

in_fish() {
	# shellcheck disable=SC2016
	fish --no-config -c 'source $argv[1]/rekeyctl.fish; complete -C "$argv[2]"' "$folder" "rekeyctl $*" | cut -f1
}

expect() {
	local wanted=$1 got shell
	shift
	for shell in "${shells[@]}"; do
		got=$("in_$shell" "$@" 2>&1 | sort | paste -sd ' ')
		[[ $got == "$wanted" ]] || {
			echo "FAIL: $shell: after '$*': '$got', not '$wanted'" >&2
			failures=$((failures + 1))
		}
	done
}

shells=(bash)
for shell in zsh fish; do
	if command -v "$shell" >/dev/null; then
		shells+=("$shell")
	else
		echo "SKIP: $shell is not installed: its script is not tried"
	fi
done

run_dir=$(mktemp -d)
trap 'rm -rf "$run_dir"' EXIT
cd "$run_dir" || exit 1 # where rekeyctl has nothing, shells offer files: here are none
set -- --run-dir "$run_dir"
expect "certificate certificate-revocation config" "$@" show c
expect "alarms" "$@" show al
expect "certificate detail force name node router security summary" "$@" show peers ""
expect "strict warn" "$@" import trusted-ca-certificate x validation-mode ""
expect "admin" "$@" create user x role a
expect "peers" "$@" watch count 2 show pe
expect "" "$@" no such command ""
((failures == 0))
