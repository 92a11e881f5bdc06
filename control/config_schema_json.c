/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of items as a document, for programs that edit configurations without knowing them. */
#include "control/config_schema.h"

#include "control/config.h"

const char *config_kind_name(enum config_kind kind)
{
	static const char *const names[] = {
		[CONFIG_BOOL] = "boolean",
		[CONFIG_COUNT] = "integer",
		[CONFIG_DURATION] = "duration",
		[CONFIG_ENUM] = "enum",
		[CONFIG_NAME] = "name",
		[CONFIG_DEVICE] = "device",
		[CONFIG_TEXT] = "text",
		[CONFIG_LINES] = "text-block",
		[CONFIG_CREDENTIAL] = "file-name",
		[CONFIG_USER] = "user-name",
		[CONFIG_CHOICES] = "choice-list",
		[CONFIG_ENDPOINTS] = "endpoint-list",
		[CONFIG_ADDRESS] = "address",
		[CONFIG_PREFIXES] = "prefix-list",
		[CONFIG_GATEWAYS] = "address-list",
		[CONFIG_OBJECT] = "object",
		[CONFIG_LIST] = "list",
	};

	return names[kind];
}

static json_t *preferred(const struct config_item *item)
{
	json_t *list = json_array();

	for (size_t i = 0; item->preferred[i] != 0; i++)
		json_array_append_new(
			list, json_string(config_choice_name(item->choices, item->preferred[i])));
	return list;
}

/* NULL: there is none. */
static json_t *default_value(const struct config_item *item)
{
	if (item->is_required)
		return NULL;
	switch (item->kind) {
	case CONFIG_BOOL:
		return json_boolean(item->fallback);
	case CONFIG_COUNT:
		return json_integer((json_int_t)item->fallback);
	case CONFIG_DURATION:
		return item->fallback == 0 ? json_string("never")
					   : json_integer((json_int_t)item->fallback);
	case CONFIG_ENUM:
		return json_string(item->names[item->fallback]);
	case CONFIG_CHOICES:
		return preferred(item);
	default:
		return NULL;
	}
}

static json_t *values(const struct config_item *item)
{
	json_t *list = json_array();

	if (item->kind == CONFIG_ENUM)
		for (size_t i = 0; item->names[i] != NULL; i++)
			json_array_append_new(list, json_string(item->names[i]));
	else
		for (const struct config_choice *c = item->choices; c->name != NULL; c++)
			json_array_append_new(list, json_string(c->name));
	return list;
}

static json_t *items_json(const struct config_table *table);

static json_t *item_json(const struct config_item *item)
{
	json_t *json = json_pack("{s:s, s:s, s:s, s:b}", "field", item->field, "kind",
		config_kind_name(item->kind), "help", item->help, "required", item->is_required);
	json_t *fallback = default_value(item);

	if (item->unit != NULL)
		json_object_set_new(json, "unit", json_string(item->unit->name));
	if (item->max != 0) {
		json_object_set_new(json, "min", json_integer((json_int_t)item->min));
		json_object_set_new(json, "max", json_integer((json_int_t)item->max));
	}
	if (fallback != NULL)
		json_object_set_new(json, "default", fallback);
	if (item->kind == CONFIG_ENUM || item->kind == CONFIG_CHOICES)
		json_object_set_new(json, "values", values(item));
	if (item->may_be_never)
		json_object_set_new(json, "may_be_never", json_true());
	if (item->kind == CONFIG_LIST && config_table_key(item->table) != NULL)
		json_object_set_new(json, "key", json_string(config_table_key(item->table)));
	if (item->table != NULL)
		json_object_set_new(json, "items", items_json(item->table));
	return json;
}

static json_t *items_json(const struct config_table *table)
{
	json_t *list = json_array();

	for (size_t i = 0; i < table->item_cnt; i++)
		json_array_append_new(list, item_json(&table->item[i]));
	return list;
}

json_t *config_schema_json(void)
{
	return json_pack(
		"{s:i, s:o}", "version", CONFIG_VERSION, "items", items_json(&config_root));
}
