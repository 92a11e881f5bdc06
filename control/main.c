/* SPDX-License-Identifier: BSD-3-Clause */
/* rekey-control: options, signals, the loop. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "control/alarm_kinds.h"
#include "control/config_schema.h"
#include "control/daemon.h"
#include "control/rest/json_body.h"
#include "control/revocations_print.h"
#include "control/metrics.h"
#include "pki/view/secret.h"
#include "pki/view/service.h"

static const struct option long_options[] = {
	{"config-dir", required_argument, NULL, 'c'},
	{"state-dir", required_argument, NULL, 's'},
	{"run-dir", required_argument, NULL, 'r'},
	{"pki-dir", required_argument, NULL, 'p'},
	{"listen", required_argument, NULL, 'l'},
	{"admin-password-file", required_argument, NULL, 'a'},
	{"dataplane-user", required_argument, NULL, 'u'},
	{"log-level", required_argument, NULL, 'L'},
	{"huge-pages", no_argument, NULL, 'H'},
	{"no-sandbox", no_argument, NULL, 'N'},
	{"log-format", required_argument, NULL, 'F'},
	{"print-schema", no_argument, NULL, 'P'},
	{"print-alarms", no_argument, NULL, 'A'},
	{"print-revocations", required_argument, NULL, 'R'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{0},
};

static const char help_text[] =
	"Usage: rekey-control [OPTION]...\n"
	"Control plane of a rekey router: REST API, certificates, revocation, publication.\n\n"
	"  --config-dir DIR            configuration, rekey.json (/etc/rekey)\n"
	"  --state-dir DIR             what the daemon keeps (/var/lib/rekey)\n"
	"  --run-dir DIR               sockets (/run/rekey)\n"
	"  --pki-dir DIR               keys and certificates (/etc/128technology/pki)\n"
	"  --listen ADDR:PORT          where the REST API listens; up to 8 times\n"
	"                              (the configuration's; else 0.0.0.0:443 and [::]:443)\n"
	"  --admin-password-file FILE  sets the password of the user admin at every start\n"
	"  --dataplane-user NAME       who may connect as the data plane (this user)\n"
	"  --log-level LEVEL           error, warning, info or debug (info)\n"
	"  --log-format FORMAT         auto, text or json (auto: to the journal, else text)\n"
	"  --huge-pages                put a large revocation set on reserved pages of 2 MB\n"
	"  --no-sandbox                keep every system call and all of the file system\n"
	"  --print-schema              print the configuration's items and exit\n"
	"  --print-alarms              print every kind of alarm and exit\n"
	"  --print-revocations FORMAT  print what --state-dir holds, json or text, and exit\n"
	"  --help, --version           print this, or the version, and exit\n";

static void set_defaults(struct daemon_options *o)
{
	*o = (struct daemon_options){
		.config_dir = "/etc/rekey",
		.state_dir = "/var/lib/rekey",
		.run_dir = "/run/rekey",
		.pki_dir = "/etc/128technology/pki",
		.is_sandboxed = true,
		.log_level = RK_LOG_INFO,
	};
}

static int add_listen(struct daemon_options *o, const char *address)
{
	if (o->listen_cnt == sizeof(o->listen) / sizeof(o->listen[0]) - 1) {
		fprintf(stderr, "rekey-control: --listen may be given at most %u times\n",
			o->listen_cnt);
		return -EINVAL;
	}
	o->listen[o->listen_cnt++] = address;
	return 0;
}

static int take_option(struct daemon_options *o, int option, const char *value)
{
	switch (option) {
	case 'c':
		o->config_dir = value;
		return 0;
	case 's':
		o->state_dir = value;
		return 0;
	case 'r':
		o->run_dir = value;
		return 0;
	case 'p':
		o->pki_dir = value;
		return 0;
	case 'l':
		return add_listen(o, value);
	case 'a':
		o->admin_password_file = value;
		return 0;
	case 'u':
		o->dataplane_user = value;
		return 0;
	case 'L':
		if (rk_log_level_parse(value, &o->log_level))
			return 0;
		fprintf(stderr, "rekey-control: --log-level is error, warning, info or debug\n");
		return -EINVAL;
	case 'H':
		o->is_on_huge_pages = true;
		return 0;
	case 'N':
		o->is_sandboxed = false;
		return 0;
	case 'F':
		if (rk_log_format_parse(value, &o->log_format))
			return 0;
		fprintf(stderr, "rekey-control: --log-format is auto, text or json\n");
		return -EINVAL;
	default:
		return -EINVAL;
	}
}

/* 0: run; 1: done, exit with success; -EINVAL: wrong, said why. */
static int parse_options(int argc, char **argv, struct daemon_options *o)
{
	int option;

	set_defaults(o);
	while ((option = getopt_long(argc, argv, "hV", long_options, NULL)) != -1) {
		if (option == 'h') {
			fputs(help_text, stdout);
			return 1;
		}
		if (option == 'V') {
			puts("rekey-control " REKEY_VERSION);
			return 1;
		}
		if (option == 'P') {
			config_schema_print(stdout);
			return 1;
		}
		if (option == 'A') {
			alarm_kinds_print(stdout);
			return 1;
		}
		if (option == 'R')
			return revocations_print(o->state_dir, optarg, stdout) < 0 ? -EINVAL : 1;
		if (take_option(o, option, optarg) < 0)
			return -EINVAL;
	}
	if (optind < argc) {
		fprintf(stderr, "rekey-control: unexpected argument '%s'\n", argv[optind]);
		return -EINVAL;
	}
	return 0;
}

static void on_end(evutil_socket_t signal_number, short what, void *arg)
{
	struct daemon *d = arg;

	(void)what;
	log_info("ending on signal %d", (int)signal_number);
	event_base_loopbreak(d->base);
}

static void on_reload(evutil_socket_t signal_number, short what, void *arg)
{
	(void)signal_number;
	(void)what;
	daemon_reload(arg);
}

/* The service manager, which wants to hear that the loop runs. */
struct manager {
	int fd;
	uint64_t every_ns; /* 0 = never */
	time_t told;
};

static void on_beat(void *arg)
{
	struct manager *m = arg;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (m->every_ns == 0 ||
		(uint64_t)(now.tv_sec - m->told) * UINT64_C(1000000000) < m->every_ns)
		return;
	m->told = now.tv_sec;
	rk_service_tell(m->fd, "WATCHDOG=1");
}

static void tell_manager(void *manager, const char *state)
{
	const struct manager *m = manager;

	rk_service_tell(m->fd, state);
}

static void be_ready(struct daemon *d, struct manager *m)
{
	rk_service_tell(m->fd, "READY=1\nSTATUS=Running");
	d->metrics->on_beat = on_beat;
	d->metrics->beat_arg = m;
}

/* A reload that was asked for during the start waits for the loop. */
static void hold_reload(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(how, &set, NULL);
}

static int run(struct daemon *d, struct manager *manager)
{
	const struct {
		int number;
		event_callback_fn cb;
	} signals[] = {{SIGTERM, on_end}, {SIGINT, on_end}, {SIGHUP, on_reload}};
	struct event *event[3] = {NULL};
	int ret = 0;

	for (size_t i = 0; i < 3 && ret == 0; i++) {
		event[i] = evsignal_new(d->base, signals[i].number, signals[i].cb, d);
		if (event[i] == NULL || event_add(event[i], NULL) < 0)
			ret = -ENOMEM;
	}
	if (ret == 0) {
		hold_reload(SIG_UNBLOCK);
		be_ready(d, manager);
		log_info("rekey-control " REKEY_VERSION " is ready");
		if (event_base_dispatch(d->base) < 0)
			ret = -EIO;
	}
	rk_service_tell(manager->fd, "STOPPING=1");
	d->metrics->on_beat = NULL;
	for (size_t i = 0; i < 3; i++)
		if (event[i] != NULL)
			event_free(event[i]);
	return ret;
}

/* Before main, and before the constructors of libraries, of which libjose's makes OpenSSL allocate. */
static int openssl_wipes = -EBUSY;

static void begin_early(void)
{
	openssl_wipes = rk_openssl_wipe();
}
__attribute__((section(".preinit_array"), used)) static void (*const early)(void) = begin_early;

int main(int argc, char **argv)
{
	struct daemon_options options;
	struct daemon daemon;
	struct manager manager = {.fd = -1};
	int ret = parse_options(argc, argv, &options);

	if (ret != 0)
		return ret > 0 ? EXIT_SUCCESS : 2;
	umask(077);
	signal(SIGPIPE, SIG_IGN);
	unsetenv("SSLKEYLOGFILE"); /* libcurl would write there what opens conversations with CAs */
	json_body_wipe_on_free();
	log_open(options.log_format);
	log_set_level(options.log_level);
	ret = openssl_wipes < 0 ? openssl_wipes : rk_process_harden();
	if (ret < 0) {
		log_error("the process cannot be hardened: %s", strerror(-ret));
		return EXIT_FAILURE;
	}
	manager.fd = rk_service_open(&manager.every_ns);
	options.tell_manager = tell_manager;
	options.manager = &manager;
	hold_reload(SIG_BLOCK);
	ret = daemon_open(&daemon, &options);
	if (ret == 0) {
		ret = run(&daemon, &manager);
		daemon_close(&daemon);
	}
	if (manager.fd >= 0)
		close(manager.fd);
	return ret < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
