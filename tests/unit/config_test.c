/* SPDX-License-Identifier: BSD-3-Clause */
/* The configuration: every kind of item right and wrong, lines of messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/config.h"
#include "control/config_read.h"
#include "control/config_schema.h"

#define ROUTER_HEAD "\"name\":\"east\",\"node\":\"node0\",\"peering-common-name\":\"east-cn\""
#define PORT        "{\"name\":\"net_memif0\",\"address\":[\"192.0.2.1/24\",\"2001:db8::1/64\"]}"
#define PEER(more)                                                                    \
	"{\"name\":\"west\",\"peering-common-name\":\"west-cn\",\"path\":[{\"port\":" \
	"\"net_memif0\",\"address\":\"192.0.2.2\"" more "}]}"
#define WHOLE(authority, port, peer)                                                     \
	"{\"authority\":{" authority "},\n\"router\":{" ROUTER_HEAD ",\n\"port\":[" port \
	"],\n\"peer\":[" peer "]}}"

static struct config *parse_good(const char *text)
{
	struct config_report report;
	struct config *c = NULL;
	int ret = config_parse(text, strlen(text), &c, &report);

	if (ret != 0)
		fail_msg("%d %s: %s\n%s", report.finding[0].line, report.finding[0].path,
			report.finding[0].text, text);
	return c;
}

static void expect_refused(const char *text, const char *path, const char *needle)
{
	const struct config_finding *error;
	struct config_report report;
	struct config *c = NULL;

	assert_int_equal(config_parse(text, strlen(text), &c, &report), -EINVAL);
	assert_null(c);
	error = config_report_error(&report);
	if (strcmp(error->path, path) != 0 || strstr(error->text, needle) == NULL)
		fail_msg("got \"%s: %s\" for\n%s", error->path, error->text, text);
}

static void test_defaults(void **state)
{
	struct config *c = parse_good(WHOLE("", PORT, PEER("")));

	(void)state;
	assert_string_equal(c->router, "east");
	assert_string_equal(c->node, "node0");
	assert_false(c->is_enabled);
	assert_int_equal(c->peer_key_rekey_interval_ns, UINT64_C(24) * 3600 * 1000000000);
	assert_int_equal(c->peer_key_retransmit_interval_ns, UINT64_C(30) * 1000000000);
	assert_int_equal(c->peer_key_timeout_ns, UINT64_C(3600) * 1000000000);
	assert_int_equal(c->hold_ns, UINT64_C(30) * 1000000000);
	assert_int_equal(c->invalid_certificate_behavior, RK_FAIL_SOFT);
	assert_int_equal(c->token_expiration_sec, 3600);
	assert_int_equal(c->groups[0], 23);
	assert_int_equal(c->groups[1], 29);
	assert_int_equal(c->groups[2], 0);
	assert_int_equal(c->suites[0], 1);
	assert_int_equal(c->suites[3], 4);
	assert_int_equal(c->suites[4], 0);
	assert_int_equal(c->port_cnt, 1);
	assert_int_equal(c->port[0].mtu, 1500);
	assert_int_equal(c->port[0].address_cnt, 2);
	assert_int_equal(c->port[0].address[1].prefix_len, 64);
	assert_int_equal(c->peer_cnt, 1);
	assert_int_equal(c->peer[0].path[0].port, 0);
	assert_int_equal(c->peer[0].path[0].udp_port_remote, 1280);
	assert_int_equal(c->peer[0].path[0].local.family, 4);
	assert_int_equal(c->peer[0].path[0].local.bytes[3], 1);
	assert_int_equal(c->crl_cnt, 0);
	config_free(c);
}

static void test_everything_given(void **state)
{
	struct config *c = parse_good(WHOLE(
		"\"enhanced-security-key-management\":true,\"security-key-management\":{"
		"\"peer-key-rekey-interval\":\"5s\",\"peer-key-retransmit-interval\":\"1s\","
		"\"peer-key-timeout\":60,\"peer-key-hold-time\":\"200ms\",\"reauth-interval\":168,"
		"\"keep-alive-interval\":\"500ms\",\"rekey-packets\":0,\"rekey-bytes\":1000,"
		"\"invalid-certificate-behavior\":\"fail-hard\",\"allow-ed25519\":true,"
		"\"allow-self-signed-peering-certificates\":false,\"groups\":[\"x25519\"],"
		"\"suites\":[\"chacha20-poly1305-sha384\",\"aes-256-gcm-sha256\"]},"
		"\"certificate-revocation\":[{\"name\":\"lab\",\"polling-interval\":\"3s\","
		"\"backoff-interval\":60,\"allow-local-addresses\":true,\"revocation-policy\":"
		"\"hard\",\"grace-time\":\"1d\",\"crl-endpoint\":[{\"name\":\"a\",\"uri\":"
		"\"http://127.0.0.1:1/a.crl\",\"delta-uri\":\"https://h/d\"}]}],"
		"\"access-management\":{\"token-expiration\":\"never\"}",
		"{\"name\":\"0000:01:00.0\",\"vlan\":7,\"mtu\":9000,\"address\":[\"10.0.0.1/8\","
		"\"fd00::1/64\"],\"gateway\":[\"fd00::2\",\"10.0.0.2\"]}",
		"{\"name\":\"w\",\"peering-common-name\":\"w c\",\"roaming\":true,\"path\":[{"
		"\"port\":\"0000:01:00.0\",\"local-address\":\"fd00::1\",\"address\":\"fd00::9\","
		"\"udp-port\":1,\"local-udp-port\":65535}]}"));

	(void)state;
	assert_true(c->is_enabled);
	assert_true(c->is_ed25519_allowed);
	assert_int_equal(c->peer_key_rekey_interval_ns, UINT64_C(5000000000));
	assert_int_equal(c->hold_ns, 200000000);
	assert_int_equal(c->keep_alive_interval_ns, 500000000);
	assert_int_equal(c->rekey_packets, 0);
	assert_int_equal(c->rekey_bytes, 1000);
	assert_int_equal(c->invalid_certificate_behavior, RK_FAIL_HARD);
	assert_int_equal(c->groups[0], 29);
	assert_int_equal(c->groups[1], 0);
	assert_int_equal(c->suites[0], 4);
	assert_int_equal(c->suites[1], 1);
	assert_int_equal(c->suites[2], 0);
	assert_int_equal(c->token_expiration_sec, 0);
	assert_int_equal(c->crl_cnt, 1);
	assert_int_equal(c->crl[0].polling_interval_ns, UINT64_C(3000000000));
	assert_int_equal(c->crl[0].revocation_policy, RK_POLICY_HARD);
	assert_int_equal(c->crl[0].grace_time_ns, UINT64_C(86400000000000));
	assert_string_equal(c->crl[0].endpoint[0].delta_uri, "https://h/d");
	assert_int_equal(c->port[0].vlan, 7);
	assert_int_equal(c->port[0].gateway4.bytes[3], 2);
	assert_int_equal(c->port[0].gateway6.family, 6);
	assert_true(c->peer[0].is_roaming);
	assert_int_equal(c->peer[0].path[0].udp_port_local, 65535);
	assert_int_equal(c->peer[0].path[0].local.family, 6);
	config_free(c);
}

/* One wrong value for each item. */
struct wrong {
	const char *text, *path, *needle;
};

#define KEYS(text) "\"security-key-management\":{" text "}"
#define CRL_AT(uri)                                                                              \
	"\"certificate-revocation\":[{\"name\":\"n\",\"crl-endpoint\":[{\"name\":\"e\",\"uri\":" \
	"\"" uri "\"}]}]"
#define CRL(text)                                                                                \
	"\"certificate-revocation\":[{\"name\":\"n\",\"crl-endpoint\":[{\"name\":\"e\",\"uri\":" \
	"\"http://h/\"}]" text "}]"
#define SKM "authority.security-key-management."
#define REV "authority.certificate-revocation[0]."
static const struct wrong wrong_authority[] = {
	{WHOLE("\"enhanced-security-key-management\":1", PORT, PEER("")),
		"authority.enhanced-security-key-management", "true or false"},
	{WHOLE("\"security-key-management\":[]", PORT, PEER("")),
		"authority.security-key-management", "object"},
	{WHOLE("\"unknown\":1", PORT, PEER("")), "authority.unknown", "no known field"},
	{WHOLE(KEYS("\"peer-key-rekey-interval\":721"), PORT, PEER("")),
		SKM "peer-key-rekey-interval", "1 to 720 hours"},
	{WHOLE(KEYS("\"peer-key-rekey-interval\":-1"), PORT, PEER("")),
		SKM "peer-key-rekey-interval", "1 to 720 hours"},
	{WHOLE(KEYS("\"peer-key-rekey-interval\":1.5"), PORT, PEER("")),
		SKM "peer-key-rekey-interval", "number of hours"},
	{WHOLE(KEYS("\"peer-key-rekey-interval\":\"721h\""), PORT, PEER("")),
		SKM "peer-key-rekey-interval", "out of range"},
	{WHOLE(KEYS("\"peer-key-rekey-interval\":\"49ms\""), PORT, PEER("")),
		SKM "peer-key-rekey-interval", "out of range"},
	{WHOLE(KEYS("\"peer-key-rekey-interval\":\"5\""), PORT, PEER("")),
		SKM "peer-key-rekey-interval", "no duration"},
	{WHOLE(KEYS("\"peer-key-rekey-interval\":\"99999999999999d\""), PORT, PEER("")),
		SKM "peer-key-rekey-interval", "no duration"},
	{WHOLE(KEYS("\"peer-key-retransmit-interval\":4"), PORT, PEER("")),
		SKM "peer-key-retransmit-interval", "5 to 3600 seconds"},
	{WHOLE(KEYS("\"peer-key-retransmit-interval\":\"never\""), PORT, PEER("")),
		SKM "peer-key-retransmit-interval", "no duration"},
	{WHOLE(KEYS("\"peer-key-timeout\":0"), PORT, PEER("")), SKM "peer-key-timeout", "1 to"},
	{WHOLE(KEYS("\"peer-key-hold-time\":3601"), PORT, PEER("")), SKM "peer-key-hold-time",
		"3600"},
	{WHOLE(KEYS("\"reauth-interval\":169"), PORT, PEER("")), SKM "reauth-interval",
		"168 hours"},
	{WHOLE(KEYS("\"keep-alive-interval\":null"), PORT, PEER("")), SKM "keep-alive-interval",
		"number of seconds"},
	{WHOLE(KEYS("\"rekey-packets\":\"1\""), PORT, PEER("")), SKM "rekey-packets", "integer"},
	{WHOLE(KEYS("\"rekey-bytes\":1152921504606846977"), PORT, PEER("")), SKM "rekey-bytes",
		"must be from"},
	{WHOLE(KEYS("\"invalid-certificate-behavior\":\"hard\""), PORT, PEER("")),
		SKM "invalid-certificate-behavior", "fail-soft, fail-hard"},
	{WHOLE(KEYS("\"allow-self-signed-peering-certificates\":1"), PORT, PEER("")),
		SKM "allow-self-signed-peering-certificates", "true or false"},
	{WHOLE(KEYS("\"allow-ed25519\":\"yes\""), PORT, PEER("")), SKM "allow-ed25519",
		"true or false"},
	{WHOLE(KEYS("\"groups\":[]"), PORT, PEER("")), SKM "groups", "1 to 5"},
	{WHOLE(KEYS("\"groups\":[\"secp256k1\"]"), PORT, PEER("")), SKM "groups[0]",
		"must be one of"},
	{WHOLE(KEYS("\"groups\":[\"x25519\",\"x25519\"]"), PORT, PEER("")), SKM "groups[1]",
		"twice"},
	{WHOLE(KEYS("\"suites\":[]"), PORT, PEER("")), SKM "suites", "1 to 4"},
	{WHOLE(KEYS("\"suites\":[\"aes-128-gcm-sha256\"]"), PORT, PEER("")), SKM "suites[0]",
		"must be one of: aes-256-gcm-sha256, aes-256-gcm-sha384, "
		"chacha20-poly1305-sha256, chacha20-poly1305-sha384"},
	{WHOLE("\"certificate-revocation\":{}", PORT, PEER("")), "authority.certificate-revocation",
		"array"},
	{WHOLE("\"certificate-revocation\":[{\"name\":\"n\"}]", PORT, PEER("")),
		"authority.certificate-revocation[0]", "crl-endpoint"},
	{WHOLE(CRL(",\"polling-interval\":10081"), PORT, PEER("")), REV "polling-interval",
		"1 to 10080 minutes"},
	{WHOLE(CRL(",\"backoff-interval\":61"), PORT, PEER("")), REV "backoff-interval",
		"1 to 60 seconds"},
	{WHOLE(CRL(",\"allow-local-addresses\":0"), PORT, PEER("")), REV "allow-local-addresses",
		"true or false"},
	{WHOLE(CRL(",\"revocation-policy\":\"firm\""), PORT, PEER("")), REV "revocation-policy",
		"off, soft, hard"},
	{WHOLE(CRL_AT("ftp://h/"), PORT, PEER("")), REV "crl-endpoint[0].uri", "http"},
	{WHOLE(CRL_AT("http://h:99999/"), PORT, PEER("")), REV "crl-endpoint[0].uri", "ort number"},
	{WHOLE(CRL_AT("http://:80/a"), PORT, PEER("")), REV "crl-endpoint[0].uri", "ost"},
	{WHOLE(CRL_AT("http://u:p@h/a"), PORT, PEER("")), REV "crl-endpoint[0].uri", "password"},
	{WHOLE(CRL_AT("https://u@h/a"), PORT, PEER("")), REV "crl-endpoint[0].uri", "password"},
	{WHOLE(CRL_AT("http://h/a b"), PORT, PEER("")), REV "crl-endpoint[0].uri", "escaped"},
	{WHOLE("\"certificate-revocation\":[{\"name\":\"n\",\"crl-endpoint\":[{\"name\":"
	       "\"e\",\"uri\":\"http://h/\"},{\"name\":\"e\",\"uri\":\"http://i/\"}]}]",
		 PORT, PEER("")),
		REV "crl-endpoint[1].name", "another"},
	{WHOLE("\"access-management\":{\"token-expiration\":-5}", PORT, PEER("")),
		"authority.access-management.token.expiration", "minutes"},
};

static void test_wrong_authority(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(wrong_authority) / sizeof(wrong_authority[0]); i++)
		expect_refused(wrong_authority[i].text, wrong_authority[i].path,
			wrong_authority[i].needle);
}

/* Whether a configuration with so many URLs of lists is taken; 64 of each of the sources. */
static bool takes_urls(size_t cnt)
{
	static char authority[(CONFIG_CRL_URL_MAX + 1) * 64 + 1024];
	char *text = NULL, *at = authority;
	struct config_report report;
	struct config *c = NULL;
	int ret;

	at += sprintf(at, "\"certificate-revocation\":[");
	for (size_t i = 0; i < cnt; i++) {
		if (i % 64 == 0)
			at += sprintf(at, "%s{\"name\":\"n%zu\",\"crl-endpoint\":[",
				i > 0 ? "]}," : "", i);
		at += sprintf(at, "%s{\"name\":\"e%zu\",\"uri\":\"http://h/%zu\"}",
			i % 64 > 0 ? "," : "", i, i);
	}
	sprintf(at, "]}]");
	assert_true(asprintf(&text, "{\"authority\":{%s},\"router\":{%s", authority,
			    strstr(WHOLE("", PORT, PEER("")), "\"router\":{") + 10) > 0);
	ret = config_parse(text, strlen(text), &c, &report);
	if (ret != 0)
		assert_non_null(strstr(config_report_error(&report)->text, "4096"));
	config_free(c);
	free(text);
	return ret == 0;
}

/* More would be configured and never asked for. */
static void test_urls_of_lists_are_counted(void **state)
{
	(void)state;
	assert_true(takes_urls(4096));
	assert_false(takes_urls(4097));
}

#define PORT_WITH(text) "{\"name\":\"net_memif0\",\"address\":[\"192.0.2.1/24\"]" text "}"
static const struct wrong wrong_router[] = {
	{"{}", "", "has no \"router\""},
	{"[]", "", "object"},
	{"{\"router\":{\"name\":\"a\",\"node\":\"b\"}}", "router",
		"has no \"peering-common-name\""},
	{"{\"router\":{\"name\":\"a b\",\"node\":\"b\"}}", "router.name", "character"},
	{"{\"router\":{\"name\":\"\",\"node\":\"b\"}}", "router.name", "1 to 63"},
	{"{\"router\":{\"name\":7}}", "router.name", "string"},
	{WHOLE("", PORT "," PORT, ""), "router.port[1].name", "another"},
	{WHOLE("", PORT_WITH(",\"vlan\":4095"), PEER("")), "router.port[0].vlan", "4094"},
	{WHOLE("", PORT_WITH(",\"mtu\":1279"), PEER("")), "router.port[0].mtu", "1280"},
	{WHOLE("", PORT_WITH(",\"gateway\":[\"192.0.2.3\",\"192.0.2.4\"]"), PEER("")),
		"router.port[0].gateway[1]", "second"},
	{WHOLE("", PORT_WITH(",\"gateway\":[\"::2\"]"), PEER("")), "router.port[0].gateway",
		"family"},
	{WHOLE("", "{\"name\":\"p\",\"address\":[\"192.0.2.1\"]}", ""), "router.port[0].address[0]",
		"prefix"},
	{WHOLE("", "{\"name\":\"p\",\"address\":[\"192.0.2.1/33\"]}", ""),
		"router.port[0].address[0]", "prefix"},
	{WHOLE("", "{\"name\":\"p\",\"address\":[\"224.0.0.1/4\"]}", ""),
		"router.port[0].address[0]", "prefix"},
	{WHOLE("", "{\"name\":\"p\",\"address\":[\"10.0.0.1/8\",\"10.0.0.1/9\"]}", ""),
		"router.port[0].address[1]", "twice"},
	{WHOLE("", "{\"name\":\"p\",\"address\":[]}", ""), "router.port[0].address", "1 to 64"},
	{WHOLE("", PORT, PEER("") "," PEER("")), "router.peer[1].name", "another"},
	{WHOLE("", PORT, PEER(",\"udp-port\":0")), "router.peer[0].path[0].udp-port", "1"},
	{WHOLE("", PORT, PEER(",\"local-address\":\"192.0.2.9\"")),
		"router.peer[0].path[0].local-address", "none of the port"},
	{WHOLE("", PORT, PEER(",\"local-address\":\"2001:db8::1\"")),
		"router.peer[0].path[0].local-address", "another family"},
	{WHOLE("", "{\"name\":\"x\",\"address\":[\"192.0.2.1/24\"]}", PEER("")),
		"router.peer[0].path[0].port", "none of"},
	{WHOLE("", "{\"name\":\"net_memif0\",\"address\":[\"192.0.2.2/24\"]}", PEER("")),
		"router.peer[0].path[0].address", "own"},
	{WHOLE("", "{\"name\":\"net_memif0\",\"address\":[\"fd00::1/64\"]}", PEER("")),
		"router.peer[0].path[0].address", "no address"},
	{WHOLE("", PORT,
		 "{\"name\":\"w\",\"peering-common-name\":\"east-cn\",\"path\":[{"
		 "\"port\":\"net_memif0\",\"address\":\"192.0.2.2\"}]}"),
		"router.peer[0].peering-common-name", "own"},
	{WHOLE("", PORT, "{\"name\":\"w\",\"peering-common-name\":\"w\",\"path\":[]}"),
		"router.peer[0].path", "1 to 16"},
	{WHOLE("", PORT, PEER(",\"colour\":\"\\u0007blue\"")), "router.peer[0].path[0].colour",
		"no known field"},
	{WHOLE("", PORT, PEER(",\"address\":\"192.0.2.3\"")), "", "duplicate"},
	{"{\"router\":", "", "end of file"},
};

static void test_wrong_router(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(wrong_router) / sizeof(wrong_router[0]); i++)
		expect_refused(wrong_router[i].text, wrong_router[i].path, wrong_router[i].needle);
}

static void test_lines(void **state)
{
	static const char text[] = "{\n"
				   "  \"authority\": {\"access-management\": {}},\n"
				   "  \"router\": {\n"
				   "    \"name\": \"a\", \"node\": \"\\\"}{\", \n"
				   "    \"peering-common-name\": \"x\"\n"
				   "  }\n"
				   "}\n";
	static const char later[] =
		"{\"router\": {\"name\": \"a\", \"node\": \"b\",\n"
		"\"peering-common-name\": \"}]{\\\"[\",\n"
		"\"port\": [\n{\"name\": \"p\",\n\"address\": [\"10.0.0.1/8\",\n"
		"\"bad\"]}]}}";
	struct config_report report;
	struct config *c = NULL;
	char line[400];

	(void)state;
	assert_int_equal(config_parse(text, strlen(text), &c, &report), -EINVAL);
	assert_int_equal(report.finding[0].line, 4);
	assert_string_equal(report.finding[0].path, "router.node");
	assert_int_equal(config_parse(later, strlen(later), &c, &report), -EINVAL);
	assert_int_equal(report.finding[0].line, 6);
	assert_string_equal(report.finding[0].path, "router.port[0].address[1]");
	config_report_text(&report, line, sizeof(line));
	assert_non_null(strstr(line, "rekey.json:6: router.port[0].address[1]: must be"));
}

static void test_durations(void **state)
{
	uint64_t ns;

	(void)state;
	assert_true(config_duration_parse("200ms", &ns) && ns == 200000000);
	assert_true(config_duration_parse("0s", &ns) && ns == 0);
	assert_true(config_duration_parse("1d", &ns) && ns == UINT64_C(86400000000000));
	assert_false(config_duration_parse("", &ns));
	assert_false(config_duration_parse("s", &ns));
	assert_false(config_duration_parse("-1s", &ns));
	assert_false(config_duration_parse("1 s", &ns));
	assert_false(config_duration_parse("1S", &ns));
	assert_false(config_duration_parse("1sm", &ns));
	assert_false(config_duration_parse("999999999999d", &ns));
}

/* Every item of the table stands on the page, with a meaning. */
static void test_page(void **state)
{
	char *page = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&page, &len);

	(void)state;
	config_schema_print(out);
	fclose(out);
	assert_non_null(strstr(page, "| `authority.security-key-management.peer-key-rekey-interval`"
				     " | 1–720 hours, `never`, or a duration | 24 hours |"));
	assert_non_null(strstr(page, "| `router.peer[].path[].udp-port` |"));
	assert_null(strstr(page, "(null)"));
	free(page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_everything_given),
		cmocka_unit_test(test_wrong_authority),
		cmocka_unit_test(test_urls_of_lists_are_counted),
		cmocka_unit_test(test_wrong_router),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
