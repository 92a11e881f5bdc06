/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/x509/general_name.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#define DNS_NAME_MAX  253
#define DNS_LABEL_MAX 63

static struct rk_span span_of(const ASN1_STRING *s)
{
	return (struct rk_span){ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s)};
}

static bool is_alphanumeric(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_label(const uint8_t *label, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (!is_alphanumeric(label[i]) && label[i] != '-' && label[i] != '_')
			return false;
	}
	return len > 0 && len <= DNS_LABEL_MAX && label[0] != '-' && label[len - 1] != '-';
}

static bool is_dns_name(struct rk_span s)
{
	size_t start = 0, i;

	for (i = 0; i <= s.len; i++) {
		if (i < s.len && s.data[i] != '.')
			continue;
		if (!is_label(s.data + start, i - start))
			return false;
		start = i + 1;
	}
	return s.len <= DNS_NAME_MAX;
}

static bool is_printable(struct rk_span s)
{
	size_t i;

	for (i = 0; i < s.len; i++) {
		if (s.data[i] <= 0x20 || s.data[i] >= 0x7f)
			return false;
	}
	return s.len > 0;
}

/* Something, one '@', a host. Quoted local parts could hide another '@': not taken. */
static bool is_address(struct rk_span s)
{
	const uint8_t *at = s.len > 0 ? memchr(s.data, '@', s.len) : NULL;
	struct rk_span host;

	if (at == NULL || at == s.data || !is_printable(s) || memchr(s.data, '"', s.len) != NULL)
		return false;
	host.data = at + 1;
	host.len = s.len - (size_t)(host.data - s.data);
	return is_dns_name(host);
}

static struct rk_span skip(struct rk_span s, size_t len)
{
	return (struct rk_span){s.data + len, s.len - len};
}

static struct rk_span take_until(struct rk_span s, const char *ends)
{
	size_t i = 0;

	while (i < s.len && strchr(ends, s.data[i]) == NULL)
		i++;
	return (struct rk_span){s.data, i};
}

static bool is_number(struct rk_span s)
{
	size_t i;

	for (i = 0; i < s.len; i++) {
		if (s.data[i] < '0' || s.data[i] > '9')
			return false;
	}
	return s.len > 0;
}

/* An address is no name: its last label is a number, or it stands in brackets. */
static bool is_host_name(struct rk_span host)
{
	struct rk_span last = host;
	size_t i;

	for (i = 0; i < host.len; i++) {
		if (host.data[i] == '.')
			last = skip(host, i + 1);
	}
	return is_dns_name(host) && !is_number(last);
}

/*
 * What follows "//": host [":" port] and then "/" or nothing. OpenSSL takes all up to the first
 * colon for the host, so that none may follow but the port's: "//bad.example/.good.example:" would
 * be of good.example.
 */
static bool is_authority(struct rk_span s)
{
	struct rk_span host = take_until(s, ":/?#@"), port;

	s = skip(s, host.len);
	if (!is_host_name(host))
		return false;
	if (s.len == 0 || s.data[0] == '/')
		return s.len == 0 || memchr(s.data, ':', s.len) == NULL;
	if (s.data[0] != ':')
		return false;
	s = skip(s, 1);
	port = take_until(s, "/?#@");
	s = skip(s, port.len);
	return is_number(port) && (s.len == 0 || s.data[0] == '/');
}

/* scheme ":" and something (RFC 3986 3) */
static bool is_uri(struct rk_span s)
{
	size_t i = 0;

	if (!is_printable(s) || !is_alphanumeric(s.data[0]) || s.data[0] <= '9')
		return false;
	while (i < s.len && (is_alphanumeric(s.data[i]) || s.data[i] == '+' || s.data[i] == '-' ||
				    s.data[i] == '.'))
		i++;
	if (i + 1 >= s.len || s.data[i] != ':')
		return false;
	s = skip(s, i + 1);
	return s.len < 2 || s.data[0] != '/' || s.data[1] != '/' || is_authority(skip(s, 2));
}

bool pki_alt_name_is_sound(const GENERAL_NAME *name)
{
	struct rk_span s;

	switch (name->type) {
	case GEN_DNS:
		s = span_of(name->d.dNSName);
		if (s.len > 2 && s.data[0] == '*' && s.data[1] == '.')
			s = skip(s, 2);
		return is_dns_name(s);
	case GEN_EMAIL:
		return is_address(span_of(name->d.rfc822Name));
	case GEN_URI:
		return is_uri(span_of(name->d.uniformResourceIdentifier));
	case GEN_IPADD:
		s = span_of(name->d.iPAddress);
		return s.len == 4 || s.len == 16;
	case GEN_DIRNAME:
		return X509_NAME_entry_count(name->d.directoryName) > 0;
	default:
		return true;
	}
}

/* host, or .domain */
static bool is_host_or_domain(struct rk_span s)
{
	return is_dns_name(s.len > 1 && s.data[0] == '.' ? skip(s, 1) : s);
}

static bool is_contiguous(const uint8_t *mask, size_t len)
{
	size_t i = 0;

	while (i < len && mask[i] == 0xff)
		i++;
	if (i < len && (uint8_t)(~mask[i] & (~mask[i] + 1)) != 0)
		return false; /* ones after a zero within the octet */
	for (i++; i < len; i++) {
		if (mask[i] != 0)
			return false;
	}
	return true;
}

bool pki_constraint_base_is_sound(const GENERAL_NAME *base)
{
	struct rk_span s;

	switch (base->type) {
	case GEN_DNS:
		s = span_of(base->d.dNSName);
		return s.len == 0 || is_dns_name(s);
	case GEN_EMAIL:
		s = span_of(base->d.rfc822Name);
		return s.len == 0 || is_address(s) || is_host_or_domain(s);
	case GEN_URI:
		s = span_of(base->d.uniformResourceIdentifier);
		return s.len == 0 || is_host_or_domain(s);
	case GEN_IPADD:
		s = span_of(base->d.iPAddress);
		return (s.len == 8 || s.len == 32) && is_contiguous(s.data + s.len / 2, s.len / 2);
	default:
		return true;
	}
}

static bool are_subtrees_sound(const STACK_OF(GENERAL_SUBTREE) * subtrees)
{
	int i;

	for (i = 0; i < sk_GENERAL_SUBTREE_num(subtrees); i++) {
		const GENERAL_SUBTREE *subtree = sk_GENERAL_SUBTREE_value(subtrees, i);

		if (subtree->minimum != NULL || subtree->maximum != NULL ||
			!pki_constraint_base_is_sound(subtree->base))
			return false;
	}
	/* SEQUENCE SIZE (1..MAX) */
	return subtrees == NULL || sk_GENERAL_SUBTREE_num(subtrees) > 0;
}

/* "*.a.example" stands for x.a.example, whatever x: what excludes one of them excludes it. */
static bool could_be(struct rk_span base, struct rk_span wildcard)
{
	struct rk_span domain = skip(wildcard, 1); /* ".a.example" */

	return base.len > domain.len && strncasecmp((const char *)base.data + base.len - domain.len,
						(const char *)domain.data, domain.len) == 0;
}

static bool is_wildcard(const GENERAL_NAME *name)
{
	struct rk_span s;

	if (name->type != GEN_DNS)
		return false;
	s = span_of(name->d.dNSName);
	return s.len > 2 && s.data[0] == '*' && s.data[1] == '.';
}

bool pki_name_constraints_exclude_wildcard(const NAME_CONSTRAINTS *nc, const GENERAL_NAMES *names)
{
	int i, j;

	for (i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		for (j = 0; is_wildcard(name) && j < sk_GENERAL_SUBTREE_num(nc->excludedSubtrees);
			j++) {
			const GENERAL_NAME *base =
				sk_GENERAL_SUBTREE_value(nc->excludedSubtrees, j)->base;

			if (base->type == GEN_DNS &&
				could_be(span_of(base->d.dNSName), span_of(name->d.dNSName)))
				return true;
		}
	}
	return false;
}

bool pki_name_constraints_are_sound(const NAME_CONSTRAINTS *nc)
{
	return (nc->permittedSubtrees != NULL || nc->excludedSubtrees != NULL) &&
	       are_subtrees_sound(nc->permittedSubtrees) &&
	       are_subtrees_sound(nc->excludedSubtrees);
}
