/* SPDX-License-Identifier: BSD-3-Clause */
/* What every request meets: routes, roles, bodies, and the calls of the seed procedure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "control/rest/routes.h"
#include "tests/unit/rest_roles.h"

/* The answer has this status, and for errors this code. */
static void answers(const char *method, const char *path, const char *token, const char *body,
	int status, const char *code)
{
	char *answer = NULL, wanted[80];

	assert_int_equal(fixture_call(f, method, path, token, body, &answer), status);
	if (code != NULL) {
		snprintf(wanted, sizeof(wanted), "{\"error\":{\"code\":\"%s\",\"message\":", code);
		assert_non_null(strstr(answer, wanted));
		assert_non_null(strstr(answer, "Content-Type: application/json\r\n"));
	}
	free(answer);
}

static void has_header(const char *answer, const char *line)
{
	assert_non_null(strstr(answer, line));
}

static void token_opens_the_door(void **state)
{
	char *answer = NULL;

	(void)state;
	assert_int_equal(fixture_call(f, "GET", "/api/v1/peer", NULL, NULL, &answer), 401);
	has_header(answer, "\r\nWWW-Authenticate: Bearer realm=\"rekey\"\r\n");
	free(answer);
	assert_int_equal(fixture_call(f, "GET", "/api/v1/peer", "a.b.c", NULL, &answer), 401);
	has_header(answer, "error=\"invalid_token\"");
	free(answer);
	assert_int_equal(fixture_call(f, "GET", "/api/v1/peer", admin, NULL, &answer), 200);
	assert_string_equal(response_body(answer), "{\"peers\":[]}\n");
	has_header(answer, "\r\nCache-Control: no-store\r\n");
	free(answer);
}

static void roles_bound_what_may_be_done(void **state)
{
	unsigned before = fixture_call_cnt(f);

	(void)state;
	answers("GET", "/api/v1/peer", viewer, NULL, 200, NULL);
	answers("POST", "/api/v1/private-key", viewer, "{}", 403, "not-allowed");
	answers("GET", "/api/v1/certificate-request", viewer, "{}", 403, "not-allowed");
	answers("POST", "/api/v1/certificate", viewer, "{}", 403, "not-allowed");
	answers("DELETE", "/api/v1/private-key/x", viewer, NULL, 403, "not-allowed");
	answers("DELETE", "/api/v1/certificate-request/x", viewer, NULL, 403, "not-allowed");
	answers("DELETE", "/api/v1/certificate/x", viewer, NULL, 403, "not-allowed");
	answers("POST", "/api/v1/trusted-ca-certificate", viewer, "{}", 403, "not-allowed");
	answers("DELETE", "/api/v1/trusted-ca-certificate/x", viewer, NULL, 403, "not-allowed");
	answers("POST", "/api/v1/security/rotate", viewer, NULL, 403, "not-allowed");
	answers("POST", "/api/v1/certificate-revocation/refresh", viewer, NULL, 403, "not-allowed");
	answers("POST", "/api/v1/user/admin/password", viewer, "{}", 403, "not-allowed");
	assert_int_equal(fixture_call_cnt(f), before + 1);
}

static void paths_and_methods(void **state)
{
	char *answer = NULL;

	(void)state;
	answers("GET", "/", NULL, NULL, 404, "no-such-resource");
	answers("GET", "/api/v1", NULL, NULL, 404, "no-such-resource");
	answers("GET", "/api/v1/", NULL, NULL, 404, "no-such-resource");
	answers("GET", "/api/v1/peer/", admin, NULL, 404, "no-such-resource");
	answers("GET", "/api/v1//peer", admin, NULL, 404, "no-such-resource");
	answers("GET", "/api/v1/../v1/peer", admin, NULL, 404, "no-such-resource");
	answers("GET", "/api/v1/peer/a%2fb/security", admin, NULL, 404, "no-such-resource");
	answers("GET", "/api/v1/peer/a%00b/security", admin, NULL, 404, "no-such-resource");
	answers("GET", "/api/v1/peer/a%ffb/security", admin, NULL, 404, "no-such-resource");
	answers("GET", "/api/v1/peer/%c0%ae/security", admin, NULL, 404, "no-such-resource");
	answers("GET", "/api/v1/peer/%c3%a4/security", admin, NULL, 200, NULL);
	answers("GET", "/api/v1/peer/a%2/security", admin, NULL, 404, "no-such-resource");
	assert_int_equal(
		fixture_call(f, "DELETE", "/api/v1/certificate", admin, NULL, &answer), 405);
	has_header(answer, "\r\nAllow: GET, POST, PUT\r\n");
	free(answer);
	answers("PATCH", "/api/v1/peer", admin, NULL, 405, "method-not-allowed");
	assert_int_equal(
		fixture_call(f, "GET", "/api/v1/peer/we%73t/security", admin, NULL, &answer), 200);
	assert_non_null(strstr(answer, "{\"name\":\"west\""));
	free(answer);
}

static void node_scope_must_be_ours(void **state)
{
	char *answer = NULL;

	(void)state;
	answers("GET", "/api/v1/router/east/node/node0/peer", admin, NULL, 200, NULL);
	answers("GET", "/api/v1/router/east/peer", admin, NULL, 404, "no-such-resource");
	assert_int_equal(
		fixture_call(f, "GET", "/api/v1/router/west/node/node0/peer", admin, NULL, &answer),
		404);
	assert_non_null(strstr(answer, "\"not-this-node\""));
	assert_non_null(strstr(answer, "router east, node node0"));
	free(answer);
	answers("GET", "/api/v1/router/east/node/node1/peer", admin, NULL, 404, "not-this-node");
}

static void seed_bodies_reach_the_service(void **state)
{
	char *body, *answer = NULL;

	(void)state;
	/* A GET with a body, as the seed procedure sends it. */
	assert_int_equal(fixture_call(f, "GET", "/api/v1/certificate-request", admin,
				 "{    \"name\": \"custom_ssr_peering\",    "
				 "\"common_name\": \"SSR_12345679\"}",
				 &answer),
		200);
	assert_string_equal(
		response_body(answer), "{\"csr\":\"-----BEGIN CERTIFICATE REQUEST-----\\n\"}\n");
	free(answer);
	body = fixture_last_body(f);
	assert_string_equal(
		body, "{\"name\":\"custom_ssr_peering\",\"common_name\":\"SSR_12345679\"}");
	free(body);
	/* --data-binary: raw line breaks inside a string. */
	answers("POST", "/api/v1/certificate", admin,
		"{\n    \"name\": \"custom_ssr_peering\",\r\n    \"certificate\": \"-----BEGIN\n"
		"MII\r\n-----END\"\n}\n",
		200, NULL);
	body = fixture_last_body(f);
	assert_string_equal(body, "{\"name\":\"custom_ssr_peering\",\"certificate\":"
				  "\"-----BEGIN\\nMII\\r\\n-----END\"}");
	free(body);
}

/* What cannot be recorded is not done; who only looks is served. */
static void full_audit_refuses_changes(void **state)
{
	unsigned before;

	(void)state;
	fixture_fill_audit(f, true);
	before = fixture_call_cnt(f);
	answers("PUT", "/api/v1/certificate", admin, "{}", 503, "audit-unavailable");
	assert_int_equal(fixture_call_cnt(f), before);
	answers("GET", "/api/v1/peer", admin, NULL, 200, NULL);
	fixture_fill_audit(f, false);
	answers("PUT", "/api/v1/certificate", admin, "{}", 200, NULL);
}

static void put_says_that_it_must_exist(void **state)
{
	char *answer = NULL;

	(void)state;
	fixture_call(f, "PUT", "/api/v1/certificate", admin, "{}", &answer);
	assert_string_equal(response_body(answer), "{\"must_exist\":true}\n");
	free(answer);
	fixture_call(f, "POST", "/api/v1/certificate", admin, "{}", &answer);
	assert_string_equal(response_body(answer), "{\"must_exist\":false}\n");
	free(answer);
}

static void bodies_that_are_none(void **state)
{
	unsigned before = fixture_call_cnt(f);
	char *answer = NULL;

	(void)state;
	answers("POST", "/api/v1/private-key", admin, NULL, 400, "no-body");
	answers("POST", "/api/v1/private-key", admin, "[]", 400, "bad-json");
	answers("POST", "/api/v1/private-key", admin, "\"text\"", 400, "bad-json");
	answers("POST", "/api/v1/private-key", admin, "{\"a\":1,\"a\":2}", 400, "bad-json");
	answers("GET", "/api/v1/peer", admin, "{}", 400, "unexpected-body");
	assert_int_equal(
		fixture_call(f, "POST", "/api/v1/private-key", admin, "{\"a\":\n  ?}", &answer),
		400);
	assert_non_null(strstr(answer, "\"detail\":{\"line\":2,"));
	free(answer);
	assert_int_equal(fixture_call_cnt(f), before);
	/* A body that may be left out. */
	answers("POST", "/api/v1/security/rotate", admin, NULL, 200, NULL);
	answers("POST", "/api/v1/security/rotate", admin, "{\"peer\":\"west\"}", 200, NULL);
}

static void content_type_must_be_json(void **state)
{
	char request[4096];
	char *answer;

	(void)state;
	snprintf(request, sizeof(request),
		"POST /api/v1/private-key HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
		"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 2\r\n"
		"Connection: close\r\n\r\n{}",
		admin);
	answer = fixture_talk(f, request);
	assert_int_equal(response_status(answer), 415);
	free(answer);
}

static void pem_on_demand(void **state)
{
	char request[4096];
	char *answer;

	(void)state;
	snprintf(request, sizeof(request),
		"GET /api/v1/certificate-request HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
		"%s\r\n"
		"Accept: application/x-pem-file\r\nContent-Length: 2\r\nConnection: "
		"close\r\n\r\n{}",
		admin);
	answer = fixture_talk(f, request);
	assert_int_equal(response_status(answer), 200);
	has_header(answer, "Content-Type: application/x-pem-file\r\n");
	assert_string_equal(response_body(answer), "-----BEGIN CERTIFICATE REQUEST-----\n");
	free(answer);
}

static void request_id_is_echoed_and_audited(void **state)
{
	char request[4096];
	char *answer, *audit;

	(void)state;
	snprintf(request, sizeof(request),
		"POST /api/v1/security/rotate HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
		"X-Request-Id: MmUz\tMGMz<Nj\r\nConnection: close\r\n\r\n",
		admin);
	answer = fixture_talk(f, request);
	has_header(answer, "\r\nX-Request-Id: MmUzMGMzNj\r\n");
	free(answer);
	audit = fixture_audit(f);
	assert_non_null(
		strstr(audit, "\"user\":\"admin\",\"denied\":false,\"address\":\"127.0.0.1\","
			      "\"request_id\":\"MmUzMGMzNj\",\"description\":"
			      "\"POST /api/v1/security/rotate: 200\""));
	assert_null(strstr(audit, FIXTURE_ADMIN_PASSWORD));
	/* Who was refused is no one of ours, and was not permitted. */
	assert_non_null(
		strstr(audit, "{\"type\":\"rest.request\",\"user\":\"viewer\",\"denied\":true,"));
	free(audit);
}

/* A question that is too long is not answered as if it were another one. */
static void long_query(void **state)
{
	char path[1024] = "/api/v1/event?count=";

	(void)state;
	memset(path + strlen(path), '1', 600);
	answers("GET", path, admin, NULL, 400, "bad-query");
}

/* Who is nobody yet does not choose how much is written about it. */
static void audited_name_is_bounded(void **state)
{
	char body[4096], name[2048], *audit;

	(void)state;
	memset(name, 'a', 127);
	for (size_t i = 127; i + 3 < sizeof(name); i += 2)
		memcpy(name + i, "\xc3\xa4", 3);
	snprintf(body, sizeof(body), "{\"username\":\"%s\",\"password\":\"%s\"}", name,
		"no such one");
	answers("POST", "/api/v1/login", "", body, 400, "bad-field");
	audit = fixture_audit(f);
	name[127] = '\0';
	assert_non_null(strstr(audit, name));
	assert_null(strstr(audit, "\xc3\xa4"));
	free(audit);
}

/* A helper parses it: it arrives whole, is refused with its place, and its client may go. */
static void large_body(void **state)
{
	size_t len = 300000;
	char *body = malloc(len + 32), *seen, head[2048];
	struct client *c;

	(void)state;
	memset(body, 'x', len);
	memcpy(body, "{\"a\":\n\"", 7);
	strcpy(body + len, "\"}");
	answers("PUT", "/api/v1/configuration/candidate", admin, body, 200, NULL);
	seen = fixture_last_body(f);
	assert_non_null(seen);
	assert_true(strlen(seen) > len - 16);
	free(seen);
	strcpy(body + len, "\"]");
	answers("PUT", "/api/v1/configuration/candidate", admin, body, 400, "bad-json");
	strcpy(body + len, "\"");
	body[0] = '[';
	answers("PUT", "/api/v1/configuration/candidate", viewer, body, 403, "not-allowed");
	for (int i = 0; i < 8; i++) {
		c = client_open(f);
		assert_non_null(c);
		snprintf(head, sizeof(head),
			"PUT /api/v1/configuration/candidate HTTP/1.1\r\nHost: a\r\n"
			"Authorization: Bearer %s\r\nContent-Length: %zu\r\n\r\n",
			admin, strlen(body));
		assert_true(client_send(c, head, strlen(head)));
		assert_true(client_send(c, body, strlen(body)));
		client_close(c);
	}
	answers("GET", "/api/v1/peer", viewer, NULL, 200, NULL);
	free(body);
}

static void local_socket_needs_no_token(void **state)
{
	char *answer = NULL, path[128];
	struct stat st;

	(void)state;
	assert_int_equal(fixture_call_local(f, "GET", "/api/v1/peer", NULL, &answer), 200);
	free(answer);
	assert_int_equal(fixture_call_local(f, "POST", "/api/v1/private-key",
				 "{\"name\":\"custom_ssr_peering\"}", &answer),
		200);
	free(answer);
	snprintf(path, sizeof(path), "%s/%s", fixture_folder(f), REST_SOCKET);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
}

/* Different paths of the route table. */
static size_t path_cnt(void)
{
	size_t cnt = 0;

	for (size_t i = 0; i < route_cnt; i++) {
		size_t k = 0;

		while (strcmp(routes[k].path, routes[i].path) != 0)
			k++;
		cnt += k == i;
	}
	return cnt;
}

static void health_and_document_are_open(void **state)
{
	char *answer = NULL;
	json_t *json, *paths;

	(void)state;
	answers("GET", "/api/v1/health", NULL, NULL, 200, NULL);
	assert_int_equal(fixture_call(f, "GET", "/api/v1/openapi.json", NULL, NULL, &answer), 200);
	json = json_loads(response_body(answer), JSON_REJECT_DUPLICATES, NULL);
	assert_string_equal(json_string_value(json_object_get(json, "openapi")), "3.1.0");
	paths = json_object_get(json, "paths");
	assert_int_equal(json_object_size(paths), path_cnt());
	assert_non_null(
		json_object_get(json_object_get(paths, "/api/v1/certificate-request"), "get"));
	json_decref(json);
	free(answer);
}

static void events_are_counted(void **state)
{
	char *answer = NULL;

	(void)state;
	fixture_call(f, "GET", "/api/v1/event?count=7", viewer, NULL, &answer);
	assert_string_equal(response_body(answer), "{\"events\":[7]}\n");
	free(answer);
	answers("GET", "/api/v1/event", viewer, NULL, 200, NULL);
	answers("GET", "/api/v1/event?count=0", viewer, NULL, 400, "bad-query");
	answers("GET", "/api/v1/event?count=1001", viewer, NULL, 400, "bad-query");
	answers("GET", "/api/v1/event?limit=7", viewer, NULL, 400, "bad-query");
}

static void secrets_are_files_of_ours_alone(void **state)
{
	static const char *const names[] = {"users.json", "token.key", "web.key"};
	char path[128];
	struct stat st;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", fixture_folder(f), names[i]);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(token_opens_the_door),
		cmocka_unit_test(roles_bound_what_may_be_done),
		cmocka_unit_test(paths_and_methods),
		cmocka_unit_test(node_scope_must_be_ours),
		cmocka_unit_test(seed_bodies_reach_the_service),
		cmocka_unit_test(full_audit_refuses_changes),
		cmocka_unit_test(put_says_that_it_must_exist),
		cmocka_unit_test(bodies_that_are_none),
		cmocka_unit_test(content_type_must_be_json),
		cmocka_unit_test(pem_on_demand),
		cmocka_unit_test(request_id_is_echoed_and_audited),
		cmocka_unit_test(audited_name_is_bounded),
		cmocka_unit_test(long_query),
		cmocka_unit_test(large_body),
		cmocka_unit_test(local_socket_needs_no_token),
		cmocka_unit_test(health_and_document_are_open),
		cmocka_unit_test(events_are_counted),
		cmocka_unit_test(secrets_are_files_of_ours_alone),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
