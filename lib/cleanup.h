/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIB_CLEANUP_H
#define LIB_CLEANUP_H
/* Scope-bound cleanup for locals: CLEANUP(closep) int fd = -1; */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(fn) __attribute__((cleanup(fn)))

static inline void freep(void *p)
{
        free(*(void **)p);
}

static inline void closep(const int *fd)
{
        if (*fd >= 0)
                close(*fd);
}

static inline void fclosep(FILE **f)
{
        if (*f)
                fclose(*f);
}

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif
