/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The caller's line becomes a record in a ring of fixed size, and the caller
 * goes on; the writer takes records out in order and hands them to the sink. The
 * lock is held only to copy one record in or out, and lends the writer the
 * caller's real-time priority meanwhile. What the ring had no room for is counted,
 * and said in one line in the place where it is missing.
 */
#include "lib/log_writer.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/byte_ring.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/log_sink.h"

#define ABOUT_MAX 128 /* each word of struct log_about */
#define QUEUE_BYTES (512 * 1024)
#define RECORD_MAX (LOG_APPEND_MAX + sizeof(struct record))
#define CLOSE_RESERVE 1024          /* room that only RECORD_CLOSE may use */
#define STOP_WAIT_US (2 * US_PER_S) /* for a reader that does not read, at the end */

enum record_kind { RECORD_LINE, RECORD_APPEND, RECORD_CLOSE };

/* Followed by five NUL-terminated strings (line) or the bytes (append). */
struct record {
        enum record_kind kind;
        int level; /* line */
        int fd;    /* append, close */
        int64_t wall_us;
};

static struct {
        atomic_uint_fast64_t dropped;
        pthread_mutex_t lock;
        pthread_cond_t wake;
        pthread_t thread;
        struct byte_ring ring;
        uint8_t *taken;  /* the writer's copy of the record in work */
        uint64_t unsaid; /* lines that the ring had no room for, not yet told */
        bool running;    /* a thread writes */
        bool stopping;
        bool abandoned;     /* the writer hangs in the sink for good: count, write nothing */
        uint64_t unwritten; /* lines that the sink refused, not yet told; the writer's */
        struct log_limit append_limit; /* the writer's */
} the_log = {.lock = PTHREAD_MUTEX_INITIALIZER};

uint64_t log_dropped(void)
{
        return atomic_load(&the_log.dropped);
}

/* --- writing: in the thread, or in the caller while there is none ----------- */

static void write_line(const struct log_line *line)
{
        int r = log_sink_line(line);
        char text[160];
        struct log_line told = {.level = LOG_WARNING, .wall_us = line->wall_us, .message = text};

        if (r < 0) {
                atomic_fetch_add(&the_log.dropped, 1);
                the_log.unwritten++;
                return;
        }
        if (the_log.unwritten == 0)
                return;
        snprintf(text, sizeof(text), "%llu lines before this one could not be written and are lost",
                 (unsigned long long)the_log.unwritten);
        if (log_sink_line(&told) == 0)
                the_log.unwritten = 0;
}

static void write_append(int fd, const void *bytes, size_t len)
{
        int r = log_sink_append(fd, bytes, len);
        uint64_t withheld;
        char text[200];

        if (r == 0)
                return;
        atomic_fetch_add(&the_log.dropped, 1);
        if (!log_limit_pass(&the_log.append_limit, clock_now(), &withheld))
                return;
        snprintf(
                text, sizeof(text),
                "cannot append to a file: %s; %llu records lost since the last such line; going on",
                strerror(-r), (unsigned long long)withheld + 1);
        write_line(&(struct log_line){
                .level = LOG_WARNING, .wall_us = clock_wall_us(), .message = text});
}

static const char *next_string(const char **at)
{
        const char *s = *at;

        *at += strlen(s) + 1;
        return s;
}

static const char *null_if_empty(const char *s)
{
        return *s ? s : NULL;
}

static void write_record(const uint8_t *bytes, size_t len)
{
        const char *at = (const char *)bytes + sizeof(struct record);
        struct log_line line = {0};
        struct record rec;

        memcpy(&rec, bytes, sizeof(rec));
        switch (rec.kind) {
        case RECORD_LINE:
                line.level = rec.level;
                line.wall_us = rec.wall_us;
                line.message = next_string(&at);
                line.about.group = null_if_empty(next_string(&at));
                line.about.peer = null_if_empty(next_string(&at));
                line.about.iface = null_if_empty(next_string(&at));
                line.about.cause = null_if_empty(next_string(&at));
                write_line(&line);
                break;
        case RECORD_APPEND:
                write_append(rec.fd, at, len - sizeof(rec));
                break;
        case RECORD_CLOSE:
                close(rec.fd);
                break;
        }
}

/* --- the queue; all with the lock held -------------------------------------- */

static struct iovec string_part(const char *s, size_t max)
{
        /* cut ones are closed by the NUL of the next part */
        return (struct iovec){(void *)(uintptr_t)s, strnlen(s, max)};
}

static bool put_line(const struct log_line *line)
{
        struct record rec = {.kind = RECORD_LINE, .level = line->level, .wall_us = line->wall_us};
        const char *strings[] = {line->message, line->about.group, line->about.peer,
                                 line->about.iface, line->about.cause};
        struct iovec parts[1 + 2 * ARRAY_SIZE(strings)] = {{&rec, sizeof(rec)}};
        unsigned n = 1;

        for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
                parts[n++] = string_part(strings[i] ? strings[i] : "",
                                         i == 0 ? LOG_MESSAGE_MAX : ABOUT_MAX);
                parts[n++] = (struct iovec){(void *)(uintptr_t) "", 1};
        }
        if (byte_ring_room(&the_log.ring) <
            CLOSE_RESERVE + sizeof(rec) + LOG_MESSAGE_MAX + 4 * ABOUT_MAX + 5 + BYTE_RING_OVERHEAD)
                return false;
        return byte_ring_put(&the_log.ring, parts, n);
}

static bool put_lost_line(uint64_t lost)
{
        char text[160];

        snprintf(text, sizeof(text),
                 "%llu lines are missing here: they came faster than they could be written",
                 (unsigned long long)lost);
        return put_line(&(struct log_line){
                .level = LOG_WARNING, .wall_us = clock_wall_us(), .message = text});
}

static void enqueue_line(const struct log_line *line)
{
        if (the_log.unsaid > 0 && put_lost_line(the_log.unsaid))
                the_log.unsaid = 0;
        if (the_log.unsaid == 0 && put_line(line)) {
                pthread_cond_signal(&the_log.wake);
                return;
        }
        the_log.unsaid++;
        atomic_fetch_add(&the_log.dropped, 1);
}

static bool enqueue_record(const struct record *rec, const void *bytes, size_t len)
{
        struct iovec parts[] = {{(void *)(uintptr_t)rec, sizeof(*rec)},
                                {(void *)(uintptr_t)bytes, len}};
        size_t reserve = rec->kind == RECORD_CLOSE ? 0 : CLOSE_RESERVE;

        if (byte_ring_room(&the_log.ring) < reserve + sizeof(*rec) + len + BYTE_RING_OVERHEAD ||
            !byte_ring_put(&the_log.ring, parts, ARRAY_SIZE(parts)))
                return false;
        pthread_cond_signal(&the_log.wake);
        return true;
}

static void *writer(void *unused)
{
        pthread_mutex_lock(&the_log.lock);
        for (;;) {
                size_t len;

                if (the_log.ring.records == 0 && the_log.unsaid > 0 &&
                    put_lost_line(the_log.unsaid))
                        the_log.unsaid = 0;
                if (the_log.ring.records == 0) {
                        if (the_log.stopping)
                                break;
                        pthread_cond_wait(&the_log.wake, &the_log.lock);
                        continue;
                }
                len = byte_ring_get(&the_log.ring, the_log.taken, RECORD_MAX);
                pthread_mutex_unlock(&the_log.lock);
                write_record(the_log.taken, len);
                pthread_mutex_lock(&the_log.lock);
        }
        pthread_mutex_unlock(&the_log.lock);
        return NULL;
}

/* --- the thread ---------------------------------------------------------------- */

/* Lends the writer the priority of a real-time caller that waits for the lock. */
static int init_lock(void)
{
        pthread_mutexattr_t attr;
        int r = pthread_mutexattr_init(&attr);

        if (r != 0)
                return -r;
        r = pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
        if (r == 0)
                r = pthread_mutex_init(&the_log.lock, &attr);
        pthread_mutexattr_destroy(&attr);
        return -r;
}

/* With no signals and without the caller's scheduling class. */
static int start_thread(void)
{
        const struct sched_param ordinary = {.sched_priority = 0};
        pthread_attr_t attr;
        sigset_t all, old;
        int r = pthread_attr_init(&attr);

        if (r != 0)
                return -r;
        pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
        pthread_attr_setschedpolicy(&attr, SCHED_OTHER);
        pthread_attr_setschedparam(&attr, &ordinary);
        pthread_attr_setstacksize(&attr, 256 * 1024);
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &old);
        r = pthread_create(&the_log.thread, &attr, writer, NULL);
        pthread_sigmask(SIG_SETMASK, &old, NULL);
        pthread_attr_destroy(&attr);
        return -r;
}

int log_start_writer(void)
{
        uint8_t *queue;
        int r;

        if (the_log.running || the_log.abandoned)
                return -EALREADY;
        queue = malloc(QUEUE_BYTES);
        the_log.taken = malloc(RECORD_MAX);
        r = queue && the_log.taken ? init_lock() : -ENOMEM;
        if (r == 0) {
                the_log.ring = byte_ring_over(queue, QUEUE_BYTES);
                the_log.stopping = false;
                pthread_cond_init(&the_log.wake, NULL);
                r = start_thread();
        }
        if (r < 0) {
                free(queue);
                free(the_log.taken);
                the_log.taken = NULL;
                return r;
        }
        the_log.running = true;
        return 0;
}

void log_stop_writer(void)
{
        mono_t end = mono_add_us(clock_now(), STOP_WAIT_US);
        const struct timespec until = {.tv_sec = end.us / US_PER_S,
                                       .tv_nsec = end.us % US_PER_S * 1000};

        if (!the_log.running)
                return;
        pthread_mutex_lock(&the_log.lock);
        the_log.stopping = true;
        pthread_cond_signal(&the_log.wake);
        pthread_mutex_unlock(&the_log.lock);

        if (pthread_clockjoin_np(the_log.thread, NULL, CLOCK_MONOTONIC, &until) == 0) {
                the_log.running = false;
                free(the_log.ring.bytes);
                free(the_log.taken);
                the_log.taken = NULL;
                return;
        }
        /* nobody reads: leave the thread and its memory behind, give up what is queued */
        pthread_mutex_lock(&the_log.lock);
        atomic_fetch_add(&the_log.dropped, the_log.ring.records);
        the_log.ring = byte_ring_over(the_log.ring.bytes, the_log.ring.size);
        the_log.abandoned = true;
        the_log.running = false;
        pthread_mutex_unlock(&the_log.lock);
        pthread_detach(the_log.thread);
}

/* --- callers ------------------------------------------------------------------- */

void log_writer_line(const struct log_line *line)
{
        if (the_log.running) {
                pthread_mutex_lock(&the_log.lock);
                enqueue_line(line);
                pthread_mutex_unlock(&the_log.lock);
        } else if (the_log.abandoned) {
                atomic_fetch_add(&the_log.dropped, 1);
        } else {
                write_line(line);
        }
}

int log_append(int fd, const void *bytes, size_t len)
{
        const struct record rec = {.kind = RECORD_APPEND, .fd = fd};
        int saved = errno;
        bool fits = true;

        if (len > LOG_APPEND_MAX)
                return -EMSGSIZE;
        if (the_log.running) {
                pthread_mutex_lock(&the_log.lock);
                fits = enqueue_record(&rec, bytes, len);
                pthread_mutex_unlock(&the_log.lock);
        } else if (the_log.abandoned) {
                fits = false;
        } else {
                write_append(fd, bytes, len);
        }
        if (!fits)
                atomic_fetch_add(&the_log.dropped, 1);
        errno = saved;
        return fits ? 0 : -ENOBUFS;
}

int log_close(int fd)
{
        const struct record rec = {.kind = RECORD_CLOSE, .fd = fd};
        bool fits;

        if (!the_log.running) {
                if (!the_log.abandoned)
                        close(fd);
                return 0;
        }
        pthread_mutex_lock(&the_log.lock);
        fits = enqueue_record(&rec, NULL, 0);
        pthread_mutex_unlock(&the_log.lock);
        return fits ? 0 : -ENOBUFS;
}
