/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/cli/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "pki/x509/der.h"
#include "pki/x509/verify.h"

enum exit_code { EXIT_VALID = 0, EXIT_INVALID = 1, EXIT_USAGE = 2 };

struct options {
	const char *anchors, *untrusted, *crls, *cert;
	const char *identity;
	int64_t now;
	bool is_json;
};

bool verify_is_asked(int argc, char *const argv[])
{
	return argc > 2 && strcmp(argv[1], "pki") == 0 && strcmp(argv[2], "verify") == 0;
}

static bool is_digits(const char *s, size_t from, size_t to)
{
	for (; from < to; from++) {
		if (s[from] < '0' || s[from] > '9')
			return false;
	}
	return true;
}

static int two_digits(const char *s)
{
	return (s[0] - '0') * 10 + (s[1] - '0');
}

/* "Z" or "+HH:MM" to the end; seconds east of UTC. */
static bool parse_offset(const char *s, int *out)
{
	if ((s[0] == 'Z' || s[0] == 'z') && s[1] == '\0') {
		*out = 0;
		return true;
	}
	if (strlen(s) != 6 || (s[0] != '+' && s[0] != '-') || s[3] != ':' || !is_digits(s, 1, 3) ||
		!is_digits(s, 4, 6) || two_digits(s + 1) > 23 || two_digits(s + 4) > 59)
		return false;
	*out = (two_digits(s + 1) * 60 + two_digits(s + 4)) * 60 * (s[0] == '-' ? -1 : 1);
	return true;
}

bool verify_parse_time(const char *text, int64_t *out)
{
	static const char form[] = "0000-00-00T00:00:00";
	char digits[16];
	size_t len = 0, i;
	struct pki_der t = {.tag = PKI_DER_GENERALIZED_TIME,
		.content = {(const uint8_t *)digits, sizeof(digits) - 1}};
	int offset;

	if (strlen(text) < sizeof(form))
		return false;
	for (i = 0; form[i] != '\0'; i++) {
		if (form[i] == '0' ? !is_digits(text, i, i + 1)
				   : text[i] != form[i] && !(form[i] == 'T' && text[i] == 't'))
			return false;
		if (form[i] == '0')
			digits[len++] = text[i];
	}
	digits[len] = 'Z';
	text += i;
	if (*text == '.') {
		size_t fraction = strspn(text + 1, "0123456789");

		if (fraction == 0)
			return false;
		text += 1 + fraction;
	}
	if (!parse_offset(text, &offset) || !pki_der_generalized_time(&t, out))
		return false;
	*out -= offset;
	return true;
}

static void print_usage(FILE *f)
{
	fprintf(f,
		"usage: rekeyctl pki verify --anchors F [options] CERT\n\n"
		"  --anchors F      trusted certificates\n"
		"  --untrusted F    further CA certificates\n"
		"  --crls F         revocation lists: with them every certificate must be covered\n"
		"  --time T         in place of now; RFC 3339\n"
		"  --identity NAME  the certificate must carry this peering name\n"
		"  --json           print one JSON object\n\n"
		"Files hold PEM blocks. exit status: 0 valid, 1 not valid, 2 usage\n");
}

/* 0, or the exit code + 1 to leave with. */
static int read_options(int argc, char *argv[], struct options *o)
{
	static const struct option longs[] = {
		{"anchors", required_argument, NULL, 'a'},
		{"untrusted", required_argument, NULL, 'u'},
		{"crls", required_argument, NULL, 'c'},
		{"time", required_argument, NULL, 't'},
		{"identity", required_argument, NULL, 'i'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "jh", longs, NULL)) != -1) {
		switch (c) {
		case 'a':
			o->anchors = optarg;
			break;
		case 'u':
			o->untrusted = optarg;
			break;
		case 'c':
			o->crls = optarg;
			break;
		case 't':
			if (!verify_parse_time(optarg, &o->now)) {
				fprintf(stderr, "rekeyctl: --time %s is not RFC 3339\n", optarg);
				return EXIT_USAGE + 1;
			}
			break;
		case 'i':
			o->identity = optarg;
			break;
		case 'j':
			o->is_json = true;
			break;
		case 'h':
			print_usage(stdout);
			return EXIT_VALID + 1;
		default:
			return EXIT_USAGE + 1;
		}
	}
	if (o->anchors == NULL || argc - optind != 1) {
		print_usage(stderr);
		return EXIT_USAGE + 1;
	}
	o->cert = argv[optind];
	return 0;
}

/* Up to one byte more than is taken, so that the judgement itself refuses what is too large. */
static int read_stream(FILE *f, char **data, size_t *len)
{
	size_t size = 65536, got = 0, n;
	char *buf = NULL, *larger;

	do {
		size *= 2;
		larger = realloc(buf, size);
		if (larger == NULL) {
			free(buf);
			return -ENOMEM;
		}
		buf = larger;
		n = fread(buf + got, 1, size - got, f);
		got += n;
	} while (got == size && got <= PKI_VERIFY_TEXT_MAX);
	if (ferror(f)) {
		free(buf);
		return -EIO;
	}
	*data = buf;
	*len = got;
	return 0;
}

/* path NULL: an empty text. data is freed by the caller. */
static int read_file(const char *path, struct pki_verify_text *out)
{
	char *data = NULL;
	FILE *f;
	int ret;

	if (path == NULL)
		return 0;
	f = fopen(path, "re");
	if (f == NULL) {
		fprintf(stderr, "rekeyctl: %s: %s\n", path, strerror(errno));
		return -EIO;
	}
	ret = read_stream(f, &data, &out->len);
	if (ret < 0)
		fprintf(stderr, "rekeyctl: %s cannot be read\n", path);
	out->data = data;
	fclose(f);
	return ret;
}

static json_t *findings_json(const struct pki_report *r)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < r->cnt; i++) {
		const struct pki_finding *f = &r->finding[i];

		json_array_append_new(list,
			json_pack("{s:s, s:s, s:s*, s:s*, s:s}", "severity",
				f->severity == PKI_ERROR ? "error" : "warning", "code", f->code,
				"certificate", f->subject, "text", f->text, "advice", f->advice));
	}
	return list;
}

static int print_json(const struct pki_verify_result *r)
{
	json_t *answer = json_pack("{s:b, s:s, s:s*, s:s, s:i, s:o}", "valid", r->is_valid, "code",
		r->code, "reason", r->reason, "status",
		rk_verdict_status_name((enum rk_verdict_status)r->verdict.status), "chain-length",
		(int)r->verdict.chain_cnt, "findings", findings_json(&r->report));
	int ret = 0;

	if (answer == NULL || json_dumpf(answer, stdout, JSON_COMPACT) != 0)
		ret = -EIO;
	putchar('\n');
	json_decref(answer);
	return ret;
}

static void print_text(const struct pki_verify_result *r)
{
	size_t i;

	printf("%s: %s\n", r->is_valid ? "valid" : r->code, r->reason);
	for (i = 0; i < r->report.cnt; i++) {
		const struct pki_finding *f = &r->report.finding[i];

		printf("  %s %s: %s %s\n", f->severity == PKI_ERROR ? "error" : "warning", f->code,
			f->text, f->subject);
	}
}

static int judge(const struct options *o, const struct pki_verify_args *args)
{
	struct pki_verify_result *r = calloc(1, sizeof(*r));
	int code = EXIT_INVALID; /* what could not be judged is not valid */
	int ret = r != NULL ? pki_verify(args, r) : -ENOMEM;

	if (ret == 0 && o->is_json)
		ret = print_json(r);
	else if (ret == 0)
		print_text(r);
	else if (o->is_json)
		puts("{\"valid\":false,\"code\":\"internal-error\","
		     "\"reason\":\"The certificate could not be judged.\"}");
	if (ret < 0)
		fprintf(stderr, "rekeyctl: %s\n", strerror(-ret));
	else if (r->is_valid)
		code = EXIT_VALID;
	free(r);
	return code;
}

static void free_text(struct pki_verify_text *t)
{
	union {
		const char *borrowed;
		char *owned;
	} data = {t->data};

	free(data.owned);
}

int verify_run(int argc, char *argv[], bool is_json)
{
	struct options o = {.now = time(NULL), .is_json = is_json};
	struct pki_verify_args args = {0};
	int ret;

	ret = read_options(argc - 2, argv + 2, &o);
	if (ret != 0)
		return ret - 1;
	args.now = o.now;
	args.identity = o.identity;
	ret = EXIT_USAGE;
	if (read_file(o.anchors, &args.anchors) == 0 &&
		read_file(o.untrusted, &args.untrusted) == 0 &&
		read_file(o.crls, &args.crls) == 0 && read_file(o.cert, &args.cert) == 0)
		ret = judge(&o, &args);
	free_text(&args.anchors);
	free_text(&args.untrusted);
	free_text(&args.crls);
	free_text(&args.cert);
	return ret;
}
