/* SPDX-License-Identifier: BSD-3-Clause */
/* The OpenAPI 3.1 document, made from the route table so that the two cannot differ. */
#pragma once

#include <jansson.h>

#include "control/rest/route.h"

/* The caller's; NULL when out of memory, or when a route names a schema that does not exist. */
json_t *openapi_build(const struct route *table, size_t cnt) __attribute__((warn_unused_result));
