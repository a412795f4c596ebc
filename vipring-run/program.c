/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vipring-run/program.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"

/* How far the walk is: `done` was looked at, `rest` was not. */
struct walk {
        char done[PATH_MAX]; /* "" is the root */
        char rest[PATH_MAX];
        unsigned links;
};

__attribute__((format(printf, 3, 4))) static int refuse(char why[static PROGRAM_WHY_MAX], int error,
                                                        const char *format, ...)
{
        va_list args;

        va_start(args, format);
        vsnprintf(why, PROGRAM_WHY_MAX, format, args);
        va_end(args);
        return error;
}

/* The mode of a symbolic link means nothing; who may replace it is the folder's matter. */
static int verify_owner_and_mode(const char *path, const struct stat *st, uid_t user,
                                 char why[static PROGRAM_WHY_MAX])
{
        bool sticky_folder = S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX);

        if (st->st_uid != 0 && st->st_uid != user)
                return refuse(why, -EPERM,
                              "%s belongs to uid %u, neither root nor the user it runs as", path,
                              (unsigned)st->st_uid);
        if (S_ISLNK(st->st_mode) || sticky_folder)
                return 0;
        if (st->st_mode & S_IWOTH)
                return refuse(why, -EPERM, "%s may be written by others (mode %04o)", path,
                              (unsigned)st->st_mode & 07777);
        if ((st->st_mode & S_IWGRP) && st->st_gid != 0)
                return refuse(why, -EPERM, "%s may be written by its group %u (mode %04o)", path,
                              (unsigned)st->st_gid, (unsigned)st->st_mode & 07777);
        return 0;
}

static int verify_file(const char *path, const struct stat *st, char why[static PROGRAM_WHY_MAX])
{
        if (!S_ISREG(st->st_mode))
                return refuse(why, -EACCES, "%s is not a regular file", path);
        if (!(st->st_mode & 0111))
                return refuse(why, -EACCES, "%s is not executable (mode %04o)", path,
                              (unsigned)st->st_mode & 07777);
        return 0;
}

/* Put a link's target in front of what is left. */
static int follow(struct walk *w, const char *link, char why[static PROGRAM_WHY_MAX])
{
        CLEANUP(freep) char *rest = strdup(w->rest);
        char target[PATH_MAX];
        ssize_t len;

        if (!rest)
                return refuse(why, -ENOMEM, "no memory");
        if (++w->links > PROGRAM_LINKS_MAX)
                return refuse(why, -ELOOP, "%s: too many symbolic links", link);
        len = readlink(link, target, sizeof(target) - 1);
        if (len < 0)
                return refuse(why, -errno, "%s: %s", link, strerror(errno));
        target[len] = '\0';
        if ((size_t)snprintf(w->rest, sizeof(w->rest), "%s/%s", target, rest) >= sizeof(w->rest))
                return refuse(why, -ENAMETOOLONG, "%s: the path is too long", link);
        if (target[0] == '/')
                w->done[0] = '\0';
        return 0;
}

/* Take the next part of `rest`. @return false at the end; "" and "." parts give part[0] == 0 */
static bool next_part(struct walk *w, char part[static NAME_MAX + 1], bool *ret_too_long)
{
        const char *p = w->rest + strspn(w->rest, "/");
        size_t len = strcspn(p, "/");

        *ret_too_long = len > NAME_MAX;
        if (len == 0 || *ret_too_long)
                return false;
        memcpy(part, p, len);
        part[len] = '\0';
        memmove(w->rest, p + len, strlen(p + len) + 1);
        return true;
}

static void step_up(struct walk *w)
{
        char *slash = strrchr(w->done, '/');

        if (slash)
                *slash = '\0';
}

/* Look at one part. @return 0 and the part's stat, with w->done behind it unless it was a link */
static int step_down(struct walk *w, const char *part, uid_t user, struct stat *ret_st,
                     char why[static PROGRAM_WHY_MAX])
{
        char path[PATH_MAX];
        int r;

        if ((size_t)snprintf(path, sizeof(path), "%s/%s", w->done, part) >= sizeof(path))
                return refuse(why, -ENAMETOOLONG, "%s/%s: the path is too long", w->done, part);
        if (lstat(path, ret_st) < 0)
                return refuse(why, -errno, "%s: %s", path, strerror(errno));
        r = verify_owner_and_mode(path, ret_st, user, why);
        if (r < 0)
                return r;
        if (S_ISLNK(ret_st->st_mode))
                return follow(w, path, why);
        memcpy(w->done, path, sizeof(path));
        return 0;
}

/* @return 0, with what is at the end of the path and w->done its name without links */
static int walk(struct walk *w, const char *path, uid_t user, struct stat *st,
                char ret_why[static PROGRAM_WHY_MAX])
{
        char part[NAME_MAX + 1];
        bool too_long;
        int r;

        if (path[0] != '/' || strlen(path) >= sizeof(w->rest))
                return refuse(ret_why, -EINVAL, "%.200s is not an absolute path", path);
        strcpy(w->rest, path);
        if (stat("/", st) < 0)
                return refuse(ret_why, -errno, "/: %s", strerror(errno));
        r = verify_owner_and_mode("/", st, user, ret_why);
        if (r < 0)
                return r;

        while (next_part(w, part, &too_long)) {
                if (strcmp(part, ".") == 0)
                        continue;
                if (strcmp(part, "..") == 0) {
                        step_up(w);
                        continue;
                }
                r = step_down(w, part, user, st, ret_why);
                if (r < 0)
                        return r;
        }
        if (too_long)
                return refuse(ret_why, -ENAMETOOLONG, "%.200s: a part of it is too long", path);
        return 0;
}

int program_verify_path(const char *path, uid_t user, char ret_why[static PROGRAM_WHY_MAX])
{
        struct walk w = {0};
        struct stat st = {0};

        return walk(&w, path, user, &st, ret_why);
}

int program_verify(const char *path, uid_t user, char ret_why[static PROGRAM_WHY_MAX])
{
        struct walk w = {0};
        struct stat st = {0};
        int r = walk(&w, path, user, &st, ret_why);

        return r < 0 ? r : verify_file(w.done[0] ? w.done : "/", &st, ret_why);
}
