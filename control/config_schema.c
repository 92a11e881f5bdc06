/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/config_schema.h"

#include <string.h>

#include "control/config.h"
#include "pki/x509/trust.h"

#define MEMBER(type, m) .offset = offsetof(type, m), .width = sizeof(((type *)0)->m)
#define LIST(type, list, count)                                                                  \
	.kind = CONFIG_LIST, .offset = offsetof(type, list), .width = sizeof(((type *)0)->list), \
	.cnt_offset = offsetof(type, count)
#define TABLE(items, element)                                                                      \
	{                                                                                          \
		.size = (element), .item = (items), .item_cnt = sizeof(items) / sizeof((items)[0]) \
	}
#define IN_NS  .kind = CONFIG_DURATION, .store_ns = 1
#define IN_MS  .kind = CONFIG_DURATION, .store_ns = UINT64_C(1000000)
#define IN_SEC .kind = CONFIG_DURATION, .store_ns = UINT64_C(1000000000)

static const struct config_unit seconds = {"seconds", UINT64_C(1000000000)};
static const struct config_unit minutes = {"minutes", UINT64_C(60000000000)};
static const struct config_unit days = {"days", UINT64_C(86400000000000)};
static const struct config_unit hours = {"hours", UINT64_C(3600000000000)};

static const char *const behavior_names[] = {
	[RK_FAIL_SOFT] = "fail-soft", [RK_FAIL_HARD] = "fail-hard", NULL};
static const char *const policy_names[] = {
	[RK_POLICY_OFF] = "off", [RK_POLICY_SOFT] = "soft", [RK_POLICY_HARD] = "hard", NULL};

static const char *const severity_names[] = {"any", "info", "minor", "major", "critical", NULL};
static const char *const role_names[] = {[CONFIG_ROLE_VIEWER] = "viewer",
	[CONFIG_ROLE_OPERATOR] = "operator",
	[CONFIG_ROLE_ADMIN] = "admin",
	NULL};
static const char *const match_names[] = {"all", "any", NULL};
static const char *const mode_names[] = {
	[CONFIG_MODE_STRICT] = "strict", [CONFIG_MODE_WARN] = "warn", NULL};

const struct config_choice config_groups[] = {
	{"secp256r1", 23}, {"secp384r1", 24}, {"secp521r1", 25}, {"x25519", 29}, {"x448", 30}, {0}};
static const uint16_t groups_preferred[CONFIG_CHOICE_MAX] = {23, 29};
const struct config_choice config_suites[] = {{"aes-256-gcm-sha256", 1}, {"aes-256-gcm-sha384", 2},
	{"chacha20-poly1305-sha256", 3}, {"chacha20-poly1305-sha384", 4}, {0}};
static const uint16_t suites_preferred[CONFIG_CHOICE_MAX] = {1, 2, 3, 4};

const char *config_choice_name(const struct config_choice *choices, unsigned id)
{
	while (choices->name != NULL && choices->id != id)
		choices++;
	return choices->name;
}

static const char *const ca_protocol_names[] = {
	[CONFIG_CA_EST] = "est", [CONFIG_CA_CMP] = "cmp", NULL};

/* clang-format off */
static const struct config_item ca_items[] = {
	{"url", .kind = CONFIG_TEXT, MEMBER(struct config_ca_profile, url),
	 .max = CONFIG_CA_URL_MAX, .is_required = true,
	 .help = "Where the CA is, unique. EST: https, /.well-known/est is added to an URL without "
		 "path; CMP: http or https."},
	{"protocol", .kind = CONFIG_ENUM, MEMBER(struct config_ca_profile, protocol),
	 .names = ca_protocol_names, .fallback = CONFIG_CA_EST,
	 .help = "est: RFC 7030; cmp: RFC 4210 and 9483."},
	{"username", .kind = CONFIG_TEXT, MEMBER(struct config_ca_profile, username), .max = 128,
	 .help = "EST: user of the password; CMP: reference value of the shared secret."},
	{"secret-file", .kind = CONFIG_CREDENTIAL, MEMBER(struct config_ca_profile, secret_file),
	 .max = 64, .help = "File of the PKI directory, mode 0600: the password or shared secret."},
	{"client-credential", .kind = CONFIG_CREDENTIAL,
	 MEMBER(struct config_ca_profile, client_credential), .max = 64,
	 .help = "Name of the credential that authenticates a first enrolment."},
	{"tls-ca-file", .kind = CONFIG_CREDENTIAL, MEMBER(struct config_ca_profile, tls_ca_file),
	 .max = 64, .help = "File of the PKI directory: PEM certificates of the CAs that may have "
			    "signed the server's; without it, the trusted CA certificates."},
	{"recipient", .kind = CONFIG_TEXT, MEMBER(struct config_ca_profile, recipient), .max = 256,
	 .help = "CMP: the CA's name, \"/O=Lab/CN=CA\" or a common name: whom requests are for, "
		 "and who must have signed the answers."},
	{"renewal", .kind = CONFIG_BOOL, MEMBER(struct config_ca_profile, is_renewal_on),
	 .fallback = true,
	 .help = "Renew what was enrolled with it at two thirds of its lifetime."},
	{"revocation-check-interval", IN_NS,
	 MEMBER(struct config_ca_profile, revocation_check_interval_ns), .unit = &hours, .max = 720,
	 .fallback = 1,
	 .help = "How often CRLs are fetched that certificates name and no certificate-revocation "
		 "describes, earlier when nextUpdate comes; of several CAs' the shortest. 0: only "
		 "when nextUpdate comes."},
};
static const struct config_table ca_table = TABLE(ca_items, sizeof(struct config_ca_profile));

static const struct config_item security_items[] = {
	{"peer-key-rekey-interval", IN_NS, MEMBER(struct config, peer_key_rekey_interval_ns),
	 .unit = &hours, .min = 1, .max = 720, .fallback = 24, .may_be_never = true,
	 .help = "How often a fast rekey makes new peer keys."},
	{"peer-key-retransmit-interval", IN_NS,
	 MEMBER(struct config, peer_key_retransmit_interval_ns),
	 .unit = &seconds, .min = 5, .max = 3600, .fallback = 30,
	 .help = "The longest pause before an unanswered message is sent again."},
	{"peer-key-timeout", IN_NS, MEMBER(struct config, peer_key_timeout_ns),
	 .unit = &seconds, .min = 1, .max = UINT32_MAX, .fallback = 3600,
	 .help = "After this time without an answer a peering counts as down."},
	{"peer-key-hold-time", IN_NS, MEMBER(struct config, hold_ns),
	 .unit = &seconds, .min = 1, .max = 3600, .fallback = 30,
	 .help = "How long the previous key is still accepted."},
	{"reauth-interval", IN_NS, MEMBER(struct config, reauth_interval_ns),
	 .unit = &hours, .min = 1, .max = 168, .fallback = 24,
	 .help = "How often a full exchange authenticates the peer again."},
	{"keep-alive-interval", IN_NS, MEMBER(struct config, keep_alive_interval_ns),
	 .unit = &seconds, .min = 1, .max = 3600, .fallback = 1,
	 .help = "How often a protected keep-alive is sent; three missing mean silence."},
	{"rekey-packets", .kind = CONFIG_COUNT, MEMBER(struct config, rekey_packets),
	 .max = UINT64_C(1) << 60, .fallback = UINT64_C(1) << 36,
	 .help = "Packets under one key before it is replaced; 0 = no limit."},
	{"rekey-bytes", .kind = CONFIG_COUNT, MEMBER(struct config, rekey_bytes),
	 .max = UINT64_C(1) << 60, .fallback = 0,
	 .help = "Bytes under one key before it is replaced; 0 = no limit."},
	{"invalid-certificate-behavior", .kind = CONFIG_ENUM,
	 MEMBER(struct config, invalid_certificate_behavior), .names = behavior_names,
	 .fallback = RK_FAIL_SOFT,
	 .help = "What a revoked, expired or untrusted certificate does to a standing peering: "
		 "fail-soft raises the alarm, fail-hard severs it. No new peering either way."},
	{"allow-self-signed-peering-certificates", .kind = CONFIG_BOOL,
	 MEMBER(struct config, is_self_signed_allowed), .fallback = false,
	 .help = "Take self-signed peering certificates that are themselves installed as trusted CA "
		 "certificates. No other self-signed certificate ever counts."},
	{"allow-ed25519", .kind = CONFIG_BOOL, MEMBER(struct config, is_ed25519_allowed),
	 .fallback = false, .help = "Accept Ed25519 keys in certificates."},
	{"ca-profile", LIST(struct config, ca_profile, ca_profile_cnt), .max = 8,
	 .table = &ca_table, .help = "CAs that sign our certificates; the first is the default."},
	{"groups", .kind = CONFIG_CHOICES, MEMBER(struct config, groups), .min = 1, .max = 5,
	 .choices = config_groups, .preferred = groups_preferred,
	 .help = "Key exchange groups in order of preference."},
	{"suites", .kind = CONFIG_CHOICES, MEMBER(struct config, suites), .min = 1, .max = 4,
	 .choices = config_suites, .preferred = suites_preferred,
	 .help = "Ciphers and hashes in order of preference; of the two sides' lists the "
		 "responder's decides."},
};
static const struct config_table security_table = TABLE(security_items, 0);

static const struct config_item endpoint_items[] = {
	{"name", .kind = CONFIG_NAME, MEMBER(struct config_crl_endpoint, name), .max = 63,
	 .is_required = true, .help = "Name of the endpoint, unique in its list."},
	{"uri", .kind = CONFIG_TEXT, MEMBER(struct config_crl_endpoint, uri), .max = 512,
	 .is_required = true,
	 .help = "Where the CRL is: http://, https:// or file://."},
	{"delta-uri", .kind = CONFIG_TEXT, MEMBER(struct config_crl_endpoint, delta_uri),
	 .max = 512,
	 .help = "Where deltas to it are; they are fetched as often as the full list."},
};
static const struct config_table endpoint_table =
	TABLE(endpoint_items, sizeof(struct config_crl_endpoint));

static const struct config_item crl_items[] = {
	{"name", .kind = CONFIG_NAME, MEMBER(struct config_crl_source, name), .max = 63,
	 .is_required = true, .help = "Name of the source, unique."},
	{"polling-interval", IN_NS, MEMBER(struct config_crl_source, polling_interval_ns),
	 .unit = &minutes, .min = 1, .max = 10080, .fallback = 60,
	 .help = "How often its lists are fetched."},
	{"backoff-interval", IN_NS, MEMBER(struct config_crl_source, backoff_interval_ns),
	 .unit = &seconds, .min = 1, .max = 60, .fallback = 5,
	 .help = "Pause between the fetches of different endpoints."},
	{"allow-local-addresses", .kind = CONFIG_BOOL,
	 MEMBER(struct config_crl_source, is_local_address_allowed), .fallback = false,
	 .help = "Fetch from loopback and link-local addresses, too."},
	{"revocation-policy", .kind = CONFIG_ENUM,
	 MEMBER(struct config_crl_source, revocation_policy), .names = policy_names,
	 .fallback = RK_POLICY_SOFT,
	 .help = "hard: certificates of an issuer without a fresh list are refused; soft: only an "
		 "alarm; off: freshness does not matter."},
	{"grace-time", IN_NS, MEMBER(struct config_crl_source, grace_time_ns),
	 .unit = &minutes, .min = 0, .max = 10080, .fallback = 0, .may_be_never = true,
	 .help = "How long after its nextUpdate a list still counts as fresh; never = no grace."},
	{"size-limit", .kind = CONFIG_COUNT,
	 MEMBER(struct config_crl_source, size_limit_mib), .min = 1, .max = 1024, .fallback = 64,
	 .help = "Largest list that is fetched, in MiB."},
	{"shrink-limit", .kind = CONFIG_COUNT,
	 MEMBER(struct config_crl_source, shrink_limit_percent), .min = 0, .max = 100,
	 .fallback = 25,
	 .help = "A list that loses more than so many percent of its recent entries (100 or more) "
		 "is held for one cycle, with an alarm; 100: never."},
	{"max-certificate-lifetime", IN_NS,
	 MEMBER(struct config_crl_source, certificate_lifetime_ns), .unit = &days, .min = 1,
	 .max = 36500, .fallback = 825,
	 .help = "How long certificates live at most: entries revoked since are the recent ones."},
	{"crl-endpoint", LIST(struct config_crl_source, endpoint, endpoint_cnt), .min = 1,
	 .max = 64, .table = &endpoint_table, .is_required = true,
	 .help = "Where its lists are."},
};
static const struct config_table crl_table = TABLE(crl_items, sizeof(struct config_crl_source));

static const struct config_item client_items[] = {
	{"name", .kind = CONFIG_NAME, MEMBER(struct config_client_certificate, name), .max = 63,
	 .is_required = true, .help = "Name of the entry."},
	{"file", .kind = CONFIG_CREDENTIAL, MEMBER(struct config_client_certificate, file), .max = 64,
	 .help = "The name that key, request and certificate have in the REST API; without it, "
		 "the entry's name."},
};
static const struct config_table client_table =
	TABLE(client_items, sizeof(struct config_client_certificate));

static const struct config_item token_items[] = {
	{"expiration", IN_SEC, MEMBER(struct config, token_expiration_sec),
	 .unit = &minutes, .min = 1, .max = UINT64_C(5256000), .fallback = 60,
	 .may_be_never = true, .help = "Lifetime of a token that POST /api/v1/login gave."},
	{"key-rotation-interval", IN_SEC, MEMBER(struct config, token_key_interval_sec),
	 .unit = &days, .min = 1, .max = 3650, .fallback = 90, .may_be_never = true,
	 .help = "How often a new key signs tokens; tokens of the one before stay good."},
};
static const struct config_table token_table = TABLE(token_items, 0);

static const struct config_item user_items[] = {
	{"name", .kind = CONFIG_USER, MEMBER(struct config_user, name), .max = 63,
	 .is_required = true, .help = "Name of the user, unique."},
	{"full-name", .kind = CONFIG_TEXT, MEMBER(struct config_user, full_name), .max = 128,
	 .help = "Who that is."},
	{"role", .kind = CONFIG_ENUM, MEMBER(struct config_user, role), .names = role_names,
	 .is_required = true,
	 .help = "viewer reads; operator also rotates keys and refreshes; admin does everything."},
	{"enabled", .kind = CONFIG_BOOL, MEMBER(struct config_user, is_enabled), .fallback = true,
	 .help = "false: no login, and its tokens have ended for good."},
};
static const struct config_table user_table = TABLE(user_items, sizeof(struct config_user));

static const struct config_item access_items[] = {
	{"user", LIST(struct config, user, user_cnt), .min = 1, .max = CONFIG_USER_MAX,
	 .table = &user_table,
	 .help = "Who may use the API. Passwords stand elsewhere (POST /user/{name}/password): a new "
		 "user has none and cannot log in before. Without the list, users stay as they are."},
	{"token", .kind = CONFIG_OBJECT, .table = &token_table, .help = "Bearer tokens."},
	{"metrics-without-token", .kind = CONFIG_BOOL, MEMBER(struct config, is_metrics_open),
	 .help = "Whoever reaches the REST API may read /metrics."},
};
static const struct config_table access_table = TABLE(access_items, 0);

static const struct config_item shelf_items[] = {
	{"name", .kind = CONFIG_NAME, MEMBER(struct config_shelf, name), .max = 63,
	 .is_required = true, .help = "Name of the shelf, unique."},
	{"category", .kind = CONFIG_NAME, MEMBER(struct config_shelf, category), .max = 31,
	 .help = "Alarms of this category: peer, system, process."},
	{"severity", .kind = CONFIG_ENUM, MEMBER(struct config_shelf, severity),
	 .names = severity_names, .help = "Alarms of this severity."},
	{"message-regex", .kind = CONFIG_TEXT, MEMBER(struct config_shelf, message_regex),
	 .max = 256, .help = "Alarms whose message holds this (POSIX extended)."},
	{"source", .kind = CONFIG_TEXT, MEMBER(struct config_shelf, source), .max = 160,
	 .help = "Alarms of this peer, CRL or file."},
	{"router-name", .kind = CONFIG_NAME, MEMBER(struct config_shelf, router_name),
	 .max = RK_NAME_MAX, .help = "Only on this router."},
	{"node-name", .kind = CONFIG_NAME, MEMBER(struct config_shelf, node_name),
	 .max = RK_NAME_MAX, .help = "Only on this node."},
	{"match-type", .kind = CONFIG_ENUM, MEMBER(struct config_shelf, is_any),
	 .names = match_names, .help = "Whether every criterion given must fit, or one."},
};
static const struct config_table shelf_table = TABLE(shelf_items, sizeof(struct config_shelf));

static const struct config_item shelving_items[] = {
	{"shelf", LIST(struct config, shelf, shelf_cnt), .max = 64, .table = &shelf_table,
	 .help = "Alarms that are set aside."},
};
static const struct config_table shelving_table = TABLE(shelving_items, 0);
static const struct config_item trusted_ca_items[] = {
	{"name", .kind = CONFIG_NAME, MEMBER(struct config_trusted_ca, name), .max = 63,
	 .is_required = true, .help = "Name of the bundle, unique."},
	{"content", .kind = CONFIG_LINES, MEMBER(struct config_trusted_ca, content),
	 .max = PKI_BUNDLE_TEXT_MAX,
	 .help = "The certificates, one PEM block after the other."},
	{"file", .kind = CONFIG_CREDENTIAL, MEMBER(struct config_trusted_ca, file), .max = 63,
	 .help = "In place of content: they are in FILE.pem of the PKI folder."},
	{"validation-mode", .kind = CONFIG_ENUM, MEMBER(struct config_trusted_ca, mode),
	 .names = mode_names, .fallback = CONFIG_MODE_STRICT,
	 .help = "strict: an issue with a certificate refuses the commit; warn: it is a warning."},
};
static const struct config_table trusted_ca_table =
	TABLE(trusted_ca_items, sizeof(struct config_trusted_ca));

static const struct config_item authority_items[] = {
	{"enhanced-security-key-management", .kind = CONFIG_BOOL,
	 MEMBER(struct config, is_enabled), .fallback = false,
	 .help = "Turns certificate-based peering and rekeying on."},
	{"security-key-management", .kind = CONFIG_OBJECT, .table = &security_table,
	 .help = "Keys and timers."},
	{"trusted-ca-certificate", LIST(struct config, trusted_ca, trusted_ca_cnt), .max = 256,
	 .table = &trusted_ca_table,
	 .help = "Bundles of trusted CA certificates. Without the list those in force stay."},
	{"certificate-revocation", LIST(struct config, crl, crl_cnt), .max = 256,
	 .table = &crl_table, .help = "Where certificate revocation lists come from."},
	{"client-certificate", LIST(struct config, client_certificate, client_certificate_cnt),
	 .max = 1, .table = &client_table,
	 .help = "The certificate that peering uses; without it, custom_ssr_peering."},
	{"alarm-shelving", .kind = CONFIG_OBJECT, .table = &shelving_table,
	 .help = "Which alarms are not to be listed with the others."},
	{"access-management", .kind = CONFIG_OBJECT, .table = &access_table,
	 .help = "Access to the REST API."},
};
static const struct config_table authority_table = TABLE(authority_items, 0);

static const struct config_item port_items[] = {
	{"name", .kind = CONFIG_DEVICE, MEMBER(struct config_port, name), .max = RK_PORT_NAME_MAX,
	 .is_required = true, .help = "DPDK port name (\"net_memif0\", \"0000:01:00.0\"), unique."},
	{"vlan", .kind = CONFIG_COUNT, MEMBER(struct config_port, vlan), .max = 4094,
	 .help = "VLAN of the port's frames; 0 = untagged."},
	{"mtu", .kind = CONFIG_COUNT, MEMBER(struct config_port, mtu), .min = 1280, .max = 9000,
	 .fallback = 1500, .help = "Largest IP packet."},
	{"address", .kind = CONFIG_PREFIXES, MEMBER(struct config_port, address),
	 .cnt_offset = offsetof(struct config_port, address_cnt), .min = 1, .max = RK_ADDRESS_MAX,
	 .is_required = true, .help = "Addresses of the port with prefix length."},
	{"gateway", .kind = CONFIG_GATEWAYS, MEMBER(struct config_port, gateway4), .max = 2,
	 .help = "Default gateways, one a family at most."},
};
static const struct config_table port_table = TABLE(port_items, sizeof(struct config_port));

static const struct config_item path_items[] = {
	{"port", .kind = CONFIG_DEVICE, MEMBER(struct config_path, port_name),
	 .max = RK_PORT_NAME_MAX, .is_required = true, .help = "Name of one of the router's ports."},
	{"local-address", .kind = CONFIG_ADDRESS, MEMBER(struct config_path, local),
	 .help = "One of the port's addresses; without it the one whose subnet holds the peer, "
		 "else the first of the family."},
	{"address", .kind = CONFIG_ADDRESS, MEMBER(struct config_path, remote),
	 .is_required = true, .help = "The peer's address."},
	{"udp-port", .kind = CONFIG_COUNT, MEMBER(struct config_path, udp_port_remote), .min = 1,
	 .max = 65535, .fallback = 1280, .help = "The peer's UDP port."},
	{"local-udp-port", .kind = CONFIG_COUNT, MEMBER(struct config_path, udp_port_local),
	 .min = 1, .max = 65535, .fallback = 1280, .help = "Our UDP port."},
};
static const struct config_table path_table = TABLE(path_items, sizeof(struct config_path));

static const struct config_item peer_items[] = {
	{"name", .kind = CONFIG_NAME, MEMBER(struct config_peer, name), .max = RK_NAME_MAX,
	 .is_required = true, .help = "Name of the peer, unique."},
	{"peering-common-name", .kind = CONFIG_TEXT,
	 MEMBER(struct config_peer, peering_common_name), .max = RK_CN_MAX, .is_required = true,
	 .help = "What the peer's certificate must carry, unique."},
	{"roaming", .kind = CONFIG_BOOL, MEMBER(struct config_peer, is_roaming),
	 .help = "The peer's address may change."},
	{"path", LIST(struct config_peer, path, path_cnt), .min = 1, .max = RK_PATH_MAX,
	 .table = &path_table, .is_required = true, .help = "Ways to the peer."},
};
static const struct config_table peer_table = TABLE(peer_items, sizeof(struct config_peer));

static const struct config_item rest_items[] = {
	{"listen", .kind = CONFIG_ENDPOINTS, MEMBER(struct config, rest.listen), .min = 1,
	 .max = CONFIG_LISTEN_MAX,
	 .help = "Addresses and ports; without them 0.0.0.0:443 and [::]:443. The option --listen "
		 "comes first."},
	{"client-ca", .kind = CONFIG_CREDENTIAL, MEMBER(struct config, rest.client_ca), .max = 63,
	 .help = "Client certificates are asked for, and must be from a CA in FILE.pem of the PKI "
		 "folder."},
	{"client-certificate-required", .kind = CONFIG_BOOL,
	 MEMBER(struct config, rest.is_client_required),
	 .help = "No connection without a client certificate."},
	{"connection-limit", .kind = CONFIG_COUNT, MEMBER(struct config, rest.connection_max),
	 .min = 1, .max = 4096, .fallback = 128,
	 .help = "Open TLS connections; a further one ends the oldest idle one from where most come, or "
		 "waits; on the local socket, of each user but root, it ends the oldest. Never more "
		 "than half of ulimit -n."},
	{"request-timeout", IN_MS, MEMBER(struct config, rest.request_timeout_ms),
	 .unit = &seconds, .min = 1, .max = 600, .fallback = 30,
	 .help = "How long a request may take to arrive, and an answer to be taken."},
	{"idle-timeout", IN_SEC, MEMBER(struct config, rest.idle_timeout_sec), .unit = &seconds,
	 .min = 1, .max = 600, .fallback = 20, .help = "How long a connection may say nothing."},
	{"body-limit", .kind = CONFIG_COUNT, MEMBER(struct config, rest.body_max_kib), .min = 64,
	 .max = 65536, .fallback = 1024, .help = "KiB of a request's body."},
	{"header-limit", .kind = CONFIG_COUNT, MEMBER(struct config, rest.head_max_kib), .min = 4,
	 .max = 64, .fallback = 32, .help = "KiB of a request's head."},
	{"failed-login-limit", .kind = CONFIG_COUNT, MEMBER(struct config, rest.login_free_cnt),
	 .min = 1, .max = 100, .fallback = 5,
	 .help = "Wrong passwords for one user from one address before the next try has to wait; "
		 "four times as many for all users of one address."},
};
static const struct config_table rest_table = TABLE(rest_items, 0);

static const struct config_item router_items[] = {
	{"name", .kind = CONFIG_NAME, MEMBER(struct config, router), .max = RK_NAME_MAX,
	 .is_required = true, .help = "Name of this router."},
	{"node", .kind = CONFIG_NAME, MEMBER(struct config, node), .max = RK_NAME_MAX,
	 .is_required = true, .help = "Name of this node of it."},
	{"peering-common-name", .kind = CONFIG_TEXT, MEMBER(struct config, peering_common_name),
	 .max = RK_CN_MAX, .is_required = true,
	 .help = "What our own certificate carries as common name."},
	{"rest-api", .kind = CONFIG_OBJECT, .table = &rest_table,
	 .help = "The listener of the REST API and its limits."},
	{"port", LIST(struct config, port, port_cnt), .max = 4096, .table = &port_table,
	 .help = "Network ports of the data plane."},
	{"peer", LIST(struct config, peer, peer_cnt), .max = 1000000, .table = &peer_table,
	 .help = "Routers to peer with."},
};
static const struct config_table router_table = TABLE(router_items, 0);

static const struct config_item root_items[] = {
	{"version", .kind = CONFIG_COUNT, MEMBER(struct config, version), .min = 1,
	 .max = CONFIG_VERSION, .fallback = CONFIG_VERSION,
	 .help = "Version of the format; without it 1, whose names are still taken."},
	{"authority", .kind = CONFIG_OBJECT, .table = &authority_table,
	 .help = "What all routers of an authority share."},
	{"router", .kind = CONFIG_OBJECT, .table = &router_table, .is_required = true,
	 .help = "This router."},
};
const struct config_table config_root = TABLE(root_items, sizeof(struct config));
/* clang-format on */

const struct config_item *config_item_find(const struct config_table *table, const char *field)
{
	for (size_t i = 0; i < table->item_cnt; i++)
		if (strcmp(table->item[i].field, field) == 0)
			return &table->item[i];
	return NULL;
}

const char *config_table_key(const struct config_table *table)
{
	return config_item_find(table, "name") != NULL ? "name" : NULL;
}
