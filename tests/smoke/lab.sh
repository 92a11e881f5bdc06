# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Sourced by ./demo and the smoke tests: a laboratory with a CA of its own and the two routers
# east and west, each a rekey-control and a rekey-dataplane. Everything lies in one temporary
# folder, LAB; processes are ended by the ids kept there. Loopback and memif only, no root.

LAB_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
LAB_PASSWORD=TheAdminPassword1234
LAB_WORKERS=1      # of each data plane; its threads share a CPU
LAB_ENV=()         # put before each program
LAB_RECORD=()      # put before rekey-control: its secrets are noted where the tests are built
LAB_OPTIONS=()     # put behind each program's options
LAB_MEMORY=(--no-huge -m 256) # of each data plane
LAB_JOURNAL=0      # both programs log to journal_open's stand-in
LAB_TELEMETRY=0    # DPDK's, of each data plane
LAB_CRYPTO_CORES=0 # likewise
LAB_VLAN=0         # that the routers share; 0: none
LAB_MTU=1500       # of the ports; more than 2000 with af_packet only
declare -A LAB_PORT=([east]=8443 [west]=8444)
declare -A LAB_ADDRESS=([east]=192.0.2.1 [west]=192.0.2.2)
declare -A LAB_OTHER=([east]=west [west]=east)

# lab_open BUILD [LINK]: LINK is memif or af_packet.
lab_open() {
	LAB_BUILD=$1
	LAB_LINK=${2:-memif}
	LAB=$(mktemp -d /tmp/rekey-lab.XXXXXX)
	export RUNTIME_DIRECTORY=$LAB # where EAL makes its own folder, which it leaves behind
	LAB_PREFIX=rekey-$$
	trap lab_close EXIT
	trap 'exit 130' INT TERM
	local recorder=$LAB_BUILD/tests/smoke/librecorder.so
	if [[ -e $recorder ]]; then LAB_RECORD=(env "LD_PRELOAD=$recorder" "REKEY_SECRETS=$LAB/recorded"); fi
	printf '%s' "$LAB_PASSWORD" >"$LAB/password"
	chmod 600 "$LAB/password"
	local router
	for router in east west; do
		mkdir -p "$LAB/$router"/{config,state,run,pki,dataplane}
		chmod 700 "$LAB/$router"/{state,run,pki,dataplane}
	done
}

# program NAME: where it is, in a build folder or in one that holds programs alone.
program() {
	local folder
	for folder in control dataplane control/cli; do
		if [[ -x $LAB_BUILD/$folder/$1 ]]; then
			echo "$LAB_BUILD/$folder/$1"
			return
		fi
	done
	echo "$LAB_BUILD/$1"
}

lab_close() {
	local file
	for file in "$LAB"/pid/*; do
		[[ -f $file ]] && end_process "${file##*/}" TERM
	done
	for file in "$LAB"/pid/*; do
		[[ -f $file ]] || continue
		wait_until 3 process_ended "${file##*/}" || end_process "${file##*/}" KILL
	done
	hold_secrets && hold_files || LAB_LEAK=1
	rm -rf "$LAB"
	[[ -z ${LAB_LEAK:-} ]] || exit 1
}

# Whatever a laboratory did, no key, password or token of it is written anywhere but in its place.
hold_secrets() {
	python3 "$LAB_TOP/tests/smoke/secrets.py" "$LAB" >"$LAB/leaks" || {
		cat "$LAB/leaks"
		return 1
	}
}

# Nor does it leave files that no page speaks of. Of the packages the page is compressed: not looked at.
hold_files() {
	local page=$LAB_TOP/docs/rekey-state.5.scd
	[[ ! -f $page ]] || python3 "$LAB_TOP/tests/smoke/files.py" "$LAB" "$page"
}

# --- processes: each has a name, files pid/NAME and born/NAME and a log NAME.log ---------------

start_process() {
	local name=$1 journal=()
	shift
	mkdir -p "$LAB"/{pid,born}
	if ((LAB_JOURNAL)); then # systemd says so to those whose standard error is the journal
		journal=(env "JOURNAL_STREAM=$(touch "$LAB/$name.log" && stat -c %d:%i "$LAB/$name.log")")
	fi
	"${journal[@]}" "$@" </dev/null >>"$LAB/$name.log" 2>&1 &
	echo $! >"$LAB/pid/$name"
	born $! >"$LAB/born/$name"
	disown # its end is awaited by id, not told by the shell
}

# born PID: when, in ticks of the clock.
born() {
	local stat
	stat=$(cat "/proc/$1/stat" 2>/dev/null) && read -ra stat <<<"${stat##*) }" && echo "${stat[19]}"
}

# Its id is not another process's by now: a machine that is busy goes round its ids in minutes.
is_itself() {
	[[ $(born "$(<"$LAB/pid/$1")") == "$(<"$LAB/born/$1")" ]]
}

end_process() {
	is_itself "$1" && kill "-$2" "$(<"$LAB/pid/$1")" 2>/dev/null
}

# True for a zombie too, whose parent has not looked yet; but not before its last thread is gone, for
# until then it holds its files and locks.
process_ended() {
	local stat threads
	is_itself "$1" || return 0
	stat=$(cat "/proc/$(<"$LAB/pid/$1")/stat" 2>/dev/null) || return 0
	threads=("/proc/$(<"$LAB/pid/$1")/task/"*)
	[[ ${stat##*) } == Z* ]] && ((${#threads[@]} <= 1))
}

kill_now() {
	end_process "$1" KILL
	wait_until 15 process_ended "$1"
}

# --- time -------------------------------------------------------------------------------------

now_ms() {
	local us=${EPOCHREALTIME//[!0-9]/}
	echo $((us / 1000))
}

# wait_until SECONDS COMMAND...: polls; the command's last status when the time is up.
wait_until() {
	local deadline=$(($(now_ms) + $1 * 1000))
	shift
	until "$@"; do
		(($(now_ms) < deadline)) || return 1
		sleep 0.05
	done
}

# --- a CA that is not ours: root, issuing CA and its CRL, all by the openssl command line ---------

ca_open() {
	mkdir -p "$LAB/ca" "$LAB/www"
	cp "$LAB_TOP/tests/data/ca.cnf" "$LAB/ca/"
	: >"$LAB/ca/index.txt"
	echo 1000 >"$LAB/ca/serial"
	echo 01 >"$LAB/ca/crlnumber"
	(
		cd "$LAB/ca" &&
			new_key root.key && new_key issuing.key &&
			openssl req -x509 -new -key root.key -days 400 -config ca.cnf \
				-extensions root -subj "/O=Example/CN=Example Root CA" -out root.pem &&
			openssl req -new -key issuing.key -config ca.cnf \
				-subj "/O=Example/CN=Example Issuing CA" -out issuing.csr &&
			openssl x509 -req -in issuing.csr -CA root.pem -CAkey root.key -days 300 \
				-set_serial 2 -extfile ca.cnf -extensions issuing -out issuing.pem &&
			cat issuing.pem root.pem >chain.pem
	) >"$LAB/ca.log" 2>&1 && ca_publish_crl
}

new_key() {
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"
}

# ca_sign CSR CERTIFICATE [openssl ca options]
ca_sign() {
	local csr=$1 out=$2
	shift 2
	(cd "$LAB/ca" && openssl ca -batch -notext -config ca.cnf -extensions router \
		-in "$csr" -out "$out" "$@") >>"$LAB/ca.log" 2>&1
}

ca_revoke() {
	(cd "$LAB/ca" && openssl ca -config ca.cnf -revoke "$1" -crl_reason keyCompromise) \
		>>"$LAB/ca.log" 2>&1
}

# A new CRL (v2, next CRL number) takes the place of the old one at once.
ca_publish_crl() {
	(
		cd "$LAB/ca" && openssl ca -config ca.cnf -gencrl -out issuing.crl.pem &&
			openssl crl -in issuing.crl.pem -outform DER -out ../www/new &&
			mv ../www/new ../www/issuing.crl
	) >>"$LAB/ca.log" 2>&1
}

http_open() {
	start_process http python3 -u -m http.server --bind 127.0.0.1 --directory "$LAB/www" 0
	wait_until 15 grep -q 'port [0-9]' "$LAB/http.log" || return 1
	LAB_CRL_URL=http://127.0.0.1:$(sed -n 's/.* port \([0-9]*\).*/\1/p' "$LAB/http.log" | head -1)/issuing.crl
}

# journal_open: the journal, as far as a program sees it. In a mount namespace of the test's own: it lies
# in /run. What was said is in LAB/journal.log, each field a line, and searched for secrets with the rest.
journal_open() {
	mount -t tmpfs -o mode=755 tmpfs /run && mkdir -p /run/systemd/journal || return 1
	start_process journal python3 -u -c '
import os, socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("/run/systemd/journal/socket")
os.chmod("/run/systemd/journal/socket", 0o666)
while True:
    print(s.recv(65536).decode(errors="replace"))'
	wait_until 15 test -S /run/systemd/journal/socket || return 1
	LAB_JOURNAL=1
}

# --- the routers -----------------------------------------------------------------------------------

# Name of the DPDK port, and its EAL argument. memif's socket is an abstract one (its default), which
# leaves nothing behind that would stand in the way of a data plane's next start.
port_of() {
	case $LAB_LINK in
	memif) echo net_memif0 ;;
	af_packet) echo net_af_packet0 ;;
	esac
}

# The socket is an abstract one (the default): nothing is left behind that a restart would trip over.
vdev_of() {
	local role=server
	[[ $1 == west ]] && role=client
	case $LAB_LINK in
	memif) echo "net_memif0,role=$role,id=0,socket=$LAB/memif.sock" ;;
	af_packet)
		if ((LAB_MTU > 2000)); then
			echo "net_af_packet0,iface=veth-$1,framesz=9216,blocksz=36864,framecnt=512"
		else
			echo "net_af_packet0,iface=veth-$1"
		fi
		;;
	esac
}

# The lab example of docs/, with this laboratory's names and addresses in it.
write_config() {
	local router=$1 other=${LAB_OTHER[$1]}
	jq --arg router "$router" --arg address "${LAB_ADDRESS[$router]}/24" \
		--arg other "$other" --arg remote "${LAB_ADDRESS[$other]}" \
		--arg port "$(port_of)" --arg crl "$LAB_CRL_URL" --argjson vlan "$LAB_VLAN" \
		--argjson mtu "$LAB_MTU" '
		.router.name = $router | .router["peering-common-name"] = $router + ".peering"
		| .router.port[0] = {name: $port, vlan: $vlan, mtu: $mtu, address: [$address]}
		| .router.peer[0].name = $other
		| .router.peer[0]["peering-common-name"] = $other + ".peering"
		| .router.peer[0].path[0] = {port: $port, address: $remote}
		| .authority["certificate-revocation"][0]["crl-endpoint"][0].uri = $crl' \
		"$LAB_TOP/docs/lab.json" >"$LAB/$router/config/rekey.json"
}

start_control() {
	local router=$1
	start_process "$router-control" "${LAB_RECORD[@]}" "${LAB_ENV[@]}" "$(program rekey-control)" \
		--config-dir "$LAB/$router/config" --state-dir "$LAB/$router/state" \
		--run-dir "$LAB/$router/run" --pki-dir "$LAB/$router/pki" \
		--listen "127.0.0.1:${LAB_PORT[$router]}" --admin-password-file "$LAB/password" \
		"${LAB_OPTIONS[@]}"
	wait_until 30 listens_or_ended "$router" && is_listening "$router"
}

listens_or_ended() {
	is_listening "$1" || process_ended "$1-control"
}

# By its own socket: on the port another program might answer. While it starts it says no more than that.
is_listening() {
	[[ $(curl -s -o /dev/null -w '%{http_code}' --max-time 2 --unix-socket "$LAB/$1/run/control.sock" \
		http://localhost/) != @(000|503) ]]
}

# read_socket PATH: everything that a data plane's metrics socket says.
read_socket() {
	python3 - "$1" <<-'PY'
		import socket, sys
		s = socket.socket(socket.AF_UNIX)
		s.settimeout(5)
		s.connect(sys.argv[1])
		while data := s.recv(65536):
		    sys.stdout.buffer.write(data)
	PY
}

# Both threads of a data plane share one CPU, the two data planes two if there are two.
cpu_of() {
	local allowed first last
	allowed=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status)
	first=${allowed%%[-,]*}
	last=${allowed##*[-,]}
	if [[ $1 == east ]]; then echo "$first"; else echo "$last"; fi
}

start_dataplane() {
	local router=$1 inside=() crypto=() telemetry=() mtu=()
	if ((LAB_MTU > 2000)); then mtu=(--mtu-max "$LAB_MTU"); fi
	if ((LAB_TELEMETRY == 0)); then telemetry=(--no-telemetry); fi
	if ((LAB_CRYPTO_CORES > 0)); then
		crypto=(--crypto-lcores "$((1 + LAB_WORKERS))-$((LAB_WORKERS + LAB_CRYPTO_CORES))")
	fi
	if [[ $LAB_LINK == af_packet ]]; then
		inside=(nsenter -t "$(<"$LAB/pid/$router-netns")" -n)
	fi
	start_process "$router-dataplane" "${inside[@]}" "${LAB_ENV[@]}" "$(program rekey-dataplane)" \
		"${LAB_MEMORY[@]}" --no-pci "${telemetry[@]}" --file-prefix "$LAB_PREFIX-$router" \
		--lcores "(0-$((LAB_WORKERS + LAB_CRYPTO_CORES)))@$(cpu_of "$router")" \
		--vdev "$(vdev_of "$router")" -- \
		--run-dir "$LAB/$router/run" --state-dir "$LAB/$router/dataplane" \
		--metrics-socket "$LAB/$router/run/metrics.sock" \
		--idle-sleep-us 500 "${mtu[@]}" "${crypto[@]}" "${LAB_OPTIONS[@]}"
}

# Two network namespaces, held by two sleeping processes and joined by a veth pair.
veth_open() {
	local router
	for router in east west; do
		start_process "$router-netns" unshare -n sleep infinity
		wait_until 5 has_own_netns "$router" || return 1
	done
	ip link add veth-east netns "$(<"$LAB/pid/east-netns")" type veth \
		peer name veth-west netns "$(<"$LAB/pid/west-netns")" || return 1
	for router in east west; do
		on_link "$router" ip link set "veth-$router" mtu "$LAB_MTU" up || return 1
	done
}

# on_link ROUTER COMMAND...: in the namespace that this router's end of the veth pair is in.
on_link() {
	local router=$1
	shift
	nsenter -t "$(<"$LAB/pid/$router-netns")" -n "$@"
}

has_own_netns() {
	local theirs
	theirs=$(readlink "/proc/$(<"$LAB/pid/$1-netns")/ns/net") &&
		[[ $theirs != "$(readlink /proc/self/ns/net)" ]]
}

routers_open() {
	local router
	if [[ $LAB_LINK == af_packet ]]; then veth_open || return 1; fi
	for router in east west; do
		write_config "$router" && start_control "$router" || return 1
	done
	for router in east west; do start_dataplane "$router"; done
}

# --- REST, by curl ----------------------------------------------------------------------------------

url_of() {
	echo "https://127.0.0.1:${LAB_PORT[$1]}/api/v1"
}

# rest ROUTER METHOD PATH [curl options]: leaves STATUS and ANSWER.
rest() {
	local router=$1 method=$2 path=$3
	shift 3
	STATUS=$(curl -ks --max-time 20 -X "$method" "$(url_of "$router")/$path" \
		-H "Content-Type: application/json" \
		-H "Authorization: Bearer $(cat "$LAB/$router/token.txt" 2>/dev/null)" \
		-o "$LAB/answer" -w '%{http_code}' "$@")
	ANSWER=$(tr -d '\0' <"$LAB/answer")
}

# rest that must answer 200; says what came instead.
rest_ok() {
	rest "$@"
	[[ $STATUS == 200 ]] || {
		echo "$1: $2 /api/v1/$3: status $STATUS: $ANSWER" >&2
		return 1
	}
}

# field FILTER: of the last answer.
field() {
	jq -er "$1" <<<"$ANSWER"
}

login() {
	rest_ok "$1" POST login --data-raw \
		"{\"username\":\"admin\",\"password\":\"$LAB_PASSWORD\",\"application\":\"GUI\"}" &&
		field .token >"$LAB/$1/token.txt"
}

install_trust() {
	jq -Rs --arg name svrv2-root-of-trust '{name: $name, content: .}' \
		<"$LAB/ca/chain.pem" >"$LAB/trust.json" &&
		rest_ok "$1" POST trusted-ca-certificate -d "@$LAB/trust.json"
}

# request_certificate ROUTER CSR-FILE
request_certificate() {
	jq -n --arg cn "$1.peering" '{name: "custom_ssr_peering", common_name: $cn}' \
		>"$LAB/$1/csr_request.json" &&
		rest_ok "$1" GET certificate-request -d "@$LAB/$1/csr_request.json" &&
		field .csr >"$2" && openssl req -in "$2" -noout -verify >/dev/null 2>&1
}

# The seed's certificate.json: the PEM pasted between the quotes, line breaks and all.
write_certificate_json() {
	printf '{\n    "name": "custom_ssr_peering",\n    "certificate": "%s"\n}\n' "$(<"$1")" >"$2"
}

# peer_of ROUTER: leaves in ANSWER what this router says of the other one.
peer_of() {
	rest_ok "$1" GET "peer" && ANSWER=$(field '.peers[0]')
}

is_up() {
	peer_of "$1" && [[ $(field .status) == up && $(field '.exported // ""') ]]
}

# Both up under the same key: one exported value. Leaves it in EXPORTED. A machine that is slow may take
# as long to ask both as a key lasts: then east has meanwhile the one that west told.
agree() {
	is_up east && EXPORTED=$(field .exported) && is_up west || return 1
	[[ $(field .exported) != "$EXPORTED" ]] || return 0
	EXPORTED=$(field .exported)
	is_up east && [[ $(field .exported) == "$EXPORTED" ]]
}

rekeyed_past() {
	is_up "$1" && (($(field .rekey_count) >= $2))
}

# rekeys_go_on ROUTER COUNT: that many more fast rekeys, and a new key after them.
rekeys_go_on() {
	local before old
	is_up "$1" || return 1
	before=$(field .rekey_count) old=$(field .exported)
	wait_until 30 rekeyed_past "$1" $((before + $2)) && [[ $(field .exported) != "$old" ]]
}

# provision ROUTER KEY-REQUEST: the seed's calls from key to ingested certificate.
provision() {
	rest_ok "$1" POST private-key -d "$2" &&
		request_certificate "$1" "$LAB/$1/router.csr" &&
		ca_sign "$LAB/$1/router.csr" "$LAB/$1/router.pem" &&
		write_certificate_json "$LAB/$1/router.pem" "$LAB/$1/certificate.json" &&
		rest_ok "$1" POST certificate -d "@$LAB/$1/certificate.json"
}

# A standing peering of both routers, for tests that begin there.
peering_open() {
	ca_open && http_open && routers_open && login east && login west &&
		install_trust east && install_trust west &&
		provision east "@$LAB_TOP/tests/data/seed/key_request.json" &&
		provision west '{"name":"custom_ssr_peering","algorithm":"ECC","ecc_curve":"SECP256R"}' &&
		wait_until 30 agree
}

# For tests: says what went wrong, shows the ends of the logs, fails.
fail() {
	echo "FAIL: $*" >&2
	local log
	for log in "$LAB"/*.log; do
		echo "--- ${log##*/}" >&2
		tail -n 15 "$log" >&2
	done
	exit 1
}
