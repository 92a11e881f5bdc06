/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/alarms.h"
#include "control/audit.h"
#include "control/clock_watch.h"
#include "control/config.h"
#include "control/configuration.h"
#include "control/credential.h"
#include "control/crl/manager.h"
#include "control/enrol/enrol.h"
#include "control/helper.h"
#include "control/metrics.h"
#include "control/peers.h"
#include "control/provision.h"
#include "control/publish.h"
#include "control/rest/rest.h"
#include "control/rest/users.h"
#include "control/revocations.h"
#include "control/startup.h"
#include "control/trust.h"
#include "control/verdicts.h"
#include "pki/view/file.h"
#include "pki/view/sandbox.h"
#include "pki/view/secret.h"

#define LOCK_FILE    "rekey-control.lock"
#define HELPER_CNT   4 /* a large list being taken or written leaves room for small work */
#define HELPER_QUEUE 1024

/* The folders above one that may be made. */
static int make_parents(const char *path)
{
	char parent[PATH_MAX];

	if (strlen(path) >= sizeof(parent))
		return -ENAMETOOLONG;
	strcpy(parent, path);
	for (char *p = strchr(parent + 1, '/'); p != NULL; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdir(parent, 0755) < 0 && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	return 0;
}

/* An existing folder keeps its mode: packages and operators set it. */
static int open_folder(const char *path, mode_t mode, bool may_make, int *out)
{
	int fd;

	if (may_make && (make_parents(path) < 0 || (mkdir(path, mode) < 0 && errno != EEXIST)))
		goto fail;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		goto fail;
	*out = fd;
	return 0;
fail:
	log_error("%s: %s", path, strerror(errno));
	return -errno;
}

/* Held until the process ends, however it ends. */
static int lock_state(struct daemon *d)
{
	d->lock_fd = openat(d->state_fd, LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (d->lock_fd < 0 || flock(d->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		log_error("%s/%s: %s", d->options->state_dir, LOCK_FILE,
			errno == EWOULDBLOCK ? "another rekey-control runs on this state folder"
					     : strerror(errno));
		return -errno;
	}
	return 0;
}

static int load_installation_key(struct daemon *d)
{
	int ret = installation_key_load(d->state_fd, d->installation_key);

	if (ret == -EBADMSG)
		log_error("%s/%s is damaged: remove it, and a new one is made",
			d->options->state_dir, INSTALLATION_KEY_FILE);
	else if (ret < 0)
		log_error("%s/%s cannot be used: %s", d->options->state_dir, INSTALLATION_KEY_FILE,
			strerror(-ret));
	return ret;
}

static int open_folders(struct daemon *d)
{
	const struct daemon_options *o = d->options;
	int ret;

	ret = open_folder(o->config_dir, 0755, false, &d->config_fd);
	if (ret == 0)
		ret = open_folder(o->state_dir, 0700, true, &d->state_fd);
	if (ret == 0)
		ret = open_folder(o->run_dir, 0750, true, &d->run_fd);
	if (ret == 0)
		ret = open_folder(o->pki_dir, 0700, true, &d->pki_fd);
	if (ret == 0)
		ret = lock_state(d);
	if (ret < 0)
		return ret;
	ret = rk_file_clean(d->state_fd);
	if (ret < 0)
		log_error("%s cannot be used: %s", o->state_dir, strerror(-ret));
	else
		ret = load_installation_key(d);
	return ret;
}

/* From here on nothing is run, and nothing written outside of our folders. */
static int enter_sandbox(const struct daemon_options *o)
{
	const char *const folders[] = {o->config_dir, o->state_dir, o->run_dir, o->pki_dir};
	int ret;

	if (!o->is_sandboxed)
		return 0;
	ret = rk_sandbox_write_below(folders, sizeof(folders) / sizeof(folders[0]));
	if (ret == -ENOSYS || ret == -EOPNOTSUPP) {
		log_warning("this kernel has no Landlock: files are guarded by their modes alone");
	} else if (ret < 0) {
		log_error("the process cannot be confined to its folders: %s", strerror(-ret));
		return ret;
	}
	ret = rk_sandbox_drop_calls();
	if (ret < 0)
		log_error("system calls cannot be given up: %s", strerror(-ret));
	return ret;
}

static int open_config(struct daemon *d)
{
	struct config_report report;
	int ret;

	ret = helper_pool_new(d->base, 1, HELPER_QUEUE, &d->disk);
	if (ret == 0)
		ret = configuration_open(d, &d->configuration, &report);
	if (ret == 0)
		ret = audit_open(d, &d->audit);
	if (ret == 0)
		ret = alarms_open(d, &d->alarms);
	if (ret < 0)
		return ret;
	audit_watch(d->audit);
	configuration_tell(d, &report);
	return 0;
}

/* What asks and answers, and what it works with: from here on somebody says what the start is at. */
static int open_front(struct daemon *d)
{
	int ret;

	ret = metrics_open(d, &d->metrics);
	if (ret == 0)
		ret = helper_pool_new(d->base, HELPER_CNT, HELPER_QUEUE, &d->helpers);
	if (ret == 0)
		ret = helper_pool_new(d->base, 1, HELPER_QUEUE, &d->readers);
	if (ret == 0)
		ret = rest_open(d, &d->rest);
	return ret;
}

/* Everything is loaded and judged before anything is published. */
static int open_parts(struct daemon *d)
{
	int ret;

	ret = pki_kind_set_new(&d->kinds);
	if (ret == 0)
		ret = trust_open(d, &d->trust);
	startup_begin(d, "the list of revoked certificates is read", 0);
	if (ret == 0)
		ret = crl_manager_open(d, &d->crl);
	if (ret == 0)
		ret = verdicts_open(d, &d->verdicts);
	startup_begin(d, "keys and peers are read", 0);
	if (ret == 0)
		ret = clock_watch_open(d, &d->clock);
	if (ret == 0)
		ret = provision_open(d, &d->provision);
	if (ret == 0)
		ret = credential_open(d, &d->credential);
	if (ret == 0)
		ret = peers_open(d, &d->peers);
	if (ret == 0)
		ret = users_open(d, &d->users);
	if (ret == 0)
		helper_pool_settle(d->helpers, 0); /* what they began at the first start */
	if (ret == 0)
		ret = publisher_open(d, &d->publisher);
	if (ret == 0)
		ret = enrol_open(d, &d->enrol);
	return ret;
}

/* All parts are there: they may act by themselves. */
static void begin(struct daemon *d)
{
	startup_end(d);
	crl_manager_discover(d->crl);
	configuration_begin(d->configuration);
	rest_begin(d->rest);
	audit_write(d->audit, "system.start", "Started rekey-control.",
		json_pack("{s:s}", "version", REKEY_VERSION));
}

int daemon_open(struct daemon *d, const struct daemon_options *options)
{
	int ret;

	memset(d, 0, sizeof(*d));
	d->options = options;
	d->config_fd = d->state_fd = d->run_fd = d->pki_fd = d->lock_fd = -1;
	d->base = event_base_new();
	ret = d->base == NULL ? -ENOMEM : open_folders(d);
	if (ret == 0)
		ret = enter_sandbox(options);
	startup_begin(d, "the configuration is read", 0);
	if (ret == 0)
		ret = open_config(d);
	if (ret == 0)
		ret = open_front(d);
	if (ret == 0)
		ret = open_parts(d);
	if (ret == 0)
		begin(d);
	else
		daemon_close(d);
	return ret;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void daemon_close(struct daemon *d)
{
	/* First the helpers and what waits for the disk: what they finish still meets every part. */
	helper_pool_free(d->readers);
	d->readers = NULL;
	helper_pool_free(d->helpers);
	d->helpers = NULL;
	if (d->disk != NULL)
		helper_pool_drain(d->disk);
	enrol_close(d->enrol);
	publisher_close(d->publisher);
	d->publisher = NULL;
	peers_close(d->peers);
	clock_watch_close(d->clock);
	crl_manager_close(d->crl);
	rest_close(d->rest);
	users_close(d->users);
	credential_close(d->credential);
	provision_close(d->provision);
	verdicts_close(d->verdicts);
	revocations_forget(d);
	pki_kind_set_free(d->kinds);
	trust_close(d->trust);
	if (d->audit != NULL && d->alarms != NULL)
		audit_write(d->audit, "system.stop", "Stopped rekey-control.", NULL);
	if (d->disk != NULL)
		helper_pool_drain(d->disk);
	helper_pool_free(d->disk);
	d->disk = NULL;
	alarms_close(d->alarms);
	d->alarms = NULL;
	audit_close(d->audit);
	configuration_close(d->configuration);
	config_free(d->config);
	metrics_close(d->metrics);
	if (d->base != NULL)
		event_base_free(d->base);
	close_fd(d->lock_fd);
	close_fd(d->pki_fd);
	close_fd(d->run_fd);
	close_fd(d->state_fd);
	close_fd(d->config_fd);
	rk_wipe(d->installation_key, sizeof(d->installation_key));
}

void daemon_reload(struct daemon *d)
{
	clock_watch_look(d->clock);
	configuration_reload(d->configuration);
}

static void free_config(void *config)
{
	config_free(config);
}

void daemon_use_config(struct daemon *d, struct config *config, bool is_trust_changed)
{
	revocations_forget(d);
	helper_release(d->helpers, free_config, d->config);
	d->config = config;
	alarms_configure(d->alarms);
	log_info("the configuration is in force: %zu ports, %zu peers", config->port_cnt,
		config->peer_cnt);
	peers_configure(d->peers);
	crl_manager_discover(d->crl);
	credential_configure(d->credential);
	enrol_configure(d->enrol);
	rest_configure(d->rest);
	trust_tell(d->trust);
	publisher_mark(d->publisher, RK_PART_CONFIG);
	publisher_mark(d->publisher, RK_PART_REVOCATION_BASE);
	if (is_trust_changed)
		publisher_mark(d->publisher, RK_PART_VERDICTS);
}
