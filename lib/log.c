/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/log_writer.h"

#define LIMIT_US (60 * US_PER_S)
#define GROUP_SHOWN 64 /* bytes of a group's name; valid ones are shorter */

static atomic_int threshold = LOG_INFO;

static const char *const level_names[] = {
        [LOG_ERR] = "error", [LOG_WARNING] = "warning", [LOG_NOTICE] = "notice",
        [LOG_INFO] = "info", [LOG_DEBUG] = "debug",
};

void log_init(const char *program, int level)
{
        log_sink_init(program);
        log_set_level(level);
}

void log_set_level(int level)
{
        atomic_store(&threshold, level);
}

int log_level_from_name(const char *name)
{
        for (size_t i = LOG_ERR; i < ARRAY_SIZE(level_names); i++)
                if (strcmp(name, level_names[i]) == 0)
                        return (int)i;
        return -EINVAL;
}

bool log_limit_pass(struct log_limit *limit, mono_t now, uint64_t *ret_withheld)
{
        if (mono_before(now, limit->next)) {
                limit->withheld++;
                return false;
        }
        if (ret_withheld)
                *ret_withheld = limit->withheld;
        limit->withheld = 0;
        limit->next = mono_add_us(now, LIMIT_US);
        return true;
}

/* A peer's or user's bytes must not forge a line or move the cursor. */
static void make_printable(char *text)
{
        size_t len = strlen(text);

        while (len > 0 && text[len - 1] == '\n')
                text[--len] = '\0';
        for (; *text; text++)
                if ((unsigned char)*text < 0x20 || *text == 0x7f)
                        *text = *text == '\n' || *text == '\t' ? ' ' : '?';
}

void log_write(int level, const struct log_about *about, const char *format, ...)
{
        int saved = errno;
        char text[LOG_MESSAGE_MAX];
        struct log_line line = {.level = level, .message = text};
        va_list args;
        int len = 0, rest;

        if (level > atomic_load(&threshold))
                return;
        if (about && about->group)
                len = snprintf(text, sizeof(text), "%.*s: ", GROUP_SHOWN, about->group);
        va_start(args, format);
        rest = vsnprintf(text + len, sizeof(text) - (size_t)len, format, args);
        va_end(args);
        if (len + rest >= (int)sizeof(text))
                strcpy(text + sizeof(text) - 4, "...");
        make_printable(text);
        if (about)
                line.about = *about;
        line.wall_us = clock_wall_us();

        log_writer_line(&line);
        errno = saved;
}
