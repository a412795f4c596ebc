/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vipring-run/look.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"

static void closedirp(DIR **d)
{
        if (*d)
                closedir(*d);
}

/* Whether the first word is "down"; a longer word that begins so is another word. */
static bool says_down(const char *text, size_t len)
{
        size_t from = 0, to;

        while (from < len && isspace((unsigned char)text[from]))
                from++;
        for (to = from; to < len && !isspace((unsigned char)text[to]); to++)
                ;
        return to - from == 4 && memcmp(text + from, "down", 4) == 0;
}

bool look_at_file(const char *path, char ret_detail[static LOOK_DETAIL_MAX])
{
        CLEANUP(closep) int place = open(path, O_PATH | O_CLOEXEC);
        CLEANUP(closep) int fd = -1;
        char link[64], text[256];
        struct stat st;
        ssize_t len;

        if (place < 0 || fstat(place, &st) < 0) {
                snprintf(ret_detail, LOOK_DETAIL_MAX, "%.300s: %s", path, strerror(errno));
                return false;
        }
        if (!S_ISREG(st.st_mode)) {
                snprintf(ret_detail, LOOK_DETAIL_MAX, "%.300s: not a regular file", path);
                return false;
        }
        snprintf(link, sizeof(link), "/proc/self/fd/%d", place);
        fd = open(link, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        len = fd >= 0 ? read(fd, text, sizeof(text)) : -1;
        if (len < 0) {
                snprintf(ret_detail, LOOK_DETAIL_MAX, "%.300s: %s", path, strerror(errno));
                return false;
        }
        if (says_down(text, (size_t)len)) {
                snprintf(ret_detail, LOOK_DETAIL_MAX, "%.300s says down", path);
                return false;
        }
        snprintf(ret_detail, LOOK_DETAIL_MAX, "%.300s is there", path);
        return true;
}

/* Read a small file of /proc/PID. @return its length, NUL-terminated; -1 if it is gone */
static ssize_t read_proc(int proc, const char *pid, const char *file, char *buf, size_t size)
{
        char path[NAME_MAX + 16];
        CLEANUP(closep) int fd = -1;
        ssize_t len;

        snprintf(path, sizeof(path), "%s/%s", pid, file);
        fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -1;
        len = read(fd, buf, size - 1);
        if (len >= 0)
                buf[len] = '\0';
        return len;
}

/* /proc/PID/stat: "PID (COMMAND) STATE ..."; the command may hold any character, even ')'. */
static bool stat_is(char *stat, const char *name, bool *ret_runs)
{
        char *open = strchr(stat, '('), *close = strrchr(stat, ')');

        *ret_runs = false;
        if (!open || !close || close < open || close[1] != ' ')
                return false;
        *ret_runs = close[2] != 'Z' && close[2] != 'X';
        *close = '\0';
        return strcmp(open + 1, name) == 0;
}

static bool process_is(int proc, const char *pid, const char *name)
{
        char text[PATH_MAX];
        const char *slash;
        bool runs;

        if (read_proc(proc, pid, "stat", text, sizeof(text)) <= 0)
                return false;
        if (stat_is(text, name, &runs))
                return runs;
        if (!runs || read_proc(proc, pid, "cmdline", text, sizeof(text)) <= 0)
                return false;
        slash = strrchr(text, '/');
        return strcmp(slash ? slash + 1 : text, name) == 0;
}

bool look_for_process(const char *name, char ret_detail[static LOOK_DETAIL_MAX])
{
        CLEANUP(closedirp) DIR *proc = opendir("/proc");
        const struct dirent *entry;
        unsigned looked = 0;
        char self[16];

        if (!proc) {
                snprintf(ret_detail, LOOK_DETAIL_MAX, "/proc: %s", strerror(errno));
                return false;
        }
        snprintf(self, sizeof(self), "%d", (int)getpid());
        while ((entry = readdir(proc)) && looked < LOOK_PROCESSES_MAX) {
                if (!isdigit((unsigned char)entry->d_name[0]))
                        continue;
                looked++;
                if (strcmp(entry->d_name, self) == 0 ||
                    !process_is(dirfd(proc), entry->d_name, name))
                        continue;
                snprintf(ret_detail, LOOK_DETAIL_MAX, "%.100s runs as process %s", name,
                         entry->d_name);
                return true;
        }
        snprintf(ret_detail, LOOK_DETAIL_MAX, "no process %.100s among %u", name, looked);
        return false;
}
