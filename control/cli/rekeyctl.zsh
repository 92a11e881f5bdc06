#compdef rekeyctl
# SPDX-License-Identifier: BSD-3-Clause
# zsh completion for rekeyctl(1), which knows its own words and asks the daemon for names.
_rekeyctl() {
	local line
	local -a candidates
	for line in "${(@f)$("${words[1]}" --complete "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
		[[ -n $line ]] || continue
		candidates+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
	done
	if ((${#candidates})); then
		_describe rekeyctl candidates
	else
		_files
	fi
}
_rekeyctl "$@"
