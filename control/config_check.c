/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/config_read.h"

#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

/* One name and where it came from, sorted to find the second of a kind. */
struct named {
	const char *name;
	size_t index;
};

static int compare_named(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	int ret = strcmp(x->name, y->name);

	return ret != 0 ? ret : (x->index > y->index) - (x->index < y->index);
}

/* The same member of every element of a list. */
struct column {
	const char *list; /* how messages call them */
	const char *field;
	const void *base; /* NULL when empty */
	size_t offset;
	size_t stride;
	size_t cnt;
};
#define COLUMN(list_name, field_name, array, member, array_cnt)                               \
	(struct column)                                                                       \
	{                                                                                     \
		.list = (list_name), .field = (field_name), .base = (array),                  \
		.offset = offsetof(__typeof__(*(array)), member), .stride = sizeof(*(array)), \
		.cnt = (array_cnt)                                                            \
	}

static const char *column_name(const struct column *c, size_t i)
{
	return *(const char *const *)((const char *)c->base + i * c->stride + c->offset);
}

/* 0 = all differ, else the later of two equal ones + 1; -ENOMEM. */
static ssize_t find_repeated(const struct column *c)
{
	struct named *sorted;
	size_t found = 0;

	if (c->cnt < 2)
		return 0;
	sorted = calloc(c->cnt, sizeof(*sorted));
	if (sorted == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < c->cnt; i++)
		sorted[i] = (struct named){column_name(c, i), i};
	qsort(sorted, c->cnt, sizeof(*sorted), compare_named);
	for (size_t i = 1; i < c->cnt && found == 0; i++)
		if (strcmp(sorted[i - 1].name, sorted[i].name) == 0)
			found = sorted[i].index + 1;
	free(sorted);
	return (ssize_t)found;
}

static int check_unique(struct config_reader *r, struct column c)
{
	ssize_t at = find_repeated(&c);
	int ret;

	if (at <= 0)
		return (int)at;
	config_enter(r, c.list);
	config_enter_element(r, (size_t)at - 1,
		strcmp(c.field, "name") == 0 ? column_name(&c, (size_t)at - 1) : NULL);
	config_enter(r, c.field);
	ret = config_fail(r, "not-unique", "\"%.80s\" is used by another one already",
		column_name(&c, (size_t)at - 1));
	config_leave(r);
	config_leave(r);
	config_leave(r);
	return ret;
}

static bool is_same_address(const struct config_address *a, const struct config_address *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static bool is_in_subnet(const struct config_address *subnet, const struct config_address *a)
{
	unsigned whole = subnet->prefix_len / 8, rest = subnet->prefix_len % 8;

	if (subnet->family != a->family || memcmp(subnet->bytes, a->bytes, whole) != 0)
		return false;
	return rest == 0 || ((subnet->bytes[whole] ^ a->bytes[whole]) >> (8 - rest)) == 0;
}

/* The port's address for a path: the one given, else the subnet's, else the first of the family. */
static const struct config_address *choose_local(
	const struct config_port *port, const struct config_path *path)
{
	const struct config_address *first = NULL;

	for (size_t i = 0; i < port->address_cnt; i++) {
		const struct config_address *a = &port->address[i];

		if (path->local.family != 0) {
			if (is_same_address(a, &path->local))
				return a;
			continue;
		}
		if (is_in_subnet(a, &path->remote))
			return a;
		if (first == NULL && a->family == path->remote.family)
			first = a;
	}
	return first;
}

static int fail_at(struct config_reader *r, const char *field, const char *text)
{
	int ret;

	config_enter(r, field);
	ret = config_fail(r, "bad-reference", "%s", text);
	config_leave(r);
	return ret;
}

static int check_path(struct config_reader *r, struct config_path *path)
{
	const struct config *c = r->config;
	const struct config_address *local;
	size_t i;

	for (i = 0; i < c->port_cnt; i++)
		if (strcmp(c->port[i].name, path->port_name) == 0)
			break;
	if (i == c->port_cnt)
		return fail_at(r, "port", "is none of the router's ports");
	path->port = i;
	if (path->local.family != 0 && path->local.family != path->remote.family)
		return fail_at(r, "local-address", "is of another family than the peer's address");
	local = choose_local(&c->port[i], path);
	if (local == NULL && path->local.family != 0)
		return fail_at(r, "local-address", "is none of the port's addresses");
	if (local == NULL)
		return fail_at(r, "address", "is of a family of which the port has no address");
	if (is_same_address(local, &path->remote))
		return fail_at(r, "address", "is the port's own");
	path->local = *local;
	return 0;
}

static int check_peer(struct config_reader *r, struct config_peer *peer)
{
	int ret = 0;

	if (strcmp(peer->peering_common_name, r->config->peering_common_name) == 0)
		ret = fail_at(r, "peering-common-name", "is this router's own");
	config_enter(r, "path");
	for (size_t i = 0; i < peer->path_cnt && ret == 0; i++) {
		config_enter_element(r, i, NULL);
		ret = check_path(r, &peer->path[i]);
		config_leave(r);
	}
	config_leave(r);
	return ret;
}

static int check_port(struct config_reader *r, const struct config_port *port)
{
	bool has4 = false, has6 = false;

	for (size_t i = 0; i < port->address_cnt; i++) {
		has4 |= port->address[i].family == 4;
		has6 |= port->address[i].family == 6;
	}
	if ((port->gateway4.family != 0 && !has4) || (port->gateway6.family != 0 && !has6))
		return fail_at(r, "gateway", "is of a family of which the port has no address");
	return 0;
}

static int check_router(struct config_reader *r)
{
	struct config *c = r->config;
	int ret;

	if (c->rest.is_client_required && c->rest.client_ca == NULL) {
		config_enter(r, "rest-api");
		ret = fail_at(r, "client-certificate-required",
			"needs client-ca: who else would say whose certificates count");
		config_leave(r);
		if (ret < 0)
			return ret;
	}
	ret = check_unique(r, COLUMN("port", "name", c->port, name, c->port_cnt));
	if (ret == 0)
		ret = check_unique(r, COLUMN("peer", "name", c->peer, name, c->peer_cnt));
	if (ret == 0)
		ret = check_unique(r, COLUMN("peer", "peering-common-name", c->peer,
					      peering_common_name, c->peer_cnt));
	config_enter(r, "port");
	for (size_t i = 0; i < c->port_cnt && ret == 0; i++) {
		config_enter_element(r, i, c->port[i].name);
		ret = check_port(r, &c->port[i]);
		config_leave(r);
	}
	config_leave(r);
	config_enter(r, "peer");
	for (size_t i = 0; i < c->peer_cnt && ret == 0; i++) {
		config_enter_element(r, i, c->peer[i].name);
		ret = check_peer(r, &c->peer[i]);
		config_leave(r);
	}
	config_leave(r);
	return ret;
}

static bool has_scheme(const char *url, const char *scheme)
{
	size_t len = strlen(scheme);

	return strncmp(url, scheme, len) == 0 && url[len] != '\0';
}

/* NULL: who fetches it can read it, with its host and port. */
static const char *url_problem(const char *url)
{
	CURLUcode code = CURLUE_OUT_OF_MEMORY;
	CURLU *parts;

	if (!has_scheme(url, "http://") && !has_scheme(url, "https://") &&
		!has_scheme(url, "file:///"))
		return "another scheme";
	if (strpbrk(url, " \"<>\\^`{|}") != NULL)
		return "a character that must be escaped";
	parts = curl_url();
	if (parts != NULL)
		code = curl_url_set(parts, CURLUPART_URL, url, CURLU_DISALLOW_USER);
	curl_url_cleanup(parts);
	if (code == CURLUE_USER_NOT_ALLOWED)
		return "without a user or password, which whoever looks at it would see";
	return code == CURLUE_OK ? NULL : curl_url_strerror(code);
}

static int check_url(struct config_reader *r, const char *field, const char *url, const char *kinds)
{
	const char *problem = url_problem(url);
	int ret = 0;

	config_enter(r, field);
	if (problem != NULL)
		ret = config_fail(r, "bad-reference", "must be an %s URL: %s", kinds, problem);
	config_leave(r);
	return ret;
}

static int check_endpoint(struct config_reader *r, const struct config_crl_endpoint *e)
{
	int ret = check_url(r, "uri", e->uri, "http, https or file");

	if (ret < 0 || e->delta_uri == NULL)
		return ret;
	if (strcmp(e->delta_uri, e->uri) == 0)
		return fail_at(r, "delta-uri", "must be another URL than uri");
	return check_url(r, "delta-uri", e->delta_uri, "http, https or file");
}

/* url_cnt: of the sources so far, and of this one. */
static int check_source(
	struct config_reader *r, const struct config_crl_source *source, size_t *url_cnt)
{
	int ret;

	ret = check_unique(
		r, COLUMN("crl-endpoint", "name", source->endpoint, name, source->endpoint_cnt));
	config_enter(r, "crl-endpoint");
	for (size_t i = 0; i < source->endpoint_cnt && ret == 0; i++) {
		const struct config_crl_endpoint *e = &source->endpoint[i];

		config_enter_element(r, i, e->name);
		ret = check_endpoint(r, e);
		*url_cnt += e->delta_uri != NULL ? 2 : 1;
		if (ret == 0 && *url_cnt > CONFIG_CRL_URL_MAX)
			ret = fail_at(r, "uri", "is one too many: 4096 URLs are fetched in all");
		config_leave(r);
	}
	config_leave(r);
	return ret;
}

/* A shelf without a criterion would hide everything. */
static int check_shelf(struct config_reader *r, const struct config_shelf *shelf)
{
	char why[128];
	regex_t regex;
	int ret;

	if (shelf->category == NULL && shelf->message_regex == NULL && shelf->source == NULL &&
		shelf->router_name == NULL && shelf->node_name == NULL && shelf->severity == 0)
		return fail_at(r, "name", "needs a criterion: category, severity, source, ...");
	if (shelf->message_regex == NULL)
		return 0;
	ret = regcomp(&regex, shelf->message_regex, REG_EXTENDED | REG_NOSUB);
	if (ret == 0) {
		regfree(&regex);
		return 0;
	}
	regerror(ret, &regex, why, sizeof(why));
	config_enter(r, "message-regex");
	ret = config_fail(r, "bad-value", "is no POSIX extended regular expression: %s", why);
	config_leave(r);
	return ret;
}

static int check_trusted_ca(struct config_reader *r)
{
	const struct config *c = r->config;
	int ret;

	ret = check_unique(r,
		COLUMN("trusted-ca-certificate", "name", c->trusted_ca, name, c->trusted_ca_cnt));
	config_enter(r, "trusted-ca-certificate");
	for (size_t i = 0; i < c->trusted_ca_cnt && ret == 0; i++) {
		const struct config_trusted_ca *ca = &c->trusted_ca[i];

		config_enter_element(r, i, ca->name);
		if ((ca->content == NULL) == (ca->file == NULL))
			ret = config_fail(r, "missing-field", "needs one of content and file");
		config_leave(r);
	}
	config_leave(r);
	return ret;
}

static int check_shelves(struct config_reader *r)
{
	const struct config *c = r->config;
	int ret;

	ret = check_unique(r, COLUMN("shelf", "name", c->shelf, name, c->shelf_cnt));
	config_enter(r, "shelf");
	for (size_t i = 0; i < c->shelf_cnt && ret == 0; i++) {
		config_enter_element(r, i, c->shelf[i].name);
		ret = check_shelf(r, &c->shelf[i]);
		config_leave(r);
	}
	config_leave(r);
	return ret;
}

/* The element's position is in the path already. */
static int check_ca(struct config_reader *r, const struct config_ca_profile *ca)
{
	bool is_https = has_scheme(ca->url, "https://");
	int ret;

	if (ca->protocol == CONFIG_CA_EST && !is_https)
		return fail_at(r, "url", "must be an https URL");
	if (!is_https && !has_scheme(ca->url, "http://"))
		return fail_at(r, "url", "must be an http or https URL");
	if (strchr(ca->url, '@') != NULL)
		return fail_at(r, "url", "must not hold a user or password: see username");
	ret = check_url(r, "url", ca->url, is_https ? "https" : "http");
	if (ret < 0)
		return ret;
	if (ca->protocol == CONFIG_CA_EST && (ca->username == NULL) != (ca->secret_file == NULL))
		return fail_at(r, "username", "and secret-file go together");
	return 0;
}

static int check_ca_profiles(struct config_reader *r)
{
	struct config *c = r->config;
	int ret;

	config_enter(r, "security-key-management");
	ret = check_unique(r, COLUMN("ca-profile", "url", c->ca_profile, url, c->ca_profile_cnt));
	config_enter(r, "ca-profile");
	for (size_t i = 0; i < c->ca_profile_cnt && ret == 0; i++) {
		config_enter_element(r, i, c->ca_profile[i].url);
		ret = check_ca(r, &c->ca_profile[i]);
		config_leave(r);
	}
	config_leave(r);
	config_leave(r);
	return ret;
}

/* Whoever commits must not lock everybody out. */
static int check_users(struct config_reader *r)
{
	struct config *c = r->config;
	size_t admin_cnt = 0;
	int ret;

	config_enter(r, "access-management");
	ret = check_unique(r, COLUMN("user", "name", c->user, name, c->user_cnt));
	for (size_t i = 0; i < c->user_cnt; i++)
		admin_cnt += c->user[i].is_enabled && c->user[i].role == CONFIG_ROLE_ADMIN;
	if (ret == 0 && c->user_cnt > 0 && admin_cnt == 0)
		ret = fail_at(r, "user", "has no enabled user with the role admin");
	config_leave(r);
	return ret;
}

static int check_authority(struct config_reader *r)
{
	struct config *c = r->config;
	size_t url_cnt = 0;
	int ret;

	ret = check_ca_profiles(r);
	if (ret == 0)
		ret = check_trusted_ca(r);
	if (ret == 0)
		ret = check_unique(
			r, COLUMN("certificate-revocation", "name", c->crl, name, c->crl_cnt));
	config_enter(r, "certificate-revocation");
	for (size_t i = 0; i < c->crl_cnt && ret == 0; i++) {
		config_enter_element(r, i, c->crl[i].name);
		ret = check_source(r, &c->crl[i], &url_cnt);
		config_leave(r);
	}
	config_leave(r);
	if (ret < 0)
		return ret;
	ret = check_users(r);
	if (ret < 0)
		return ret;
	config_enter(r, "alarm-shelving");
	ret = check_shelves(r);
	config_leave(r);
	return ret;
}

int config_check(struct config_reader *r)
{
	int ret;

	config_enter(r, "authority");
	ret = check_authority(r);
	config_leave(r);
	if (ret < 0)
		return ret;
	config_enter(r, "router");
	ret = check_router(r);
	config_leave(r);
	return ret;
}
