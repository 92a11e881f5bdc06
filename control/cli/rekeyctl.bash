# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# bash completion for rekeyctl(1), which knows its own words and asks the daemon for names.

# The words up to the cursor: those between blanks. bash also breaks at ':' and '=', which names of
# alarms and URLs hold.
_rekeyctl_words() {
	local rest=$COMP_LINE word i
	words=()
	for ((i = 0; i <= COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if ((i == 0)) || [[ $rest == [[:blank:]]* ]]; then
			words+=("$word")
		else
			words[-1]+=$word
		fi
		rest=${rest#"${rest%%[![:blank:]]*}"}
		rest=${rest#"$word"}
	done
}

_rekeyctl() {
	local words candidate typed=
	_rekeyctl_words
	if [[ ${words[-1]} == *[:=]* ]]; then typed=${words[-1]%"${words[-1]##*[:=]}"}; fi
	COMPREPLY=()
	while IFS=$'\t' read -r candidate _; do
		# A name is text, whatever it holds: it is not for the shell to carry out.
		printf -v candidate %q "${candidate#"$typed"}"
		COMPREPLY+=("$candidate")
	done < <("${words[0]}" --complete "${words[@]:1}" 2>/dev/null)
}
complete -o default -F _rekeyctl rekeyctl
