# SPDX-License-Identifier: BSD-3-Clause
# fish completion for rekeyctl(1), which knows its own words and asks the daemon for names.
function __rekeyctl_complete
    set -l words (commandline -opc)
    set -l program $words[1]
    set -e words[1]
    $program --complete $words (commandline -ct) 2>/dev/null
end
complete -c rekeyctl -f -a '(__rekeyctl_complete)'
