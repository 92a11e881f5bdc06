# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Sourced by ./check and ./demo: installs what is missing and builds. Everything that apt and the
# compiler say goes to standard error.

# DPDK's drivers are packages of their own, loaded at run time; their names carry its ABI.
dpdk_abi() {
	local VERSION_ID=
	# shellcheck source=/dev/null
	. /etc/os-release
	case $VERSION_ID in
	12) echo 23 ;;
	*) echo 25 ;;
	esac
}

packages_to_build() {
	echo gcc libc6-dev binutils meson ninja-build pkgconf scdoc \
		libdpdk-dev liburcu-dev libjansson-dev libevent-dev libssl-dev \
		libcurl4-openssl-dev libjose-dev libedit-dev libcrypt-dev zlib1g-dev
}

packages_to_run() {
	local abi
	abi=$(dpdk_abi)
	echo "librte-net-memif$abi" "librte-net-af-packet$abi" "librte-net-ring$abi" \
		"librte-mempool-ring$abi" "librte-bus-vdev$abi" \
		openssl curl jq python3 iproute2 util-linux ca-certificates
}

packages_to_test() {
	echo libcmocka-dev groff-base shellcheck codespell zsh fish strongswan-pki libstrongswan-standard-plugins \
		libstrongswan-extra-plugins tshark spin python3-cryptography systemd libfaketime strace valgrind
	# The formatter is pinned; a release that lacks it skips that test and says so.
	if [[ $(dpdk_abi) == 23 ]]; then echo clang-format-14; fi
}

packages_for_all() {
	echo clang build-essential dpkg-dev debhelper lintian
}

missing_packages() {
	local name
	for name in "$@"; do
		[[ $(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null) == installed ]] ||
			echo "$name"
	done
}

# install_packages NAME...: nothing happens, and no root is asked for, when all are there.
install_packages() {
	local missing as_root=()
	if ! command -v dpkg-query >/dev/null; then
		echo "setup: not a Debian system: needed are $*" >&2
		return 0
	fi
	mapfile -t missing < <(missing_packages "$@")
	if ((${#missing[@]} == 0)); then return 0; fi
	if [[ $(id -u) != 0 ]]; then
		if ! command -v sudo >/dev/null; then
			echo "setup: run as root: apt-get install ${missing[*]}" >&2
			return 1
		fi
		as_root=(sudo)
	fi
	echo "setup: installing ${missing[*]}" >&2
	"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq update >&2 &&
		"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 \
			install -y --no-install-recommends "${missing[@]}" </dev/null |
		grep -E '^(E|W):|rror' >&2 || [[ ${PIPESTATUS[0]} == 0 ]] || return 1
	[[ -z $(missing_packages "${missing[@]}") ]]
}

# quietly COMMAND...: what it says matters when it fails.
quietly() {
	local said
	said=$("$@" 2>&1) || {
		echo "$said" >&2
		return 1
	}
}

# build_folder FOLDER [MESON-OPTION...]: configures it as told, and builds.
build_folder() {
	local folder=$1
	shift
	echo "setup: building $folder" >&2
	if [[ -f $folder/build.ninja ]]; then
		if (($# > 0)); then quietly meson configure "$folder" "$@"; fi
	else
		quietly meson setup "$folder" "$@"
	fi &&
		quietly ninja --quiet -C "$folder"
}
