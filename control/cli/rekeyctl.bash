# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# bash completion for rekeyctl(1), which knows its own words and asks the daemon for names.
_rekeyctl() {
	COMPREPLY=()
	mapfile -t COMPREPLY < <("${COMP_WORDS[0]}" --complete "${COMP_WORDS[@]:1:COMP_CWORD}" \
		2>/dev/null | cut -f1)
}
complete -o default -F _rekeyctl rekeyctl
