/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/config_read.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "control/config_foreign.h"
#include "control/endpoint.h"

static void store_number(void *target, size_t width, uint64_t value)
{
	switch (width) {
	case 1:
		*(uint8_t *)target = (uint8_t)value;
		break;
	case 2:
		*(uint16_t *)target = (uint16_t)value;
		break;
	case 4:
		*(uint32_t *)target = (uint32_t)value;
		break;
	default:
		*(uint64_t *)target = value;
		break;
	}
}

static int read_bool(
	struct config_reader *r, json_t *json, const struct config_item *item, void *target)
{
	if (!json_is_boolean(json))
		return config_fail(r, "bad-value", "must be true or false");
	store_number(target, item->width, json_is_true(json));
	return 0;
}

static int read_count(
	struct config_reader *r, json_t *json, const struct config_item *item, void *target)
{
	json_int_t value = json_integer_value(json);

	if (!json_is_integer(json))
		return config_fail(r, "bad-value",
			"must be an integer from %" PRIu64 " to %" PRIu64, item->min, item->max);
	if (value < 0 || (uint64_t)value < item->min || (uint64_t)value > item->max)
		return config_fail(r, "bad-value",
			"is %" JSON_INTEGER_FORMAT ": must be from %" PRIu64 " to %" PRIu64, value,
			item->min, item->max);
	store_number(target, item->width, (uint64_t)value);
	return 0;
}

/* 0 in either form means never where never is allowed, and is refused elsewhere. */
static int read_duration(
	struct config_reader *r, json_t *json, const struct config_item *item, void *target)
{
	const char *text = json_string_value(json);
	json_int_t number = json_integer_value(json);
	uint64_t ns = 0;

	if (text != NULL) {
		if (item->may_be_never && strcmp(text, "never") == 0)
			goto store;
		if (!config_duration_parse(text, &ns))
			return config_fail(r, "bad-value",
				"\"%.40s\" is no duration: a number of %s, or a "
				"string like \"200ms\", \"3s\", \"5m\", \"2h\", \"1d\"%s",
				text, item->unit->name, item->may_be_never ? ", or \"never\"" : "");
		if (ns == 0 && item->may_be_never)
			goto store;
		if (ns < CONFIG_DURATION_MIN_NS || ns > item->max * item->unit->ns)
			return config_fail(r, "bad-value",
				"\"%.40s\" is out of range: 50 ms to %" PRIu64 " %s", text,
				item->max, item->unit->name);
		goto store;
	}
	if (!json_is_integer(json))
		return config_fail(r, "bad-value", "must be a number of %s or a string with a unit",
			item->unit->name);
	if (number == 0 && item->may_be_never)
		goto store;
	if (number < 0 || (uint64_t)number < item->min || (uint64_t)number > item->max)
		return config_fail(r, "bad-value",
			"is %" JSON_INTEGER_FORMAT ": must be from %" PRIu64 " to %" PRIu64 " %s",
			number, item->min, item->max, item->unit->name);
	ns = (uint64_t)number * item->unit->ns;
store:
	store_number(target, item->width, ns / item->store_ns + (ns % item->store_ns != 0));
	return 0;
}

static int read_enum(
	struct config_reader *r, json_t *json, const struct config_item *item, void *target)
{
	const char *text = json_string_value(json);
	char all[128] = "";

	for (size_t i = 0; item->names[i] != NULL; i++) {
		if (text != NULL && strcmp(text, item->names[i]) == 0) {
			store_number(target, item->width, i);
			return 0;
		}
		if (i > 0)
			strcat(all, ", ");
		strcat(all, item->names[i]);
	}
	return config_fail(r, "bad-value", "must be one of: %s", all);
}

static bool is_allowed(enum config_kind kind, unsigned char c)
{
	if (kind == CONFIG_LINES && (c == '\n' || c == '\r' || c == '\t'))
		return true;
	if (kind == CONFIG_TEXT || kind == CONFIG_LINES)
		return c >= 0x20 && c != 0x7f;
	if (isalnum(c) || c == '_' || c == '-')
		return true;
	if (kind == CONFIG_CREDENTIAL)
		return c == '.';
	if (kind == CONFIG_USER)
		return c == '.' || c == '@';
	return kind == CONFIG_DEVICE && (c == '.' || c == ':' || c == '@');
}

static int read_text(
	struct config_reader *r, json_t *json, const struct config_item *item, void *target)
{
	bool is_free = item->kind == CONFIG_TEXT || item->kind == CONFIG_LINES;
	const char *text = json_string_value(json);
	size_t len = json_string_length(json);

	if (text == NULL)
		return config_fail(r, "bad-value", "must be a string");
	if (len == 0 || len > item->max)
		return config_fail(
			r, "bad-value", "has %zu bytes: must have 1 to %" PRIu64, len, item->max);
	for (size_t i = 0; i < len; i++)
		if (!is_allowed(item->kind, (unsigned char)text[i]))
			return config_fail(r, "bad-value", "%s",
				is_free ? "holds a control character"
					: "holds a character that a name may not have");
	if (item->kind == CONFIG_CREDENTIAL && text[0] == '.')
		return config_fail(r, "bad-value", "begins with a dot");
	*(const char **)target = text;
	return 0;
}

/* "must be one of: a, b, c" */
static int refuse_choice(struct config_reader *r, const struct config_choice *choices)
{
	char names[160] = "";
	size_t len = 0;

	for (const struct config_choice *c = choices; c->name != NULL; c++)
		len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s",
			c == choices ? "" : ", ", c->name);
	return config_fail(r, "bad-value", "must be one of: %s", names);
}

static int read_one_choice(struct config_reader *r, const struct config_item *item, json_t *json,
	uint16_t *target, size_t i)
{
	const char *text = json_string_value(json);
	const struct config_choice *c = item->choices;

	while (c->name != NULL && (text == NULL || strcmp(text, c->name) != 0))
		c++;
	if (c->name == NULL)
		return refuse_choice(r, item->choices);
	for (size_t k = 0; k < i; k++)
		if (target[k] == c->id)
			return config_fail(r, "bad-value", "names %s twice", text);
	target[i] = c->id;
	return 0;
}

static int read_one_prefix(
	struct config_reader *r, json_t *json, struct config_address *address, size_t i)
{
	const char *text = json_string_value(json);

	if (text == NULL || !config_prefix_parse(text, &address[i]))
		return config_fail(r, "bad-value",
			"must be a host address with prefix length, like "
			"\"192.0.2.1/24\" or \"2001:db8::1/64\"");
	for (size_t k = 0; k < i; k++)
		if (address[k].family == address[i].family &&
			memcmp(address[k].bytes, address[i].bytes, sizeof(address[k].bytes)) == 0)
			return config_fail(r, "bad-value", "names %s twice", text);
	return 0;
}

static int read_one_gateway(struct config_reader *r, json_t *json, struct config_address *gateway)
{
	const char *text = json_string_value(json);
	struct config_address a;

	if (text == NULL || !config_address_parse(text, &a))
		return config_fail(r, "bad-value", "must be an IPv4 or IPv6 address");
	gateway += a.family == 6;
	if (gateway->family != 0)
		return config_fail(r, "bad-value", "is the second gateway of its family");
	*gateway = a;
	return 0;
}

static int read_one_endpoint(
	struct config_reader *r, const json_t *json, const char **list, size_t i)
{
	const char *text = json_string_value(json);
	struct sockaddr_storage address;
	socklen_t len;

	if (text == NULL || endpoint_parse(text, &address, &len) < 0)
		return config_fail(r, "bad-value",
			"must be an address and a port, like \"0.0.0.0:443\" or \"[::]:443\"");
	for (size_t k = 0; k < i; k++)
		if (strcmp(list[k], text) == 0)
			return config_fail(r, "bad-value", "names %s twice", text);
	list[i] = text;
	return 0;
}

static int read_one(struct config_reader *r, json_t *json, const struct config_item *item,
	void *target, size_t i)
{
	switch (item->kind) {
	case CONFIG_CHOICES:
		return read_one_choice(r, item, json, target, i);
	case CONFIG_ENDPOINTS:
		return read_one_endpoint(r, json, target, i);
	case CONFIG_PREFIXES:
		return read_one_prefix(r, json, target, i);
	case CONFIG_GATEWAYS:
		return read_one_gateway(r, json, target);
	default:
		return config_read_table(
			r, json, item->table, (char *)target + i * item->table->size);
	}
}

static const char *element_name(const json_t *json)
{
	return json_string_value(json_object_get(json, "name"));
}

/* Groups and gateways lie in the struct itself; the others get memory and a count. */
static int read_array(
	struct config_reader *r, json_t *json, const struct config_item *item, void *base)
{
	size_t cnt = json_array_size(json);
	void *target = (char *)base + item->offset;
	int ret = 0;

	if (!json_is_array(json))
		return config_fail(r, "bad-value", "must be an array");
	if ((cnt < item->min && !r->is_partial) || cnt > item->max)
		return config_fail(r, "bad-value",
			"has %zu elements: must have %" PRIu64 " to %" PRIu64, cnt, item->min,
			item->max);
	if (item->kind == CONFIG_CHOICES || item->kind == CONFIG_ENDPOINTS)
		memset(target, 0, item->width);
	if (item->kind == CONFIG_LIST || item->kind == CONFIG_PREFIXES) {
		size_t size = item->kind == CONFIG_LIST ? item->table->size
							: sizeof(struct config_address);
		void *list = config_alloc(r->config, cnt, size);

		if (list == NULL)
			return -ENOMEM;
		*(void **)target = list;
		*(size_t *)((char *)base + item->cnt_offset) = cnt;
		target = list;
	}
	for (size_t i = 0; i < cnt && ret == 0; i++) {
		config_enter_element(r, i, element_name(json_array_get(json, i)));
		ret = read_one(r, json_array_get(json, i), item, target, i);
		config_leave(r);
	}
	return ret;
}

static int read_address(struct config_reader *r, json_t *json, void *target)
{
	const char *text = json_string_value(json);

	if (text == NULL || !config_address_parse(text, target))
		return config_fail(r, "bad-value", "must be an IPv4 or IPv6 address");
	return 0;
}

int config_read_value(
	struct config_reader *r, json_t *json, const struct config_item *item, void *base)
{
	void *target = (char *)base + item->offset;

	switch (item->kind) {
	case CONFIG_BOOL:
		return read_bool(r, json, item, target);
	case CONFIG_COUNT:
		return read_count(r, json, item, target);
	case CONFIG_DURATION:
		return read_duration(r, json, item, target);
	case CONFIG_ENUM:
		return read_enum(r, json, item, target);
	case CONFIG_NAME:
	case CONFIG_DEVICE:
	case CONFIG_CREDENTIAL:
	case CONFIG_USER:
	case CONFIG_TEXT:
	case CONFIG_LINES:
		return read_text(r, json, item, target);
	case CONFIG_ADDRESS:
		return read_address(r, json, target);
	case CONFIG_OBJECT:
		return config_read_table(r, json, item->table, base);
	case CONFIG_CHOICES:
	case CONFIG_ENDPOINTS:
	case CONFIG_PREFIXES:
	case CONFIG_GATEWAYS:
	case CONFIG_LIST:
		return read_array(r, json, item, base);
	}
	return -EINVAL;
}

static void set_defaults(const struct config_table *table, void *base)
{
	for (size_t i = 0; i < table->item_cnt; i++) {
		const struct config_item *item = &table->item[i];
		void *target = (char *)base + item->offset;

		switch (item->kind) {
		case CONFIG_BOOL:
		case CONFIG_COUNT:
		case CONFIG_ENUM:
			store_number(target, item->width, item->fallback);
			break;
		case CONFIG_DURATION:
			store_number(target, item->width,
				item->fallback * item->unit->ns / item->store_ns);
			break;
		case CONFIG_CHOICES:
			memcpy(target, item->preferred, item->width);
			break;
		case CONFIG_OBJECT:
			set_defaults(item->table, base);
			break;
		default:
			break; /* zero is the default */
		}
	}
}

int config_fail_unknown(struct config_reader *r)
{
	const char *parent = NULL, *advice;

	for (unsigned i = 0; i + 1 < r->depth && i + 1 < CONFIG_DEPTH_MAX; i++)
		if (r->segment[i].key != NULL)
			parent = r->segment[i].key;
	advice = parent != NULL && r->depth <= CONFIG_DEPTH_MAX
			 ? config_foreign_advice(parent, r->segment[r->depth - 1].key)
			 : NULL;
	if (advice != NULL)
		return config_fail(r, "unknown-field", "is not taken here: %s", advice);
	return config_fail(r, "unknown-field", "is no known field");
}

static int read_members(
	struct config_reader *r, json_t *json, const struct config_table *table, void *base)
{
	const struct config_item *item;
	const char *field;
	json_t *value;
	int ret;

	json_object_foreach(json, field, value)
	{
		config_enter(r, field);
		item = config_item_find(table, field);
		ret = item == NULL ? config_fail_unknown(r)
				   : config_read_value(r, value, item, base);
		config_leave(r);
		if (ret < 0)
			return ret;
	}
	return 0;
}

int config_read_table(
	struct config_reader *r, json_t *json, const struct config_table *table, void *base)
{
	int ret;

	if (!json_is_object(json))
		return config_fail(r, "bad-value", "must be an object");
	set_defaults(table, base);
	ret = read_members(r, json, table, base);
	if (ret < 0)
		return ret;
	for (size_t i = 0; i < table->item_cnt && !r->is_partial && ret == 0; i++)
		if (table->item[i].is_required &&
			json_object_get(json, table->item[i].field) == NULL)
			ret = config_fail(
				r, "missing-field", "has no \"%s\"", table->item[i].field);
	return ret;
}
