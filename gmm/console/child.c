// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gmm/console/child.h"

#define FIXED_WORDS 4

extern char **environ;

static int spawn(pid_t *pid, char **arguments, int out)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, ends;
	int status;

	sigemptyset(&none);
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGHUP);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out, STDERR_FILENO);
	posix_spawnattr_init(&attributes);
	/* The console holds signals back; a child must not. */
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &ends);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	/* This very program, wherever it was started from. */
	status = posix_spawn(pid, "/proc/self/exe", &actions, &attributes, arguments, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return -status;
}

int child_start(struct child *child, const char *socket, struct command_words *words)
{
	/* The console has asked already; its child has no terminal to ask at. */
	char *arguments[FIXED_WORDS + COMMAND_WORDS_MAX + 1] = { "gmm", "--socket", (char *)socket, "--yes" };
	int ends[2], status;

	for (int i = 0; i < words->count; i++)
		arguments[FIXED_WORDS + i] = words->words[i];
	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	status = spawn(&child->pid, arguments, ends[1]);
	close(ends[1]);
	if (status) {
		close(ends[0]);
		child->pid = 0;
		return status;
	}
	child->fd = ends[0];
	fcntl(child->fd, F_SETFL, O_NONBLOCK);
	return 0;
}

static int reap(struct child *child)
{
	int status = 0;

	while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
		;
	close(child->fd);
	child->pid = 0;
	child->fd = -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

ssize_t child_read(struct child *child, char *text, size_t bytes, int *status)
{
	ssize_t got = read(child->fd, text, bytes);

	if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR)))
		return got > 0 ? got : -EAGAIN;
	*status = reap(child);
	return 0;
}

void child_stop(struct child *child)
{
	if (child->pid)
		kill(child->pid, SIGTERM);
}
