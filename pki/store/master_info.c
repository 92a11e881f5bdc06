/* SPDX-License-Identifier: BSD-3-Clause */
/* What is known of the CRL that a source comes from: bounds, order, copies. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pki/store/master_source.h"

bool master_is_delta(const struct master_source_info *info)
{
	return info->base_number.len > 0;
}

static bool text_fits(const char *text, bool may_be_empty)
{
	size_t len = text != NULL ? strlen(text) : MASTER_TEXT_MAX + 1;

	return len <= MASTER_TEXT_MAX && (len > 0 || may_be_empty);
}

bool master_number_is_sound(struct rk_span number)
{
	if (number.len == 0)
		return true;
	return number.len <= MASTER_NUMBER_MAX && (number.data[0] != 0 || number.len == 1);
}

bool master_info_is_sound(const struct master_source_info *info)
{
	return info->issuer.len >= 1 && info->issuer.len <= MASTER_ISSUER_MAX &&
	       (info->key.len == 0 || info->key.len == MASTER_KEY_LEN) &&
	       text_fits(info->ca_name, true) && text_fits(info->url, false) &&
	       text_fits(info->scope, true) && info->idp.len <= MASTER_SCOPE_MAX &&
	       info->subject.len <= MASTER_ISSUER_MAX && master_number_is_sound(info->number) &&
	       master_number_is_sound(info->base_number) &&
	       master_number_compare(info->base_number, info->number) <= 0 &&
	       master_time_fits(info->this_update) && master_time_fits(info->next_update) &&
	       master_time_fits(info->fetched_at);
}

static char *copy_bytes(char **to, const void *from, size_t len)
{
	char *start = *to;

	if (len > 0)
		memcpy(start, from, len);
	start[len] = 0;
	*to += len + 1;
	return start;
}

int master_info_copy(const struct master_source_info *from, struct master_source *s)
{
	size_t size = from->issuer.len + from->key.len + strlen(from->ca_name) + strlen(from->url) +
		      strlen(from->scope) + from->idp.len + from->subject.len + from->number.len +
		      from->base_number.len + 9;
	char *block = malloc(size);
	char *to = block;

	if (block == NULL)
		return -ENOMEM;
	s->info = *from;
	s->info.issuer.data = (const uint8_t *)copy_bytes(&to, from->issuer.data, from->issuer.len);
	s->info.key.data = (const uint8_t *)copy_bytes(&to, from->key.data, from->key.len);
	s->info.idp.data = (const uint8_t *)copy_bytes(&to, from->idp.data, from->idp.len);
	s->info.subject.data =
		(const uint8_t *)copy_bytes(&to, from->subject.data, from->subject.len);
	s->info.number.data = (const uint8_t *)copy_bytes(&to, from->number.data, from->number.len);
	s->info.base_number.data =
		(const uint8_t *)copy_bytes(&to, from->base_number.data, from->base_number.len);
	s->info.ca_name = copy_bytes(&to, from->ca_name, strlen(from->ca_name));
	s->info.url = copy_bytes(&to, from->url, strlen(from->url));
	s->info.scope = copy_bytes(&to, from->scope, strlen(from->scope));
	s->block = block;
	return 0;
}

int master_source_compare_place(
	const struct master_source_info *a, const struct master_source_info *b)
{
	int order = strcmp(a->url, b->url);

	if (order == 0)
		order = span_compare(a->issuer, b->issuer);
	if (order == 0)
		order = strcmp(a->scope, b->scope);
	return order != 0 ? order : (int)master_is_delta(a) - (int)master_is_delta(b);
}

int master_source_compare_crl(
	const struct master_source_info *a, const struct master_source_info *b)
{
	int order = master_source_compare_place(a, b);

	return order != 0 ? order : span_compare(a->key, b->key);
}

int master_source_compare(const struct master_source_info *a, const struct master_source_info *b)
{
	int order = master_source_compare_crl(a, b);

	return order != 0 ? order : span_compare(a->subject, b->subject);
}

int master_number_compare(struct rk_span a, struct rk_span b)
{
	return span_compare(a, b); /* no leading zeros: the longer one is the larger */
}

int span_compare(struct rk_span a, struct rk_span b)
{
	if (a.len != b.len)
		return a.len < b.len ? -1 : 1;
	return a.len > 0 ? memcmp(a.data, b.data, a.len) : 0;
}
