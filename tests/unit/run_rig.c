/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/run_rig.h"

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/log.h"

int rig_setup(void **state)
{
        struct rig *r = calloc(1, sizeof(*r));
        char run[96];

        if (!r)
                return -1;
        strcpy(r->dir, "/tmp/vipring-rig-XXXXXX");
        if (!mkdtemp(r->dir) || chmod(r->dir, 0755) < 0)
                return -1;
        snprintf(run, sizeof(run), "%s/run", r->dir);
        if (mkdir(run, 0755) < 0 || sd_event_new(&r->loop) < 0)
                return -1;
        log_init("test", LOG_ERR);
        *state = r;
        return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        return remove(path);
}

int rig_teardown(void **state)
{
        struct rig *r = *state;

        rig_kill_runner(r);
        config_free(r->config);
        sd_event_unref(r->loop);
        nftw(r->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
        free(r);
        return 0;
}

void rig_configure(struct rig *r, const char *checks, const char *hooks)
{
        struct conf_errors errors = {0};
        char path[96];
        FILE *f;

        snprintf(path, sizeof(path), "%s/vipring.conf", r->dir);
        f = fopen(path, "w");
        assert_non_null(f);
        fprintf(f,
                "cluster = \"edge\"\n"
                "nodes = {\n a = { address = \"192.0.2.11\" }\n b = { address = \"192.0.2.12\" "
                "}\n}\n"
                "groups = {\n"
                " web = {\n interface = \"lo\"\n vrid = 51\n addresses = [ \"192.0.2.10/24\" ]\n"
                " checks = { %s }\n hooks = { %s }\n }\n"
                " db = {\n interface = \"lo\"\n vrid = 52\n addresses = [ \"192.0.2.20/24\" ]\n"
                " hooks = { quick = { on = \"active\", run = \"/bin/true\" } }\n }\n"
                "}\n",
                checks, hooks);
        fclose(f);
        r->config = config_free(r->config);
        if (config_load(path, &r->config, &errors) < 0) {
                conf_errors_print(&errors, stderr);
                fail_msg("the test's configuration is not valid");
        }
        conf_errors_clear(&errors);
}

const struct conf_group *rig_group(const struct rig *r, const char *name)
{
        const struct conf_group *g = config_find_group(r->config, name);

        assert_non_null(g);
        return g;
}

static bool socket_is_there(void *arg)
{
        const struct rig *r = arg;
        char path[96];
        struct stat st;

        snprintf(path, sizeof(path), "%s/run/vipring-run/run.sock", r->dir);
        return stat(path, &st) == 0 && (st.st_mode & 07777) == 0660;
}

void rig_start_runner(struct rig *r)
{
        char conf[96], run[96], path[96], log[96];

        snprintf(conf, sizeof(conf), "%s/vipring.conf", r->dir);
        snprintf(run, sizeof(run), "%s/run", r->dir);
        snprintf(log, sizeof(log), "%s/log", r->dir);
        snprintf(path, sizeof(path), "%s/run/vipring-run/run.sock", r->dir);
        unlink(path);
        r->runner = fork();
        assert_true(r->runner >= 0);
        if (r->runner == 0) {
                int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0644);

                dup2(fd, STDERR_FILENO);
                execl("vipring-run/vipring-run", "vipring-run", "--config", conf, "--run-dir", run,
                      "--node", "a", (char *)NULL);
                _exit(127);
        }
        rig_run_until(r, socket_is_there, r, "vipring-run's socket");
}

void rig_signal_runner(struct rig *r, int sig)
{
        assert_int_equal(kill(r->runner, sig), 0);
}

void rig_kill_runner(struct rig *r)
{
        if (r->runner <= 0)
                return;
        kill(r->runner, SIGKILL);
        waitpid(r->runner, NULL, 0);
        r->runner = 0;
}

void rig_run_until(struct rig *r, bool (*holds)(void *arg), void *arg, const char *what)
{
        mono_t end = mono_add_us(clock_now(), RIG_DEADLINE_US);

        while (!holds(arg)) {
                if (mono_reached(end, clock_now()))
                        fail_msg("not within the deadline: %s", what);
                assert_true(sd_event_run(r->loop, 10000) >= 0);
        }
}

void rig_run_for(struct rig *r, int64_t us)
{
        mono_t end = mono_add_us(clock_now(), us);
        int64_t left;

        while ((left = mono_diff_us(end, clock_now())) > 0)
                assert_true(sd_event_run(r->loop, (uint64_t)left) >= 0);
}

void rig_read(const struct rig *r, const char *name, char *buf, size_t size)
{
        char path[128];
        CLEANUP(closep) int fd = -1;
        ssize_t n;

        snprintf(path, sizeof(path), "%s/%s", r->dir, name);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        n = fd >= 0 ? read(fd, buf, size - 1) : 0;
        buf[n > 0 ? n : 0] = '\0';
}
