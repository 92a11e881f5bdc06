/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Routes as data, and finding the one a request asks for. A route that is not in the table does
 * not exist, and who may use it is a column of the table: nothing is allowed by leaving it out.
 */
#pragma once

#include <event2/http.h>
#include <stdbool.h>
#include <stddef.h>

#include "control/rest/users.h"

#define ROUTE_BASE      "/api/v1"
#define ROUTE_PARAM_MAX 64

struct exchange; /* control/rest/exchange.h */

enum route_body { ROUTE_BODY_NONE, ROUTE_BODY_OPTIONAL, ROUTE_BODY_REQUIRED };

struct route {
	enum evhttp_cmd_type method;
	const char *path;      /* below ROUTE_BASE; "{name}" takes one segment */
	enum user_role role;   /* the least; USER_NOBODY = no token asked for */
	enum route_body body;  /* an object, when there is one */
	bool is_change;        /* audited */
	const char *pem_field; /* sent bare when the client accepts application/x-pem-file */
	void (*handle)(struct exchange *x);
	const char *summary;
	const char *request; /* schema names of the OpenAPI document; NULL = none */
	const char *answer;
	const char *query; /* its fields, as in a schema of the document; NULL: none is taken */
};

struct route_match {
	const struct route *route; /* NULL = none */
	unsigned allowed;          /* methods of the routes that have this path; 0 = no such path */
	char param[ROUTE_PARAM_MAX + 1];
};

/* What a path says about where it belongs. */
enum route_scope {
	ROUTE_SCOPE_HERE,   /* no scope given, or ours */
	ROUTE_SCOPE_OTHER,  /* another router's or node's name */
	ROUTE_SCOPE_NO_NODE /* a router without a node, or no API path at all */
};

/*
 * Takes ROUTE_BASE and an optional /router/R/node/N off path; *rest points behind (into path).
 */
enum route_scope route_take_scope(
	const char *path, const char *router, const char *node, const char **rest);
/* rest: what route_take_scope left. Segments are percent-decoded once. */
void route_find(const struct route *table, size_t cnt, enum evhttp_cmd_type method,
	const char *rest, struct route_match *out);
/* "GET", ...; "?" for what evhttp does not know. */
const char *route_method_name(enum evhttp_cmd_type method);
/* "GET, POST" of a mask; size of 64 is enough. */
void route_print_methods(unsigned mask, char *out, size_t size);
