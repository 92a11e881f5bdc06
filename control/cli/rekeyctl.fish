# SPDX-License-Identifier: BSD-3-Clause
# fish completion for rekeyctl(1), which knows its own words and asks the daemon for names.
function __rekeyctl_complete
    set -l words (commandline -opc)
    set -l program $words[1]
    set -e words[1]
    set -l candidates ($program --complete $words (commandline -ct) 2>/dev/null)
    if set -q candidates[1]
        printf '%s\n' $candidates
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c rekeyctl -f -a '(__rekeyctl_complete)'
