/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/cli/login.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/cli/cli.h"

#define TOKEN_MAX 16384

/* Everybody on this machine can read it, or can have put it there. */
static bool is_open_to_all(FILE *f)
{
	struct stat st;

	return fstat(fileno(f), &st) < 0 || (S_ISREG(st.st_mode) && (st.st_mode & 07) != 0);
}

/* The file's first word; -EPERM for one that is not kept to its owner. */
static int read_token(struct cli *c, const char *path)
{
	char token[TOKEN_MAX + 1];
	size_t len;
	FILE *f = fopen(path, "re");
	int ret;

	if (f == NULL)
		return -errno;
	if (is_open_to_all(f)) {
		fclose(f);
		return -EPERM;
	}
	setvbuf(f, NULL, _IONBF, 0); /* no copy that is not wiped */
	len = fread(token, 1, TOKEN_MAX, f);
	ret = ferror(f) ? -EIO : 0;
	fclose(f);
	token[len] = '\0';
	token[strcspn(token, " \r\n\t")] = '\0';
	if (ret == 0 && token[0] == '\0')
		ret = -ENODATA;
	if (ret == 0)
		ret = client_set_token(c->client, token);
	explicit_bzero(token, sizeof(token));
	return ret;
}

int login_save(const char *path, const char *token)
{
	char fresh[4096];
	int ret = 0, fd;

	if (snprintf(fresh, sizeof(fresh), "%s.new", path) >= (int)sizeof(fresh))
		return -ENAMETOOLONG;
	unlink(fresh);
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	if (dprintf(fd, "%s\n", token) < 0 || fsync(fd) < 0)
		ret = -errno;
	close(fd);
	if (ret == 0 && rename(fresh, path) < 0)
		ret = -errno;
	if (ret < 0)
		unlink(fresh);
	return ret;
}

/* Keeps the token of a login: CLIENT_OK, or CLIENT_UNREACHABLE when what came is none. */
static enum client_result take_token(struct cli *c, const char *token)
{
	int ret = token != NULL ? client_set_token(c->client, token) : -EPROTO;

	if (ret < 0) {
		cli_error(c, "the login at %s gave no token: %s", c->target.url, strerror(-ret));
		return CLIENT_UNREACHABLE;
	}
	ret = c->token_file != NULL ? login_save(c->token_file, token) : 0;
	if (ret < 0)
		cli_error(c, "the token cannot be kept in %s: %s", c->token_file, strerror(-ret));
	return CLIENT_OK;
}

/* {"token"} for a name and a password; wipes the password. */
static enum client_result ask_token(struct cli *c, const char *user, char *password)
{
	struct client_answer answer = {0};
	json_t *body = json_pack("{s:s, s:s, s:s}", "username", user, "password", password,
		"application", "rekeyctl");
	const char *doing = c->doing;
	enum client_result result;

	explicit_bzero(password, strlen(password));
	if (body == NULL) {
		cli_error(c, "name and password must be UTF-8 text");
		return CLIENT_REFUSED;
	}
	c->doing = "Logging in";
	result = client_call(c->client, "POST", API "/login", body, &answer);
	cli_answered();
	c->doing = doing;
	if (result == CLIENT_OK)
		result = take_token(c, json_string_value(json_object_get(answer.body, "token")));
	else if (result == CLIENT_UNREACHABLE)
		cli_tell_unreachable(c, answer.error);
	else
		cli_error(c, "no login at %s: %s", c->target.url, answer.error);
	cli_wipe(body, "password");
	cli_wipe(answer.body, "token");
	json_decref(body);
	client_answer_fini(&answer);
	return result;
}

static enum client_result ask_person(struct cli *c, bool is_again)
{
	char question[256], *user = NULL, *password = NULL;
	enum client_result result = CLIENT_REFUSED;

	if (is_again)
		cli_error(c, "the login at %s has ended", c->target.url);
	if (c->user == NULL && input_ask(&c->input, "Username: ", &user) < 0) {
		cli_error(c, "not logged in");
		return CLIENT_REFUSED;
	}
	snprintf(question, sizeof(question), "Password for %s: ", user != NULL ? user : c->user);
	if (input_password(&c->input, question, &password) == 0) {
		result = ask_token(c, user != NULL ? user : c->user, password);
		free(password);
	} else {
		cli_error(c, "not logged in: no password");
	}
	free(user);
	return result;
}

enum client_result login_open(struct cli *c, bool is_again)
{
	int ret = -ENOENT;

	if (c->token_file != NULL && !is_again)
		ret = read_token(c, c->token_file);
	if (ret == 0)
		return CLIENT_OK;
	if (ret == -EPERM)
		cli_error(c, "the token in %s is open to everybody: chmod 600 %s, or log in anew",
			c->token_file, c->token_file);
	else if (ret != -ENOENT)
		cli_error(c, "cannot read the token in %s: %s", c->token_file, strerror(-ret));
	if (!c->input.is_terminal && (c->is_shell || c->user == NULL)) {
		if (c->token_file != NULL)
			cli_error(c, "no token in %s: log in first", c->token_file);
		else
			cli_error(
				c, "--url needs --token-file, or a terminal to ask for a password");
		return CLIENT_REFUSED;
	}
	return ask_person(c, is_again && client_has_token(c->client));
}
