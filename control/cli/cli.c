/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/cli/cli.h"

#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "control/cli/login.h"
#include "control/cli/print.h"

#define SPIN_AFTER_SEC    0.7 /* what is quicker needs no telling */
#define PEEK_SEC          3
#define STARTING_MS       120000 /* how long a daemon may start before that is a refusal */
#define STARTING_PAUSE_MS 250
#define MEGABYTE          1e6

static volatile sig_atomic_t is_stopped;

static void on_stop(int signal)
{
	(void)signal;
	is_stopped = 1;
}

void cli_catch_stop(void)
{
	struct sigaction action = {.sa_handler = on_stop};

	sigaction(SIGINT, &action, NULL);
}

bool cli_was_stopped(void)
{
	bool was = is_stopped != 0;

	is_stopped = 0;
	return was;
}

/* ---- while an answer is awaited ------------------------------------------------------------------ */

static bool is_spinning;

/* On a terminal only, and not amid an answer that is on its way to it. */
static bool is_told(const struct cli *c, double sec)
{
	return sec >= SPIN_AFTER_SEC && print_is_screen(STDERR_FILENO) &&
	       !(c->is_streaming && isatty(STDOUT_FILENO));
}

static bool waiting(void *arg, double sec, unsigned long long received)
{
	static const char frame[] = "|/-\\";
	const struct cli *c = arg;

	if (is_stopped)
		return true;
	if (!is_told(c, sec))
		return false;
	fprintf(stderr, "\r%c %.60s... %.0f s", frame[(unsigned)(sec * 4) % 4],
		c->doing != NULL ? c->doing : "Waiting", sec);
	if (received >= MEGABYTE)
		fprintf(stderr, ", %.1f MB", (double)received / MEGABYTE);
	fputs("\033[K", stderr); /* what stood there may have been longer */
	fflush(stderr);
	is_spinning = true;
	return false;
}

void cli_answered(void)
{
	if (is_spinning)
		fputs("\r\033[K", stderr);
	is_spinning = false;
}

/* ---- life ---------------------------------------------------------------------------------------- */

int cli_init(struct cli *c)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
	c->client = client_new(&c->target);
	if (c->client == NULL)
		return -ENOMEM;
	client_set_waiting(c->client, waiting, c);
	/* With -j standard output is for the answer alone. */
	input_init(&c->input, c->is_json ? stderr : stdout);
	context_init(&c->context);
	return 0;
}

void cli_fini(struct cli *c)
{
	client_free(c->client);
	context_fini(&c->context);
	json_decref(c->session);
	json_decref(c->schema);
	curl_global_cleanup();
}

/* ---- calls --------------------------------------------------------------------------------------- */

void cli_error(const struct cli *c, const char *format, ...)
{
	char text[2048];
	va_list args;

	(void)c;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	print_strip_controls(text);
	fflush(stdout);
	fprintf(stderr, "rekeyctl: %s\n", text);
}

void cli_tell_unreachable(const struct cli *c, const char *why)
{
	char path[256];

	if (c->target.url != NULL) {
		cli_error(c, "rekey-control does not answer at %s: %s", c->target.url, why);
		return;
	}
	snprintf(path, sizeof(path), "%s/control.sock", c->target.run_dir);
	if (access(path, F_OK) < 0)
		cli_error(c,
			"rekey-control does not answer: %s: %m; is it running, or is --run-dir "
			"another folder?",
			path);
	else if (access(path, W_OK) < 0)
		cli_error(c, "%s: %m; root and rekey-control's own user may use it, others --url",
			path);
	else
		cli_error(c, "rekey-control does not answer at %s: %s", path, why);
}

struct cli_request {
	const char *method, *path;
	const json_t *body;
	FILE *to; /* NULL, or where the answer of a GET goes */
};

static enum cli_exit tell_failure(struct cli *c, const struct cli_request *r,
	enum client_result result, const struct client_answer *answer)
{
	const json_t *detail = json_object_get(json_object_get(answer->body, "error"), "detail");

	if (c->is_json && answer->body != NULL)
		cli_print_json(answer->body);
	if (result == CLIENT_STOPPED) {
		cli_error(c, "stopped; the daemon may still be at it");
		return CLI_REFUSED;
	}
	if (result == CLIENT_UNREACHABLE && answer->error[0] != '\0')
		cli_tell_unreachable(c, answer->error);
	if (result == CLIENT_UNREACHABLE && answer->is_sent && strcmp(r->method, "GET") != 0)
		cli_error(c, "it may be done, or not: look before it is tried again");
	if (result == CLIENT_UNREACHABLE)
		return CLI_NO_DAEMON;
	if (answer->error[0] != '\0')
		cli_error(c, "refused: %s", answer->error);
	if (!c->is_json)
		print_findings(stderr, detail);
	return CLI_REFUSED;
}

static enum client_result send_once(
	struct cli *c, const struct cli_request *r, struct client_answer *answer)
{
	return r->to != NULL ? client_save(c->client, r->path, r->to, answer)
			     : client_call(c->client, r->method, r->path, r->body, answer);
}

/* Nothing was done; but whoever asks after the daemon's health wants to hear just that. */
static bool is_starting(
	const struct cli_request *r, enum client_result result, const struct client_answer *answer)
{
	return result == CLIENT_REFUSED && answer->status == 503 &&
	       strcmp(answer->code, "starting") == 0 && strcmp(r->path, API "/health") != 0;
}

/* A daemon that is still starting is waited for, and what it is at is told meanwhile. */
static enum client_result send_request(
	struct cli *c, const struct cli_request *r, struct client_answer *answer)
{
	const struct timespec pause = {.tv_nsec = STARTING_PAUSE_MS * 1000000L};
	enum client_result result = send_once(c, r, answer);
	const char *doing = c->doing;
	char stage[sizeof(answer->error)];

	for (unsigned ms = 0; ms < STARTING_MS && is_starting(r, result, answer) && !is_stopped;
		ms += STARTING_PAUSE_MS) {
		snprintf(stage, sizeof(stage), "%s", answer->error);
		print_strip_controls(stage);
		c->doing = stage;
		(void)waiting(c, ms / 1e3, 0);
		nanosleep(&pause, NULL);
		client_answer_fini(answer);
		result = send_once(c, r, answer);
	}
	c->doing = doing;
	return result;
}

/* One call, and once more after logging in when the daemon does not know us (any more). */
static enum client_result call(
	struct cli *c, const struct cli_request *r, struct client_answer *answer)
{
	enum client_result result = CLIENT_OK;

	*answer = (struct client_answer){0};
	if (c->target.url != NULL && !client_has_token(c->client))
		result = login_open(c, false);
	if (result != CLIENT_OK)
		return result; /* and it was told why */
	result = send_request(c, r, answer);
	cli_answered();
	if (result == CLIENT_REFUSED && answer->status == 401 && c->target.url != NULL &&
		c->input.is_terminal && login_open(c, true) == CLIENT_OK) {
		client_answer_fini(answer);
		result = send_request(c, r, answer);
		cli_answered();
	}
	return result;
}

enum cli_exit cli_call_except(struct cli *c, const char *method, const char *path,
	const json_t *body, const char *except, bool *is_except, json_t **answer)
{
	const struct cli_request request = {method, path, body, NULL};
	struct client_answer a = {0};
	enum client_result result = call(c, &request, &a);
	enum cli_exit ret = CLI_DONE;
	bool is_one = result == CLIENT_REFUSED && except != NULL && strcmp(a.code, except) == 0;

	if (is_except != NULL)
		*is_except = is_one;
	if (answer != NULL)
		*answer = NULL;
	if (is_one)
		ret = CLI_REFUSED;
	else if (result != CLIENT_OK)
		ret = tell_failure(c, &request, result, &a);
	else if (answer != NULL)
		*answer = json_incref(a.body);
	client_answer_fini(&a);
	return ret;
}

enum cli_exit cli_call(
	struct cli *c, const char *method, const char *path, const json_t *body, json_t **answer)
{
	return cli_call_except(c, method, path, body, NULL, NULL, answer);
}

enum cli_exit cli_save(struct cli *c, const char *path)
{
	const struct cli_request request = {"GET", path, NULL, stdout};
	struct client_answer a = {0};
	enum client_result result;
	enum cli_exit ret = CLI_DONE;

	c->is_streaming = true;
	result = call(c, &request, &a);
	c->is_streaming = false;
	if (!cli_can_print(c))
		ret = CLI_REFUSED;
	else if (result != CLIENT_OK)
		ret = tell_failure(c, &request, result, &a);
	client_answer_fini(&a);
	return ret;
}

bool cli_can_print(const struct cli *c)
{
	struct pollfd out = {.fd = STDOUT_FILENO};
	static bool is_known;

	if (fflush(stdout) == 0 && !ferror(stdout))
		return true;
	/* A pipe without a reader is in error: "| head" wants no more, and no complaint. */
	if (!is_known && (poll(&out, 1, 0) < 1 || (out.revents & POLLERR) == 0))
		cli_error(c, "what was asked for could not be written");
	is_known = true;
	return false;
}

/* Nobody waits long for what only helps. */
static bool peeking(void *arg, double sec, unsigned long long received)
{
	(void)arg;
	(void)received;
	return is_stopped || sec > PEEK_SEC;
}

json_t *cli_peek(struct cli *c, const char *path)
{
	struct client_answer a = {0};
	json_t *body = NULL;

	if (c->target.url != NULL && !client_has_token(c->client))
		return NULL;
	client_set_waiting(c->client, peeking, c);
	if (client_call(c->client, "GET", path, NULL, &a) == CLIENT_OK)
		body = json_incref(a.body);
	client_set_waiting(c->client, waiting, c);
	client_answer_fini(&a);
	return body;
}

void cli_wipe(json_t *body, const char *field)
{
	json_t *value = json_object_get(body, field);
	union {
		const char *borrowed;
		char *ours; /* nobody else holds this body */
	} text = {json_string_value(value)};

	if (text.borrowed != NULL)
		explicit_bzero(text.ours, json_string_length(value));
}

const char *cli_session_text(struct cli *c, const char *key)
{
	const char *text;

	if (c->session == NULL)
		c->session = cli_peek(c, API "/session");
	text = json_string_value(json_object_get(c->session, key));
	return text != NULL ? text : "";
}

/* ---- around what is printed ---------------------------------------------------------------------- */

void cli_print_json(const json_t *answer)
{
	/* Characters that drive a terminal must not reach one. */
	size_t flags = isatty(STDOUT_FILENO) ? JSON_ENSURE_ASCII : 0;

	json_dumpf(answer != NULL ? answer : json_null(), stdout,
		JSON_INDENT(2) | JSON_ENCODE_ANY | flags);
	putchar('\n');
}

void cli_begin(struct cli *c, const char *doing)
{
	c->doing = doing;
	clock_gettime(CLOCK_MONOTONIC, &c->begun);
}

void cli_opened(struct cli *c)
{
	time_t now = time(NULL);
	char text[64] = "";
	struct tm tm;

	if (c->is_json)
		return;
	if (gmtime_r(&now, &tm) != NULL)
		strftime(text, sizeof(text), "%a %Y-%m-%d %H:%M:%S UTC", &tm);
	printf("%s\n%s✔%s %s...\n\n", text, print_colour(PRINT_GOOD), print_colour(PRINT_PLAIN),
		c->doing);
}

void cli_end(struct cli *c)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!c->is_json)
		printf("\nCompleted in %.2f seconds\n",
			(double)(now.tv_sec - c->begun.tv_sec) +
				(double)(now.tv_nsec - c->begun.tv_nsec) / 1e9);
	c->doing = NULL;
	fflush(stdout);
}

/* Of a refresh: places whose list did not come, or is refused. */
static size_t count_failed(const json_t *sources)
{
	size_t cnt = 0, i;
	json_t *source;

	json_array_foreach(sources, i, source) cnt +=
		json_integer_value(json_object_get(source, "failures")) > 0;
	return cnt;
}

enum cli_exit cli_warnings(const struct cli *c, const json_t *answer)
{
	const json_t *sources = json_object_get(answer, "sources");
	size_t failed_cnt = count_failed(sources);
	const json_t *warnings = json_object_get(answer, "warnings");
	const json_t *publication = json_object_get(answer, "publication");
	const char *state = json_string_value(json_object_get(publication, "data_plane"));
	size_t cnt = json_array_size(warnings);
	char text[512];

	if (!c->is_json)
		print_findings(stdout, warnings);
	if (state != NULL && (strcmp(state, "pending") == 0 || strcmp(state, "refused") == 0)) {
		cnt++;
		print_value(publication, "message", text, sizeof(text));
		if (!c->is_json)
			printf("%s⚠%s the data plane does not run on it (%s): %s\n",
				print_colour(PRINT_WARN), print_colour(PRINT_PLAIN), state, text);
	}
	if (failed_cnt > 0 && !c->is_json)
		printf("%s⚠%s %zu of %zu lists did not come, or were refused: see their Last "
		       "Error\n",
			print_colour(PRINT_WARN), print_colour(PRINT_PLAIN), failed_cnt,
			json_array_size(sources));
	return cnt + failed_cnt > 0 ? CLI_WARNED : CLI_DONE;
}
