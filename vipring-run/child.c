/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vipring-run/child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "vipring-run/look.h"
#include "vipring-run/program.h"

__attribute__((format(printf, 2, 3))) _Noreturn static void give_up(int why, const char *format,
                                                                    ...)
{
        char text[CHILD_WHY_MAX];
        va_list args;
        int len;

        va_start(args, format);
        len = vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        if (len > 0 && write(why, text, strnlen(text, sizeof(text))) < 0)
                _exit(126);
        _exit(127);
}

/* Handlers are reset by exec, ignored signals are not. */
static void default_signals(void)
{
        sigset_t none;

        for (int s = 1; s < NSIG; s++)
                signal(s, SIG_DFL);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
}

/* `out` and `why` are above 2: the daemon keeps 0 to 2 open. */
static void settle(int out, int why)
{
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);

        if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
            dup2(out, STDERR_FILENO) < 0)
                give_up(why, "cannot connect its input and output: %s", strerror(errno));
        if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
                give_up(why, "cannot close files: %s", strerror(errno));
        if (chdir("/") < 0)
                give_up(why, "cannot enter /: %s", strerror(errno));
        umask(022);
}

/* The daemon may be spared when memory runs out; its programs are not. */
static void give_up_oom_protection(void)
{
        CLEANUP(closep) int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
        char text[16] = "";

        if (fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 && text[0] == '-' &&
            pwrite(fd, "0", 1, 0) < 0)
                return; /* worth trying, no reason not to run */
}

static const struct passwd *find_user(const char *name, int why)
{
        const struct passwd *pw;

        errno = 0;
        pw = getpwnam(name);
        if (!pw && errno != 0 && errno != ENOENT && errno != ESRCH)
                give_up(why, "cannot look up user %s: %s", name, strerror(errno));
        if (!pw)
                give_up(why, "there is no user %s on this host", name);
        return pw;
}

static void become(const struct passwd *pw, int why)
{
        if (geteuid() != 0 && geteuid() == pw->pw_uid)
                return;
        if (initgroups(pw->pw_name, pw->pw_gid) < 0 ||
            setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) < 0 ||
            setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) < 0)
                give_up(why, "cannot become user %s: %s", pw->pw_name, strerror(errno));
        if (pw->pw_uid != 0 && (setuid(0) == 0 || geteuid() != pw->pw_uid))
                give_up(why, "could not give up root for user %s", pw->pw_name);
}

#define ENV_FIXED 6

_Noreturn static void run_program(const struct command *c, int why)
{
        const struct passwd *pw = find_user(c->user, why);
        char *env[ENV_FIXED + COMMAND_ENV_MAX + 1], reason[PROGRAM_WHY_MAX];
        char home[512], user[64], logname[64];
        unsigned n = 0;

        if (program_verify(c->argv[0], pw->pw_uid, reason) < 0)
                give_up(why, "refused to run: %s", reason);
        snprintf(home, sizeof(home), "HOME=%s", pw->pw_dir);
        snprintf(user, sizeof(user), "USER=%s", pw->pw_name);
        snprintf(logname, sizeof(logname), "LOGNAME=%s", pw->pw_name);
        env[n++] = (char[]){"PATH=" CHILD_PATH};
        env[n++] = home;
        env[n++] = user;
        env[n++] = logname;
        env[n++] = (char[]){"SHELL=/bin/sh"};
        env[n++] = (char[]){"LANG=C.UTF-8"};
        for (unsigned i = 0; i < c->n_env; i++)
                env[n++] = c->env[i];
        env[n] = NULL;

        become(pw, why);
        execve(c->argv[0], (char *const *)c->argv, env);
        give_up(why, "cannot run %s as %s: %s%s", c->argv[0], pw->pw_name, strerror(errno),
                errno == ENOENT    ? " (its interpreter?)"
                : errno == ENOEXEC ? " (no #! line?)"
                                   : "");
}

_Noreturn static void look(const struct command *c)
{
        char detail[LOOK_DETAIL_MAX];
        bool good = c->kind == COMMAND_FILE ? look_at_file(c->target, detail)
                                            : look_for_process(c->target, detail);

        if (write(STDOUT_FILENO, detail, strlen(detail)) < 0)
                _exit(2);
        _exit(good ? 0 : 1);
}

_Noreturn void child_do(const struct command *c, int out, int why)
{
        setsid();
        default_signals();
        settle(out, why);
        give_up_oom_protection();
        if (c->kind == COMMAND_PROGRAM)
                run_program(c, why);
        look(c);
}
