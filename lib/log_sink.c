/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/log_sink.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "lib/clock.h"

/* How long a descriptor that somebody else made non-blocking may stay full. */
#define WRITABLE_WAIT_MS 1000

#define FIELD_MAX                                                                                  \
        1280 /* one journal field or text line: a message of 1 KiB and what stands before */

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

enum sink_kind {
        SINK_TEXT,
        SINK_JOURNAL, /* with fields, over its socket */
        SINK_STREAM,  /* the journal reads stderr, but its socket is not to be seen from here */
};

static struct {
        const char *program;
        enum sink_kind kind;
} sink = {.program = "?"};

/* systemd.exec(5): "device:inode" of the stream, to be compared with fstat(), because the
 * variable is inherited by children whose stderr leads elsewhere. */
static bool stderr_is_journal(void)
{
        const char *text = getenv("JOURNAL_STREAM");
        unsigned long long dev, ino;
        struct stat st;

        return text && sscanf(text, "%llu:%llu", &dev, &ino) == 2 &&
               fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
}

void log_sink_init(const char *program)
{
        sink.program = program;
        if (!stderr_is_journal())
                sink.kind = SINK_TEXT;
        else /* sd_journal_sendv() calls a missing socket a success */
                sink.kind = access(JOURNAL_SOCKET, W_OK) == 0 ? SINK_JOURNAL : SINK_STREAM;
}

bool log_sink_is_journal(void)
{
        return sink.kind == SINK_JOURNAL;
}

static int write_all(int fd, const char *bytes, size_t len, size_t *ret_done)
{
        *ret_done = 0;
        while (*ret_done < len) {
                ssize_t n = write(fd, bytes + *ret_done, len - *ret_done);

                if (n > 0) {
                        *ret_done += (size_t)n;
                } else if (n < 0 && errno == EAGAIN) {
                        struct pollfd p = {.fd = fd, .events = POLLOUT};

                        if (poll(&p, 1, WRITABLE_WAIT_MS) == 0)
                                return -EAGAIN;
                } else if (n < 0 && errno != EINTR) {
                        return -errno;
                } else if (n == 0) {
                        return -EIO;
                }
        }
        return 0;
}

int log_sink_append(int fd, const void *bytes, size_t len)
{
        size_t done;
        int r = write_all(fd, bytes, len, &done);
        off_t start;

        if (r == 0 || done == 0)
                return r;
        /* half a record would spoil the next one too; in a pipe it cannot be helped */
        start = lseek(fd, 0, SEEK_CUR) - (off_t)done;
        if (start >= 0 && ftruncate(fd, start) == 0)
                lseek(fd, start, SEEK_SET);
        return r;
}

static const char *level_prefix(int level)
{
        return level <= LOG_ERR       ? "error: "
               : level == LOG_WARNING ? "warning: "
               : level == LOG_DEBUG   ? "debug: "
                                      : "";
}

static int write_text(const struct log_line *line)
{
        char time[CLOCK_TEXT_MAX], text[FIELD_MAX];
        size_t done;
        int len;

        len = snprintf(text, sizeof(text), "%s %s: %s%s\n", clock_format(line->wall_us, time),
                       sink.program, level_prefix(line->level), line->message);
        if (len >= (int)sizeof(text)) {
                len = sizeof(text) - 1;
                text[len - 1] = '\n';
        }
        return write_all(STDERR_FILENO, text, (size_t)len, &done);
}

static void add_field(struct iovec *fields, int *n, char *buf, const char *name, const char *value)
{
        int len;

        if (!value)
                return;
        len = snprintf(buf, FIELD_MAX, "%s=%s", name, value);
        fields[(*n)++] = (struct iovec){buf, (size_t)(len < FIELD_MAX ? len : FIELD_MAX - 1)};
}

static int write_journal(const struct log_line *line)
{
        char bufs[8][FIELD_MAX], priority[16], when[32];
        struct iovec fields[8];
        int n = 0;

        snprintf(priority, sizeof(priority), "%d", line->level);
        /* when it was said: the queue may have held it back */
        snprintf(when, sizeof(when), "%lld", (long long)line->wall_us);
        add_field(fields, &n, bufs[0], "MESSAGE", line->message);
        add_field(fields, &n, bufs[1], "PRIORITY", priority);
        add_field(fields, &n, bufs[2], "SYSLOG_IDENTIFIER", sink.program);
        add_field(fields, &n, bufs[3], "VIP_SAID_USEC", when);
        add_field(fields, &n, bufs[4], "VIP_GROUP", line->about.group);
        add_field(fields, &n, bufs[5], "VIP_PEER", line->about.peer);
        add_field(fields, &n, bufs[6], "VIP_IFACE", line->about.iface);
        add_field(fields, &n, bufs[7], "VIP_CAUSE", line->about.cause);
        return sd_journal_sendv(fields, n);
}

/* The journal's stream takes "<3>text" lines, sd-daemon(3). */
static int write_stream(const struct log_line *line)
{
        char text[FIELD_MAX];
        size_t done;
        int len = snprintf(text, sizeof(text), "<%d>%s\n", line->level, line->message);

        if (len >= (int)sizeof(text)) {
                len = sizeof(text) - 1;
                text[len - 1] = '\n';
        }
        return write_all(STDERR_FILENO, text, (size_t)len, &done);
}

int log_sink_line(const struct log_line *line)
{
        switch (sink.kind) {
        case SINK_TEXT:
                return write_text(line);
        case SINK_JOURNAL:
                return write_journal(line) < 0 ? write_stream(line) : 0;
        case SINK_STREAM:
                return write_stream(line);
        }
        return -EINVAL;
}
